"""The inner loop of augmentation, compiled by Numba: it holds up no other threads."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled, inlined


@inlined
def _mirrored(place, last):
    """Fold a place back into 0 to `last`, as a mirror in the border pixel does."""
    if last == 0:
        return 0.0
    place = abs(place) % (2 * last)
    return min(place, 2 * last - place)


@inlined
def _inside(place, last, mirror):
    """Bring a place beyond the border back, as a mirror does, or to the border itself."""
    if mirror:
        return _mirrored(place, last)
    return min(max(place, 0.0), last)


@compiled
def move_all(images, maps, moved, mirror):
    """Fill `moved` with the images, seen through `maps` (n, 2, 3) from output to input (x, y).

    Between pixels, values are interpolated linearly. What lies beyond the border is mirrored in;
    without `mirror`, the border goes on for ever.
    """
    count, height, width, channels = images.shape
    for n in range(count):
        image, turn = images[n], maps[n]
        for y in range(height):
            for x in range(width):
                u = _inside(turn[0, 0] * x + turn[0, 1] * y + turn[0, 2], width - 1.0, mirror)
                v = _inside(turn[1, 0] * x + turn[1, 1] * y + turn[1, 2], height - 1.0, mirror)
                left, top = int(u), int(v)
                right, low = min(left + 1, width - 1), min(top + 1, height - 1)
                a, b = np.float32(u - left), np.float32(v - top)
                for c in range(channels):
                    upper = image[top, left, c] + a * (image[top, right, c] - image[top, left, c])
                    lower = image[low, left, c] + a * (image[low, right, c] - image[low, left, c])
                    moved[n, y, x, c] = upper + b * (lower - upper)

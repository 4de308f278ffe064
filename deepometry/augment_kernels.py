"""The inner loop of augmentation, compiled by Numba: it holds up no other threads."""

from __future__ import annotations

import numpy as np

from deepometry.compiled import compiled, inlined


@inlined
def _mirrored(place, last):
    """Fold a place back into 0 to `last`, as a mirror in the border pixel does."""
    if last == 0:
        return 0.0
    place = abs(place) % (2 * last)
    return min(place, 2 * last - place)


@compiled
def move_all(images, maps, moved):
    """Fill `moved` with the images, seen through maps from output (x, y) to input (x, y).

    Parameters
    ----------
    images, moved : ndarray of float32, shape (n, height, width, channels)
    maps : ndarray of float64, shape (n, 2, 3)
        Between pixels, values are interpolated linearly; beyond the border, mirrored in.
    """
    count, height, width, channels = images.shape
    for n in range(count):
        image, turn = images[n], maps[n]
        for y in range(height):
            for x in range(width):
                u = _mirrored(turn[0, 0] * x + turn[0, 1] * y + turn[0, 2], width - 1.0)
                v = _mirrored(turn[1, 0] * x + turn[1, 1] * y + turn[1, 2], height - 1.0)
                left, top = int(u), int(v)
                right, low = min(left + 1, width - 1), min(top + 1, height - 1)
                a, b = np.float32(u - left), np.float32(v - top)
                for c in range(channels):
                    upper = image[top, left, c] + a * (image[top, right, c] - image[top, left, c])
                    lower = image[low, left, c] + a * (image[low, right, c] - image[low, left, c])
                    moved[n, y, x, c] = upper + b * (lower - upper)

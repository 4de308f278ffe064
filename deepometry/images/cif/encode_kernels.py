"""Encoding in the two compressions, compiled by Numba: the other direction of `kernels`."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled


@compiled
def pack_grey(pixels, out):
    """Encode a picture with compression 30817.

    Parameters
    ----------
    pixels : ndarray of uint16, shape (height, width)
    out : ndarray of uint8, shape (3 x height x width + 1,)
        Takes the strip.

    Returns
    -------
    int
        Bytes written.
    """
    height, width = pixels.shape
    place = 0
    for y in range(height):
        before = np.int64(0)
        for x in range(width):
            here = np.int64(pixels[y, x])
            if y:
                here -= np.int64(pixels[y - 1, x])
            number = here - before
            before = here
            while True:
                group = number & 7
                number >>= 3
                ended = number == -(group >> 2)
                if not ended:
                    group |= 8
                if place & 1:
                    out[place >> 1] |= np.uint8(group << 4)
                else:
                    out[place >> 1] = np.uint8(group)
                place += 1
                if ended:
                    break
    return (place + 1) >> 1


@compiled
def pack_mask(mask, out):
    """Encode a flat mask with compression 30818; return the number of bytes written.

    `out` must have room for twice as many bytes as the mask has pixels.
    """
    written, first, count = 0, 0, mask.size
    for x in range(1, count + 1):
        if x == count or mask[x] != mask[first] or x - first == 256:
            out[written] = mask[first]
            out[written + 1] = x - first - 1
            written += 2
            first = x
    return written

"""Where in an image the cell is: what stands out from the background, filled, without specks."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled

_BORDER = 3  # pixels at the edge of the frame, which the parse fills with background
_NOISE = 3.0  # in variances of the background: four standard errors above its own mean of nine
_SHARE = 0.15  # of the brightest parts: keeps the blur around a bright cell outside
_PIECE = 0.1  # of the largest piece: smaller ones are specks


@compiled
def background(plane):
    """Return the median and the robust spread of the border of an image."""
    high, wide = plane.shape
    edge = min(_BORDER, high // 4)
    border = np.ones((high, wide), np.bool_)
    border[edge : high - edge, edge : wide - edge] = False
    values = plane.ravel()[border.ravel()]
    level = _median(values)
    robust = 1.4826 * _median(np.abs(values - level))
    # counts are whole numbers: of a calm background the median alone would be off by a third
    calm = values[np.abs(values - level) <= 3.5 * robust]
    spread = np.sqrt(((calm - level) ** 2).mean())
    least = 0.01 * max(np.abs(plane - level).max(), 1e-6)
    return level, max(spread, least)


@compiled
def _median(values):
    ordered = np.sort(values)
    return (ordered[(values.size - 1) // 2] + ordered[values.size // 2]) / 2


@compiled
def find_mask(apart, spread, mask):
    """Mark the cell in an image less its background; return the number of its pixels."""
    strong = _local_squares(apart)
    noise = _NOISE * spread * spread
    bright = np.sort(strong.ravel()[strong.ravel() > noise])
    mask[:] = 0
    if bright.size == 0:
        return 0
    least = max(noise, _SHARE * _SHARE * bright[int(0.95 * (bright.size - 1))])
    mask[:] = strong > least
    _widen(mask, 1)
    _fill(mask)
    _widen(mask, 0)
    return _drop_specks(mask)


@compiled
def _local_squares(apart):
    """Return the mean square of each pixel and its eight neighbours."""
    high, wide = apart.shape
    squares = np.empty((high, wide))
    for y in range(high):
        for x in range(wide):
            total, n = 0.0, 0
            for v in range(max(y - 1, 0), min(y + 2, high)):
                for u in range(max(x - 1, 0), min(x + 2, wide)):
                    total += apart[v, u] * apart[v, u]
                    n += 1
            squares[y, x] = total / n
    return squares


@compiled
def _widen(mask, value):
    """Dilate the pixels of a value by one, in place."""
    before = mask.copy()
    high, wide = mask.shape
    for y in range(high):
        for x in range(wide):
            for v in range(max(y - 1, 0), min(y + 2, high)):
                for u in range(max(x - 1, 0), min(x + 2, wide)):
                    if (v == y or u == x) and before[v, u] == value:
                        mask[y, x] = value


@compiled
def _fill(mask):
    """Fill the holes: all that is not joined to the border of the image."""
    high, wide = mask.shape
    mark = np.zeros((high, wide), np.int32)
    stack = np.empty(high * wide, np.int64)
    for y in range(high):
        for x in range(wide):
            edge = y == 0 or x == 0 or y == high - 1 or x == wide - 1
            if edge and not mask[y, x] and not mark[y, x]:
                spread_mark(mask, mark, y, x, 1, stack, False)
    mask[:] = mark == 0


@compiled
def spread_mark(mask, mark, y, x, number, stack, diagonal):
    """Mark all pixels that are joined to one and alike in the mask; return their number."""
    high, wide = mask.shape
    value, size, top = mask[y, x], 0, 1
    stack[0], mark[y, x] = y * wide + x, number
    while top:
        top -= 1
        size += 1
        row, column = stack[top] // wide, stack[top] % wide
        for v in range(max(row - 1, 0), min(row + 2, high)):
            for u in range(max(column - 1, 0), min(column + 2, wide)):
                near = diagonal or v == row or u == column
                if near and not mark[v, u] and mask[v, u] == value:
                    mark[v, u] = number
                    stack[top] = v * wide + u
                    top += 1
    return size


@compiled
def pieces(mask):
    """Number the separate pieces of a mask from 1; return the numbers and the size of each."""
    high, wide = mask.shape
    mark = np.zeros((high, wide), np.int32)
    stack, sizes = np.empty(high * wide, np.int64), [0]
    for y in range(high):
        for x in range(wide):
            if mask[y, x] and not mark[y, x]:
                sizes.append(spread_mark(mask, mark, y, x, len(sizes), stack, True))
    return mark, np.array(sizes)


@compiled
def _drop_specks(mask):
    """Remove pieces that are small beside the largest; return the number of pixels left."""
    mark, sizes = pieces(mask)
    largest = sizes.max()
    left = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            mask[y, x] = mask[y, x] and sizes[mark[y, x]] >= _PIECE * largest
            left += mask[y, x]
    return left

"""Where in an image the cell is: what stands out from the background, filled, without specks."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.ordering import ranked, rising
from deepometry.classical.features.runs import drop_specks, fill_holes
from deepometry.core.numba_cache import compiled

_BORDER = 3  # pixels at the edge of the frame, which the parse fills with background
_NOISE = 3.0  # in variances of the background: four standard errors above its own mean of nine
_SHARE = 0.15  # of the brightest parts: keeps the blur around a bright cell outside


@compiled
def background(plane):
    """Return the median and the robust spread of the border of an image."""
    values = _border(plane)
    level = _median(values)
    apart = np.abs(values - level)
    robust = 1.4826 * _median(apart)
    # counts are whole numbers: of a calm background the median alone would be off by a third
    squares, n = 0.0, 0
    for far in apart:
        if far <= 3.5 * robust:
            squares += far * far
            n += 1
    low, high = extremes(plane)
    least = 0.01 * max(high - level, level - low, 1e-6)
    return level, max(np.sqrt(squares / max(n, 1)), least)


@compiled
def _border(plane):
    high, wide = plane.shape
    edge = min(_BORDER, high // 4)
    values, n = np.empty(high * wide), 0
    for y in range(high):
        whole = y < edge or y >= high - edge
        for x in range(wide):
            if whole or x < edge or x >= wide - edge:
                values[n] = plane[y, x]
                n += 1
    return values[:n]


@compiled
def _median(values):
    ordered = rising(values)
    return (ordered[(values.size - 1) // 2] + ordered[values.size // 2]) / 2


@compiled
def extremes(plane):
    """Return the lowest and the highest number of an image."""
    low, high = plane[0].copy(), plane[0].copy()
    for y in range(1, plane.shape[0]):
        for x in range(plane.shape[1]):
            value = plane[y, x]
            low[x] = value if value < low[x] else low[x]
            high[x] = value if value > high[x] else high[x]
    return low.min(), high.max()


@compiled
def find_mask(apart, spread, mask):
    """Mark the cell in an image less its background; return the number of its pixels."""
    strong = _local_squares(apart)
    noise = _NOISE * spread * spread
    bright = _above(strong, noise)
    mask[:] = 0
    if bright.size == 0:
        return 0
    top = ranked(bright, int(0.95 * (bright.size - 1)))
    least = max(noise, _SHARE * _SHARE * top)
    _mark(strong, least, mask)
    _widen(mask, 1)
    fill_holes(mask)
    _widen(mask, 0)
    return drop_specks(mask)


@compiled
def _above(values, least):
    chosen, n = np.empty(values.size), 0
    for value in values:
        chosen[n] = value
        n += value > least
    return chosen[:n]


@compiled
def _mark(strong, least, mask):
    high, wide = mask.shape
    for y in range(high):
        for x in range(wide):
            mask[y, x] = strong[y * wide + x] > least


@compiled
def _local_squares(apart):
    """Return the mean square of each pixel and its eight neighbours, as one row of numbers."""
    high, wide = apart.shape
    step = wide + 2
    squares = np.zeros((high + 2) * step + 2)  # with a frame of zeros
    for y in range(high):
        for x in range(wide):
            squares[(y + 1) * step + x + 1] = apart[y, x] * apart[y, x]
    sums = np.zeros(high * step)
    for down in range(3):
        for right in range(3):
            _add(sums, squares[down * step + right :])
    strong = np.empty(high * wide)
    for y in range(high):
        rows = 1 + (y > 0) + (y < high - 1)
        for x in range(wide):
            near = rows * (1 + (x > 0) + (x < wide - 1))
            strong[y * wide + x] = sums[y * step + x] / near
    return strong


@compiled
def _add(sums, values):
    for n in range(sums.size):
        sums[n] += values[n]


@compiled
def _widen(mask, value):
    """Dilate the pixels of a value by one, in place; what lies outside of the image adds none."""
    high, wide = mask.shape
    step = wide + 2
    framed = np.full((high + 2) * step, np.uint8(1 - value), np.uint8)
    for y in range(high):
        for x in range(wide):
            framed[(y + 1) * step + x + 1] = mask[y, x]
    wider = framed[step : step * (high + 1)].copy()
    for move in (0, step - 1, step + 1, 2 * step):
        _spread(wider, framed[move:], value)
    for y in range(high):
        for x in range(wide):
            mask[y, x] = wider[y * step + x + 1]


@compiled
def _spread(wider, moved, value):
    if value:
        for n in range(min(wider.size, moved.size)):
            wider[n] |= moved[n]
    else:
        for n in range(min(wider.size, moved.size)):
            wider[n] &= moved[n]

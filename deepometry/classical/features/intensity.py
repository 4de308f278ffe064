"""Intensity: how bright a cell is above its background, in counts, and how that is distributed."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.ordering import ranked
from deepometry.core.numba_cache import compiled

NAMES = (
    "mean intensity",
    "intensity variation",
    "lowest intensity (5 %)",
    "low intensity (25 %)",
    "median intensity",
    "high intensity (75 %)",
    "highest intensity (95 %)",
    "peak intensity (99 %)",
    "integrated intensity",
    "integrated contrast",
    "relative variation",
    "skewness",
    "kurtosis",
    "entropy",
    "edge intensity",
    "edge variation",
    "inside to edge contrast",
    "mean gradient",
    "gradient variation",
    "strongest gradient (95 %)",
    "gradient at the edge",
    "sharpness",
    "bright pixels",
    "dark pixels",
    "centre offset",
    "contrast centre offset",
    "signal to noise",
)
_BINS = 32


@compiled
def measure(apart, spread, mask, inside, ordered, out):
    """Measure an image less its background, inside a mask; `out` has a place for each of `NAMES`.

    `inside` (area,) are the pixels of the mask, row by row; `ordered` the same from low to high.
    """
    area = inside.size
    mean, deviation = inside.mean(), inside.std()
    size = mean_contrast(inside)
    out[0], out[1] = mean, deviation
    for place, share in enumerate((0.05, 0.25, 0.5, 0.75, 0.95, 0.99)):
        out[2 + place] = ordered[int(share * (area - 1))]
    out[8], out[9] = inside.sum(), np.abs(inside).sum()
    out[10] = deviation / size
    scaled = (inside - mean) / max(deviation, 1e-9)
    out[11], out[12] = (scaled**3).mean(), (scaled**4).mean()
    out[13] = _entropy(ordered)
    edge = chosen(_inner(mask), mask, area) == 0
    rim = inside[edge]
    out[14], out[15] = rim.mean(), rim.std()
    out[16] = (mean - rim.mean()) / size
    _measure_slopes(apart, mask, edge, out[17:21])
    out[21] = np.sqrt(_bends(apart, mask) / area) / max(deviation, 1e-9)
    out[22] = (inside > 3 * spread).mean()
    out[23] = (inside < -3 * spread).mean()
    out[24], out[25] = _offsets(apart, mask, area)
    out[26] = np.sqrt((inside**2).mean()) / spread


@compiled
def mean_contrast(inside):
    """Return how far the pixels inside are from the background, on average."""
    return max(np.abs(inside).mean(), 1e-9)


@compiled
def chosen(plane, mask, area):
    """Return the pixels of an image inside a mask of `area` pixels, row by row."""
    values, n = np.empty(area), 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                values[n] = plane[y, x]
                n += 1
    return values


@compiled
def _measure_slopes(apart, mask, edge, out):
    """Measure the gradient inside a mask; `edge` (area,) are the pixels at its edge."""
    steep = chosen(slopes(apart), mask, edge.size)
    out[0], out[1] = steep.mean(), steep.std()
    out[2] = ranked(steep, int(0.95 * (steep.size - 1)))
    out[3] = steep[edge].mean() / max(steep.mean(), 1e-9)


@compiled
def slopes(apart):
    """Return the length of the gradient of every pixel, by Sobel's filter."""
    high, wide = apart.shape
    framed, lengths = _framed(apart), np.empty((high, wide))
    for y in range(high):
        for x in range(wide):
            rise = framed[y + 2, x] + 2 * framed[y + 2, x + 1] + framed[y + 2, x + 2]
            rise -= framed[y, x] + 2 * framed[y, x + 1] + framed[y, x + 2]
            run = framed[y, x + 2] + 2 * framed[y + 1, x + 2] + framed[y + 2, x + 2]
            run -= framed[y, x] + 2 * framed[y + 1, x] + framed[y + 2, x]
            lengths[y, x] = np.sqrt(rise * rise + run * run) / 8
    return lengths


@compiled
def _framed(apart):
    """Return an image with its border repeated outwards by a pixel."""
    high, wide = apart.shape
    framed = np.empty((high + 2, wide + 2))
    for y in range(high + 2):
        row = min(max(y - 1, 0), high - 1)
        for x in range(wide):
            framed[y, x + 1] = apart[row, x]
        framed[y, 0], framed[y, wide + 1] = apart[row, 0], apart[row, wide - 1]
    return framed


@compiled
def _inner(mask):
    """Return which pixels lie farther than two pixels from the outside."""
    high, wide = mask.shape
    inner = np.zeros((high, wide), np.uint8)
    for y in range(2, high - 2):
        for x in range(wide - 4):
            straight = mask[y - 2, x + 2] & mask[y + 2, x + 2] & mask[y, x] & mask[y, x + 4]
            above, below = mask[y - 1, x + 1] & mask[y - 1, x + 3], mask[y + 1, x + 1]
            inner[y, x + 2] = straight & above & below & mask[y + 1, x + 3]
    return inner


@compiled
def _bends(apart, mask):
    """Return the sum of the squares of the second derivative inside a mask."""
    framed, total = _framed(apart), 0.0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                near = framed[y, x + 1] + framed[y + 2, x + 1]
                near += framed[y + 1, x] + framed[y + 1, x + 2]
                total += (near / 4 - framed[y + 1, x + 1]) ** 2
    return total


@compiled
def _entropy(ordered):
    """Return the entropy, in bits, of values that rise."""
    low, high = ordered[0], ordered[-1]
    counts = np.zeros(_BINS)
    for value in ordered:
        far = (value - low) / max(high - low, 1e-9) * _BINS
        counts[int(far) if far < _BINS - 1 else _BINS - 1] += 1
    total = 0.0
    for count in counts:
        if count:
            total -= count / ordered.size * np.log2(count / ordered.size)
    return total


@compiled
def _offsets(apart, mask, area):
    """Return how far the centres of intensity and of contrast lie from the middle of the mask.

    In radii of a disc of the same area.
    """
    middle, light, contrast = np.zeros(3), np.zeros(3), np.zeros(3)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                _add(middle, 1.0, y, x)
                _add(light, max(apart[y, x], 0.0), y, x)
                _add(contrast, abs(apart[y, x]), y, x)
    radius = np.sqrt(area / np.pi)
    return _between(middle, light) / radius, _between(middle, contrast) / radius


@compiled
def _add(sums, weight, y, x):
    sums[0] += weight
    sums[1] += weight * y
    sums[2] += weight * x


@compiled
def _between(one, other):
    if one[0] <= 0 or other[0] <= 0:
        return 0.0
    return np.hypot(one[1] / one[0] - other[1] / other[0], one[2] / one[0] - other[2] / other[0])

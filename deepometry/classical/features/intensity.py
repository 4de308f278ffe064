"""Intensity: how bright a cell is above its background, in counts, and how that is distributed."""

from __future__ import annotations

import numpy as np

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
def measure(apart, spread, mask, area, slope, out):
    """Measure an image less its background, inside a mask of `area` pixels; `slope`: gradients."""
    inside, edge = np.empty(area), np.zeros(area, np.bool_)
    steep, sharp = np.empty(area), 0.0
    n = 0
    high, wide = mask.shape
    for y in range(high):
        for x in range(wide):
            if mask[y, x]:
                inside[n], steep[n] = apart[y, x], slope[y, x]
                edge[n] = _at_edge(mask, y, x)
                sharp += _bend(apart, y, x) ** 2
                n += 1
    mean, deviation = inside.mean(), inside.std()
    ordered = np.sort(inside)
    out[0], out[1] = mean, deviation
    for place, share in enumerate((0.05, 0.25, 0.5, 0.75, 0.95, 0.99)):
        out[2 + place] = ordered[int(share * (area - 1))]
    out[8], out[9] = inside.sum(), np.abs(inside).sum()
    size = max(np.abs(inside).mean(), 1e-9)
    out[10] = deviation / size
    scaled = (inside - mean) / max(deviation, 1e-9)
    out[11], out[12] = (scaled**3).mean(), (scaled**4).mean()
    out[13] = _entropy(ordered)
    rim = inside[edge]
    out[14], out[15] = rim.mean(), rim.std()
    out[16] = (mean - rim.mean()) / size
    out[17], out[18] = steep.mean(), steep.std()
    out[19] = np.sort(steep)[int(0.95 * (area - 1))]
    out[20] = steep[edge].mean() / max(steep.mean(), 1e-9)
    out[21] = np.sqrt(sharp / area) / max(deviation, 1e-9)
    out[22] = (inside > 3 * spread).mean()
    out[23] = (inside < -3 * spread).mean()
    out[24], out[25] = _offsets(apart, mask, area)
    out[26] = np.sqrt((inside**2).mean()) / spread


@compiled
def mean_contrast(apart, mask, area):
    """Return how far the pixels inside are from the background, on average."""
    return max((np.abs(apart.ravel()[mask.ravel() > 0]) / area).sum(), 1e-9)


@compiled
def slopes(apart):
    """Return the length of the gradient of every pixel, by Sobel's filter."""
    high, wide = apart.shape
    lengths = np.zeros((high, wide))
    for y in range(high):
        up, down = max(y - 1, 0), min(y + 1, high - 1)
        for x in range(wide):
            left, right = max(x - 1, 0), min(x + 1, wide - 1)
            rise = apart[down, left] + 2 * apart[down, x] + apart[down, right]
            rise -= apart[up, left] + 2 * apart[up, x] + apart[up, right]
            run = apart[up, right] + 2 * apart[y, right] + apart[down, right]
            run -= apart[up, left] + 2 * apart[y, left] + apart[down, left]
            lengths[y, x] = np.hypot(rise, run) / 8
    return lengths


@compiled
def _at_edge(mask, y, x):
    """Return whether a pixel of the mask lies within two pixels of the outside."""
    high, wide = mask.shape
    if y < 2 or x < 2 or y >= high - 2 or x >= wide - 2:
        return True
    straight = mask[y - 2, x] and mask[y + 2, x] and mask[y, x - 2] and mask[y, x + 2]
    slanted = mask[y - 1, x - 1] and mask[y - 1, x + 1] and mask[y + 1, x - 1]
    return not (straight and slanted and mask[y + 1, x + 1])


@compiled
def _bend(apart, y, x):
    """Return the second derivative at a pixel."""
    high, wide = apart.shape
    total = apart[max(y - 1, 0), x] + apart[min(y + 1, high - 1), x]
    total += apart[y, max(x - 1, 0)] + apart[y, min(x + 1, wide - 1)]
    return total / 4 - apart[y, x]


@compiled
def _entropy(ordered):
    """Return the entropy, in bits, of values that rise."""
    low, high = ordered[0], ordered[-1]
    counts = np.zeros(_BINS)
    for value in ordered:
        counts[min(int((value - low) / max(high - low, 1e-9) * _BINS), _BINS - 1)] += 1
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

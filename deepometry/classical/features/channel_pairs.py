"""How two channels of a cell go together."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled

NAMES = (
    "correlation",
    "correlation of contrast",
    "overlap",
    "area ratio",
    "contrast ratio",
    "centre distance",
    "share of the first in the second",
    "share of the second in the first",
)


@compiled
def measure(one, other, mask, second, centres, out):
    """Measure two images less their backgrounds, with their masks and (2, 2) centres."""
    either, both, areas = 0, 0, np.zeros(2)
    light, shared = np.full(2, 1e-9), np.zeros(2)  # contrast in each mask, and in both
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            a, b = mask[y, x], second[y, x]
            if a | b:
                either, both = either + 1, both + (a & b)
                areas[0], areas[1] = areas[0] + a, areas[1] + b
                light[0] += abs(one[y, x]) * a
                light[1] += abs(other[y, x]) * b
                shared[0] += abs(one[y, x]) * (a & b)
                shared[1] += abs(other[y, x]) * (a & b)
    out[0] = correlation(one, other, mask, second, False)
    out[1] = correlation(one, other, mask, second, True)
    out[2] = both / max(either, 1)
    out[3] = areas[1] / max(areas[0], 1)
    out[4] = light[1] / light[0]
    apart = np.hypot(centres[0, 0] - centres[1, 0], centres[0, 1] - centres[1, 1])
    out[5] = apart / np.sqrt(max(areas[0], 1) / np.pi)
    out[6], out[7] = shared[0] / light[0], shared[1] / light[1]


@compiled
def correlation(one, other, mask, second, contrast):
    """Correlate two images, or how far both are from their background, inside either mask."""
    sums = np.zeros(6)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x] or second[y, x]:
                a = abs(one[y, x]) if contrast else one[y, x]
                b = abs(other[y, x]) if contrast else other[y, x]
                sums[0] += 1
                sums[1] += a
                sums[2] += b
                sums[3] += a * a
                sums[4] += b * b
                sums[5] += a * b
    n = max(sums[0], 1.0)
    covariance = sums[5] / n - sums[1] / n * sums[2] / n
    size = (sums[3] / n - (sums[1] / n) ** 2) * (sums[4] / n - (sums[2] / n) ** 2)
    return covariance / np.sqrt(size) if size > 1e-12 else 0.0

"""Granularity: how much of a cell bright and dark grains of each size make up, and its detail."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.intensity import mean_contrast
from deepometry.core.numba_cache import compiled

GRAINS = 6  # the largest radius, in pixels
BLURS = (0.7, 1.2, 2.0, 3.2, 5.0)  # standard deviations, in pixels
_DETAILS = len(BLURS) - 1
NAMES = (
    *(f"bright grains of {2 * n + 1} px" for n in range(1, GRAINS + 1)),
    *(f"dark grains of {2 * n + 1} px" for n in range(1, GRAINS + 1)),
    *(f"detail at {blur} px" for blur in BLURS[:-1]),
    *(f"relative detail at {blur} px" for blur in BLURS[:-1]),
    *(f"detail skewness at {blur} px" for blur in BLURS[:-1]),
)


@compiled
def measure(apart, mask, area, out):
    """Measure an image inside a mask; `out` has a place for each of `NAMES`."""
    _spectrum(apart, mask, out[:GRAINS])
    _spectrum(-apart, mask, out[GRAINS : 2 * GRAINS])
    _details(apart, mask, area, out[2 * GRAINS :])


@compiled
def _spectrum(apart, mask, out):
    """Return the share of the light that each opening takes away, from small to large."""
    eroded, before = apart.copy(), apart
    lowest = min(0.0, apart.ravel()[mask.ravel() > 0].min())
    total = max(_sum(apart, mask) - lowest * mask.sum(), 1e-9)
    for size in range(1, GRAINS + 1):
        eroded = _extreme(eroded, -1.0)
        opened = eroded
        for _ in range(size):
            opened = _extreme(opened, 1.0)
        out[size - 1] = (_sum(before, mask) - _sum(opened, mask)) / total
        before = opened


@compiled
def _sum(image, mask):
    return image.ravel()[mask.ravel() > 0].sum()


@compiled
def _extreme(image, sign):
    """Return the highest (sign 1) or lowest (-1) of each pixel and its eight neighbours."""
    high, wide = image.shape
    rows, extremes = np.empty((high, wide)), np.empty((high, wide))
    for y in range(high):
        for x in range(wide):
            best = sign * image[y, x]
            if x > 0:
                best = max(best, sign * image[y, x - 1])
            if x < wide - 1:
                best = max(best, sign * image[y, x + 1])
            rows[y, x] = best
    for y in range(high):
        for x in range(wide):
            best = rows[y, x]
            if y > 0:
                best = max(best, rows[y - 1, x])
            if y < high - 1:
                best = max(best, rows[y + 1, x])
            extremes[y, x] = sign * best
    return extremes


@compiled
def _details(apart, mask, area, out):
    """Measure what differs between two blurs: bands of detail, from fine to coarse."""
    size = mean_contrast(apart, mask, area)
    sharper = blurred(apart, BLURS[0])
    for n in range(_DETAILS):
        softer = blurred(apart, BLURS[n + 1])
        squares, cubes = 0.0, 0.0
        for y in range(mask.shape[0]):
            for x in range(mask.shape[1]):
                if mask[y, x]:
                    band = sharper[y, x] - softer[y, x]
                    squares += band * band / area
                    cubes += band * band * band / area
        out[n] = np.sqrt(squares)
        out[_DETAILS + n] = out[n] / size
        out[2 * _DETAILS + n] = cubes / max(squares, 1e-9) ** 1.5
        sharper = softer


@compiled
def blurred(image, sigma):
    """Blur with a Gaussian; the border is repeated outwards."""
    reach = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    high, wide = image.shape
    rows, filtered = np.zeros((high, wide)), np.zeros((high, wide))
    for k in range(2 * reach + 1):
        for x in range(wide):
            place = min(max(x + k - reach, 0), wide - 1)
            for y in range(high):
                rows[y, x] += kernel[k] * image[y, place]
    for k in range(2 * reach + 1):
        for y in range(high):
            place = min(max(y + k - reach, 0), high - 1)
            for x in range(wide):
                filtered[y, x] += kernel[k] * rows[place, x]
    return filtered

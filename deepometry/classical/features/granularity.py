"""Granularity: how much of a cell bright and dark grains of each size make up, and its detail."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.intensity import chosen, mean_contrast
from deepometry.classical.features.morphology import box
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
def measure(apart, mask, inside, out):
    """Measure an image inside a mask; `out` has a place for each of `NAMES`.

    `inside` (area,) are the pixels of the mask.
    """
    places = np.flatnonzero(mask)
    _spectrum(apart, places, inside, out[:GRAINS])
    _spectrum(-apart, places, -inside, out[GRAINS : 2 * GRAINS])
    _details(apart, mask, inside, out[2 * GRAINS :])


@compiled
def _spectrum(apart, places, inside, out):
    """Return the share of the light that each opening takes away, from small to large."""
    wide = apart.shape[1]
    before = inside.sum()
    total = max(before - min(0.0, inside.min()) * inside.size, 1e-9)
    inverse = (-apart).astype(np.float32).ravel()  # its highest are the lowest
    room, opened = np.empty_like(inverse), np.empty_like(inverse)
    for size in range(1, GRAINS + 1):
        _highest(inverse, wide, room, inverse)
        _negative(inverse, opened)
        for _ in range(size):
            _highest(opened, wide, room, opened)
        after = _sum(opened, places)
        out[size - 1] = (before - after) / total
        before = after


@compiled
def _sum(image, places):
    total = 0.0
    for place in places:
        total += image[place]
    return total


@compiled
def _negative(values, out):
    for n in range(values.size):
        out[n] = -values[n]


@compiled
def _highest(image, wide, room, out):
    """Return the highest of each pixel and its eight neighbours, of an image as one row.

    `wide` pixels are a row of it; `room` is overwritten; `out` may be the image itself.
    """
    size = image.size
    _highest_of(image[:-2], image[1:-1], image[2:], room[1:-1])
    for first in range(0, size, wide):  # beside the ends of a row stand pixels of other rows
        last = first + wide - 1
        room[first] = max(image[first], image[min(first + 1, last)])
        room[last] = max(image[last], image[max(last - 1, first)])
    end = max(size - wide, 0)
    _highest_of(room[: max(end - wide, 0)], room[wide:end], room[2 * wide :], out[wide:end])
    for x in range(wide):
        out[x] = max(room[x], room[min(x + wide, end + x)])
        out[end + x] = max(room[end + x], room[max(end + x - wide, x)])


@compiled
def _highest_of(one, two, three, out):
    for n in range(out.size):
        highest = one[n] if one[n] > two[n] else two[n]
        out[n] = highest if highest > three[n] else three[n]


@compiled
def _details(apart, mask, inside, out):
    """Measure what differs between two blurs: bands of detail, from fine to coarse."""
    size = mean_contrast(inside)
    limits = box(mask)
    sharper = chosen_blur(apart, BLURS[0], mask, limits, inside.size)
    for n in range(_DETAILS):
        softer = chosen_blur(apart, BLURS[n + 1], mask, limits, inside.size)
        squares, cubes = 0.0, 0.0
        for band in sharper - softer:
            squares += band * band
            cubes += band * band * band
        squares, cubes = squares / inside.size, cubes / inside.size
        out[n] = np.sqrt(squares)
        out[_DETAILS + n] = out[n] / size
        out[2 * _DETAILS + n] = cubes / max(squares, 1e-9) ** 1.5
        sharper = softer


@compiled
def chosen_blur(apart, sigma, mask, limits, area):
    """Return the pixels inside a mask, within `limits`, of the blurred image, row by row."""
    top, bottom, left, right = limits
    return chosen(blurred(apart, sigma, limits), mask[top:bottom, left:right], area)


@compiled
def blurred(image, sigma, limits):
    """Blur with a Gaussian, inside rows and columns `limits`; the border is repeated outwards."""
    reach = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)  # its middle and one side
    kernel /= 2 * kernel.sum() - kernel[0]
    top, bottom, left, right = limits
    rows = np.empty((bottom - top, image.shape[1]))
    _blend(image, kernel, top, rows)
    columns = np.empty((right - left, bottom - top))
    _blend(_turned(rows), kernel, left, columns)
    return _turned(columns)


@compiled
def _blend(image, kernel, first, out):
    """Add up the rows around each, from a first one, by the weights of a kernel."""
    last = image.shape[0] - 1
    for y in range(out.shape[0]):
        here = first + y
        for x in range(out.shape[1]):
            out[y, x] = kernel[0] * image[here, x]
        for k in range(1, kernel.size):
            above, below = max(here - k, 0), min(here + k, last)
            for x in range(out.shape[1]):
                out[y, x] += kernel[k] * (image[above, x] + image[below, x])


@compiled
def _turned(image):
    """Return an image with rows as columns: along rows numbers are added up fastest."""
    turned = np.empty((image.shape[1], image.shape[0]))
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            turned[x, y] = image[y, x]
    return turned

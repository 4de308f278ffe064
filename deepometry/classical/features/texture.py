"""Texture: how grey levels stand beside each other (Haralick), and small patterns (LBP)."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.morphology import box
from deepometry.core.numba_cache import compiled

DISTANCES = (1, 2, 4)
_PROPERTIES = (
    "contrast",
    "correlation",
    "uniformity",
    "homogeneity",
    "entropy",
    "shade",
    "prominence",
    "direction",
)
RADII = (1, 2)
_PATTERNS = 10
NAMES = (
    *(f"texture {what} at {far} px" for far in DISTANCES for what in _PROPERTIES),
    *(f"local pattern {n} at {far} px" for far in RADII for n in range(_PATTERNS)),
)
LEVELS = 16
_SLANTS = ((-1, 1), (-1, -1), (1, -1), (1, 1))  # rows down and columns to the right
_TURNS = 4  # directions in which pairs of pixels are counted
_FRAME = max(DISTANCES)
_KNOWN = 4096  # counts whose logarithms are kept
_LOGARITHMS = np.log2(np.maximum(np.arange(_KNOWN), 1.0))


def _pattern(code: int) -> int:
    """Return the pattern of the eight bits of a code."""
    bits = [code >> n & 1 for n in range(8)]
    changes = sum(here != bits[n - 1] for n, here in enumerate(bits))
    return sum(bits) if changes <= 2 else _PATTERNS - 1


_PATTERN_OF = np.array([_pattern(code) for code in range(256)])


@compiled
def measure(apart, mask, ordered, out):
    """Measure an image inside a mask; `out` has a place for each of `NAMES`.

    `ordered` (area,) are the pixels of the mask from low to high.
    """
    grey = _levels(apart, mask, ordered)
    place = 0
    for far in DISTANCES:
        _haralick(count_pairs(grey, far), out[place : place + len(_PROPERTIES)])
        place += len(_PROPERTIES)
    rows = box(mask)[:2]
    for far in RADII:
        _patterns(apart, mask, far, rows, out[place : place + _PATTERNS])
        place += _PATTERNS


@compiled
def _levels(apart, mask, ordered):
    """Return every pixel inside its grey level, from its darkest to its brightest.

    Outside, and in a frame around the image, `LEVELS`.
    """
    high, wide = mask.shape
    area = ordered.size
    low = ordered[int(0.01 * (area - 1))]
    scale = LEVELS / max(ordered[int(0.99 * (area - 1))] - low, 1e-9)
    grey = np.full((high + 2 * _FRAME, wide + 2 * _FRAME), LEVELS, np.uint8)
    for y in range(high):
        for x in range(wide):
            if mask[y, x]:
                level = max((apart[y, x] - low) * scale, 0.0)
                grey[y + _FRAME, x + _FRAME] = int(level) if level < LEVELS else LEVELS - 1
    return grey


@compiled
def count_pairs(grey, far):
    """Count how often two grey levels stand so far from each other, in each of four directions.

    `grey` has a frame of `LEVELS`, which stands for the outside. Returns whole numbers of shape
    (4, LEVELS + 1, LEVELS + 1), counted one way.
    """
    counts = np.zeros((_TURNS, LEVELS + 1, LEVELS + 1), np.int32)
    high, wide = grey.shape
    for y in range(_FRAME, high - _FRAME):
        for x in range(_FRAME, wide - _FRAME):
            level = grey[y, x]
            if level < LEVELS:
                counts[0, level, grey[y, x + far]] += 1
                counts[1, level, grey[y + far, x + far]] += 1
                counts[2, level, grey[y + far, x]] += 1
                counts[3, level, grey[y + far, x - far]] += 1
    return counts


@compiled
def _haralick(counts, out):
    """Average the properties of the grey-level matrices of four directions."""
    contrasts = np.zeros(_TURNS)
    out[:] = 0.0
    for turn in range(_TURNS):
        contrasts[turn] = _properties(counts[turn], out)
    for n in range(7):
        out[n] /= _TURNS
    out[7] = contrasts.std() / max(contrasts.mean(), 1e-9)


@compiled
def _properties(counts, out):
    """Add seven properties of pairs, counted both ways, to `out`; return their contrast."""
    sums, differences = np.zeros(2 * LEVELS - 1), np.zeros(LEVELS)
    squares, logarithms = _tally(counts, sums, differences)
    total = max(differences.sum(), 1.0)
    contrast, same, mean, power = 0.0, 0.0, 0.0, 0.0
    for n in range(LEVELS):
        contrast += differences[n] * n * n
        same += differences[n] / (1 + n * n)
    for n in range(2 * LEVELS - 1):
        mean += sums[n] * n
        power += sums[n] * n * n
    # levels i and j: i j = ((i + j)^2 - (i - j)^2) / 4; whole numbers, so that no digits are lost
    spread = total * (power + contrast) - mean * mean
    out[1] += (total * (power - contrast) - mean * mean) / max(spread, 4e-9 * total * total)
    out[0] += contrast / total
    out[2] += squares / (total * total)
    out[3] += same / total
    if squares:
        out[4] += np.log2(total) - logarithms / total
    for n in range(2 * LEVELS - 1):
        apart = n - mean / total
        out[5] += sums[n] / total * apart**3 / LEVELS**3
        out[6] += sums[n] / total * apart**4 / LEVELS**4
    return contrast / total


@compiled
def _tally(counts, sums, differences):
    """Count pairs, both ways, by the sum and by the difference of their levels.

    Returns the sums of n n and of n log2 n over the numbers n of pairs of the same levels.
    """
    squares, logarithms = 0.0, 0.0
    for i in range(LEVELS):
        for j in range(i + 1):
            n = counts[i, j] + counts[j, i]
            if n == 0:
                continue
            ways = 2.0 if i > j else 1.0
            sums[i + j] += ways * n
            differences[i - j] += ways * n
            squares += ways * n * n
            logarithms += ways * n * (_LOGARITHMS[n] if n < _KNOWN else np.log2(float(n)))
    return squares, logarithms


@compiled
def _patterns(apart, mask, far, rows, out):
    """Return the shares of the ten rotation-invariant uniform patterns of eight neighbours.

    Pattern n < 9 has n brighter neighbours side by side; the last is all that is not uniform. The
    mask lies within `rows`, from the first to the one behind the last.
    """
    high, wide = mask.shape
    top, bottom = max(rows[0], far), min(rows[1], high - far)
    codes = _brighter(apart, far, top, bottom)
    counts = np.zeros(_PATTERNS, np.int64)
    for y in range(top, bottom):
        for x in range(far, wide - far):
            if mask[y, x]:
                counts[_PATTERN_OF[codes[y - top, x]]] += 1
    total = max(counts.sum(), 1)
    for n in range(_PATTERNS):
        out[n] = counts[n] / total


@compiled
def _brighter(apart, far, top, bottom):
    """Return which of the eight neighbours are as bright as a pixel or brighter, a bit each.

    Of the rows from `top` to `bottom`; the bits turn from the right to the top and on.
    """
    wide = apart.shape[1]
    codes = np.zeros((max(bottom - top, 0), wide), np.uint8)
    between = np.empty((4, codes.shape[0], wide))
    near = far * np.sqrt(0.5)  # the same distance on the slant, between pixels
    for n in range(4):
        down, right = _SLANTS[n][0] * near, _SLANTS[n][1] * near
        downs, rights = _fractions(top, len(codes), down), _fractions(0, wide, right)
        above = apart[top + int(np.floor(down)) :]
        _interpolate(above, int(np.floor(right)), downs, rights, far, between[n])
    _mark_straight(apart[top:], apart[top - far :], apart[top + far :], far, codes)
    _mark_slanted(apart[top:], between, far, codes)
    return codes


@compiled
def _fractions(first, count, move):
    """Return what lies behind the comma of whole numbers from a first one, each moved."""
    moved = np.arange(first, first + count) + move
    return moved - np.floor(moved)


@compiled
def _mark_straight(here, above, below, far, codes):
    for y in range(codes.shape[0]):
        for x in range(far, codes.shape[1] - far):
            value = here[y, x]
            code = 1 if here[y, np.uintp(x + far)] >= value else 0
            code |= 4 if above[y, x] >= value else 0
            code |= 16 if here[y, np.uintp(x - far)] >= value else 0
            code |= 64 if below[y, x] >= value else 0
            codes[y, x] = code


@compiled
def _mark_slanted(here, between, far, codes):
    for y in range(codes.shape[0]):
        for x in range(far, codes.shape[1] - far):
            value = here[y, x]
            code = 2 if between[0, y, x] >= value else 0
            code |= 8 if between[1, y, x] >= value else 0
            code |= 32 if between[2, y, x] >= value else 0
            code |= 128 if between[3, y, x] >= value else 0
            codes[y, x] |= code


@compiled
def _interpolate(above, move, downs, rights, far, out):
    """Return the intensity between four pixels, the first `move` columns to the right."""
    for y in range(out.shape[0]):
        down = downs[y]
        for x in range(far, out.shape[1] - far):
            left, right = np.uintp(x + move), np.uintp(x + move + 1)
            upper = above[y, left] * (1 - rights[x]) + above[y, right] * rights[x]
            lower = above[y + 1, left] * (1 - rights[x]) + above[y + 1, right] * rights[x]
            out[y, x] = upper * (1 - down) + lower * down


@compiled
def sample(apart, y, x):
    """Return the intensity between pixels; 0, the background, outside the image."""
    high, wide = apart.shape
    top, left = int(np.floor(y)), int(np.floor(x))
    if top < 0 or left < 0 or top >= high - 1 or left >= wide - 1:
        return 0.0
    down, right = y - top, x - left
    above = apart[top, left] * (1 - right) + apart[top, left + 1] * right
    below = apart[top + 1, left] * (1 - right) + apart[top + 1, left + 1] * right
    return above * (1 - down) + below * down

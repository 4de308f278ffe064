"""Texture: how grey levels stand beside each other (Haralick), and small patterns (LBP)."""

from __future__ import annotations

import numpy as np

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


@compiled
def measure(apart, mask, area, out):
    """Measure an image inside a mask; `out` has a place for each of `NAMES`."""
    grey = _levels(apart, mask, area)
    place = 0
    for far in DISTANCES:
        _haralick(grey, far, out[place : place + len(_PROPERTIES)])
        place += len(_PROPERTIES)
    for far in RADII:
        _patterns(apart, mask, far, out[place : place + _PATTERNS])
        place += _PATTERNS


@compiled
def _levels(apart, mask, area):
    """Return every pixel inside its grey level, from its darkest to its brightest; -1 outside."""
    ordered = np.sort(apart.ravel()[mask.ravel() > 0])
    low, high = ordered[int(0.01 * (area - 1))], ordered[int(0.99 * (area - 1))]
    grey = np.full(mask.shape, -1, np.int64)
    scale = LEVELS / max(high - low, 1e-9)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                grey[y, x] = min(max(int((apart[y, x] - low) * scale), 0), LEVELS - 1)
    return grey


@compiled
def _haralick(grey, far, out):
    """Average the properties of the grey-level matrices of four directions."""
    contrasts = np.zeros(4)
    out[:] = 0.0
    for turn in range(4):
        down = 0 if turn == 0 else far
        right = far if turn < 2 else (0 if turn == 2 else -far)
        pairs = matrix(grey, down, right)
        contrasts[turn] = _properties(pairs, out)
    for n in range(7):
        out[n] /= 4
    out[7] = contrasts.std() / max(contrasts.mean(), 1e-9)


@compiled
def matrix(grey, down, right):
    """Count how often two grey levels stand so far from each other; both ways, sum 1."""
    pairs = np.zeros((LEVELS, LEVELS))
    high, wide = grey.shape
    total = 0.0
    for y in range(high - down):
        for x in range(max(0, -right), min(wide, wide - right)):
            one, other = grey[y, x], grey[y + down, x + right]
            if one >= 0 and other >= 0:
                pairs[one, other] += 1
                pairs[other, one] += 1
                total += 2
    return pairs / max(total, 1.0)


@compiled
def _properties(pairs, out):
    """Add seven properties of a matrix to `out`; give its contrast."""
    mean, variance = 0.0, 0.0
    for i in range(LEVELS):
        mean += i * pairs[i].sum()
    for i in range(LEVELS):
        variance += (i - mean) ** 2 * pairs[i].sum()
    contrast, product = 0.0, 0.0
    for i in range(LEVELS):
        for j in range(LEVELS):
            p = pairs[i, j]
            if p == 0:
                continue
            contrast += p * (i - j) ** 2
            product += p * (i - mean) * (j - mean)
            out[2] += p * p
            out[3] += p / (1 + (i - j) ** 2)
            out[4] -= p * np.log2(p)
            out[5] += p * (i + j - 2 * mean) ** 3 / LEVELS**3
            out[6] += p * (i + j - 2 * mean) ** 4 / LEVELS**4
    out[0] += contrast
    out[1] += product / max(variance, 1e-9)
    return contrast


@compiled
def _patterns(apart, mask, far, out):
    """Return the shares of the ten rotation-invariant uniform patterns of eight neighbours.

    Pattern n < 9 has n brighter neighbours side by side; the last is all that is not uniform.
    """
    out[:] = 0.0
    n = 0
    ring = np.empty(8)
    for y in range(far, mask.shape[0] - far):
        for x in range(far, mask.shape[1] - far):
            if mask[y, x]:
                _neighbours(apart, y, x, far, ring)
                out[_pattern(ring, apart[y, x])] += 1
                n += 1
    for k in range(_PATTERNS):
        out[k] /= max(n, 1)


@compiled
def _neighbours(apart, y, x, far, ring):
    ring[0], ring[4] = apart[y, x + far], apart[y, x - far]
    ring[2], ring[6] = apart[y - far, x], apart[y + far, x]
    # at the same distance on the slant, between pixels
    near = far * np.sqrt(0.5)
    ring[1], ring[3] = sample(apart, y - near, x + near), sample(apart, y - near, x - near)
    ring[5], ring[7] = sample(apart, y + near, x - near), sample(apart, y + near, x + near)


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


@compiled
def _pattern(ring, centre):
    changes, brighter = 0, 0
    for k in range(8):
        here, after = ring[k] >= centre, ring[(k + 1) % 8] >= centre
        changes += here != after
        brighter += here
    return brighter if changes <= 2 else 9

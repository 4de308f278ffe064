"""Morphology of the core of a cell: the part of it that stands out most, as a nucleus may."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.morphology import axes, hull
from deepometry.classical.features.ordering import ranked
from deepometry.classical.features.runs import pieces
from deepometry.core.numba_cache import compiled

_SHARE = 0.5  # of what the strongest pixels (95 %) stand out by
NAMES = (
    "core area",
    "core share",
    "core aspect ratio",
    "core long axis",
    "core solidity",
    "core pieces",
    "core second piece share",
    "core offset",
)


@compiled
def measure(apart, mask, inside, centre, out):
    """Measure what stands out most inside a mask; `out` has a place for each of `NAMES`.

    `inside` (area,) are the pixels of the mask, `centre` its row and column.
    """
    area = inside.size
    core = np.zeros_like(mask)
    _mark(apart, mask, _SHARE * ranked(np.abs(inside), int(0.95 * (area - 1))), core)
    size, y, x, major, minor = axes(core)
    count, _, second = pieces(core)
    out[0], out[1] = size, size / area
    out[2], out[3] = minor / max(major, 1e-9), major
    out[4] = size / max(hull(core)[0], 1.0)
    out[5], out[6] = count, second / size
    out[7] = np.hypot(y - centre[0], x - centre[1]) / np.sqrt(area / np.pi)


@compiled
def _mark(apart, mask, least, core):
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            core[y, x] = (mask[y, x] > 0) & (abs(apart[y, x]) >= least)

"""Morphology of the core of a cell: the part of it that stands out most, as a nucleus may."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.morphology import axes, hull
from deepometry.classical.features.segmentation import pieces
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
def measure(apart, mask, cy, cx, area, out):
    """Measure what stands out most inside a mask; `out` has a place for each of `NAMES`."""
    strength = np.sort(np.abs(apart).ravel()[mask.ravel() > 0])
    least = _SHARE * strength[int(0.95 * (area - 1))]
    core = ((mask > 0) & (np.abs(apart) >= least)).astype(np.uint8)
    size, y, x, major, minor = axes(core)
    around, _, _ = hull(core)
    sizes = pieces(core)[1]
    out[0], out[1] = size, size / area
    out[2], out[3] = minor / max(major, 1e-9), major
    out[4] = size / max(around, 1.0)
    out[5] = sizes.size - 1
    out[6] = np.sort(sizes)[-2] / size
    out[7] = np.hypot(y - cy, x - cx) / np.sqrt(area / np.pi)

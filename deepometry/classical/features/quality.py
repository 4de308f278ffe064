"""Features that tell bad images of cells, in one compiled call that holds up no other threads."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features import intensity, runs
from deepometry.classical.features import morphology as shape
from deepometry.classical.features import segmentation as masks
from deepometry.core.numba_cache import compiled

NAMES = ("Area", "Aspect Ratio", "Gradient RMS", "Intensity", "Objects", "Saturated")
"""Of every channel; see `measure_plane`."""

KEPT = len(NAMES) + 1  # the last is the highest count, from which saturation is told

_slopes, _axes, _pieces = intensity.slopes, shape.axes, runs.pieces
_background, _find_mask = masks.background, masks.find_mask


@compiled
def measure_cells(images, out):
    """Measure cells (n, height, width, channels) into `out` (n, channels * KEPT)."""
    cells, high, wide, channels = images.shape
    plane, mask = np.empty((high, wide)), np.empty((high, wide), np.uint8)
    for cell in range(cells):
        out[cell] = 0.0
        for c in range(channels):
            plane[:] = images[cell, :, :, c]
            measure_plane(plane, mask, out[cell, c * KEPT : (c + 1) * KEPT])


@compiled
def measure_plane(plane, mask, out):
    """Measure one channel of a cell: 0 throughout where nothing stands out from the background.

    Area in pixels; short over long axis; root mean square of the gradient, in counts a
    pixel; mean intensity above the background, in counts; number of separate objects; number of
    pixels that have the highest count, and this count.
    """
    top = plane.max()
    level, spread = _background(plane)
    apart = plane - level
    area = _find_mask(apart, spread, mask)
    out[6] = top
    if area == 0:
        return
    _, _, _, major, minor = _axes(mask)
    steep, total, at_top = _sums(plane, apart, mask, _slopes(apart), top)
    out[0], out[1] = area, minor / max(major, 1e-9)
    out[2] = np.sqrt(steep / area)
    out[3], out[4], out[5] = total / area, _pieces(mask)[0], at_top


@compiled
def _sums(plane, apart, mask, slope, top):
    """Add up, inside a mask: squares of the gradient, intensity, pixels at the top."""
    steep, total, at_top = 0.0, 0.0, 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                steep += slope[y, x] ** 2
                total += apart[y, x]
                at_top += plane[y, x] == top
    return steep, total, at_top

"""All features of some cells, in one compiled call that holds up no other threads."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features import channel_pairs as between
from deepometry.classical.features import core, intensity, radial, texture
from deepometry.classical.features import granularity as scales
from deepometry.classical.features import morphology as shape
from deepometry.classical.features import segmentation as masks
from deepometry.core.numba_cache import compiled

FAMILIES = (shape, intensity, texture, scales, radial, core)
_SHAPE, _INTENSITY = len(shape.NAMES), len(intensity.NAMES)
_TEXTURE, _SCALES, _RADIAL = len(texture.NAMES), len(scales.NAMES), len(radial.NAMES)
A_CHANNEL = sum(len(family.NAMES) for family in FAMILIES)
A_PAIR = len(between.NAMES)

_measure_shape, _measure_intensity, _slopes = shape.measure, intensity.measure, intensity.slopes
_measure_texture, _measure_scales = texture.measure, scales.measure
_measure_radial, _measure_core = radial.measure, core.measure
_measure_between = between.measure
_background, _find_mask, _axes = masks.background, masks.find_mask, shape.axes


@compiled
def measure_plane(apart, spread, mask, area, out):
    """Measure one channel of a cell."""
    _, cy, cx, _, _ = _axes(mask)
    first, last = 0, _SHAPE
    _measure_shape(mask, out[first:last])
    first, last = last, last + _INTENSITY
    _measure_intensity(apart, spread, mask, area, _slopes(apart), out[first:last])
    first, last = last, last + _TEXTURE
    _measure_texture(apart, mask, area, out[first:last])
    first, last = last, last + _SCALES
    _measure_scales(apart, mask, area, out[first:last])
    first, last = last, last + _RADIAL
    _measure_radial(apart, mask, cy, cx, area, out[first:last])
    _measure_core(apart, mask, cy, cx, area, out[last:])
    return cy, cx


@compiled
def measure_cells(images, out):
    """Measure cells (n, height, width, channels) into `out` (n, features)."""
    cells, high, wide, channels = images.shape
    apart = np.empty((channels, high, wide))
    mask = np.empty((channels, high, wide), np.uint8)
    centres = np.empty((channels, 2))
    for cell in range(cells):
        out[cell] = 0.0
        for c in range(channels):
            apart[c] = images[cell, :, :, c]
            level, spread = _background(apart[c])
            apart[c] -= level
            area = _find_mask(apart[c], spread, mask[c])
            centres[c] = (high - 1) / 2
            if area:
                place = out[cell, c * A_CHANNEL : (c + 1) * A_CHANNEL]
                centres[c] = measure_plane(apart[c], spread, mask[c], area, place)
        place = channels * A_CHANNEL
        for one in range(channels):
            for other in range(one + 1, channels):
                pair, both = out[cell, place : place + A_PAIR], np.empty((2, 2))
                both[0], both[1] = centres[one], centres[other]
                _measure_between(apart[one], apart[other], mask[one], mask[other], both, pair)
                place += A_PAIR

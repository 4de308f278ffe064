"""All features of some cells, in one compiled call that holds up no other threads."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features import channel_pairs as between
from deepometry.classical.features import core, intensity, radial, texture
from deepometry.classical.features import granularity as scales
from deepometry.classical.features import morphology as shape
from deepometry.classical.features import segmentation as masks
from deepometry.classical.features.ordering import rising
from deepometry.core.numba_cache import compiled

FAMILIES = (shape, intensity, texture, scales, radial, core)
_SIZES = [len(family.NAMES) for family in FAMILIES]
_ENDS = tuple(sum(_SIZES[: n + 1]) for n in range(len(_SIZES)))
STARTS = (0, *_ENDS[:-1])  # of the features of each family, in those of a channel
A_CHANNEL = sum(_SIZES)
A_PAIR = len(between.NAMES)

_measure_shape, _measure_intensity = shape.measure, intensity.measure
_measure_texture, _measure_scales = texture.measure, scales.measure
_measure_radial, _measure_core = radial.measure, core.measure
_measure_between, _chosen, _contrast = between.measure, intensity.chosen, intensity.mean_contrast
_background, _find_mask, _axes = masks.background, masks.find_mask, shape.axes


@compiled
def measure_plane(apart, spread, mask, inside, centre, wanted, out):
    """Measure the wanted families (6,) of one channel of a cell.

    `inside` (area,) are the pixels of the mask, `centre` its row and column.
    """
    ordered = rising(inside) if wanted[1] or wanted[2] else inside
    if wanted[0]:
        _measure_shape(mask, out[: _ENDS[0]])
    if wanted[1]:
        _measure_intensity(apart, spread, mask, inside, ordered, out[_ENDS[0] : _ENDS[1]])
    if wanted[2]:
        _measure_texture(apart, mask, ordered, out[_ENDS[1] : _ENDS[2]])
    if wanted[3]:
        _measure_scales(apart, mask, inside, out[_ENDS[2] : _ENDS[3]])
    if wanted[4]:
        size = _contrast(inside)
        _measure_radial(apart, size, centre, inside.size, out[_ENDS[3] : _ENDS[4]])
    if wanted[5]:
        _measure_core(apart, mask, inside, centre, out[_ENDS[4] :])


@compiled
def measure_cells(images, wanted, pairs, out):
    """Measure cells (n, height, width, channels) into `out` (n, features).

    Of the families that are not `wanted` (channels, 6), and of pairs of channels that are not in
    `pairs`, features are 0.
    """
    cells, high, wide, channels = images.shape
    apart = np.empty((channels, high, wide))
    mask = np.empty((channels, high, wide), np.uint8)
    centres = np.empty((channels, 2))
    seen = _seen(wanted, pairs)
    for cell in range(cells):
        out[cell] = 0.0
        for c in range(channels):
            if seen[c]:
                place = out[cell, c * A_CHANNEL : (c + 1) * A_CHANNEL]
                _channel(images[cell], c, apart[c], mask[c], centres[c], wanted[c], place)
        place = out[cell, channels * A_CHANNEL :]
        _measure_pairs(apart, mask, centres, pairs, place)


@compiled
def _seen(wanted, pairs):
    """Return which channels are looked at, by themselves or in a pair."""
    seen, channels, n = np.zeros(len(wanted), np.bool_), len(wanted), 0
    for one in range(channels):
        seen[one] |= wanted[one].any()
        for other in range(one + 1, channels):
            seen[one] |= pairs[n]
            seen[other] |= pairs[n]
            n += 1
    return seen


@compiled
def _channel(image, channel, apart, mask, centre, wanted, out):
    """Find the cell in one channel, and measure it there."""
    high, wide = apart.shape
    apart[:] = image[:, :, channel]
    level, spread = _background(apart)
    apart -= level
    area = _find_mask(apart, spread, mask)
    centre[0], centre[1] = (high - 1) / 2, (wide - 1) / 2
    if area:
        _, centre[0], centre[1], _, _ = _axes(mask)
        measure_plane(apart, spread, mask, _chosen(apart, mask, area), centre, wanted, out)


@compiled
def _measure_pairs(apart, mask, centres, pairs, out):
    channels, n, both = len(apart), 0, np.empty((2, 2))
    for one in range(channels):
        for other in range(one + 1, channels):
            if pairs[n]:
                both[0], both[1] = centres[one], centres[other]
                place = out[n * A_PAIR : (n + 1) * A_PAIR]
                _measure_between(apart[one], apart[other], mask[one], mask[other], both, place)
            n += 1

"""The light of a stain: what one channel has above its background, inside the whole cell."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features import channel_pairs as between
from deepometry.classical.features import segmentation as masks
from deepometry.core.numba_cache import compiled

_background, _find_mask, _correlation = masks.background, masks.find_mask, between.correlation


@compiled
def measure_stain(images, stain, light, alike):
    """Measure cells (n, height, width, channels).

    `light` (n,) takes the counts of the channel `stain` above its background, summed over the
    cell: where any channel shows it, or the whole image if none does. `alike` (n, channels) takes
    how each channel's pixels correlate with those of the stain inside of the cell.
    """
    cells, high, wide, channels = images.shape
    apart, mask = np.empty((channels, high, wide)), np.empty((high, wide), np.uint8)
    for cell in range(cells):
        inside = np.zeros((high, wide), np.uint8)
        for c in range(channels):
            apart[c] = images[cell, :, :, c]
            level, spread = _background(apart[c])
            apart[c] -= level
            if _find_mask(apart[c], spread, mask):
                inside |= mask
        if not inside.any():
            inside[:] = 1
        light[cell] = (apart[stain] * inside).sum()
        for c in range(channels):
            alike[cell, c] = _correlation(apart[stain], apart[c], inside, inside, False)

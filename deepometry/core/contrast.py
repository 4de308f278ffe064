"""How cells are shown in a gallery: grey values, centring, enlargement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LARGEST_SIDE = 3600
"""Pixels that a gallery has at most in each direction."""

STRETCH = (0.5, 99.8)
"""Percentiles of the counts of a channel, over all cells shown, that are black and white."""

GAP = 8
"""Pixels between two tiles."""

_WANTED, _LARGEST_TILE = 128, 240


def stretch(planes: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the percentiles `STRETCH` of one channel in all cells, shown black and white."""
    counts = np.concatenate([plane.ravel() for plane in planes]).astype(np.float64)
    low, high = np.percentile(counts, STRETCH)
    return float(low), float(high)


def grey(plane: np.ndarray, low: float, high: float) -> np.ndarray:
    """Show counts (height, width) as uint8: `low` and less black, `high` and more white."""
    share = (plane.astype(np.float64) - low) / (high - low if high > low else 1.0)
    shade: np.ndarray = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
    return shade


def offset(size: int, frame: int) -> int:
    """Return where a frame begins on one axis of a cell; below 0 where the cell is padded."""
    return (size - frame) // 2 if size >= frame else -((frame - size) // 2)


def overlap(size: int, window: int) -> tuple[slice, slice]:
    """Return which pixels of a cell are seen on one axis, and where in a window centred on it."""
    start = offset(size, window)
    if size >= window:
        return slice(start, start + window), slice(0, window)
    return slice(0, size), slice(-start, -start + size)


@dataclass(frozen=True)
class Scale:
    """How the cells are shown.

    Attributes
    ----------
    window : (height, width)
        What is seen of every cell, in pixels of the cell.
    factor : float
        Pixels of the picture for each of them.
    """

    window: tuple[int, int]
    factor: float

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of a tile, in pixels of the picture."""
        height, width = self.window
        return max(1, round(height * self.factor)), max(1, round(width * self.factor))

    def at(self, pixel: int) -> int:
        """Return where in its tile a pixel of the window begins."""
        return round(pixel * self.factor)


def choose_scale(
    sizes: Sequence[tuple[int, int]],
    frame: int,
    rows: int,
    columns: int,
    beside: int = 0,
    above: int = 0,
) -> Scale:
    """Choose how much of each cell, (height, width), is shown, and how large.

    `beside` and `above` are pixels of the picture that are not for tiles.

    Returns
    -------
    Scale
        A window that holds the largest cell, but is no larger than 1.5 frames, so that one
        odd cell does not make all others tiny; enlarged by a whole factor, or shrunk where
        the picture would become too large.
    """
    axes = zip(*sizes, strict=True)
    height, width = (max(frame, min(max(axis), 3 * frame // 2)) for axis in axes)
    room_down = (LARGEST_SIDE - above) // rows - GAP
    room_across = (LARGEST_SIDE - beside) // columns - GAP
    tight = min(_LARGEST_TILE / max(height, width), room_down / height, room_across / width)
    whole = min(max(1, _WANTED // frame), math.floor(tight))
    return Scale((height, width), whole if whole >= 1 else tight)

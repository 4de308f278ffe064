"""A sheet of heat maps: a row a cell, its channels, and the heat over the first of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.core.contact_sheet import (
    BRIGHT,
    DIM,
    GAP,
    LINE,
    MARGIN,
    PLAIN,
    ContactSheet,
    tile_side,
)
from deepometry.core.contrast import grey, stretch
from deepometry.core.picture_text import Colour

_LABEL, _TOP = 330, 106
_MOST_CHANNELS = 6
_STRENGTH = 0.6  # of the heat over the picture, where it is greatest


LARGER = "a larger number"
"""What the heat is drawn for where a number is predicted."""


@dataclass(frozen=True)
class Shown:
    """A cell with its heat map.

    Attributes
    ----------
    source, object : str
        Which cell it is.
    predicted : str
        Class that the model gives it, with its `probability`; or a number, with NaN.
    label : str
        Class that the heat is drawn for, with `probability_of_label`; or `LARGER`, with NaN.
    image : ndarray, shape (frame, frame, channels)
        Counts.
    heat : ndarray of float, shape (frame, frame)
        From 0 to 1.
    """

    source: str
    object: str
    predicted: str
    probability: float
    label: str
    probability_of_label: float
    image: np.ndarray
    heat: np.ndarray


def heat_sheet(cells: Sequence[Shown], channels: Sequence[str], stage: str, path: Path) -> None:
    """Draw a sheet of cells with their heat maps of a stage of the network, as a .png file."""
    _Sheet(cells, channels, stage).draw().save(path)


def glowing(plane: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat over a grey picture: clear where there is none, then red, yellow and white.

    `plane` is uint8 and `heat` from 0 to 1, both of shape (height, width); returns uint8 of shape
    (height, width, 3).
    """
    from matplotlib import colormaps

    colour = colormaps["inferno"](0.25 + 0.75 * heat)[..., :3] * 255
    share = (_STRENGTH * heat)[..., None]
    return np.rint(plane[..., None] * (1 - share) + colour * share).astype(np.uint8)


class _Sheet:
    """The layout of one picture."""

    def __init__(self, cells: Sequence[Shown], channels: Sequence[str], stage: str) -> None:
        self._cells, self._stage = cells, stage
        self._channels = list(channels)[:_MOST_CHANNELS]
        self._side = tile_side(cells[0].image.shape[0])
        depth = range(len(self._channels))
        self._ranges = [stretch([each.image[..., c] for each in cells]) for c in depth]

    def draw(self) -> ContactSheet:
        """Draw everything."""
        across = self._x(len(self._channels) + 1) + MARGIN
        sheet = ContactSheet((across, _TOP + len(self._cells) * (self._side + GAP) + MARGIN))
        what = LARGER if self._cells[0].label == LARGER else "the class"
        text = f"Grad-CAM of stage {self._stage}: brighter areas speak more for {what}."
        sheet.write_title("Where the network looks", text)
        for place, name in enumerate([*self._channels, "heat"]):
            sheet.pen.write((self._x(place), _TOP - 22), name, PLAIN, self._side)
        for row, shown in enumerate(self._cells):
            self._draw_row(sheet, _TOP + row * (self._side + GAP), shown)
        return sheet

    def _x(self, place: int) -> int:
        return MARGIN + _LABEL + place * (self._side + GAP)

    def _draw_row(self, sheet: ContactSheet, y: int, shown: Shown) -> None:
        planes = [grey(shown.image[..., c], *ends) for c, ends in enumerate(self._ranges)]
        size = (self._side, self._side)
        for place, plane in enumerate(planes):
            sheet.paste(plane, (self._x(place), y), size)
        heat = glowing(planes[0], shown.heat)
        sheet.paste(heat, (self._x(len(planes)), y), size, smooth=True)
        top = y + max(0, (self._side - 4 * LINE) // 2)
        sheet.write_lines((MARGIN, top), self._lines(shown), _LABEL - MARGIN)

    def _lines(self, shown: Shown) -> list[tuple[str, Colour]]:
        drawn = f"heat for {shown.label}"
        if shown.label != shown.predicted:
            drawn += _share(shown.probability_of_label)
        return [
            (f"{shown.predicted}{_share(shown.probability)}", BRIGHT),
            (drawn, PLAIN),
            (f"object {shown.object}", DIM),
            (shown.source, DIM),
        ]


def _share(probability: float) -> str:
    """Write a probability behind a class; nothing behind a number, which has none."""
    return "" if math.isnan(probability) else f", {100 * probability:.1f} %"

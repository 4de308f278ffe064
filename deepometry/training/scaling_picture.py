"""The picture of intensity scalings: a row a cell, and for each channel a column a scaling."""

from __future__ import annotations

import io
from dataclasses import dataclass

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

_LABEL, _TOP = 150, 76
_CHANNELS = 4  # that are drawn
_TAILS = (0.5, 99.5)  # percentiles from black to white


@dataclass(frozen=True)
class Tiles:
    """The cells of the picture.

    Attributes
    ----------
    scalings, channels, cells : tuple of str
        What stands over the columns and beside the rows.
    images : tuple of ndarray, each of shape (cells, frame, frame, channels)
        The cells under each scaling.
    recommended : str
        The scaling that is marked.
    """

    scalings: tuple[str, ...]
    channels: tuple[str, ...]
    cells: tuple[str, ...]
    images: tuple[np.ndarray, ...]
    recommended: str


def draw(tiles: Tiles) -> bytes:
    """Draw cells under each scaling as a .png file.

    In every column black and white are the same for all cells, so that differences of brightness
    between cells show where a scaling leaves them.
    """
    side = tile_side(tiles.images[0].shape[1])
    step, columns = side + GAP, len(tiles.scalings)
    channels = tiles.channels[:_CHANNELS]
    block = columns * step + MARGIN
    width = _LABEL + MARGIN + block * len(channels)
    height = _TOP + 3 * LINE + step * len(tiles.cells) + MARGIN
    sheet = ContactSheet((max(width, 520), height))
    sheet.write_title(
        "Intensity scalings", "Every column has the same black and white for all cells."
    )
    for row, name in enumerate(tiles.cells):
        corner = (MARGIN, _TOP + 3 * LINE + row * step + side // 2 - LINE // 2)
        sheet.write_lines(corner, [(name, PLAIN)], _LABEL - MARGIN)
    for place, channel in enumerate(channels):
        left = _LABEL + MARGIN + place * block
        sheet.write_lines((left, _TOP), [(channel, BRIGHT)], block - MARGIN)
        for number, scaling in enumerate(tiles.scalings):
            corner = (left + number * step, _TOP + 3 * LINE)
            _column(sheet, tiles, (number, place), corner, side)
            best = scaling == tiles.recommended
            words = [(scaling, BRIGHT if best else DIM), *[("recommended", BRIGHT)] * best]
            sheet.write_lines((corner[0], _TOP + LINE), words, step)
    content = io.BytesIO()
    sheet.picture.save(content, "png")
    return content.getvalue()


def _column(
    sheet: ContactSheet, tiles: Tiles, which: tuple[int, int], corner: tuple[int, int], side: int
) -> None:
    """Draw all cells in one channel under one scaling."""
    planes = tiles.images[which[0]][..., which[1]]
    low, high = np.percentile(planes, _TAILS)
    grey = np.clip((planes - low) / max(high - low, 1e-9), 0, 1)
    for row, plane in enumerate((255 * grey).astype(np.uint8)):
        place = (corner[0], corner[1] + row * (side + GAP))
        sheet.paste(plane, place, (side, side))

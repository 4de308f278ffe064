"""A picture of many cells: tiles and lines of text on a dark ground."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.contrast import GAP as GAP
from deepometry.core.files import writing
from deepometry.core.picture_text import Colour, Pen

if TYPE_CHECKING:
    from PIL.Image import Image

CANVAS = (22, 24, 28)
BRIGHT, PLAIN, DIM = (240, 242, 245), (190, 195, 203), (128, 134, 144)
"""Colours of text, from titles to remarks."""

MARGIN, LINE = 24, 18
"""Pixels around the picture, and from one line of text to the next."""

_SIDE = 96


def tile_side(frame: int) -> int:
    """Return the side of a tile: the frame enlarged by a whole number to 96 pixels at most."""
    return frame * max(1, _SIDE // frame)


class ContactSheet:
    """One RGB picture of (width, height) pixels, drawn tile by tile; `pen` writes on it."""

    def __init__(self, size: tuple[int, int]) -> None:
        from PIL import Image

        self.picture: Image.Image = Image.new("RGB", size, CANVAS)
        self.pen = Pen()
        self.pen.start(self.picture)

    def save(self, path: Path) -> None:
        """Write the picture as a .png file."""
        with writing(path) as part:
            self.picture.save(part, "png")

    def write_title(self, title: str, text: str) -> None:
        """Write a title and the line below it, across the top of the picture."""
        room = self.picture.width - 2 * MARGIN
        self.pen.write((MARGIN, 16), title, BRIGHT, room, size=17)
        self.pen.write((MARGIN, 43), text, DIM, room)

    def write_lines(
        self, corner: tuple[int, int], lines: Iterable[tuple[str, Colour]], room: int
    ) -> None:
        """Write lines of text, each in its colour, one below the other."""
        x, y = corner
        for row, (text, colour) in enumerate(lines):
            self.pen.write((x, y + row * LINE), text, colour, room)

    def paste(
        self,
        pixels: np.ndarray,
        corner: tuple[int, int],
        size: tuple[int, int],
        smooth: bool = False,
    ) -> None:
        """Draw a tile, uint8 (height, width) or (height, width, 3).

        Tiles smaller than their pixels show averages; enlarged ones are interpolated where
        `smooth`.
        """
        from PIL import Image

        how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
        how = Image.Resampling.BOX if size[0] < pixels.shape[1] else how
        self.picture.paste(Image.fromarray(pixels).convert("RGB").resize(size, how), corner)

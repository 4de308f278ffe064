"""A gallery of cells: a picture per channel of each, and lines of text below them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepometry.core.contact_sheet import GAP, LINE, MARGIN, ContactSheet, tile_side
from deepometry.core.contrast import grey, stretch
from deepometry.core.picture_text import Colour

_COLUMNS, _MOST_CHANNELS = 3, 6

Lines = Sequence[tuple[str, Colour]]
"""Lines of text, each with its colour."""


def tiles(images: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Return for every cell (frame, frame, channels) its grey pictures, uint8, one a channel.

    Each channel has the same contrast in all cells.
    """
    if not images:
        return []
    depth = images[0].shape[2]
    ranges = [stretch([each[..., c] for each in images]) for c in range(depth)]
    return [[grey(each[..., c], *between) for c, between in enumerate(ranges)] for each in images]


def cell_sheet(
    title: str,
    images: Sequence[np.ndarray],
    texts: Sequence[Lines],
    channels: Sequence[str],
    path: Path,
) -> None:
    """Draw a gallery of cells (frame, frame, channels), three lines of text below each."""
    _Sheet(title, images, texts, channels).draw().save(path)


class _Sheet:
    """The layout of one picture."""

    def __init__(
        self,
        title: str,
        images: Sequence[np.ndarray],
        texts: Sequence[Lines],
        channels: Sequence[str],
    ) -> None:
        self._title, self._images, self._texts = title, images, texts
        self._channels = channels[:_MOST_CHANNELS]
        self._side = tile_side(images[0].shape[0])
        self._wide = max(len(self._channels) * (self._side + GAP) - GAP, 240)
        self._high = self._side + 3 * LINE + 27

    def draw(self) -> ContactSheet:
        """Draw everything."""
        columns = min(_COLUMNS, len(self._images))
        rows = -(-len(self._images) // columns)
        across = columns * (self._wide + MARGIN) + MARGIN
        sheet = ContactSheet((max(across, 420), rows * self._high + 78))
        sheet.write_title(self._title, "In each row of pictures: " + ", ".join(self._channels))
        cells = zip(self._texts, tiles(self._images), strict=True)
        for number, (lines, planes) in enumerate(cells):
            row, column = divmod(number, columns)
            corner = (MARGIN + column * (self._wide + MARGIN), 72 + row * self._high)
            self._draw_one(sheet, corner, lines, planes)
        return sheet

    def _draw_one(
        self, sheet: ContactSheet, corner: tuple[int, int], lines: Lines, planes: list[np.ndarray]
    ) -> None:
        x, y = corner
        for place, plane in enumerate(planes[: len(self._channels)]):
            sheet.paste(plane, (x + place * (self._side + GAP), y), (self._side, self._side))
        sheet.write_lines((x, y + self._side + 6), lines, self._wide)

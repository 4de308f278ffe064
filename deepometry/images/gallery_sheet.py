"""The picture of a gallery: a row for each cell, a column for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from deepometry.core.channel_names import own_name
from deepometry.core.contact_sheet import BRIGHT, DIM, GAP, LINE, MARGIN, PLAIN, ContactSheet
from deepometry.core.contrast import STRETCH, choose_scale, grey, offset, overlap, stretch
from deepometry.core.options.fields import MOST_CHANNELS
from deepometry.core.picture_text import Pen
from deepometry.core.text import counted

if TYPE_CHECKING:
    from PIL.Image import Image

FRAME = (255, 176, 64)
"""Colour of the frame."""

TILE = (44, 47, 54)
"""Colour of a tile where there is no cell."""

_LABEL, _LAST_LINE = 280, 440
_BESIDE, _ABOVE = _LABEL + 3 * MARGIN, 250  # most that stands beside and above the tiles


@dataclass(frozen=True)
class GalleryCell:
    """One cell of a gallery.

    Attributes
    ----------
    name : str
        File and object number, or what the files of the cell have in common in their names.
    folder : str
        Folders below the input, with forward slashes.
    channels : tuple of int
        Numbers of the channels.
    pixels : ndarray, shape (height, width, channels)
        Counts.
    """

    name: str
    folder: str
    channels: tuple[int, ...]
    pixels: np.ndarray


class Named(Protocol):
    """What names channels, as `Source` does."""

    @property
    def channel_names(self) -> dict[int, str]: ...
    @property
    def brightfield(self) -> tuple[int, ...]: ...


class GallerySheet:
    """The layout of one picture; without a frame, a square on every cell, cells are whole."""

    def __init__(
        self, cells: Sequence[GalleryCell], sources: Sequence[Named], frame: int | None, title: str
    ) -> None:
        channels = sorted({number for cell in cells for number in cell.channels})
        self._cells, self._title = cells, title
        self._framed = frame is not None
        self._frame = frame or max(side for cell in cells for side in cell.pixels.shape[:2])
        self._channels, self._left_out = channels[:MOST_CHANNELS], len(channels[MOST_CHANNELS:])
        self._heads = [_head(number, sources) for number in self._channels]
        sizes = [cell.pixels.shape[:2] for cell in cells]
        room = (len(cells), len(self._channels), _BESIDE, _ABOVE)
        self._scale = choose_scale(sizes, self._frame, *room)
        self._ranges = {number: stretch(self._planes(number)) for number in self._channels}
        counts = {number: _counts(*ends) for number, ends in self._ranges.items()}
        fit = all(Pen().width(text) <= self._scale.tile[1] for text in counts.values())
        self._counts = counts if fit else {}
        self._under_head = 38 if any(self._heads) else 20
        self._top = MARGIN + (40 if title else 0) + self._under_head + 19

    def _planes(self, number: int) -> list[np.ndarray]:
        return [_plane(cell, number) for cell in self._cells if number in cell.channels]

    def draw(self) -> Image:
        """Draw everything."""
        height, width = self._scale.tile
        labels, pen = [self._label(cell) for cell in self._cells], Pen()
        self._row = max(height, LINE * max(map(len, labels)))
        self._left = 2 * MARGIN + pen.widest(labels, _LABEL)
        right = self._left + len(self._channels) * (width + GAP) - GAP
        below = self._top + len(self._cells) * (self._row + GAP) - GAP
        legend = pen.wrapped(self._legend(), max(right - MARGIN, _LAST_LINE))
        right = max(right, MARGIN + pen.widest([legend], right + _LAST_LINE))
        size = (right + MARGIN, below + 16 + LINE * len(legend) + MARGIN - 6)
        sheet = ContactSheet(size)
        self._draw_heads(sheet, width, right)
        for row, (cell, label) in enumerate(zip(self._cells, labels, strict=True)):
            self._draw_row(sheet, self._top + row * (self._row + GAP), cell, label)
        sheet.write_lines((MARGIN, below + 16), [(line, DIM) for line in legend], right)
        return sheet.picture

    def _draw_heads(self, sheet: ContactSheet, width: int, right: int) -> None:
        pen = sheet.pen
        if self._title:
            pen.write((MARGIN, MARGIN - 4), self._title, BRIGHT, right - MARGIN, size=18)
        for column, (number, name) in enumerate(zip(self._channels, self._heads, strict=True)):
            x, y = self._left + column * (width + GAP), self._top - self._under_head - 19
            pen.write((x, y), f"Ch{number}", BRIGHT, width, size=14)
            pen.write((x, y + 18), name, PLAIN, width)
            counts = self._counts.get(number, "")
            pen.write((x, y + self._under_head - 2), counts, DIM, width)

    def _draw_row(
        self, sheet: ContactSheet, y: int, cell: GalleryCell, label: Sequence[str]
    ) -> None:
        height, width = self._scale.tile
        top, y = y + (self._row - LINE * len(label)) // 2, y + (self._row - height) // 2
        colours = (BRIGHT, *[PLAIN] * (len(label) - 2), DIM)
        sheet.write_lines((MARGIN, top), zip(label, colours, strict=True), _LABEL)
        for column, number in enumerate(self._channels):
            corner = self._left + column * (width + GAP), y
            sheet.paste(self._tile(cell, number), corner, (width, height))
            if number in cell.channels and self._framed:
                self._draw_frame(sheet, corner, cell.pixels.shape[:2])
            elif number not in cell.channels:
                sheet.pen.write((corner[0] + 6, y + 4), "none", DIM, width)

    def _tile(self, cell: GalleryCell, number: int) -> np.ndarray:
        """Show a cell in its window; where it ends, the ground is of another grey."""
        window = np.empty((*self._scale.window, 3), np.uint8)
        window[:] = TILE
        if number in cell.channels:
            shown = grey(_plane(cell, number), *self._ranges[number])
            spots = [overlap(*pair) for pair in zip(shown.shape, window.shape, strict=False)]
            (rows, ys), (columns, xs) = spots
            window[ys, xs] = shown[rows, columns, None]
        return window

    def _draw_frame(
        self, sheet: ContactSheet, corner: tuple[int, int], size: tuple[int, ...]
    ) -> None:
        """Draw the frame where parse would cut; all of its line lies inside it."""
        y, x = (
            offset(side, self._frame) - offset(side, window)
            for side, window in zip(size, self._scale.window, strict=True)
        )
        at = self._scale.at
        left, top = corner[0] + at(x), corner[1] + at(y)
        right, bottom = corner[0] + at(x + self._frame), corner[1] + at(y + self._frame)
        sheet.pen.frame((left, top, right - 1, bottom - 1), FRAME)

    def _label(self, cell: GalleryCell) -> list[str]:
        height, width = cell.pixels.shape[:2]
        size = f"{height} x {width} px"
        if height > self._scale.window[0] or width > self._scale.window[1]:
            size += ", more than is shown"
        return [cell.name, *([cell.folder] if cell.folder else []), size]

    def _legend(self) -> list[str]:
        low, high = STRETCH
        factor = self._scale.factor
        size = f"enlarged {factor:g} times" if factor > 1 else f"shown at {100 * factor:.0f} %"
        size = "not enlarged" if factor == 1 else size
        counts = "Under the channels: the counts shown black and white" * bool(self._counts)
        orange = f"Orange: a frame of {self._frame} x {self._frame} pixels. " * self._framed
        lines = [
            f"{orange}Cells {size}.",
            f"{counts or 'Each channel is stretched from black to white'}, the same for all cells "
            f"({low:g} and {high:g} % of the pixels are darker).",
        ]
        left = self._left_out
        return lines + [f"{counted(left, 'more channel')} left out."] * (left > 0)


def _plane(cell: GalleryCell, number: int) -> np.ndarray:
    return cell.pixels[:, :, cell.channels.index(number)]


def _head(number: int, sources: Sequence[Named]) -> str:
    """Name a channel as the first source does that names it."""
    names = (source.channel_names.get(number, "") for source in sources)
    name = own_name(number, [next(filter(None, names), "")])
    lit = any(number in source.brightfield for source in sources)
    return "Brightfield" if lit and not name else name


def _counts(low: float, high: float) -> str:
    """Write what is black and what is white."""
    written = (f"{n:,.0f}" if abs(n) >= 100 else f"{n:.3g}" for n in (low, high))
    return " to ".join(written)

"""A picture of the first cells in every channel, to be looked at before anything is parsed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from deepometry.errors import DeepometryError, OptionsError
from deepometry.files import check_writable, writing
from deepometry.gallery_cells import GalleryCell, pick_cells
from deepometry.gallery_scale import (
    GAP,
    STRETCH,
    choose_scale,
    grey,
    offset,
    overlap,
    stretch,
)
from deepometry.gallery_text import Pen
from deepometry.info_text import own_name
from deepometry.options import MOST_CHANNELS
from deepometry.progress import Progress, Report, as_progress
from deepometry.readers import Source
from deepometry.words import counted

if TYPE_CHECKING:
    from PIL.Image import Image

ROWS = 12
"""Cells in a gallery."""

FRAME = (255, 176, 64)
"""Colour of the frame."""

CANVAS, TILE = (22, 24, 28), (44, 47, 54)
BRIGHT, PLAIN, DIM = (240, 242, 245), (190, 195, 203), (128, 134, 144)

_MARGIN, _LINE, _LABEL, _LEAST_LINE = 24, 18, 280, 440
_MOST_ROWS = 50
_BESIDE, _ABOVE = _LABEL + 3 * _MARGIN, 250  # most that stands beside and above the tiles


def check_gallery(path: Path) -> None:
    """Find out before long work whether a gallery can be written.

    Raises
    ------
    OptionsError
        It is not named .png, or a folder has its name.
    DeepometryError
        Its folder cannot be written to.
    """
    wrong = ""
    if path.suffix.lower() != ".png":
        wrong = f"expected a file name that ends in .png, found {str(path)!r}."
    elif path.is_dir():
        wrong = f"expected the name of a .png file, found the folder {path}; choose another name."
    if wrong:
        raise OptionsError({"gallery": f"Gallery: {wrong}"})
    check_writable(path.parent)


def gallery_image(
    sources: Sequence[Source],
    frame: int,
    *,
    title: str = "",
    rows: int = ROWS,
    progress: Progress | Report | None = None,
) -> Image:
    """Draw the first cells of every folder and file in turns: a row a cell, a column a channel.

    Parameters
    ----------
    sources : sequence of Source
        As `find_sources` gives them.
    frame : int
        Side of the square that parse would cut out, drawn on every cell, in pixels.
    title : str
        Stands above the picture.
    rows : int
        Most cells; never more than 50.
    progress : Progress or callable, optional
        May cancel.

    Returns
    -------
    PIL.Image.Image
        In RGB, at most `LARGEST_SIDE` pixels each way. The grey values of a channel mean the
        same in all cells.

    Raises
    ------
    DeepometryError
        There is not one cell to show.
    Cancelled
        When asked to stop.
    """
    cells = pick_cells(sources, min(rows, _MOST_ROWS), as_progress(progress))
    if not cells:
        raise DeepometryError("Gallery: expected cells that can be read, found none.")
    return _Sheet(cells, sources, frame, title).draw()


class Named(Protocol):
    """What names channels, as `Source` does."""

    @property
    def channel_names(self) -> dict[int, str]: ...
    @property
    def brightfield(self) -> tuple[int, ...]: ...


def cells_image(cells: Sequence[GalleryCell], named: Sequence[Named], title: str = "") -> Image:
    """Draw chosen cells whole, without a frame: a row a cell, a column a channel.

    Parameters
    ----------
    cells : sequence of GalleryCell
        At least one.
    named : sequence of Named
        Where the names of the channels are taken from.
    title : str
        Stands above the picture.

    Returns
    -------
    PIL.Image.Image
        In RGB. The grey values of a channel mean the same in all cells.
    """
    return _Sheet(cells, named, None, title).draw()


def png_bytes(picture: Image) -> bytes:
    """Give a picture as the content of a .png file."""
    content = io.BytesIO()
    picture.save(content, format="png")
    return content.getvalue()


def write_gallery(picture: Image, path: Path) -> None:
    """Write a picture as a .png file, whole or not at all.

    Raises
    ------
    DeepometryError
        It cannot be written.
    """
    with writing(path) as part:
        part.write_bytes(png_bytes(picture))


class _Sheet:
    """One picture: what stands where."""

    def __init__(
        self, cells: Sequence[GalleryCell], sources: Sequence[Named], frame: int | None, title: str
    ) -> None:
        known = sorted({number for cell in cells for number in cell.channels})
        self._cells, self._title = cells, title
        self._framed = frame is not None
        self._frame = frame or max(side for cell in cells for side in cell.pixels.shape[:2])
        self._channels, self._left_out = known[:MOST_CHANNELS], len(known[MOST_CHANNELS:])
        self._heads = [_head(number, sources) for number in self._channels]
        sizes = [cell.pixels.shape[:2] for cell in cells]
        room = (len(cells), len(self._channels), _BESIDE, _ABOVE)
        self._scale = choose_scale(sizes, self._frame, *room)
        self._ranges = {number: stretch(self._planes(number)) for number in self._channels}
        self._pen = Pen()
        counts = {number: _counts(*found) for number, found in self._ranges.items()}
        fit = all(self._pen.width(text) <= self._scale.tile[1] for text in counts.values())
        self._counts = counts if fit else {}
        self._under_head = 38 if any(self._heads) else 20
        self._top = _MARGIN + (40 if title else 0) + self._under_head + 19

    def _planes(self, number: int) -> list[np.ndarray]:
        return [_plane(cell, number) for cell in self._cells if number in cell.channels]

    def draw(self) -> Image:
        """Draw everything."""
        from PIL import Image

        height, width = self._scale.tile
        labels = [self._label(cell) for cell in self._cells]
        self._row = max(height, _LINE * max(map(len, labels)))
        self._left = 2 * _MARGIN + self._pen.widest(labels, _LABEL)
        right = self._left + len(self._channels) * (width + GAP) - GAP
        below = self._top + len(self._cells) * (self._row + GAP) - GAP
        legend = self._pen.wrapped(self._legend(), max(right - _MARGIN, _LEAST_LINE))
        right = max(right, _MARGIN + self._pen.widest([legend], right + _LEAST_LINE))
        size = (right + _MARGIN, below + 16 + _LINE * len(legend) + _MARGIN - 6)
        picture = Image.new("RGB", size, CANVAS)
        self._pen.start(picture)
        self._draw_heads(width, right)
        for row, (cell, label) in enumerate(zip(self._cells, labels, strict=True)):
            self._draw_row(picture, self._top + row * (self._row + GAP), cell, label)
        for row, line in enumerate(legend):
            self._pen.write((_MARGIN, below + 16 + _LINE * row), line, DIM, right)
        return picture

    def _draw_heads(self, width: int, right: int) -> None:
        if self._title:
            self._pen.write((_MARGIN, _MARGIN - 4), self._title, BRIGHT, right - _MARGIN, size=18)
        for column, (number, name) in enumerate(zip(self._channels, self._heads, strict=True)):
            x, y = self._left + column * (width + GAP), self._top - self._under_head - 19
            self._pen.write((x, y), f"Ch{number}", BRIGHT, width, size=14)
            self._pen.write((x, y + 18), name, PLAIN, width)
            counts = self._counts.get(number, "")
            self._pen.write((x, y + self._under_head - 2), counts, DIM, width)

    def _draw_row(self, picture: Image, y: int, cell: GalleryCell, label: Sequence[str]) -> None:
        height, width = self._scale.tile
        top, y = y + (self._row - _LINE * len(label)) // 2, y + (self._row - height) // 2
        colours = (BRIGHT, *[PLAIN] * (len(label) - 2), DIM)
        for line, (text, colour) in enumerate(zip(label, colours, strict=True)):
            self._pen.write((_MARGIN, top + _LINE * line), text, colour, _LABEL)
        for column, number in enumerate(self._channels):
            x = self._left + column * (width + GAP)
            picture.paste(self._tile(cell, number), (x, y))
            if number in cell.channels and self._framed:
                self._draw_frame((x, y), cell.pixels.shape[:2])
            elif number not in cell.channels:
                self._pen.write((x + 6, y + 4), "none", DIM, width)

    def _tile(self, cell: GalleryCell, number: int) -> Image:
        """Show a cell in its window, enlarged; where it ends, the ground is of another grey."""
        from PIL import Image

        window = np.empty((*self._scale.window, 3), np.uint8)
        window[:] = TILE
        if number in cell.channels:
            shown = grey(_plane(cell, number), *self._ranges[number])
            spots = [overlap(*pair) for pair in zip(shown.shape, window.shape, strict=False)]
            (rows, ys), (columns, xs) = spots
            window[ys, xs] = shown[rows, columns, None]
        how = Image.Resampling.NEAREST if self._scale.factor >= 1 else Image.Resampling.BOX
        height, width = self._scale.tile
        return Image.fromarray(window).resize((width, height), how)

    def _draw_frame(self, corner: tuple[int, int], size: tuple[int, ...]) -> None:
        """Draw the frame where parse would cut; all of its line lies inside it."""
        y, x = (
            offset(side, self._frame) - offset(side, window)
            for side, window in zip(size, self._scale.window, strict=True)
        )
        at = self._scale.at
        left, top = corner[0] + at(x), corner[1] + at(y)
        right, bottom = corner[0] + at(x + self._frame), corner[1] + at(y + self._frame)
        self._pen.frame((left, top, right - 1, bottom - 1), FRAME)

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
    given = (source.channel_names.get(number, "") for source in sources)
    name = own_name(number, [next(filter(None, given), "")])
    lit = any(number in source.brightfield for source in sources)
    return "Brightfield" if lit and not name else name


def _counts(low: float, high: float) -> str:
    """Write what is black and what is white."""
    written = (f"{n:,.0f}" if abs(n) >= 100 else f"{n:.3g}" for n in (low, high))
    return " to ".join(written)

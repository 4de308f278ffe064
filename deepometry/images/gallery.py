"""Galleries of the first cells in every channel, to be looked at before anything is parsed."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from deepometry.core.earlier_results import ask_to_replace_picture
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.file_types import PLAIN_IMAGES
from deepometry.core.files import check_writable, writing
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.images.framed_blocks import around
from deepometry.images.gallery_sheet import GalleryCell, GallerySheet, Named
from deepometry.images.readers.base import Cell, Problem, Source, unusable

if TYPE_CHECKING:
    from PIL.Image import Image

ROWS = 12
"""Cells in a gallery."""

_MOST_ROWS = 50
_TRIES = 200  # bad cells of a source in turn after which other sources have their turn
T = TypeVar("T")


def check_gallery(path: Path, overwrite: bool = False) -> None:
    """Check before long work that a gallery can be written.

    Raises
    ------
    OptionsError
        It is not named .png, a folder has its name, or a file that may not be replaced.
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
    ask_to_replace_picture(path, overwrite)
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
        As `find_sources` returns them.
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
    return GallerySheet(cells, sources, frame, title).draw()


def cells_image(cells: Sequence[GalleryCell], named: Sequence[Named], title: str = "") -> Image:
    """Draw chosen cells whole, without a frame: a row a cell, a column a channel.

    The first of `named` that names a channel decides.

    Returns
    -------
    PIL.Image.Image
        In RGB. The grey values of a channel mean the same in all cells.
    """
    return GallerySheet(cells, named, None, title).draw()


def png_bytes(picture: Image) -> bytes:
    """Return a picture as the content of a .png file."""
    content = io.BytesIO()
    picture.save(content, format="png")
    return content.getvalue()


def write_gallery(picture: Image, path: Path) -> None:
    """Write a picture as a .png file, whole or not at all; raise `DeepometryError` on failure."""
    with writing(path) as part:
        part.write_bytes(png_bytes(picture))


def pick_cells(
    sources: Sequence[Source], most: int, progress: Progress, tries: int = _TRIES
) -> list[GalleryCell]:
    """Return the first cells of different folders and files, taken in turns, source by source.

    After `tries` bad cells in turn a source is left out, unless no other has good ones.
    """
    return _pick(sources, most, progress, tries) or _pick(sources, most, progress, None)


def _pick(
    sources: Sequence[Source], most: int, progress: Progress, tries: int | None
) -> list[GalleryCell]:
    picked: list[tuple[int, int, GalleryCell]] = []
    waiting = deque((place, _usable(sources[place], tries)) for place in _turns(sources, most))
    while waiting and len(picked) < most:
        progress.report(len(picked), most, "Choosing cells for the gallery", "cells")
        place, cells = waiting.popleft()
        if (cell := next(cells, None)) is not None:
            picked.append((place, len(picked), cell))
            waiting.append((place, cells))
    for _, cells in waiting:
        cells.close()
    return [cell for _, _, cell in sorted(picked, key=lambda entry: entry[:2])]


def _turns(sources: Sequence[Source], most: int) -> list[int]:
    """Order the sources so that the first few of them are of as many folders as possible."""
    ranks: dict[tuple[str, ...], list[int]] = {}
    for place, source in enumerate(sources):
        ranks.setdefault(source.folder, []).append(place)
    groups = [ranks[folder] for folder in _spread(list(ranks), most)]
    spread = [_spread(group, most) for group in groups]
    deepest = max(map(len, spread), default=0)
    return [group[rank] for rank in range(deepest) for group in spread if rank < len(group)]


def _spread(items: list[T], most: int) -> list[T]:
    """Put `most` items that are evenly spaced first, the others behind them."""
    if len(items) <= most:
        return items
    first = [i * (len(items) - 1) // max(1, most - 1) for i in range(most)]
    chosen = set(first)
    return [items[i] for i in first] + [item for i, item in enumerate(items) if i not in chosen]


def _usable(source: Source, tries: int | None) -> Generator[GalleryCell, None, None]:
    """Yield the cells that can be shown; end where many in turn cannot."""
    failed = 0
    try:
        for cell in source.read(source.channels):
            if isinstance(cell, Problem) or unusable(cell):
                failed += 1
                if failed == tries:
                    return
                continue
            failed = 0
            folder = "/".join(source.folder)
            shown = around(cell, 2 * max(cell.sides))[0] if cell.extent else cell.pixels
            yield GalleryCell(_name(cell), folder, tuple(source.channels), shown)
    except OSError:
        return  # info reports the reason; this picture shows the cells that can be read


def _name(cell: Cell) -> str:
    file = cell.source.rpartition("/")[2]
    if file.lower().endswith(PLAIN_IMAGES) and file.startswith(cell.object.partition("#")[0]):
        return cell.object
    return f"{file} #{cell.object}"

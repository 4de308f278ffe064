"""Which cells stand in a gallery, and how they are called."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from deepometry.kinds import TIFF
from deepometry.progress import Progress
from deepometry.readers import Cell, Problem, Source
from deepometry.readers.base import unusable

_TRIES = 200  # bad cells of a source in turn after which other sources have their turn
T = TypeVar("T")


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


def pick_cells(sources: Sequence[Source], most: int, progress: Progress) -> list[GalleryCell]:
    """Take the first cells of different folders and files in turns.

    Parameters
    ----------
    sources : sequence of Source
    most : int
        Cells to take.
    progress : Progress
        Told the number of cells taken; may cancel.

    Returns
    -------
    list of GalleryCell
        In the order of the sources.
    """
    return _pick(sources, most, progress, _TRIES) or _pick(sources, most, progress, None)


def _pick(
    sources: Sequence[Source], most: int, progress: Progress, tries: int | None
) -> list[GalleryCell]:
    found: list[tuple[int, int, GalleryCell]] = []
    waiting = deque((place, _usable(sources[place], tries)) for place in _turns(sources, most))
    while waiting and len(found) < most:
        progress.report(len(found), most, "Choosing cells for the gallery")
        place, cells = waiting.popleft()
        if (cell := next(cells, None)) is not None:
            found.append((place, len(found), cell))
            waiting.append((place, cells))
    for _, cells in waiting:
        cells.close()
    return [cell for _, _, cell in sorted(found, key=lambda entry: entry[:2])]


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
    """Give the cells that can be shown; end where many in turn cannot."""
    failed = 0
    try:
        for found in source.read(source.channels):
            if isinstance(found, Problem) or unusable(found):
                failed += 1
                if failed == tries:
                    return
                continue
            failed = 0
            folder = "/".join(source.folder)
            yield GalleryCell(_name(found), folder, tuple(source.channels), found.pixels)
    except OSError:
        return  # the look before has told why: this picture is of the cells that can be had


def _name(cell: Cell) -> str:
    file = cell.source.rpartition("/")[2]
    if file.lower().endswith(TIFF) and file.startswith(cell.object):
        return cell.object
    return f"{file} #{cell.object}"

"""Which cells are held out for the final test, decided before a single one is read.

The decision rests on the identity of the cells and the seed alone: parsing again, with other
channels or another frame, moves no cell to the other side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.cells.groups import group_values, hold_groups
from deepometry.core.files import hash_bytes
from deepometry.core.folder_names import Levels
from deepometry.images.readers.base import Source


def split_cells(
    sources: Sequence[Source], share: float, seed: int, by: str | None = None
) -> list[np.ndarray]:
    """Choose the cells to hold out.

    Parameters
    ----------
    sources : sequence of Source
        Everything that is to be parsed.
    share : float
        Share of the cells to hold out, between 0 and 1.
    seed : int
        Another seed makes another choice.
    by : str, optional
        A folder prefix such as `Sample`, or `Folder level N`: all cells that have one value of
        it stay together. By default cells are chosen one by one within each folder, so that
        every folder has the same share.

    Returns
    -------
    list of ndarray of bool, shape (cells,)
        For each source, which of its cells are held out.

    Raises
    ------
    DeepometryError
        The folders do not have the prefix, or have one value of it only.
    """
    if by:
        return _by_group(sources, share, seed, by)
    folders: dict[Levels, list[int]] = {}
    for number, source in enumerate(sources):
        folders.setdefault(tuple(source.folder), []).append(number)
    held = [np.zeros(len(source.keys), bool) for source in sources]
    for numbers in folders.values():
        chosen = _by_cell([key for n in numbers for key in sources[n].keys], share, seed)
        ends = np.cumsum([len(held[n]) for n in numbers])
        for n, part in zip(numbers, np.split(chosen, ends[:-1]), strict=True):
            held[n] = part
    return held


def held_out_number(cells: int, share: float) -> int:
    """Return the held-out share of a folder's cells, rounded, but one cell or more on each side."""
    wanted = round(share * cells)
    return min(max(wanted, 1), cells - 1) if cells > 1 else wanted


def _by_cell(keys: Sequence[str], share: float, seed: int) -> np.ndarray:
    ranks = np.fromiter((_rank(key, seed) for key in keys), np.uint64, len(keys))
    held = np.zeros(len(keys), bool)
    held[np.argsort(ranks, kind="stable")[: held_out_number(len(keys), share)]] = True
    return held


def _rank(text: str, seed: int) -> int:
    """Hash a name to a number that looks random, the same on every computer."""
    content = f"split:{seed}:{text}".encode("utf-8", "surrogatepass")
    return hash_bytes(content)


def _by_group(sources: Sequence[Source], share: float, seed: int, by: str) -> list[np.ndarray]:
    folders = [tuple(source.folder) for source in sources]
    values = [v.casefold() for v in group_values(folders, by, "split_by", "split by cells")]
    cells: dict[str, int] = {}
    for value, source in zip(values, sources, strict=True):
        cells[value] = cells.get(value, 0) + len(source.keys)
    names = sorted(cells, key=lambda value: (_rank(value, seed), value))
    sizes, order = [cells[name] for name in names], range(len(names))
    chosen = hold_groups(order, sizes, share * sum(sizes), lambda held: len(held) < len(names))
    held = {names[group] for group in chosen}
    return [
        np.full(len(source.keys), value in held)
        for value, source in zip(values, sources, strict=True)
    ]

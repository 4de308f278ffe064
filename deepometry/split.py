"""Which cells are held out for the final test, decided before a single one is read.

The decision rests on the identity of the cells and the seed alone: parsing again, with other
channels or another frame, moves no cell to the other side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from deepometry.errors import DeepometryError
from deepometry.groups import group_values
from deepometry.names import Levels, label_of
from deepometry.readers import Source


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
    """Say how many cells of a folder are held out.

    Returns
    -------
    int
        The share, rounded to whole cells, with at least one cell on each side where there are
        two or more.
    """
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
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _by_group(sources: Sequence[Source], share: float, seed: int, by: str) -> list[np.ndarray]:
    folders = [tuple(source.folder) for source in sources]
    values = group_values(folders, by, "Split by", "split by cells")
    cells: dict[str, int] = {}
    for value, source in zip(values, sources, strict=True):
        cells[value] = cells.get(value, 0) + len(source.keys)
    if len(cells) < 2:
        raise DeepometryError(
            f"Split by: expected two or more values of {by}, found only "
            f"{label_of(sources[0].folder, by)}; split by another prefix or by cells."
        )
    held = _hold_groups(cells, share, seed)
    return [
        np.full(len(source.keys), value in held)
        for value, source in zip(values, sources, strict=True)
    ]


def _hold_groups(cells: dict[str, int], share: float, seed: int) -> set[str]:
    """Take groups, in random order, as long as each brings the held cells nearer to the share."""
    wanted = share * sum(cells.values())
    held: list[str] = []
    number = 0
    for value in sorted(cells, key=lambda v: (_rank(v, seed), v)):
        if abs(number + cells[value] - wanted) < abs(number - wanted):
            held.append(value)
            number += cells[value]
    if not held:
        held = [min(cells, key=lambda v: (cells[v], _rank(v, seed)))]
    if len(held) == len(cells):
        held.remove(min(cells, key=lambda v: (cells[v], _rank(v, seed))))
    return set(held)

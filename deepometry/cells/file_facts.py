"""What is known of images without a look at the cells: types, sizes, kinds of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.identity import table_rows
from deepometry.core.errors import DeepometryError
from deepometry.core.file_types import suffix_of

_COLUMNS = ("source", "height", "width", "note")
_CROPPED = "cropped from "


@dataclass(frozen=True)
class FileFacts:
    """Facts of some cells, in their order.

    Attributes
    ----------
    dtypes, suffixes, notes : list of str
        Type of the pixels as stored; the end of the name of the file, and what its reader
        changed, blank where unknown.
    sizes : ndarray of int64, shape (cells, 2)
        Height and width before framing; 0 where unknown.
    listed : bool
        Whether all these cells are in the tables of their stacks.
    """

    dtypes: list[str]
    suffixes: list[str]
    notes: list[str]
    sizes: np.ndarray
    listed: bool


def facts_of(dataset: Dataset, indices: np.ndarray) -> FileFacts:
    """Collect the facts of some cells; only the tables of their stacks are read.

    `indices` are positions in the dataset, in any order.
    """
    starts = np.cumsum([0, *(len(part.stored) for part in dataset.parts)])
    which = np.searchsorted(starts, indices, side="right") - 1
    rows, count = indices - starts[which], len(indices)
    dtypes, suffixes, notes = [""] * count, [""] * count, [""] * count
    sizes, missing = np.zeros((count, 2), np.int64), 0
    for number in np.unique(which).tolist():
        stored, here = dataset.parts[number].stored, np.flatnonzero(which == number)
        listed = _listed(stored.path.with_suffix(".csv"), rows[here].tolist())
        missing += sum(int(row) not in listed for row in rows[here])
        for place in here.tolist():
            source, height, width, note = listed.get(int(rows[place]), ("", "", "", ""))
            dtypes[place], suffixes[place] = str(stored.dtype), suffix_of(source)
            notes[place] = "; ".join(n for n in note.split("; ") if not n.startswith(_CROPPED))
            sizes[place] = _number(height), _number(width)
    return FileFacts(dtypes, suffixes, notes, sizes, listed=not missing)


def _listed(table: Path, rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Read some rows of the table of a stack; nothing where there is none that has the columns."""
    wanted, last = set(rows), max(rows)
    listed: dict[int, tuple[str, ...]] = {}
    try:
        if not table.is_file():
            return {}
        with table_rows(table) as lines:
            header = next(lines, [])
            places = [header.index(name) if name in header else None for name in _COLUMNS]
            for number, line in enumerate(line for line in lines if line):
                if number in wanted:
                    listed[number] = tuple("" if p is None else line[p] for p in places)
                if number == last:
                    break
    except DeepometryError:  # whoever needs the table says that it is damaged
        return {}
    return listed


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0

"""The labels given by hand that hold now, as arrays that follow their file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from deepometry.cells.labels.hand_schema import NONE
from deepometry.core.database import Database

_ALL = "SELECT cell, annotator, settles, class, row, changed FROM standing"
_NEW = f"{_ALL} WHERE changed > ?"  # by an index, which for all of them would take longer

_AT_ONCE = 500  # cells in a question

Slot = tuple[int, bool]
"""An annotator, and whether the labels settle what annotators differ about."""


class Standing:
    """Who labelled which cell as what, and which label counts.

    Attributes
    ----------
    keys : ndarray of uint64, shape (cells,)
        Keys of the cells that were ever labelled.
    changed : int
        The last row of the log that was read.
    first : int
        The annotator whose labels were there before people corrected them: anybody else's label
        counts instead. 0 for none.
    """

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.keys = np.zeros(0, np.uint64)
        self.changed = 0
        self._places: dict[int, int] = {}
        self._labels: dict[Slot, np.ndarray] = {}  # numbers of classes
        self._rows: dict[Slot, np.ndarray] = {}  # of the log

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def annotators(self) -> list[int]:
        """The numbers of all who ever labelled a cell."""
        return sorted({annotator for annotator, settles in self._labels if not settles})

    def follow(self, database: Database) -> None:
        """Read what changed since the last time."""
        new = database.tuples(_NEW, self.changed) if self.changed else database.tuples(_ALL)
        self._add(new)

    def read(self, database: Database, cells: Sequence[int]) -> None:
        """Read the labels of some cells, given by their keys as the file has them."""
        for first in range(0, len(cells), _AT_ONCE):
            some = cells[first : first + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            self._add(database.tuples(f"{_ALL} WHERE cell IN ({marks})", *some))

    def _add(self, rows: Sequence[tuple[int, ...]]) -> None:
        """Take rows of the file in."""
        if not rows:
            return
        array = np.array(rows, np.int64)
        cells, annotators, settles, labels, lines, changed = array[np.argsort(array[:, -1])].T
        places = self._places_of(cells.tolist())
        for slot in {*zip(annotators.tolist(), settles.astype(bool).tolist(), strict=True)}:
            here = (annotators == slot[0]) & (settles == slot[1])
            self._write(self._labels, slot, places[here], labels[here])
            self._write(self._rows, slot, places[here], lines[here])
        self.changed = int(changed.max())

    def _places_of(self, cells: Sequence[int]) -> np.ndarray:
        """Return where cells stand, adding those that are new."""
        known = self._places
        places = np.array([known.setdefault(cell, len(known)) for cell in cells], np.int64)
        if len(known) > len(self.keys):
            self.keys = np.array([*known], np.int64).view(np.uint64)
            for arrays in (self._labels, self._rows):
                for slot, old in arrays.items():
                    arrays[slot] = np.pad(old, (0, len(known) - len(old)))
        return places

    def _write(
        self, arrays: dict[Slot, np.ndarray], slot: Slot, places: np.ndarray, values: np.ndarray
    ) -> None:
        arrays.setdefault(slot, np.zeros(len(self.keys), np.int64))[places] = values

    # --- what they mean -------------------------------------------------------------------------

    def given_by(self, annotator: int, classes: Iterable[int]) -> np.ndarray:
        """Return an annotator's labels: int64, shape (cells,), `NONE` for other classes."""
        labels = self._labels.get((annotator, False))
        if labels is None:
            return np.zeros(len(self), np.int64)
        return np.where(np.isin(labels, [*classes]), labels, NONE)

    def labelled(self, classes: Iterable[int]) -> np.ndarray:
        """Return which cells have a label of anybody, or a decision: bool, shape (cells,)."""
        known = [*classes]
        some = [np.isin(labels, known) for labels in self._labels.values()]
        labelled: np.ndarray = np.any([np.zeros(len(self), bool), *some], 0)
        return labelled

    def differs(self, classes: Iterable[int]) -> np.ndarray:
        """Return where annotators give different labels: bool, shape (cells,)."""
        return self._agreed([*classes])[1]

    def settled(self, classes: Iterable[int]) -> np.ndarray:
        """Return the class that was settled on: int64, shape (cells,), `NONE` where none was.

        A decision is about the labels that stood: it ends where an annotator labels the cell anew.
        """
        decided, last = np.zeros(len(self), np.int64), self.newest()
        for (annotator, settles), labels in self._labels.items():
            if settles:
                rows = self._rows[annotator, settles]
                newer = (rows > last) & np.isin(labels, [*classes])
                decided, last = np.where(newer, labels, decided), np.where(newer, rows, last)
        return decided

    def counted(self, classes: Iterable[int]) -> np.ndarray:
        """Return the class that counts: int64, shape (cells,), `NONE` for none.

        It is the one that was settled on, or that all agree on who labelled the cell.
        """
        known = [*classes]
        settled = self.settled(known)
        agreed, differs = self._agreed(known)
        return np.where(settled != NONE, settled, np.where(differs, NONE, agreed))

    def decisions(self, classes: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return which labels were corrected, and which were confirmed: bool, shape (cells,).

        Corrected is a label that all agreed on, or that of `first`, where another one counts.
        """
        known = [*classes]
        given, differs = self._agreed(known)
        decided = (self.settled(known) != NONE) & ~differs
        if self.first:
            given = self.given_by(self.first, known)
            decided = (self.settled(known) != NONE) | self._by_people(known)
        counted = self.counted(known)
        decided &= (given != NONE) & (counted != NONE)
        return decided & (counted != given), decided & (counted == given)

    def _by_people(self, classes: list[int]) -> np.ndarray:
        """Return which cells have a label of another annotator than `first`."""
        people = [self.given_by(n, classes) != NONE for n in self.annotators if n != self.first]
        by_people: np.ndarray = np.any([np.zeros(len(self), bool), *people], 0)
        return by_people

    def _agreed(self, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the first label of each cell, and whether another one differs from it."""
        first, differs = np.zeros(len(self), np.int64), np.zeros(len(self), bool)
        for annotator in self.annotators:
            labels = self.given_by(annotator, classes)
            if annotator == self.first:
                labels = np.where(self._by_people(classes), NONE, labels)
            differs |= (labels != NONE) & (first != NONE) & (labels != first)
            first = np.where(first == NONE, labels, first)
        return first, differs

    def newest(self) -> np.ndarray:
        """Return the row of the log of the last label of each cell: int64, shape (cells,)."""
        rows = [self._rows[a, settles] for a, settles in self._rows if not settles]
        newest: np.ndarray = np.max([np.zeros(len(self), np.int64), *rows], 0)
        return newest

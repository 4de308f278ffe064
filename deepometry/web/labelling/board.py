"""Parsed cells beside the labels given to them by hand, as arrays with one entry a cell."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.cells.labels.hand_schema import NONE, same_annotator
from deepometry.core.progress import Progress
from deepometry.web.cells.cell_rows import CellRows, parsed_rows
from deepometry.web.results.cell_pictures import Cells
from deepometry.web.results.output import Gone, Unknown

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Places:
    """The cells of a folder, found by their keys.

    Attributes
    ----------
    root : Path
        The folder that Parse wrote.
    rows : CellRows
    order : ndarray of int64, shape (cells,)
        Rows by the size of their keys.
    keys : ndarray of uint64, shape (cells,)
        In that order.
    """

    root: Path
    rows: CellRows
    order: np.ndarray
    keys: np.ndarray

    @property
    def cells(self) -> Cells:
        """The pictures."""
        if isinstance(self.rows.cells, str):
            raise Gone(self.rows.cells)
        return self.rows.cells

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the rows of some keys: for every row, the position of its key, and the row."""
        import numpy as np

        first = np.searchsorted(self.keys, keys, "left")
        many = np.searchsorted(self.keys, keys, "right") - first
        which = np.repeat(np.arange(len(keys)), many)
        inside = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
        return which, self.order[first[which] + inside]

    def named(self, keys: Sequence[int]) -> list[tuple[str, str]]:
        """Return source and object of some keys; raise `Unknown` if a cell is not there."""
        import numpy as np

        which, rows = self.find(np.array(keys, np.uint64))
        row_of = dict(zip(which.tolist(), rows.tolist(), strict=True))
        if len(row_of) < len(keys):
            raise Unknown(
                f"{len(keys) - len(row_of)} of these cells are no longer among the parsed cells: "
                "they were parsed anew; reload the page."
            )
        return [self.rows.name(row_of[n]) for n in range(len(keys))]


def open_places(root: Path, progress: Progress | None = None) -> Places:
    """Read which cells a folder has."""
    import numpy as np

    rows = parsed_rows(root, progress)
    keys = rows.identities
    order = np.argsort(keys, kind="stable")
    return Places(root, rows, order, keys[order])


class Board:
    """A set of labels, beside the cells that they are of.

    Attributes
    ----------
    places : Places
    labels : HandLabels
    standing : Standing
        The labels that hold, as they were read last.
    pairs : (ndarray of int64, ndarray of int64)
        Places in `standing`, and the rows that these cells are.
    """

    def __init__(self, places: Places, name: str) -> None:
        import numpy as np

        from deepometry.cells.labels.hand_files import find_hand_labels
        from deepometry.cells.labels.standing import Standing

        self.places, self.labels = places, find_hand_labels(places.root, name)
        self.standing, self._lock = Standing(self.labels.first), threading.Lock()
        self.pairs = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._place = np.full(len(self), -1, np.int32)  # of each row among the labelled cells
        self._matched = 0

    def __len__(self) -> int:
        return len(self.places.rows)

    @cached_property
    def shuffled(self) -> np.ndarray:
        """All rows in random order, the same one for everybody: int64, shape (cells,)."""
        from deepometry.cells.random_order import random_order

        return random_order(self.places.rows.identities)

    def look(self, who: str) -> Look:
        """Read the labels as they stand now, for an annotator."""
        with self._lock:
            self.labels.standing(self.standing)
            self._match()
            return Look(self, who)

    def _match(self) -> None:
        """Find the rows of cells that were labelled for the first time."""
        import numpy as np

        keys = self.standing.keys
        if len(keys) > self._matched:
            which, rows = self.places.find(keys[self._matched :])
            which += self._matched
            known, before = self.pairs
            self.pairs = np.concatenate([known, which]), np.concatenate([before, rows])
            self._place[rows] = which
            self._matched = len(keys)

    def at(self, values: np.ndarray, row: int) -> int:
        """Return the value of one cell; 0 where there is no label."""
        place = int(self._place[row])
        return int(values[place]) if 0 <= place < len(values) else 0


class Look:
    """The labels of a board at one moment, as one annotator sees them.

    Attributes
    ----------
    classes : tuple of LabelClass
    annotators : dict of int to str
    me : int
        Number of the annotator who looks; 0 before their first label.
    mine, counted, settled : ndarray of int64, shape (labelled cells,)
        Numbers of classes, `NONE` for none: what this annotator gave, what counts, what was
        settled on.
    given : dict of int to ndarray of int64, shape (labelled cells,)
        What each annotator gave.
    labelled, open : ndarray of bool, shape (labelled cells,)
        Whether somebody's label stands, and whether annotators differ and nobody settled it.
    """

    def __init__(self, board: Board, who: str) -> None:
        self.board, labels, standing = board, board.labels, board.standing
        self.classes, self.annotators = labels.class_list, labels.annotators
        ids = [each.id for each in self.classes]
        self.me = same_annotator(who, self.annotators)
        self.given = {number: standing.given_by(number, ids) for number in standing.annotators}
        self.mine = standing.given_by(self.me, ids)
        self.counted, self.settled = standing.counted(ids), standing.settled(ids)
        self.labelled = standing.labelled(ids)
        self.open = standing.differs(ids) & (self.settled == NONE)
        self._newest = standing.newest()
        self._known, self._rows = board.pairs  # as they are now; others go on labelling

    def mask(self, chosen: np.ndarray) -> np.ndarray:
        """Return which cells are among the chosen labelled ones: bool, shape (cells,)."""
        import numpy as np

        spread = np.zeros(len(self.board), bool)
        spread[self._rows] = chosen[self._known]
        return spread

    def in_order(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows whose label counts and their classes, in the order of labelling."""
        import numpy as np

        classes = self.counted[self._known]
        order = np.argsort(self._newest[self._known], kind="stable")
        order = order[classes[order] != NONE]
        return self._rows[order], classes[order]

    def number(self, chosen: np.ndarray) -> int:
        """Count cells among the chosen labelled ones; one that is there twice counts twice."""
        return int(chosen[self._known].sum())

    def counts(self) -> dict[int, int]:
        """Return for every class the number of cells of which it counts."""
        import numpy as np

        most = max((each.id for each in self.classes), default=0)
        numbers = np.bincount(self.counted[self._known], minlength=most + 1).tolist()
        return {each.id: numbers[each.id] for each in self.classes}

    def told(self, row: int) -> dict[str, object]:
        """Describe the labels of a cell for the page."""
        at = self.board.at
        others = {self.annotators[n]: at(labels, row) for n, labels in self.given.items()}
        others.pop(self.annotators.get(self.me, ""), None)
        return {
            "key": str(self.board.places.rows.identities[row]),
            "mine": at(self.mine, row),
            "counted": at(self.counted, row),
            "settled": at(self.settled, row),
            "others": {who: label for who, label in others.items() if label != NONE},
        }

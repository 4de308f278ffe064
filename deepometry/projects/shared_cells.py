"""The cells that several predictions share, joined by source and object, on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.identity import distinct_keys, find_keys
from deepometry.core.progress import Progress
from deepometry.exports.result_tables import GATED_OUT, YES
from deepometry.exports.text_table import COMMA, TextTable
from deepometry.projects.compared_run import ComparedRun

if TYPE_CHECKING:
    import pandas as pd

NO_LABEL, OTHER_LABELS = -1, -2
"""In place of a true class: none of the tables has one, or two have different ones."""

AT_ONCE = 65536
_ABSENT = -1
_BEGIN = "probability_"


@dataclass(frozen=True)
class SharedCells:
    """Cells of the first of several predictions, with what every one of them says of each.

    Attributes
    ----------
    labels : list of str
        All classes, those of the first model first.
    known : ndarray of bool, shape (runs, classes)
        Which classes each model knows.
    true : ndarray of int16, shape (cells,)
        Class, `NO_LABEL` or `OTHER_LABELS`.
    chosen : ndarray of int16, shape (runs, cells)
        The most probable class, also of a cell labelled unsure; negative where a run lacks a cell.
    of_true, sure : ndarray of float32, shape (runs, cells)
        Probability of the true class and of the predicted one.
    unsure : ndarray of bool, shape (runs, cells)
    seen : ndarray of bool, shape (cells,)
        Whether a model has seen the cell in its training or validation.
    gated_out : ndarray of bool, shape (cells,)
        Whether a gate of a run leaves the cell out.
    keys : ndarray of uint64, shape (cells,)
        Of the identities, each different.
    sizes : list of int
        Cells of every run.

    Notes
    -----
    All but the keys are files: of a million cells there are 8 MB in memory, and a few times as much
    while a table is joined.
    """

    labels: list[str]
    known: np.ndarray
    true: np.ndarray
    chosen: np.ndarray
    of_true: np.ndarray
    sure: np.ndarray
    unsure: np.ndarray
    seen: np.ndarray
    gated_out: np.ndarray
    keys: np.ndarray
    sizes: list[int]

    def __len__(self) -> int:
        return len(self.keys)

    def slices(self) -> Iterator[slice]:
        """Yield the rows of the first run, some at a time."""
        for start in range(0, len(self), AT_ONCE):
            yield slice(start, start + AT_ONCE)

    def shared(self, rows: slice) -> np.ndarray:
        """Return which of some cells all runs have."""
        return np.asarray((self.chosen[:, rows] >= 0).all(0))

    def known_to_all(self, rows: slice) -> np.ndarray:
        """Return which of some cells have a true class that all models know."""
        everywhere = np.append(self.known.all(0), False)  # the last one stands for no class
        return np.asarray(everywhere[np.maximum(self.true[rows], -1)])


@contextmanager
def joined(runs: Sequence[ComparedRun], progress: Progress) -> Iterator[SharedCells]:
    """Join the tables of predictions; all have one.

    Raises
    ------
    DeepometryError
        A table cannot be read, or is not one of predictions.
    """
    with TemporaryDirectory(prefix="deepometry-", ignore_cleanup_errors=True) as folder:
        join = _Join(runs, Path(folder), progress)
        try:
            yield join.cells
        finally:
            join.close()


class _Join:
    """Reads one table after the other, those with true labels first."""

    def __init__(self, runs: Sequence[ComparedRun], folder: Path, progress: Progress) -> None:
        self._runs, self._folder, self._progress = runs, folder, progress
        self._open: list[np.memmap] = []
        tables = [self._table(place) for place in range(len(runs))]
        self._labels, known = _all_labels(tables)
        self._codes = {label: code for code, label in enumerate(self._labels)}
        self._keys = distinct_keys(tables[0].keys)
        self.cells = self._empty(known, [len(table.keys) for table in tables])
        labelled = ["true_label" not in table.texts for table in tables]
        for place in sorted(range(len(runs)), key=lambda place: labelled[place]):
            self._fill(place, tables[place])

    def _table(self, place: int) -> TextTable:
        self._progress.report(place, len(self._runs), "Reading the tables", "runs")
        path = self._runs[place].table
        assert path is not None
        return TextTable(path, COMMA, "predicted")

    def _empty(self, known: np.ndarray, sizes: list[int]) -> SharedCells:
        runs = len(self._runs)
        return SharedCells(
            labels=self._labels,
            known=known,
            true=self._array("true", np.int16, 0, NO_LABEL),
            chosen=self._array("chosen", np.int16, runs, _ABSENT),
            of_true=self._array("of_true", np.float32, runs),
            sure=self._array("sure", np.float32, runs),
            unsure=self._array("unsure", np.bool_, runs),
            seen=self._array("seen", np.bool_, 0),
            gated_out=self._array("gated_out", np.bool_, 0),
            keys=self._keys,
            sizes=sizes,
        )

    def _array(self, name: str, kind: type, runs: int, value: int = 0) -> np.ndarray:
        """Make an array on disk; a disk full of zeros is made at once."""
        count = max(1, len(self._keys))
        shape = (runs, count) if runs else (count,)
        array: np.memmap = np.memmap(self._folder / name, kind, "w+", shape=shape)
        if value:
            array[...] = value
        self._open.append(array)
        return array[..., : len(self._keys)]

    def close(self) -> None:
        """Close the files: Windows could not delete them otherwise."""
        for array in self._open:
            array._mmap.close()  # type: ignore[attr-defined]

    def _fill(self, place: int, table: TextTable) -> None:
        """Write what a table says of the cells of the first one."""
        rows = find_keys(distinct_keys(table.keys), self._keys)
        done = 0
        for cells, _ in table.pieces(AT_ONCE):
            self._progress.report(done, len(rows), f"Comparing {self._runs[place].name}", "cells")
            here = rows[done : done + len(cells)]
            done += len(cells)
            some = here >= 0
            if some.any():
                self._write(place, here[some], cells[some], table)

    def _write(self, place: int, rows: np.ndarray, cells: pd.DataFrame, table: TextTable) -> None:
        to = self.cells
        if "true_label" in table.texts:
            true, earlier = self._coded(cells["true_label"]), np.asarray(to.true[rows])
            differ = (earlier != NO_LABEL) & (true != NO_LABEL) & (earlier != true)
            kept = np.where(true == NO_LABEL, earlier, true)
            to.true[rows] = np.where(differ, OTHER_LABELS, kept)
        named = "predicted" if "predicted" in table.texts else "label"
        chosen = self._coded(cells[named])
        to.chosen[place, rows] = chosen
        to.unsure[place, rows] = (cells["label"] != cells[named]).to_numpy()
        probabilities = self._probabilities(cells, table)
        to.sure[place, rows] = _picked(probabilities, chosen)
        to.of_true[place, rows] = _picked(probabilities, np.asarray(to.true[rows]))
        if "seen" in table.texts:
            to.seen[rows] |= (cells["seen"] != "").to_numpy()
        if GATED_OUT in table.texts:
            to.gated_out[rows] |= (cells[GATED_OUT] == YES).to_numpy()

    def _coded(self, texts: pd.Series) -> np.ndarray:
        codes: np.ndarray = texts.map(self._codes).fillna(NO_LABEL).to_numpy(np.int16)
        return codes

    def _probabilities(self, cells: pd.DataFrame, table: TextTable) -> np.ndarray:
        """Return those of all classes, (cells, classes + 1): 0 where the model knows none of it."""
        every = np.zeros((len(cells), len(self._labels) + 1), np.float32)
        for name in table.numbers:
            if name.startswith(_BEGIN):
                code = self._codes[name.removeprefix(_BEGIN)]
                every[:, code] = cells[name].to_numpy(np.float32)
        return every


def _picked(probabilities: np.ndarray, codes: np.ndarray) -> Any:
    """Return the probability of one class for every cell; 0, in the last column, of none."""
    columns = np.maximum(codes.astype(np.int64), -1)[:, None]
    return np.take_along_axis(probabilities, columns % probabilities.shape[1], 1)[:, 0]


def _all_labels(tables: Sequence[TextTable]) -> tuple[list[str], np.ndarray]:
    """Return the classes of all tables, and which of them each model knows."""
    own = [
        [name.removeprefix(_BEGIN) for name in table.numbers if name.startswith(_BEGIN)]
        for table in tables
    ]
    names = ("true_label", "predicted", "label")
    labels = dict.fromkeys(label for each in own for label in each)
    for table in tables:
        named = "predicted" if "predicted" in table.texts else "label"
        for name in names:
            if name in ("true_label", named):
                labels |= dict.fromkeys(table.values.get(name, []))
    labels.pop("", None)  # a cell without a label
    known = [[label in each for label in labels] for each in own]
    return [*labels], np.array(known, bool).reshape(len(tables), len(labels))

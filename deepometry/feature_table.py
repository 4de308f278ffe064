"""The features of all cells, a row a cell, measured and written block by block."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

import numpy as np

from deepometry.features import measured
from deepometry.progress import Progress
from deepometry.stored import IDENTITY
from deepometry.training_cells import Cells
from deepometry.trees import Trees

_MOST_LEARNT = 50_000  # cells that trees learn from: more of them add minutes, and little else
_MOST_BYTES = 256 << 20  # of features in memory
_MOST_WEIGHED = 1000  # validation cells among which features are weighed


class FeatureTable:
    """The table of the features; training cells first, then validation cells.

    Parameters
    ----------
    file : text file
        Where the table goes.
    cells : Cells
        Training and validation cells.
    names : sequence of str
        Of the features.
    progress : Progress
        Told about the cells.
    kept : ndarray of float32, shape (labelled cells, features), optional
        Takes the features of all cells, in the order of the table.
    """

    def __init__(
        self,
        file: TextIO,
        cells: Cells,
        names: Sequence[str],
        progress: Progress,
        kept: np.ndarray | None = None,
    ) -> None:
        self.cells, self.width, self.progress = cells, len(names), progress
        self._kept, self._written = kept, 0
        self._write = csv.writer(file, lineterminator="\n").writerow
        self._write([*IDENTITY, cells.target, "side", "predicted", *names])

    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """Measure the training cells.

        Returns
        -------
        features : ndarray of float32, shape (n, features)
            Of those to learn from: all, or as many as memory should hold.
        codes : ndarray of int64, shape (n,)
            Their classes.
        """
        codes = self.cells.codes[self.cells.training]
        wanted = spread_evenly(codes, most_learnt(self.width))
        if len(wanted) < len(codes):
            self.progress.say(
                f"Learning from {len(wanted):,} of the {len(codes):,} training cells, evenly "
                "chosen, of rare classes all."
            )
        kept, seen, done = np.empty((len(wanted), self.width), np.float32), 0, 0
        for found in self._measured(self.cells.training, "training", None):
            until = int(np.searchsorted(wanted, seen + len(found)))
            kept[done:until] = found[wanted[done:until] - seen]
            seen, done = seen + len(found), until
        return kept, codes[wanted]

    def validation(self, trees: Trees) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Measure and name the validation cells.

        Returns
        -------
        chosen : ndarray of int64, shape (validation cells,)
            The class that each is given.
        seen : (ndarray of float32, ndarray of int64)
            Features and classes of some of them, evenly chosen.
        """
        codes = self.cells.codes[self.cells.validation]
        step = -(-len(codes) // _MOST_WEIGHED)
        chosen, kept, seen = [], [], 0
        for found in self._measured(self.cells.validation, "validation", trees):
            chosen.append(trees.probabilities(found).argmax(1))
            kept.append(found[-seen % step :: step])
            seen += len(found)
        return np.concatenate(chosen), (np.concatenate(kept), codes[::step])

    def _measured(
        self, indices: np.ndarray, side: str, trees: Trees | None
    ) -> Iterator[np.ndarray]:
        """Measure cells in blocks, and write a row for each."""
        cells, labels, done = self.cells, self.cells.labels, 0
        identities = self._identities(indices)
        for found in measured(cells.dataset, indices, cells.columns, self.progress):
            codes = cells.codes[indices[done : done + len(found)]].tolist()
            said = [""] * len(found)
            if trees is not None:
                said = [labels[code] for code in trees.probabilities(found).argmax(1)]
            for row, code, label in zip(found.tolist(), codes, said, strict=True):
                values = (f"{value:.6g}" for value in row)
                self._write([*next(identities), labels[code], side, label, *values])
            done += len(found)
            self._keep(found)
            yield found

    def _keep(self, found: np.ndarray) -> None:
        if self._kept is not None:
            self._kept[self._written : self._written + len(found)] = found
        self._written += len(found)

    def _identities(self, indices: np.ndarray) -> Iterator[tuple[str, str]]:
        wanted = np.zeros(len(self.cells.dataset), bool)
        wanted[indices] = True
        for here, (_, source, name) in zip(wanted, self.cells.dataset.identities(), strict=True):
            if here:
                yield source, name


def most_learnt(width: int) -> int:
    """Say how many cells of so many features to learn from at most."""
    return min(_MOST_LEARNT, _MOST_BYTES // (4 * width))


def spread_evenly(codes: np.ndarray, most: int) -> np.ndarray:
    """Choose cells to learn from: all, or of each class at most so many that all fit.

    Parameters
    ----------
    codes : ndarray of int, shape (cells,)
        Class of each cell.
    most : int
        Cells in all.

    Returns
    -------
    ndarray of int64
        Places, rising.
    """
    if len(codes) <= most:
        return np.arange(len(codes))
    counts, room, share = np.sort(np.bincount(codes)), most, 0
    for done, count in enumerate(counts):
        share = room // (len(counts) - done)  # what rare classes leave goes to the others
        room -= min(count, share)
    places = (np.flatnonzero(codes == code) for code in np.unique(codes))
    even = (own[np.linspace(0, len(own) - 1, min(len(own), share)).astype(int)] for own in places)
    return np.sort(np.concatenate(list(even)))

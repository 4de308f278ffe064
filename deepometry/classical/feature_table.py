"""The features of all cells, a row a cell, measured and written block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TextIO

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.stack_reader import IDENTITY
from deepometry.classical.features import measured
from deepometry.classical.tree_file import Trees
from deepometry.classical.tree_task import TreeTask
from deepometry.core.progress import Progress
from deepometry.core.spreadsheet import SafeWriter

MOST_LEARNT = 50_000  # cells that trees learn from: more of them add minutes, and little else
_MOST_BYTES = 256 << 20  # of features in memory
_MOST_WEIGHED = 1000  # validation cells among which features are weighed


class DividedCells(Protocol):
    """Cells divided into training and validation, as `training.cells.Cells`."""

    @property
    def dataset(self) -> Dataset: ...

    @property
    def columns(self) -> list[int]:
        """Positions of the wanted channels in the images."""

    @property
    def target(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def codes(self) -> np.ndarray:
        """Class, or range of numbers, of every cell of the data set."""

    @property
    def training(self) -> np.ndarray:
        """Indices of the training cells."""

    @property
    def validation(self) -> np.ndarray:
        """Indices of the validation cells."""


class FeatureTable:
    """The table of the features; training cells first, then validation cells.

    `task` is what trees learn of them. `stored` (labelled cells, features), if there is one, takes
    the features of all cells, in the order of the table.
    """

    def __init__(
        self,
        file: TextIO,
        cells: DividedCells,
        task: TreeTask,
        names: Sequence[str],
        progress: Progress,
        stored: np.ndarray | None = None,
    ) -> None:
        self.cells, self.task, self.width, self.progress = cells, task, len(names), progress
        self._stored, self._written = stored, 0
        self._write = SafeWriter(file, lineterminator="\n").writerow
        self._write([*IDENTITY, cells.target, "side", "predicted", *names])

    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """Measure the training cells; return features and indices of those to learn from.

        These are all, or as many as memory should hold.
        """
        codes = self.cells.codes[self.cells.training]
        wanted = spread_evenly(codes, most_learnt(self.width))
        if len(wanted) < len(codes):
            self.progress.say(
                f"Learning from {len(wanted):,} of the {len(codes):,} training cells, evenly "
                "chosen, of rare classes all."
            )
        features, seen, done = np.empty((len(wanted), self.width), np.float32), 0, 0
        for block in self._measured(self.cells.training, "training", None):
            until = int(np.searchsorted(wanted, seen + len(block)))
            features[done:until] = block[wanted[done:until] - seen]
            seen, done = seen + len(block), until
        return features, self.cells.training[wanted]

    def validation(self, trees: Trees) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Measure the validation cells, and run the trees over them.

        Returned are the outputs for each, (cells, outputs), and features and indices of some,
        evenly chosen.
        """
        indices = self.cells.validation
        step = -(-len(indices) // _MOST_WEIGHED)
        found, features, seen = [], [], 0
        for block in self._measured(self.cells.validation, "validation", trees):
            found.append(self.task.outputs(trees, block))
            features.append(block[-seen % step :: step])
            seen += len(block)
        return np.concatenate(found), (np.concatenate(features), indices[::step])

    def _measured(
        self, indices: np.ndarray, side: str, trees: Trees | None
    ) -> Iterator[np.ndarray]:
        """Measure cells in blocks, and write a row for each."""
        cells, done = self.cells, 0
        identities = cells.dataset.identities_of(indices)
        for block in measured(cells.dataset, indices, cells.columns, self.progress):
            true = self.task.true_texts(indices[done : done + len(block)])
            predicted = [""] * len(block)
            if trees is not None:
                predicted = self.task.predicted_texts(self.task.outputs(trees, block))
            for row, text, label in zip(block.tolist(), true, predicted, strict=True):
                values = (f"{value:.6g}" for value in row)
                self._write([*next(identities), text, side, label, *values])
            done += len(block)
            self._store(block)
            yield block

    def _store(self, block: np.ndarray) -> None:
        if self._stored is not None:
            self._stored[self._written : self._written + len(block)] = block
        self._written += len(block)


def most_learnt(width: int) -> int:
    """Return the largest number of cells with so many features to learn from."""
    return min(MOST_LEARNT, _MOST_BYTES // (4 * width))


def spread_evenly(codes: np.ndarray, most: int) -> np.ndarray:
    """Choose cells to learn from: all, or of each class at most so many that `most` in all fit.

    `codes` (cells,) are the classes; returned are rising places.
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

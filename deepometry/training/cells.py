"""The labelled cells of a training, divided into training and validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.known_cells import Fingerprints, KnownCells
from deepometry.core.task import Task
from deepometry.core.text import shortened
from deepometry.evaluation.number_metrics import no_better_than_the_mean
from deepometry.evaluation.significance import no_better_than_guessing


@dataclass(frozen=True, kw_only=True)
class LabelledCells:
    """Cells with a class, not yet divided.

    Attributes
    ----------
    dataset : Dataset
        All cells of the input but those held out.
    target : str
        What is learnt, as the folders spell it.
    task : Task
        Whether it is learnt as classes, ordered classes or a number.
    labels : tuple of str
        Its classes; ranges of a number, by which cells are divided evenly.
    codes : ndarray of int64, shape (cells,)
        Class or range of every cell; -1 for none.
    values : ndarray of float64, shape (cells,), or None
        The number of every cell; NaN for none. None for classes.
    columns : list of int
        Positions of the wanted channels in the images.
    fingerprint : str
        Hash of all pixels and labels.
    images : ndarray of int64, shape (cells,)
        Equal for equal images.
    prints : Fingerprints
        Of all cells, for the model file.
    group_by : str
        What groups are, such as Sample; blank where cells stand for themselves.
    groups : ndarray of int64, shape (cells,), or None
        Group of every cell; -1 for none.
    group_names : tuple of str
        The values that groups are places of, in natural order.
    """

    dataset: Dataset
    target: str
    task: Task
    labels: tuple[str, ...]
    codes: np.ndarray
    values: np.ndarray | None
    columns: list[int]
    fingerprint: str
    images: np.ndarray
    prints: Fingerprints
    group_by: str
    groups: np.ndarray | None
    group_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cells(LabelledCells):
    """The labelled cells, divided into training and validation.

    Attributes
    ----------
    training, validation : ndarray of int64
        Indices of the cells.
    folds : ndarray of int8, shape (cells,), or None
        Fold in which each labelled cell is left out, from 0; -1 for others.
    warnings : tuple of str
        Reasons why a score on the validation cells may be misleading.
    """

    training: np.ndarray
    validation: np.ndarray
    folds: np.ndarray | None
    warnings: tuple[str, ...]

    @property
    def known(self) -> KnownCells:
        """The cells that a model of this training has seen."""
        return KnownCells.of(self.prints, self.training, self.validation)

    @property
    def labelled(self) -> int:
        """Number of cells that have a label."""
        return len(self.training) + len(self.validation)

    @property
    def fitted_task(self) -> Task:
        """The task with the scale of the numbers of the training cells."""
        return self.task if self.values is None else self.task.fitted(self.values[self.training])

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        """Return the numbers of some cells that have one, float64 (n,)."""
        assert self.values is not None  # asked for by what learns numbers alone
        return self.values[indices]

    def guessing(self, scores: Mapping[str, float]) -> list[str]:
        """Return a warning where scores of these cells are no better than guessing."""
        where = (self.codes, self.validation, len(self.labels), self.target)
        guessing = no_better_than_the_mean if self.task.is_number else no_better_than_guessing
        return guessing(scores, *where)

    @property
    def counts(self) -> str:
        """The number of training cells in words, in all and by class."""
        counts = np.bincount(self.codes[self.training], minlength=len(self.labels))
        each = [f"{label} {n:,}" for label, n in zip(self.labels, counts, strict=True)]
        return f"{len(self.training):,} cells ({shortened(each)})"

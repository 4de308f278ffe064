"""What trees learn of cells: classes, or a number."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from deepometry.classical.boosting import learn, learn_numbers
from deepometry.classical.tree_file import Trees
from deepometry.core.errors import OptionsError
from deepometry.core.progress import Progress
from deepometry.core.task import Task
from deepometry.core.text import table_number


class TaughtCells(Protocol):
    """Cells with classes or numbers, as `training.cells.Cells`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes, or ranges of the number."""

    @property
    def codes(self) -> np.ndarray:
        """Class or range of every cell of the data set."""

    @property
    def fitted_task(self) -> Task:
        """With the scale of the numbers of the training cells."""

    def numbers(self, indices: np.ndarray) -> np.ndarray:
        """The numbers of some cells."""


class TreeTask(Protocol):
    """What trees learn of some cells, by their indices (n,) in the data set."""

    def learn(
        self,
        features: np.ndarray,
        indices: np.ndarray,
        method: str,
        seed: int,
        progress: Progress,
    ) -> Trees:
        """Train on the features (n, features) of cells."""

    def outputs(self, trees: Trees, features: np.ndarray) -> np.ndarray:
        """Return what trees make of features: (n, outputs), as a network's."""

    def loss(self, trees: Trees, features: np.ndarray, indices: np.ndarray) -> float:
        """Return how far trees are from the truth."""

    def true_texts(self, indices: np.ndarray) -> list[str]:
        """Return classes or numbers as text."""

    def predicted_texts(self, outputs: np.ndarray) -> list[str]:
        """Return predicted classes or numbers as text."""


def tree_task(cells: TaughtCells) -> TreeTask:
    """Return what trees learn of some cells."""
    return NumberTrees(cells) if cells.fitted_task.is_number else ClassTrees(cells)


class ClassTrees:
    """Trees that vote for classes."""

    def __init__(self, cells: TaughtCells) -> None:
        self._cells = cells

    def learn(
        self,
        features: np.ndarray,
        indices: np.ndarray,
        method: str,
        seed: int,
        progress: Progress,
    ) -> Trees:
        """Train a classifier."""
        codes, classes = self._cells.codes[indices], len(self._cells.labels)
        return learn(features, codes, classes, method, seed, progress)

    def outputs(self, trees: Trees, features: np.ndarray) -> np.ndarray:
        """Return the probability of every class."""
        return trees.probabilities(features)

    def loss(self, trees: Trees, features: np.ndarray, indices: np.ndarray) -> float:
        """Return the mean over the classes of the mean cross-entropy of their cells."""
        codes = self._cells.codes[indices]
        right = trees.probabilities(features)[np.arange(len(codes)), codes]
        costs = -np.log(np.maximum(right, 1e-7))
        return float(np.mean([costs[codes == code].mean() for code in np.unique(codes)]))

    def true_texts(self, indices: np.ndarray) -> list[str]:
        """Return the names of the classes."""
        return [self._cells.labels[code] for code in self._cells.codes[indices].tolist()]

    def predicted_texts(self, outputs: np.ndarray) -> list[str]:
        """Return the names of the most probable classes."""
        return [self._cells.labels[code] for code in outputs.argmax(1).tolist()]


class NumberTrees:
    """Trees whose votes add up to a standardised number."""

    def __init__(self, cells: TaughtCells) -> None:
        self._cells, self._task = cells, cells.fitted_task

    def learn(
        self,
        features: np.ndarray,
        indices: np.ndarray,
        method: str,
        seed: int,
        progress: Progress,
    ) -> Trees:
        """Train a regression; raise OptionsError for a method that balances classes."""
        if method != "boosting":
            text = f"Method: expected boosting for a number, found {method}, which is for classes."
            raise OptionsError({"method": text})
        return learn_numbers(features, self._wanted(indices), seed, progress)

    def outputs(self, trees: Trees, features: np.ndarray) -> np.ndarray:
        """Return the standardised number, (n, 1)."""
        return trees.votes(features)

    def loss(self, trees: Trees, features: np.ndarray, indices: np.ndarray) -> float:
        """Return the mean squared error of the standardised numbers."""
        errors = trees.votes(features)[:, 0] - self._wanted(indices)
        return float(np.square(errors).mean())

    def _wanted(self, indices: np.ndarray) -> np.ndarray:
        return self._task.standardised(self._cells.numbers(indices))

    def true_texts(self, indices: np.ndarray) -> list[str]:
        """Return the numbers."""
        return [table_number(number) for number in self._cells.numbers(indices).tolist()]

    def predicted_texts(self, outputs: np.ndarray) -> list[str]:
        """Return the predicted numbers."""
        return [table_number(number) for number in self._task.numbers_of(outputs).tolist()]

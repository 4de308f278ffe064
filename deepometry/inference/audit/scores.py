"""Scores of changed images with intervals: a bootstrap over cells, class by class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepometry.evaluation.intervals import percentiles

DRAWS = 500


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Judged:
    """What a model makes of some cells, beside their true classes.

    Attributes
    ----------
    probabilities : ndarray of float, shape (n, classes)
    true : ndarray of int, shape (n,)
    weights : ndarray of float32, shape (draws, n)
        How often each cell is in each bootstrap sample; as many cells of every class as there are.
    shares : ndarray of float, shape (classes,)
        Of the classes among all cells, of which these were drawn evenly by class; the sum is 1.
    """

    probabilities: np.ndarray
    true: np.ndarray
    weights: np.ndarray
    shares: np.ndarray

    @cached_property
    def present(self) -> np.ndarray:
        """The classes that occur."""
        return np.unique(self.true)

    @cached_property
    def recalls(self) -> np.ndarray:
        """Recall of every class that occurs: of all cells, then of each draw; (1 + draws, k)."""
        right = self.probabilities.argmax(1) == self.true
        inside = self.true[:, None] == self.present
        every = np.vstack([np.ones(len(self.true), np.float32), self.weights])
        recalls: np.ndarray = every @ (inside & right[:, None]) / (every @ inside)
        return recalls

    @property
    def balanced_accuracy(self) -> Estimate:
        """Mean recall of the classes that occur."""
        return _estimate(self.recalls.mean(1))

    @property
    def accuracy(self) -> Estimate:
        """Mean recall, weighted by the shares of the classes among all cells."""
        shares = self.shares[self.present]
        return _estimate(self.recalls @ shares / shares.sum())

    @property
    def guessing(self) -> float:
        """Balanced accuracy of the same predictions, shuffled between the cells: its mean."""
        chosen = np.bincount(self.probabilities.argmax(1), minlength=self.probabilities.shape[1])
        return float(chosen[self.present].sum() / len(self.true) / len(self.present))

    @cached_property
    def areas(self) -> np.ndarray:
        """Area under the ROC curve of every class against all others, (1 + draws, k)."""
        every = np.vstack([np.ones(len(self.true), np.float32), self.weights])
        each = [_area(self.probabilities[:, k], self.true == k, every) for k in self.present]
        return np.stack(each, 1)

    @property
    def roc_area(self) -> Estimate:
        """Mean of the areas; it does not depend on where the model draws the line."""
        return _estimate(self.areas.mean(1))

    def roc_area_of(self, place: int) -> Estimate:
        """Return the area of one of the classes in `present`, by its place there."""
        return _estimate(self.areas[:, place])


def bootstrap_weights(true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw cells with replacement from each class; return float32 counts, (draws, n)."""
    weights = np.zeros((DRAWS, len(true)), np.float32)
    for code in np.unique(true):
        cells = np.flatnonzero(true == code)
        weights[:, cells] = rng.multinomial(len(cells), np.full(len(cells), 1 / len(cells)), DRAWS)
    return weights


def difference(one: np.ndarray, other: np.ndarray) -> Estimate:
    """Return the difference of two scores of the same cells, (1 + draws,) each."""
    return _estimate(one - other)


def _estimate(values: np.ndarray) -> Estimate:
    """Make an estimate of the value of all cells, which comes first, and those of the draws."""
    low, high = percentiles(values[1:])
    return Estimate(float(values[0]), float(low), float(high))


def _area(scores: np.ndarray, real: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the area under a ROC curve for every row of weights; equal scores count half."""
    order = np.argsort(scores, kind="stable")
    ordered, real, weights = scores[order], real[order], weights[:, order].astype(np.float64)
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right")
    below = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights * ~real, 1)], 1)
    wins = (below[:, first] + below[:, last]) / 2
    pairs = (weights * real).sum(1) * (weights * ~real).sum(1)
    area: np.ndarray = np.divide(
        (wins * weights * real).sum(1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0
    )
    return area

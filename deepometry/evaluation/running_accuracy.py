"""The accuracy of a classifier that learns while cells are labelled, by labels it had not seen.

Every cell is predicted by a classifier that did not learn from it. Of cells that were chosen
because they are hard, or easy, this is no estimate of the accuracy among all cells; of cells that
were chosen at random it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import wilson

FEWEST = 20
"""Randomly chosen cells below which no accuracy is told."""


@dataclass(frozen=True)
class RunningAccuracy:
    """The accuracy of the classifier by cells that it had not learnt from.

    Attributes
    ----------
    labels : int
        Labelled cells so far.
    cells, right : int
        Randomly chosen cells that have a label, and those of them that were predicted correctly.
    low, high : float
        95 % Wilson interval of the accuracy.
    """

    labels: int
    cells: int
    right: int
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """Share that was predicted correctly; NaN without cells."""
        return self.right / self.cells if self.cells else float("nan")

    @property
    def is_reliable(self) -> bool:
        """Whether there are cells enough to tell an accuracy."""
        return self.cells >= FEWEST

    def __str__(self) -> str:
        if not self.is_reliable:
            return (
                f"No estimate of the accuracy yet: it needs {FEWEST} randomly chosen cells with a "
                f"label, of which there are {self.cells}."
            )
        return (
            f"Estimated accuracy {100 * self.accuracy:.0f} % (95 % interval {100 * self.low:.0f} "
            f"to {100 * self.high:.0f} %), from {self.cells} randomly chosen cells, predicted "
            "without their labels."
        )


def running_accuracy(
    codes: np.ndarray, predicted: np.ndarray, at_random: np.ndarray
) -> RunningAccuracy:
    """Estimate the accuracy of the classifier as it is now.

    Parameters
    ----------
    codes : ndarray of int, shape (labels,)
        Classes of the labelled cells.
    predicted : ndarray of int, shape (labels,)
        What each was predicted as by a classifier that did not learn from it; -1 for none.
    at_random : ndarray of bool, shape (labels,)
        Whether a cell was chosen at random, not by what the classifier made of it.
    """
    counted = at_random & (predicted >= 0)
    cells, right = int(counted.sum()), int((codes == predicted)[counted].sum())
    low, high = wilson(np.array(right), np.array(cells))
    return RunningAccuracy(len(codes), cells, right, float(low), float(high))

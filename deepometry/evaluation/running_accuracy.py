"""The accuracy of a classifier that learns while cells are labelled, by labels it had not seen.

Every cell is predicted by a classifier that learnt only from labels given before that cell had
one (prequential evaluation: Dawid, J. R. Stat. Soc. A 147 (1984)). Of cells that were chosen
because they are hard, or easy, this is no estimate of the accuracy among all cells; of cells that
were chosen at random it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import wilson

FEWEST = 20
"""Randomly chosen cells below which no accuracy is told."""

_RECENT = 0.5  # of the labels: predictions by classifiers that had at least this share of them


@dataclass(frozen=True)
class RunningAccuracy:
    """The accuracy of the classifier by cells that were labelled after it predicted them.

    Attributes
    ----------
    labels : int
        Labelled cells so far.
    cells, right : int
        Randomly chosen cells among those that were labelled last, and those of them that had been
        predicted correctly.
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
            f"to {100 * self.high:.0f} %), from {self.cells} randomly chosen cells that were "
            "predicted before they were labelled."
        )


def running_accuracy(
    codes: np.ndarray, predicted: np.ndarray, at_random: np.ndarray
) -> RunningAccuracy:
    """Estimate the accuracy of the classifier as it is now.

    Parameters
    ----------
    codes : ndarray of int, shape (labels,)
        Classes of the labelled cells, in the order in which the labels were given.
    predicted : ndarray of int, shape (labels,)
        What each was predicted as by labels before its own; -1 where none was predicted yet.
    at_random : ndarray of bool, shape (labels,)
        Whether a cell was chosen at random, not by what the classifier made of it.

    Notes
    -----
    Of the predictions only those count that were made with half as many labels as there are now,
    or more; where these are fewer than `FEWEST`, the last ones. The classifier has learnt since,
    so that the estimate is rather too low than too high.
    """
    known = np.flatnonzero(at_random & (predicted >= 0))
    recent = known[known >= _RECENT * len(codes)]
    counted = recent if len(recent) >= FEWEST else known[-FEWEST:]
    cells, right = len(counted), int((codes == predicted)[counted].sum())
    low, high = wilson(np.array(right), np.array(cells))
    return RunningAccuracy(len(codes), cells, right, float(low), float(high))

"""Counts of two classifiers on the same cells: which of them is right, and by how much."""

from __future__ import annotations

import numpy as np

from deepometry.evaluation.calibration import LEAST

BOTH, FIRST, SECOND, NEITHER = range(4)
"""Which of two classifiers classifies a cell correctly."""

_BINS = 2048  # of differences of the loss of a cell
_WIDEST = -float(np.log(LEAST))  # the largest loss of a cell, and so the largest difference


class PairTally:
    """Counts of two classifiers on the same cells, added batch by batch.

    `classes` is the number of true classes, `groups` that of groups of cells, 0 for none. Memory
    does not grow with the number of cells.
    """

    def __init__(self, classes: int, groups: int = 0) -> None:
        self.grouped = bool(groups)
        self.outcomes = np.zeros((max(groups, 1), classes, 4), np.int64)
        self.loss_cells = np.zeros(_BINS, np.int64)
        self.loss_sums = np.zeros(_BINS)
        self.group_losses = np.zeros(max(groups, 1))

    def add(
        self,
        true: np.ndarray,
        chosen: tuple[np.ndarray, np.ndarray],
        of_true: tuple[np.ndarray, np.ndarray],
        groups: np.ndarray | None = None,
    ) -> None:
        """Add cells.

        Parameters
        ----------
        true : ndarray of int, shape (cells,)
        chosen : pair of ndarray of int, shape (cells,)
            Classes that the first and the second classifier predict.
        of_true : pair of ndarray of float, shape (cells,)
            Probability that each gives to the true class.
        groups : ndarray of int, shape (cells,), optional
            Number of the group of every cell, from 0.
        """
        first, second = (codes == true for codes in chosen)
        place = np.where(first, np.where(second, BOTH, FIRST), np.where(second, SECOND, NEITHER))
        number = np.zeros(len(true), np.int64) if groups is None else groups
        flat = (number * self.outcomes.shape[1] + true) * 4 + place
        counts = np.bincount(flat, minlength=self.outcomes.size)
        self.outcomes += counts.reshape(self.outcomes.shape)
        self._add_losses(of_true, number)

    def _add_losses(self, of_true: tuple[np.ndarray, np.ndarray], number: np.ndarray) -> None:
        first, second = (-np.log(np.maximum(np.asarray(p, np.float64), LEAST)) for p in of_true)
        more = second - first
        bins = np.clip((more + _WIDEST) / (2 * _WIDEST) * _BINS, 0, _BINS - 1).astype(np.int64)
        self.loss_cells += np.bincount(bins, minlength=_BINS)
        self.loss_sums += np.bincount(bins, more, _BINS)
        self.group_losses += np.bincount(number, more, len(self.group_losses))

"""Two predictions of numbers for the same cells: which has the smaller errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import DRAWS, percentiles
from deepometry.evaluation.number_metrics import units_of
from deepometry.evaluation.paired import shown
from deepometry.evaluation.paired_tests import exchange_test
from deepometry.evaluation.significance import SURE

_SEED = 0


@dataclass(frozen=True)
class PairedNumbers:
    """Two predictions of numbers for the same cells.

    Attributes
    ----------
    cells : int
    difference, low, high : float
        Mean absolute error of the second less that of the first, with its 95 % interval.
    p_value : float
        Of the exchange of the two, cell by cell or group by group.
    groups : int
        Groups of cells that were kept together; 0 where every cell was taken as independent.
    """

    cells: int
    difference: float
    low: float
    high: float
    p_value: float
    groups: int = 0

    def sentence(self, first: str, second: str) -> str:
        """Say which of the two has the smaller errors."""
        fact = (
            f"the mean absolute error of {second} less that of {first} is {self.difference:+.4g} "
            f"({self.low:+.4g} to {self.high:+.4g})"
        )
        if self.p_value > SURE or not self.difference:
            chance = f"this may be chance ({shown(self.p_value)})"
            return f"{fact}: {chance}; neither is shown to be better."
        better = first if self.difference > 0 else second
        return f"{fact}: {better} is better ({shown(self.p_value)})."


def paired_numbers(
    true: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None
) -> PairedNumbers:
    """Test two predictions of the same numbers (cells,) by their absolute errors.

    Parameters
    ----------
    true, first, second : ndarray of float, shape (cells,)
    groups : ndarray of int, shape (cells,), optional
        Number of the group of every cell, from 0: whole groups are resampled and exchanged.

    Returns
    -------
    PairedNumbers
        The same for the same input. Of more than 2,000 cells, random blocks stand for cells.
    """
    moved = np.abs(second - true) - np.abs(first - true)
    rng = np.random.default_rng(_SEED)
    units = units_of(len(true), rng) if groups is None else groups
    sums, cells = np.bincount(units, weights=moved), np.bincount(units)
    sums, cells = sums[cells > 0], cells[cells > 0]
    count = len(cells)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)
    low, high = percentiles(weights @ sums / np.maximum(weights @ cells, 1))
    p_value = exchange_test(sums, _SEED)
    known = 0 if groups is None else count
    return PairedNumbers(len(true), float(moved.mean()), float(low), float(high), p_value, known)

"""What cells of a new group cost: the same classifier across groups and in random folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.evaluate import FEW_GROUPS
from deepometry.evaluation.intervals import DRAWS, percentiles
from deepometry.evaluation.score_names import NAMES, lowered

_SEED = 0


@dataclass(frozen=True)
class Price:
    """What cells of a new group cost: the same classifier across groups and in random folds.

    Attributes
    ----------
    by : str
        What groups are, such as Day.
    name : str
        Of the score: `accuracy`, or `mae` of numbers.
    across, mixed : float
        The score of cells of groups that the model never saw; and of cells in random folds, whose
        groups it saw.
    cost, low, high : float
        How much worse the first is, with a 95 % interval over groups.
    cells, groups : int
    """

    by: str
    name: str
    across: float
    mixed: float
    cost: float
    low: float
    high: float
    cells: int
    groups: int

    def __str__(self) -> str:
        across, mixed = (self._written(value) for value in (self.across, self.mixed))
        return (
            f"Classical features: {lowered(NAMES[self.name])} {across} on another {self.by}, "
            f"{mixed} in random folds, where the model has seen other cells of the same {self.by}. "
            f"{self._told()}{self._about()}"
        )

    def _written(self, value: float) -> str:
        return f"{value:.4g}" if self.name == "mae" else f"{value:.3f}"

    def _told(self) -> str:
        unit = "" if self.name == "mae" else " percentage points"
        scale, digits = (1, ".4g") if self.name == "mae" else (100, ".1f")
        low, high = (f"{scale * end:{digits}}" for end in (self.low, self.high))
        between = f" (95 % interval {low} to {high})" if self.low == self.low else ""
        cost = f"{scale * self.cost:{digits}}{unit}{between}"
        if self.low > 0:
            return f"A new {self.by} costs {cost}."
        return f"That a new {self.by} costs anything is not shown by these cells: {cost}."

    def _about(self) -> str:
        few = f" {self.groups} values of {self.by} are few, so the interval is rough."
        return few * (self.groups < FEW_GROUPS)


def price_of(
    by: str, name: str, across: np.ndarray, mixed: np.ndarray, groups: np.ndarray
) -> Price:
    """Compare a classifier across groups with the same in random folds.

    Parameters
    ----------
    by, name : str
        What groups are; and the score, `accuracy` or `mae`.
    across, mixed : ndarray of float, shape (cells,)
        Of every cell, 1 where it was classified correctly and 0 elsewhere, or the absolute error.
    groups : ndarray of int, shape (cells,)

    Notes
    -----
    The interval is a bootstrap of whole groups, in which both scores are of the same cells.
    """
    units = np.unique(groups, return_inverse=True)[1]
    sign = -1 if name == "mae" else 1
    loss = sign * (mixed - across)
    sums = np.stack([np.bincount(units), np.bincount(units, weights=loss)], 1)
    rng, count = np.random.default_rng(_SEED), len(sums)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    drawn = weights @ sums
    low, high = (float(end) for end in percentiles(drawn[:, 1] / drawn[:, 0]))
    values = (float(across.mean()), float(mixed.mean()), float(loss.mean()))
    return Price(by, name, *values, low, high, len(across), count)

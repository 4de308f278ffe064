"""The evaluation of predicted numbers by the true ones: scores with intervals, errors by value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.core.task import INTERVAL
from deepometry.evaluation.evaluate import intervals_sentence, json_number
from deepometry.evaluation.metrics import Score
from deepometry.evaluation.number_metrics import number_scores

if TYPE_CHECKING:
    import pandas as pd

_SEED = 0
MOST_VALUES = 12
"""Distinct true numbers that are shown one by one; of more, ten ranges are."""
_RANGES = 10


@dataclass(frozen=True)
class TrueRange:
    """The cells whose true number lies in a range.

    Attributes
    ----------
    true_from, true_to : float
        Ends of the range; equal for a single number.
    cells : int
    mean_true, mean_predicted, mae, bias : float
        Means, mean absolute error and mean error of the predicted numbers.
    low, median, high : float
        5 %, 50 % and 95 % quantiles of the predicted numbers.
    coverage : float
        Share of the intervals that hold the true number; NaN without intervals.
    """

    true_from: float
    true_to: float
    cells: int
    mean_true: float
    mean_predicted: float
    mae: float
    bias: float
    low: float
    median: float
    high: float
    coverage: float

    @property
    def name(self) -> str:
        """The range in words."""
        same = self.true_from == self.true_to
        return f"{self.true_from:.4g}" if same else f"{self.true_from:.4g} to {self.true_to:.4g}"


@dataclass(frozen=True)
class NumberEvaluation:
    """The evaluation of predicted numbers by the true ones.

    Attributes
    ----------
    unit : str
        Of the numbers; may be empty.
    scores : list of Score
        With 95 % intervals.
    ranges : list of TrueRange
        By true number, rising.
    half_width : float or None
        Half the width of the intervals; None where there are none, or several.
    group_by : str
        Folder level whose values were resampled as a whole; empty where cells were.
    groups : int
        Number of its values.
    of_training : bool
        Whether the model was trained on these cells; then there are no intervals of scores.
    true, predicted : ndarray of float64, shape (cells,)
        For the plots.
    """

    unit: str
    scores: list[Score]
    ranges: list[TrueRange]
    half_width: float | None
    group_by: str
    groups: int
    of_training: bool
    true: np.ndarray = field(repr=False, compare=False)
    predicted: np.ndarray = field(repr=False, compare=False)

    @property
    def how(self) -> str:
        """What the intervals of the scores are, in a sentence."""
        return intervals_sentence(self.of_training, self.group_by, self.groups)

    def score(self, name: str) -> Score:
        """Find a score; raise KeyError if there is none of that name."""
        return {score.name: score for score in self.scores}[name]

    @property
    def errors(self) -> np.ndarray:
        """Predicted less true numbers, float64 (cells,)."""
        return self.predicted - self.true

    @property
    def whole(self) -> list[Score]:
        """Scores of all cells: all of them."""
        return self.scores

    def table(self) -> pd.DataFrame:
        """Return a row for every score."""
        import pandas as pd

        return pd.DataFrame([asdict(score) for score in self.scores])

    def range_table(self) -> pd.DataFrame:
        """Return a row for every range of true numbers."""
        import pandas as pd

        return pd.DataFrame([asdict(each) for each in self.ranges])

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for a record."""
        return {
            "kind": "number",
            "unit": self.unit,
            "intervals": self.how,
            "training_scores": self.of_training,
            "group_by": self.group_by,
            "groups": self.groups,
            "interval_share": INTERVAL,
            "half_width": self.half_width,
            "scores": [
                {name: json_number(value) for name, value in asdict(score).items()}
                for score in self.scores
            ],
        }


def evaluate_numbers(
    true: np.ndarray,
    predictions: np.ndarray,
    groups: np.ndarray | None = None,
    group_by: str = "",
    half_width: float | None = None,
    unit: str = "",
    of_training: bool = False,
) -> NumberEvaluation:
    """Evaluate predicted numbers by the true ones.

    Parameters
    ----------
    true : ndarray of float64, shape (cells,)
    predictions : ndarray of float64, shape (cells, 3)
        Predicted number, lower and upper end of its interval; NaN where there is no interval.
    groups : ndarray of int, shape (cells,), optional
        Number of the group of every cell, from 0, to be resampled as a whole.
    group_by : str
        What the groups are values of.
    half_width : float, optional
        Of the intervals, where it is one.
    unit : str
    of_training : bool
        Whether the model was trained on the cells: intervals would be of no other cells.

    Returns
    -------
    NumberEvaluation
        The same for the same input: the bootstrap has a seed of its own.
    """
    predicted, low, high = predictions.T
    inside = None if np.isnan(low).all() else (true >= low) & (true <= high)
    rng = np.random.default_rng(_SEED)
    scores = number_scores(true, predicted, inside, groups, rng)
    if of_training:
        scores = [replace(score, low=math.nan, high=math.nan) for score in scores]
    return NumberEvaluation(
        unit=unit,
        scores=scores,
        ranges=true_ranges(true, predicted, inside),
        half_width=half_width,
        group_by=group_by,
        groups=0 if groups is None else len(np.unique(groups)),
        of_training=of_training,
        true=true,
        predicted=predicted,
    )


def true_ranges(
    true: np.ndarray, predicted: np.ndarray, inside: np.ndarray | None
) -> list[TrueRange]:
    """Sum up the predicted numbers of every true one, or of ten ranges with as many cells each."""
    codes = np.unique(true, return_inverse=True)[1]
    if len(codes) and codes.max() >= MOST_VALUES:
        middle = np.searchsorted(np.sort(codes), codes, "left")
        codes = np.unique(middle * _RANGES // len(codes), return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    held = np.full(len(true), np.nan) if inside is None else inside.astype(np.float64)
    return [_range(true[some], predicted[some], held[some]) for some in np.split(order, cuts)]


def _range(true: np.ndarray, predicted: np.ndarray, held: np.ndarray) -> TrueRange:
    errors = predicted - true
    low, median, high = np.quantile(predicted, [0.05, 0.5, 0.95]).tolist()
    return TrueRange(
        float(true.min()),
        float(true.max()),
        len(true),
        float(true.mean()),
        float(predicted.mean()),
        float(np.abs(errors).mean()),
        float(errors.mean()),
        low,
        median,
        high,
        float(held.mean()),
    )

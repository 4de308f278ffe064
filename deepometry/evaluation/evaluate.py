"""All that true labels tell of predictions: scores, curves, reliability, trade-off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.evaluation.curves import Curve, curves, mean_areas
from deepometry.evaluation.reliability import (
    Reliability,
    brier,
    log_loss,
    probability_of,
    reliability,
)
from deepometry.evaluation.scores import Score, scored
from deepometry.evaluation.temperature import scaled
from deepometry.evaluation.tradeoff import TradeOff, trade_off

if TYPE_CHECKING:
    import pandas as pd

_SEED = 0
FEW_GROUPS = 8
"""Groups below which their bootstrap is rough."""


@dataclass(frozen=True)
class Evaluation:
    """What true labels tell of predictions.

    Attributes
    ----------
    labels : tuple of str
    scores : list of Score
        With 95 % intervals where they are of counts; areas and calibration have none.
    curves : list of Curve
        Of the classes that some cells have and others have not.
    reliability : Reliability
    before : Reliability or None
        Without the temperature of the model; None where it has none, or there are several models.
    temperature : float or None
        None where several models with temperatures of their own named the cells.
    trade_off : TradeOff
    threshold : float or None
        Confidence below which labels are withheld.
    group_by : str
        Folder level whose values were resampled as a whole; empty where cells were.
    groups : int
        Number of its values.
    """

    labels: tuple[str, ...]
    scores: list[Score]
    curves: list[Curve]
    reliability: Reliability
    before: Reliability | None
    temperature: float | None
    trade_off: TradeOff
    threshold: float | None
    group_by: str
    groups: int

    @property
    def how(self) -> str:
        """Say in a sentence what the intervals are."""
        if not self.group_by:
            return "95 % intervals: bootstrap over cells, as if each were a sample of its own."
        few = f" {self.groups} are few: take them as rough." * (self.groups < FEW_GROUPS)
        return (
            f"95 % intervals: bootstrap over the {self.groups:,} values of {self.group_by}, each "
            f"drawn with all its cells.{few}"
        )

    def score(self, name: str, label: str = "") -> Score:
        """Find a score.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        for score in self.scores:
            if (score.name, score.label) == (name, label):
                return score
        raise KeyError(name)

    @property
    def _error_before(self) -> float | None:
        return None if self.temperature is None else (self.before or self.reliability).error

    @property
    def whole(self) -> list[Score]:
        """Scores of all cells."""
        return [score for score in self.scores if not score.label]

    def table(self) -> pd.DataFrame:
        """Give a row a score."""
        import pandas as pd

        return pd.DataFrame([asdict(score) for score in self.scores])

    def plain(self) -> dict[str, Any]:
        """Give it for a record."""
        kept = self.trade_off
        place = (
            0 if self.threshold is None else int(np.searchsorted(kept.threshold, self.threshold))
        )
        return {
            "intervals": self.how,
            "group_by": self.group_by,
            "groups": self.groups,
            "temperature": self.temperature,
            "calibration_error_without_temperature": self._error_before,
            "unsure_below": self.threshold,
            "share_labelled": float(kept.share[place]),
            "accuracy_labelled": _number(float(kept.accuracy[place])),
            "scores": [
                {name: _number(value) for name, value in asdict(score).items()}
                for score in self.scores
            ],
        }


def _number(value: Any) -> Any:
    """Write what is not defined as nothing, since JSON has no word for it."""
    return None if isinstance(value, float) and math.isnan(value) else value


def evaluate(
    true: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    groups: np.ndarray | None = None,
    group_by: str = "",
    temperature: float | None = 1.0,
    threshold: float | None = None,
) -> Evaluation:
    """Tell how good predictions are, and how sure that is.

    Parameters
    ----------
    true, predicted : ndarray of int, shape (cells,)
        Classes.
    probabilities : ndarray of float32, shape (cells, classes)
        At the temperature of the model that gave them.
    labels : sequence of str
        The classes.
    groups : ndarray of int, shape (cells,), optional
        Number of the group of every cell, from 0, to be resampled as a whole.
    group_by : str
        What the groups are values of.
    temperature : float or None
        That was applied; None where every model applied one of its own, so that what the
        probabilities were before is not known.
    threshold : float, optional
        Confidence below which labels are withheld.

    Returns
    -------
    Evaluation
        The same for the same input: the bootstrap has a seed of its own.
    """
    matrices = _matrices(true, predicted, len(labels), groups)
    rng = np.random.default_rng(_SEED)
    found = curves(probabilities, true, labels)
    right = predicted == true
    sure = probability_of(probabilities, predicted)
    told = reliability(sure, right)
    before = None
    if temperature not in (None, 1):
        raw = scaled(probabilities, 1 / temperature)
        before = reliability(probability_of(raw, predicted), right)
    whole = {
        **dict(zip(("roc_area", "average_precision"), mean_areas(found), strict=True)),
        "calibration_error": told.error,
        "brier": brier(probabilities, true),
        "log_loss": log_loss(probabilities, true),
    }
    scores = scored(matrices, labels, rng)
    scores[5:5] = [_bare(name, "", value, len(true)) for name, value in whole.items()]
    scores += [_bare("roc_area", each.label, each.roc_area, each.cells) for each in found]
    scores += [
        _bare("average_precision", each.label, each.average_precision, each.cells) for each in found
    ]
    count = 0 if groups is None else len(matrices)
    kept = trade_off(sure, right, threshold)
    return Evaluation(
        tuple(labels), scores, found, told, before, temperature, kept, threshold, group_by, count
    )


def _matrices(
    true: np.ndarray, predicted: np.ndarray, classes: int, groups: np.ndarray | None
) -> np.ndarray:
    """Count pairs of true and predicted classes, of each group apart."""
    pairs, count = true * classes + predicted, 1
    if groups is not None:
        count = int(groups.max()) + 1
        pairs = groups * classes**2 + pairs
    counts = np.bincount(pairs, minlength=count * classes**2)
    shape = (classes, classes) if groups is None else (count, classes, classes)
    return counts.reshape(shape)


def _bare(name: str, label: str, value: float, cells: int) -> Score:
    return Score(name, label, value, math.nan, math.nan, cells)

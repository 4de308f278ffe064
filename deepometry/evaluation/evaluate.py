"""The evaluation of predictions by true labels: scores, curves, reliability, trade-off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.evaluation.calibration import (
    Reliability,
    brier,
    log_loss,
    probability_of,
    reliability,
)
from deepometry.evaluation.curves import Curve, curves, mean_areas
from deepometry.evaluation.metrics import Score, scored
from deepometry.evaluation.selective import TradeOff, trade_off
from deepometry.evaluation.temperature_scaling import scaled

if TYPE_CHECKING:
    import pandas as pd

_SEED = 0
FEW_GROUPS = 8
"""Groups below which their bootstrap is rough."""


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of predictions by true labels.

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
        None where several models, each with its own temperature, predicted the cells.
    trade_off : TradeOff
    threshold : float or None
        Confidence below which labels are withheld.
    group_by : str
        Folder level whose values were resampled as a whole; empty where cells were.
    groups : int
        Number of its values.
    of_training : bool
        Whether the model was trained on these cells; then there are no intervals.
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
    of_training: bool = False

    @property
    def how(self) -> str:
        """What the intervals are, in a sentence."""
        return intervals_sentence(self.of_training, self.group_by, self.groups)

    def score(self, name: str, label: str = "") -> Score:
        """Find a score.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        return {(score.name, score.label): score for score in self.scores}[name, label]

    @property
    def _error_before(self) -> float | None:
        return None if self.temperature is None else (self.before or self.reliability).error

    @property
    def whole(self) -> list[Score]:
        """Scores of all cells."""
        return [score for score in self.scores if not score.label]

    def table(self) -> pd.DataFrame:
        """Return a row for every score."""
        import pandas as pd

        return pd.DataFrame([asdict(score) for score in self.scores])

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for a record."""
        trade_off, below = self.trade_off, self.threshold
        place = 0 if below is None else int(np.searchsorted(trade_off.threshold, below))
        return {
            "intervals": self.how,
            "training_scores": self.of_training,
            "group_by": self.group_by,
            "groups": self.groups,
            "temperature": self.temperature,
            "calibration_error_without_temperature": self._error_before,
            "unsure_below": self.threshold,
            "share_labelled": float(trade_off.share[place]),
            "accuracy_labelled": json_number(float(trade_off.accuracy[place])),
            "scores": [
                {name: json_number(value) for name, value in asdict(score).items()}
                for score in self.scores
            ],
        }


def intervals_sentence(of_training: bool, group_by: str, groups: int) -> str:
    """Say what the intervals of scores are; `groups` is the number of values of `group_by`."""
    if of_training:
        return "No intervals: the model was trained on these cells."
    if not group_by:
        return "95 % intervals: bootstrap over cells, each taken as independent."
    few = f" {groups} are few, so the intervals are rough." * (groups < FEW_GROUPS)
    return (
        f"95 % intervals: bootstrap over the {groups:,} values of {group_by}, each "
        f"drawn with all its cells.{few}"
    )


def json_number(value: Any) -> Any:
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
    of_training: bool = False,
    ordered: bool = False,
) -> Evaluation:
    """Evaluate predictions by true labels.

    Parameters
    ----------
    true, predicted : ndarray of int, shape (cells,)
        Classes.
    probabilities : ndarray of float32, shape (cells, classes)
        At the temperature of the model.
    labels : sequence of str
    groups : ndarray of int, shape (cells,), optional
        Number of the group of every cell, from 0, to be resampled as a whole.
    group_by : str
        What the groups are values of.
    temperature : float or None
        That was applied; None where every model applied its own, so that the original
        probabilities are unknown.
    threshold : float, optional
        Confidence below which labels are withheld.
    of_training : bool
        Whether the model was trained on the cells: intervals would be of no other cells.
    ordered : bool
        Whether the classes have an order: adds scores that count steps.

    Returns
    -------
    Evaluation
        The same for the same input: the bootstrap has a seed of its own.
    """
    matrices = _matrices(true, predicted, len(labels), groups)
    rng = np.random.default_rng(_SEED)
    class_curves = curves(probabilities, true, labels)
    right = predicted == true
    confidence = probability_of(probabilities, predicted)
    reliable = reliability(confidence, right)
    before = None
    if temperature not in (None, 1):
        raw = scaled(probabilities, 1 / temperature)
        before = reliability(probability_of(raw, predicted), right)
    whole = {
        **dict(zip(("roc_area", "average_precision"), mean_areas(class_curves), strict=True)),
        "calibration_error": reliable.error,
        "brier": brier(probabilities, true),
        "log_loss": log_loss(probabilities, true),
    }
    scores = scored(matrices, labels, rng, ordered=ordered)
    places = slice(*[5 + 2 * ordered] * 2)  # behind the scores that are counted
    scores[places] = [_bare(name, "", value, len(true)) for name, value in whole.items()]
    for name in ("roc_area", "average_precision"):
        scores += [_bare(name, c.label, getattr(c, name), c.cells) for c in class_curves]
    if of_training:
        scores = [replace(score, low=math.nan, high=math.nan) for score in scores]
    return Evaluation(
        labels=tuple(labels),
        scores=scores,
        curves=class_curves,
        reliability=reliable,
        before=before,
        temperature=temperature,
        trade_off=trade_off(confidence, right, threshold),
        threshold=threshold,
        group_by=group_by,
        groups=0 if groups is None else len(matrices),
        of_training=of_training,
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

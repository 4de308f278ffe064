"""Scores as tables, pages and sentences name them; nothing is imported for it."""

from collections.abc import Mapping
from typing import Protocol

NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Mean F1 of the classes",
    "kappa": "Cohen's kappa",
    "quadratic_kappa": "Quadratic-weighted kappa",
    "mae_steps": "Mean absolute error in steps",
    "mcc": "Matthews correlation",
    "roc_area": "Area under the ROC curve",
    "average_precision": "Average precision",
    "calibration_error": "Expected calibration error",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "mae": "Mean absolute error",
    "rmse": "Root mean square error",
    "r2": "R2",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "bias": "Mean error",
    "coverage": "Coverage of the 90 % intervals",
}

CLASS_PAIR, NUMBER_PAIR = ("accuracy", "balanced_accuracy"), ("mae", "r2")
"""The two scores that stand for all of them, of classes and of a number."""

_PERSONS = ("Brier", "Cohen's", "Matthews", "Pearson", "Spearman")
IN_UNITS = ("mae", "rmse", "bias")
"""Scores in the units of the number; all others have none."""


def main_pair(scores: Mapping[str, object], prefix: str = "") -> tuple[str, str]:
    """Return the two scores that stand for all: what they are of shows in their names."""
    return NUMBER_PAIR if f"{prefix}r2" in scores else CLASS_PAIR


def told(scores: Mapping[str, float], prefix: str = "") -> str:
    """Write the two scores that stand for all in words: `accuracy 0.912, balanced 0.905`."""
    return ", ".join(told_pair(scores, prefix))


def told_pair(scores: Mapping[str, float], prefix: str = "") -> tuple[str, str]:
    """Write each of the two scores that stand for all in words."""
    first, second = (scores[prefix + name] for name in main_pair(scores, prefix))
    if main_pair(scores, prefix) == NUMBER_PAIR:
        return f"mean absolute error {first:.4g}", f"R2 {unitless(second)}"
    return f"accuracy {first:.3f}", f"balanced {second:.3f}"


def unitless(value: float) -> str:
    """Write a score without a unit; R2 and correlations of equal numbers are not defined."""
    return f"{value:.3f}" if value == value else "not defined"


def named_pair(scores: Mapping[str, float], prefix: str, kind: str) -> dict[str, object]:
    """Return the same two scores by their names behind a word, such as `Validation accuracy`."""
    pair = main_pair(scores, prefix)
    return {f"{kind} {lowered(NAMES[name])}": scores[prefix + name] for name in pair}


def lowered(name: str) -> str:
    """Begin a name in lower case, but for that of a person and a symbol such as R2."""
    proper = name[1:2].isdecimal() or name.split()[0] in _PERSONS
    return name if proper else name[0].lower() + name[1:]


class HasInterval(Protocol):
    """A score with its interval, as `metrics.Score`."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def score_text(score: HasInterval) -> str:
    """Write a score with its interval; one in units of a number may be of any size."""
    digits = ".4g" if score.name in IN_UNITS else ".3f"
    between = f" ({score.low:{digits}} to {score.high:{digits}})" * (score.low == score.low)
    return f"{score.value:{digits}}{between}"

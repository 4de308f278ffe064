"""ROC and precision-recall curves, each class against all others, and the areas under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_MOST_POINTS = 400  # of a curve that is drawn or written


@dataclass(frozen=True)
class Curve:
    """The curves of one class against all others.

    Attributes
    ----------
    label : str
    cells : int
        Cells of the class.
    false_positives, true_positives : ndarray of float
        Rates along the ROC curve, from (0, 0) to (1, 1).
    recall, precision : ndarray of float
        Along the precision-recall curve.
    roc_area, average_precision : float
    """

    label: str
    cells: int
    false_positives: np.ndarray
    true_positives: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    roc_area: float
    average_precision: float


def curves(probabilities: np.ndarray, true: np.ndarray, labels: Sequence[str]) -> list[Curve]:
    """Compute the curves of every class that some cells have and others have not."""
    counts = np.bincount(true, minlength=len(labels))
    there = [code for code in range(len(labels)) if 0 < counts[code] < len(true)]
    return [_curve(labels[c], true == c, probabilities[:, c]) for c in there]


def _curve(label: str, real: np.ndarray, probabilities: np.ndarray) -> Curve:
    from sklearn import metrics

    wrong, right, _ = metrics.roc_curve(real, probabilities)
    precision, recall, _ = metrics.precision_recall_curve(real, probabilities)
    return Curve(
        label,
        int(real.sum()),
        *_thinned(wrong, right),
        *_thinned(recall[::-1], precision[::-1]),
        roc_area=float(metrics.auc(wrong, right)),
        average_precision=float(metrics.average_precision_score(real, probabilities)),
    )


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep points evenly spaced along a curve; its ends stay."""
    way = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, way[-1], _MOST_POINTS)
    chosen = np.unique(np.concatenate([[0], np.searchsorted(way, wanted), [len(x) - 1]]))
    chosen = chosen[chosen < len(x)]
    return x[chosen], y[chosen]


def mean_areas(curves: Sequence[Curve]) -> tuple[float, float]:
    """Compute the mean area under the ROC curves, and the mean average precision; NaN of none."""
    if not curves:
        return float("nan"), float("nan")
    areas = [(each.roc_area, each.average_precision) for each in curves]
    roc, precision = np.mean(areas, 0).tolist()
    return roc, precision


def curve_table(curves: Sequence[Curve]) -> pd.DataFrame:
    """Return the points of all curves, a row each: `curve` is `roc` or `precision-recall`."""
    import pandas as pd

    parts = [pd.DataFrame(columns=["label", "curve", "x", "y"])]
    for each in curves:
        roc = {"curve": "roc", "x": each.false_positives, "y": each.true_positives}
        precision = {"curve": "precision-recall", "x": each.recall, "y": each.precision}
        parts += [pd.DataFrame({"label": each.label, **points}) for points in (roc, precision)]
    return pd.concat(parts[1:] or parts)

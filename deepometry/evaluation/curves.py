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
    """Draw the curves of every class that some cells have and others have not.

    Parameters
    ----------
    probabilities : ndarray of float, shape (cells, classes)
    true : ndarray of int, shape (cells,)
    labels : sequence of str
    """
    counts = np.bincount(true, minlength=len(labels))
    there = [code for code in range(len(labels)) if 0 < counts[code] < len(true)]
    return [_curve(labels[c], true == c, probabilities[:, c]) for c in there]


def _curve(label: str, real: np.ndarray, chances: np.ndarray) -> Curve:
    from sklearn import metrics

    wrong, right, _ = metrics.roc_curve(real, chances)
    precision, recall, _ = metrics.precision_recall_curve(real, chances)
    return Curve(
        label,
        int(real.sum()),
        *_thinned(wrong, right),
        *_thinned(recall[::-1], precision[::-1]),
        roc_area=float(metrics.auc(wrong, right)),
        average_precision=float(metrics.average_precision_score(real, chances)),
    )


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep points evenly spaced along a curve; its ends stay."""
    way = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, way[-1], _MOST_POINTS)
    kept = np.unique(np.concatenate([[0], np.searchsorted(way, wanted), [len(x) - 1]]))
    kept = kept[kept < len(x)]
    return x[kept], y[kept]


def mean_areas(found: Sequence[Curve]) -> tuple[float, float]:
    """Give the mean area under the ROC curves, and the mean average precision; NaN of none."""
    if not found:
        return float("nan"), float("nan")
    areas = [(each.roc_area, each.average_precision) for each in found]
    roc, precision = np.mean(areas, 0).tolist()
    return roc, precision


def curve_table(found: Sequence[Curve]) -> pd.DataFrame:
    """Give the points of all curves, a row each: `curve` is `roc` or `precision-recall`."""
    import pandas as pd

    parts = []
    for each in found:
        sides = {
            "roc": (each.false_positives, each.true_positives),
            "precision-recall": (each.recall, each.precision),
        }
        parts += [
            pd.DataFrame({"label": each.label, "curve": name, "x": x, "y": y})
            for name, (x, y) in sides.items()
        ]
    columns = ["label", "curve", "x", "y"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)

"""Scores of a confusion matrix, or of thousands of resampled ones at once, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import draws_for, percentiles, resampled, wilson

MEANS = ("balanced_accuracy", "macro_f1")
EACH = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Score:
    """A score with its 95 % interval.

    Attributes
    ----------
    name : str
        As in `score_names.NAMES`.
    label : str
        The class it is of; empty where it is of all.
    value, low, high : float
        NaN where it is not defined, as the precision of a class that was never predicted.
    cells : int
        Cells it was measured on.
    """

    name: str
    label: str
    value: float
    low: float
    high: float
    cells: int

    def __str__(self) -> str:
        interval = f" ({self.low:.3f} to {self.high:.3f})" if self.low == self.low else ""
        return f"{self.value:.3f}{interval}"


def whole_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the scores over all classes of confusion matrices, shape (..., classes, classes).

    Rows are the true classes. `balanced_accuracy` and `macro_f1` are means over the classes that
    occur; `kappa` is Cohen's, 1960, `mcc` Matthews correlation for many classes (Gorodkin, 2004).
    """
    total = matrix.sum((-2, -1)).astype(np.float64)
    true, predicted = matrix.sum(-1), matrix.sum(-2)
    right = np.trace(matrix, axis1=-2, axis2=-1)
    each = class_scores(matrix)
    occurs = true > 0
    expected = (true * predicted).sum(-1)
    spread = (total**2 - (predicted**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    return {
        "accuracy": _ratio(right, total),
        "balanced_accuracy": _mean(each["recall"], occurs),
        "macro_f1": _mean(each["f1"], occurs),
        "kappa": _ratio(total * right - expected, total**2 - expected),
        "mcc": _ratio(total * right - expected, np.sqrt(spread)),
    }


def ordered_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the scores of ordered classes from confusion matrices, shape (..., classes, classes).

    `mae_steps` is the mean number of classes between the true and the predicted one;
    `quadratic_kappa` is Cohen's weighted kappa, 1968, whose weights are the squares of that number.
    """
    classes, total = matrix.shape[-1], matrix.sum((-2, -1)).astype(np.float64)
    steps = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    by_chance = matrix.sum(-1)[..., :, None] * matrix.sum(-2)[..., None, :] * steps**2
    expected = _ratio(by_chance.sum((-2, -1)), total)
    return {
        "mae_steps": _ratio((matrix * steps).sum((-2, -1)), total),
        "quadratic_kappa": 1 - _ratio((matrix * steps**2).sum((-2, -1)), expected),
    }


def class_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Compute `precision`, `recall` and `f1` of every class, shape (..., classes); NaN for none."""
    true, predicted = matrix.sum(-1), matrix.sum(-2)
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    return {
        "precision": _ratio(right, predicted),
        "recall": _ratio(right, true),
        "f1": _ratio(2 * right, true + predicted),
    }


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    below = np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def _mean(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    return _ratio(np.where(of, np.nan_to_num(values), 0).sum(-1), of.sum(-1))


def scored(
    matrices: np.ndarray,
    labels: Sequence[str],
    rng: np.random.Generator,
    draws: int | None = None,
    ordered: bool = False,
) -> list[Score]:
    """Compute all scores of a confusion matrix with bootstrap intervals.

    Parameters
    ----------
    matrices : ndarray of int, shape (classes, classes) or (groups, classes, classes)
        Of all cells, or of every group of cells that is to be resampled as a whole.
    labels : sequence of str
    rng : numpy.random.Generator
    draws : int, optional
        Resampled matrices; by default 2,000, fewer for more than 44 classes.
    ordered : bool
        Whether the classes have an order: adds the scores of `ordered_scores`.

    Returns
    -------
    list of Score
        Those of all cells, then those of every class. Where every resampled value of accuracy,
        recall or precision is the same, as for a class without any mistake, the interval is
        Wilson's, and of other scores there is none: resampling cannot show what was not seen.
        With groups there is none of any score then, since Wilson's takes every cell for a sample
        of its own.
    """
    matrix = matrices if matrices.ndim == 2 else matrices.sum(0)
    drawn = resampled(matrices, rng, draws or draws_for(len(labels)))
    right, true, named = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    counts = {}
    if matrices.ndim == 2:
        counts = {"precision": (right, named), "recall": (right, true)}
        counts["accuracy"] = (right.sum(), matrix.sum())
    scores = []
    others = _whole_of(drawn, true) | (ordered_scores(drawn) if ordered else {})
    whole = whole_scores(matrix) | (ordered_scores(matrix) if ordered else {})
    for name, value in whole.items():
        low, high = _interval(others[name], counts.get(name))
        scores.append(Score(name, "", float(value), float(low), float(high), int(matrix.sum())))
    each, drawn_each = class_scores(matrix), _each_of(drawn, true)
    bounds = {name: _interval(drawn_each[name], counts.get(name)) for name in EACH}
    for code, label in enumerate(labels):
        for name in EACH:
            share, least, most = (float(side[code]) for side in (each[name], *bounds[name]))
            scores.append(Score(name, label, share, least, most, int(true[code])))
    return scores


def _whole_of(drawn: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Sum drawn matrices up; draws that lack a class say nothing of the mean over classes."""
    scores = whole_scores(drawn)
    lacking = _lacking(drawn, true).any(-1)
    means = {name: np.where(lacking, np.nan, scores[name]) for name in MEANS}
    return scores | means


def _each_of(drawn: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Score the classes of drawn matrices; draws without cells of a class say nothing of it."""
    lacking = _lacking(drawn, true)
    return {name: np.where(lacking, np.nan, each) for name, each in class_scores(drawn).items()}


def _lacking(drawn: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return which classes that occur have no cell in a draw, shape (draws, classes)."""
    return (drawn.sum(-1) == 0) & (true > 0)


def _interval(
    values: np.ndarray, counts: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    low, high = percentiles(values)
    flat = low == high
    if counts is None:
        return np.where(flat, np.nan, low), np.where(flat, np.nan, high)
    flat &= np.asarray(counts[1]) > 0
    other = wilson(*counts)
    return np.where(flat, other[0], low), np.where(flat, other[1], high)

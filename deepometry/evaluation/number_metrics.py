"""Scores of predicted numbers beside the true ones, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import DRAWS, percentiles
from deepometry.evaluation.metrics import Score
from deepometry.evaluation.score_names import told, unitless
from deepometry.evaluation.significance import SURE

_MOST_UNITS = 2000  # cells or blocks of cells that are drawn


@dataclass(frozen=True)
class JudgedNumbers:
    """The scores of predicted numbers.

    Attributes
    ----------
    scores : dict of str to float
        `loss` (mean Huber loss of the standardised errors), `mae`, `rmse`, `r2`, `pearson`,
        `spearman`, and `p_value`, that of a rank correlation as large without any relation.
    """

    scores: dict[str, float]

    def __str__(self) -> str:
        return told(self.scores)


def judge_numbers(true: np.ndarray, predicted: np.ndarray, deviation: float) -> JudgedNumbers:
    """Score predicted numbers (cells,) by the true ones.

    `deviation` is that of the numbers that the model learnt from: the loss is in its units.
    """
    errors = np.abs(predicted - true) / deviation
    loss = np.where(errors <= 1, errors**2 / 2, errors - 0.5).mean()
    sums, scale = _moments(true, predicted)
    values = _values(sums.sum(0), scale)
    scores = {name: float(values[name]) for name in ("mae", "rmse", "r2", "pearson", "spearman")}
    p_value = correlation_p_value(scores["spearman"], len(true))
    return JudgedNumbers({"loss": float(loss), **scores, "p_value": p_value})


def correlation_p_value(correlation: float, cells: int) -> float:
    """Compute the probability of as large a correlation between unrelated numbers (one-sided).

    Student's t of the correlation (Kendall and Stuart), which holds for ranks, too.
    """
    from scipy.stats import t

    if cells < 3 or math.isnan(correlation):
        return 1.0
    if correlation >= 1:
        return 0.0
    return float(t.sf(correlation * math.sqrt((cells - 2) / (1 - correlation**2)), cells - 2))


def number_scores(
    true: np.ndarray,
    predicted: np.ndarray,
    inside: np.ndarray | None,
    groups: np.ndarray | None,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> list[Score]:
    """Compute all scores of predicted numbers with 95 % bootstrap intervals.

    Parameters
    ----------
    true, predicted : ndarray of float, shape (cells,)
    inside : ndarray of bool, shape (cells,), or None
        Whether the true number lies in the interval of the predicted one; None without intervals.
    groups : ndarray of int, shape (cells,), or None
        Number of the group of every cell, from 0, to be resampled as a whole.
    rng : numpy.random.Generator
    draws : int

    Returns
    -------
    list of Score
        `mae`, `rmse`, `r2`, `pearson`, `spearman`, `bias` and `coverage`.

    Notes
    -----
    Efron's bootstrap of sums: all scores depend on sums over cells alone, ranks being those among
    all cells. Of more than 2,000 cells, random blocks of them are drawn in place of cells, whose
    sums vary as those of single cells do; so its time does not grow with their number.
    """
    sums, scale = _moments(true, predicted, inside)
    units = units_of(len(true), rng) if groups is None else groups
    each = np.stack([np.bincount(units, weights=column) for column in sums.T], 1)
    each = each[each[:, 0] > 0]
    count = len(each)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    whole, drawn = _values(sums.sum(0), scale), _values(weights @ each, scale)
    return [
        Score(name, "", float(value), *_ends(drawn[name]), len(true))
        for name, value in whole.items()
        if name != "coverage" or inside is not None
    ]


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = (float(end) for end in percentiles(values))
    return (low, high) if low < high else (math.nan, math.nan)


def units_of(cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return what is drawn in place of every cell: the cell, or a random block of many cells."""
    return rng.permutation(cells) % min(cells, _MOST_UNITS)


def _moments(
    true: np.ndarray, predicted: np.ndarray, inside: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Return for every cell what the scores are sums of, (cells, 13), and the unit of the numbers.

    Numbers are taken about their mean in units of their spread, so that squares keep their digits.
    """
    from scipy.stats import rankdata

    middle, scale = float(true.mean()), float(true.std()) or 1.0
    t, p = (true - middle) / scale, (predicted - middle) / scale
    a, b = ((rankdata(each) - (len(true) + 1) / 2) / len(true) for each in (true, predicted))
    held = np.zeros(len(true)) if inside is None else inside
    one = np.ones(len(true))
    columns = (one, t, p, t * t, p * p, t * p, np.abs(p - t), a, b, a * a, b * b, a * b, held)
    return np.stack(columns, 1), scale


def _values(sums: np.ndarray, scale: float) -> dict[str, np.ndarray]:
    """Compute the scores from sums, shape (..., 13)."""
    n, t, p, tt, pp, tp, error, a, b, aa, bb, ab, held = np.moveaxis(sums, -1, 0)
    squares = tt - 2 * tp + pp
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "mae": error / n * scale,
            "rmse": np.sqrt(np.maximum(squares, 0) / n) * scale,
            "r2": _ratio(tt - t * t / n - squares, tt - t * t / n),
            "pearson": _correlation(n, t, p, tt, pp, tp),
            "spearman": _correlation(n, a, b, aa, bb, ab),
            "bias": (p - t) / n * scale,
            "coverage": held / n,
        }


def _correlation(
    n: np.ndarray, a: np.ndarray, b: np.ndarray, aa: np.ndarray, bb: np.ndarray, ab: np.ndarray
) -> np.ndarray:
    spread = np.maximum(aa - a * a / n, 0) * np.maximum(bb - b * b / n, 0)
    return _ratio(ab - a * b / n, np.sqrt(spread))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    below = np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 1e-12)


def no_better_than_the_mean(
    scores: Mapping[str, float],
    codes: np.ndarray,
    validation: np.ndarray,
    ranges: int,
    target: str,
) -> list[str]:
    """Return a warning where predicted numbers have no relation with the true ones.

    As `significance.no_better_than_guessing`; `codes` are ranges of the number.
    """
    kind = "cv" if "cv_p_value" in scores else "val"
    if scores.get(f"{kind}_p_value", 0.0) <= SURE:
        return []
    judged = len(validation) if kind == "val" else int((codes >= 0).sum())
    side = "validation" if kind == "val" else "cross-validation"
    return [
        f"The predicted numbers of the {judged:,} {side} cells are not significantly related to "
        f"the true ones (Spearman {unitless(scores[f'{kind}_spearman'])}, R2 "
        f"{unitless(scores[f'{kind}_r2'])}; always predicting the mean gives an R2 of 0): there "
        f"may be too few cells, or these channels do not show {target}."
    ]

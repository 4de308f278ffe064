"""Whether a classifier is significantly better than guessing."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from deepometry.evaluation.confusion import scores

SURE = 0.05
"""p-value above which scores are not significantly better than guessing."""
_FEW = 5  # cells of a class expected right by chance, below which a normal tail is wrong
_DRAWS = 2000


def p_value_of(matrix: np.ndarray) -> float:
    """Compute the p-value of a confusion matrix: the probability that guessing does as well.

    Returns
    -------
    float
        The smaller of two probabilities, doubled because there are two: that of as many cells
        right by always predicting the largest class (binomial, exact), and that of as large a
        balanced accuracy where predictions have nothing to do with classes (permutation of the
        predictions: 2,000 draws where a class is rare, otherwise their exact mean and variance
        with a normal tail).
    """
    from scipy.stats import binom

    total = int(matrix.sum())
    if total < 2:
        return 1.0
    guessed = matrix.sum(1).max() / total
    by_number = float(binom.sf(np.trace(matrix) - 1, total, guessed)) if guessed < 1 else 1.0
    return min(1.0, 2 * min(by_number, _balance_p_value(matrix)))


def _balance_p_value(matrix: np.ndarray) -> float:
    """Compute the probability of as large a balanced accuracy with shuffled predictions."""
    from scipy.stats import norm

    balanced = scores(matrix)["balanced_accuracy"]
    expected = np.outer(matrix.sum(1), matrix.sum(0)).diagonal() / matrix.sum()
    if (expected[matrix.sum(1) > 0] < _FEW).any():
        return _shuffled(matrix, balanced)
    mean, deviation = _shuffled_moments(matrix)
    return float(norm.sf((balanced - mean) / deviation)) if deviation > 0 else 1.0


def _shuffled(matrix: np.ndarray, balanced: float) -> float:
    """Shuffle the predictions; of a rare class, a single correct cell moves the score far."""
    from scipy.stats import random_table

    true = matrix.sum(1)
    tables = random_table(true, matrix.sum(0)).rvs(_DRAWS, random_state=np.random.default_rng(0))
    recalls = np.diagonal(tables, axis1=1, axis2=2)[:, true > 0] / true[true > 0]
    as_good = recalls.mean(1) >= balanced - 1e-9
    return float((1 + as_good.sum()) / (1 + _DRAWS))


def _shuffled_moments(matrix: np.ndarray) -> tuple[float, float]:
    """Compute mean and deviation of the balanced accuracy with shuffled predictions.

    Moments of a table with fixed margins (multivariate hypergeometric): with n cells, r of a
    class, k given its label, the number right has mean rk/n, variance rk(n-r)(n-k) / n2(n-1) and
    covariance rk r'k' / n2(n-1) with that of another class.
    """
    here = matrix.sum(1) > 0
    total, real = float(matrix.sum()), matrix.sum(1)[here].astype(float)
    predicted = matrix.sum(0)[here].astype(float)
    covariance = np.outer(predicted, predicted)  # of recalls: each divided by r
    own = predicted * (total - real) * (total - predicted) / real
    np.fill_diagonal(covariance, own)
    variance = covariance.sum() / (total**2 * (total - 1)) / len(real) ** 2
    return float((predicted / total).mean()), math.sqrt(max(variance, 0.0))


def no_better_than_guessing(
    scores: Mapping[str, float],
    codes: np.ndarray,
    validation: np.ndarray,
    classes: int,
    target: str,
) -> list[str]:
    """Return a warning where scores are no better than guessing.

    `scores` are those of a cross-validation (`cv_...`), or else of the validation cells
    (`val_...`), with `..._p_value` of `p_value_of`; `codes` (cells,) are -1 for no class;
    `validation` are indices; `target` is what the classes are values of.
    """
    kind = "cv" if "cv_p_value" in scores else "val"
    if scores.get(f"{kind}_p_value", 0.0) <= SURE:
        return []
    judged = codes[validation] if kind == "val" else codes[codes >= 0]
    largest = np.bincount(judged).max() / len(judged)
    side = "Validation" if kind == "val" else "Cross-validated"
    return [
        f"{side} accuracy {scores[f'{kind}_accuracy']:.3f} (balanced "
        f"{scores[f'{kind}_balanced_accuracy']:.3f}) on {len(judged):,} cells is not "
        f"significantly better than guessing (largest class {largest:.3f}, balanced "
        f"{1 / classes:.3f}). If {target} is what you want to classify, there may be too few "
        "cells, or the labels or these channels do not separate its classes. If it is only the "
        "auxiliary label of weakly supervised learning, this does no harm: the features can be "
        "extracted all the same."
    ]

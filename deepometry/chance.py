"""Whether a classifier does better than guessing, as far as so many cells can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from deepometry.report import scores

if TYPE_CHECKING:
    from deepometry.training_cells import Cells

SURE = 0.05
"""Probability above which guessing may have given the scores."""
_FEW = 5  # cells of a class expected right by chance, below which a normal tail is wrong
_DRAWS = 2000


def chance_of(matrix: np.ndarray) -> float:
    """Give the probability that guessing does as well.

    Parameters
    ----------
    matrix : ndarray of int, shape (classes, classes)
        Confusion matrix; rows are the true classes.

    Returns
    -------
    float
        From 0 to 1. The smaller of two probabilities, doubled because there are two: that of as
        many cells right by always naming the largest class (binomial, exact), and that of as
        large a balanced accuracy where predictions have nothing to do with classes (permutation
        of the predictions: 2,000 draws where a class is rare, otherwise their exact mean and
        variance with a normal tail).
    """
    from scipy.stats import binom

    total = int(matrix.sum())
    if total < 2:
        return 1.0
    guessed = matrix.sum(1).max() / total
    by_number = float(binom.sf(np.trace(matrix) - 1, total, guessed)) if guessed < 1 else 1.0
    return min(1.0, 2 * min(by_number, _balance_by_chance(matrix)))


def _balance_by_chance(matrix: np.ndarray) -> float:
    """Give the probability of as large a balanced accuracy when predictions are shuffled."""
    from scipy.stats import norm

    found = scores(matrix)["balanced_accuracy"]
    expected = np.outer(matrix.sum(1), matrix.sum(0)).diagonal() / matrix.sum()
    if (expected[matrix.sum(1) > 0] < _FEW).any():
        return _shuffled(matrix, found)
    mean, deviation = _balanced_by_chance(matrix)
    return float(norm.sf((found - mean) / deviation)) if deviation > 0 else 1.0


def _shuffled(matrix: np.ndarray, found: float) -> float:
    """Shuffle the predictions; of a rare class, a single cell right moves the score far.

    Class by class, the number right is drawn from the predictions that are left for the others.
    """
    rng = np.random.default_rng(0)
    given = np.repeat(matrix.sum(0)[None], _DRAWS, 0)
    classes = np.flatnonzero(matrix.sum(1))
    recalls = np.zeros(_DRAWS)
    for code in classes:
        cells = int(matrix[code].sum())
        drawn = _drawn(given, cells, rng)
        given = given - drawn
        recalls += drawn[:, code] / cells
    as_good = recalls / len(classes) >= found - 1e-9
    return float((1 + as_good.sum()) / (1 + _DRAWS))


def _drawn(given: np.ndarray, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Draw so many predictions from each row of what is there, without putting any back."""
    left, wanted = given.sum(1), np.full(len(given), cells)
    drawn = np.zeros_like(given)
    for column in range(given.shape[1]):
        left = left - given[:, column]
        drawn[:, column] = rng.hypergeometric(given[:, column], left, wanted)
        wanted = wanted - drawn[:, column]
    return drawn


def _balanced_by_chance(matrix: np.ndarray) -> tuple[float, float]:
    """Give mean and standard deviation of the balanced accuracy when predictions are shuffled.

    Notes
    -----
    Moments of a table with fixed margins (multivariate hypergeometric): with n cells, r of a
    class, k given its label, the number right has mean rk/n, variance rk(n-r)(n-k) / n2(n-1) and
    covariance rk r'k' / n2(n-1) with that of another class.
    """
    here = matrix.sum(1) > 0
    total, real = float(matrix.sum()), matrix.sum(1)[here].astype(float)
    given = matrix.sum(0)[here].astype(float)
    covariance = np.outer(given, given)  # of recalls: each divided by r
    own = given * (total - real) * (total - given) / real
    np.fill_diagonal(covariance, own)
    variance = covariance.sum() / (total**2 * (total - 1)) / len(real) ** 2
    return float((given / total).mean()), math.sqrt(max(variance, 0.0))


def no_better_than_guessing(found: Mapping[str, float], cells: Cells) -> list[str]:
    """Tell in a sentence when scores are those of guessing, and what that means.

    Parameters
    ----------
    found : dict of str to float
        Scores of a model: those of its cross-validation (`cv_...`), or else of its validation
        cells (`val_...`), with `..._chance` as `chance_of` gives it.
    cells : Cells
        What it learnt from.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    kind = "cv" if "cv_chance" in found else "val"
    if found.get(f"{kind}_chance", 0.0) <= SURE:
        return []
    judged = cells.validation if kind == "val" else np.flatnonzero(cells.codes >= 0)
    largest = np.bincount(cells.codes[judged]).max() / len(judged)
    named = "Validation" if kind == "val" else "Cross-validated"
    return [
        f"{named} accuracy {found[f'{kind}_accuracy']:.3f} (balanced "
        f"{found[f'{kind}_balanced_accuracy']:.3f}) on {len(judged):,} cells cannot be told from "
        f"guessing (largest class {largest:.3f}, balanced {1 / len(cells.labels):.3f}). If you "
        f"want to tell {cells.target} apart: there may be too few cells to see it, or its labels "
        f"or these channels do not tell it. If {cells.target} is only the easy label of a weakly "
        "supervised learning, this does no harm: its features can be extracted all the same."
    ]

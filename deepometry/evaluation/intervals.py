"""Intervals of shares and of scores: Wilson, and bootstrap by confusion counts."""

from __future__ import annotations

import numpy as np

DRAWS = 2000
LEVEL = 0.95
_Z = 1.959963984540054
_AT_ONCE = 4_000_000  # counts of resampled matrices in memory at a time


def wilson(right: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the 95 % Wilson interval of a share (Wilson, J. Am. Stat. Assoc. 1927).

    `right` and `total` are counts; where the total is 0 the interval is all of 0 to 1.
    """
    right, total = np.asarray(right, np.float64), np.asarray(total, np.float64)
    n = np.maximum(total, 1)
    share = right / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    low, high = np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
    low, high = np.where(right == 0, 0, low), np.where(right >= total, 1, high)
    return np.where(total > 0, low, 0), np.where(total > 0, high, 1)


def resampled(matrices: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Draw confusion matrices of other cells, or other groups of cells, (draws, classes, classes).

    Parameters
    ----------
    matrices : ndarray of int, shape (groups, classes, classes) or (classes, classes)
        Counts. With groups, whole groups are drawn with replacement; without, cells are, not
        stratified, so that the shares of the classes vary as well.
    rng : numpy.random.Generator
    draws : int

    Notes
    -----
    Efron's bootstrap. All scores here depend on the counts alone, so that drawing counts is the
    same as drawing cells, at a cost that does not grow with their number.
    """
    if matrices.ndim == 2:
        flat = matrices.ravel()
        total = int(flat.sum())
        drawn = rng.multinomial(total, flat / max(total, 1), size=draws)
        return drawn.reshape(draws, *matrices.shape).astype(np.float64)
    groups = len(matrices)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return np.tensordot(weights.astype(np.float64), matrices.astype(np.float64), axes=1)


def draws_for(classes: int) -> int:
    """Return the number of draws: fewer for very many classes, for the sake of memory."""
    return int(np.clip(_AT_ONCE // max(classes, 1) ** 2, 200, DRAWS))


def percentiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the middle 95 % along the first axis; NaN is a draw without any such cell."""
    tails = [50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL)]
    defined = ~np.isnan(values).all(0)
    bounds = np.full((2, *values.shape[1:]), np.nan)
    if defined.any():
        bounds[:, defined] = np.nanpercentile(values[:, defined], tails, axis=0)
    return bounds[0], bounds[1]

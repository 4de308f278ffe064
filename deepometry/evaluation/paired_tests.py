"""Tests of two classifiers on the same cells, and p-values adjusted for several of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SEED = 0
_MOST_EXACT = 16  # groups whose exchanges are all tried, 65,536 of them
_EXCHANGES = 9999


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """Compute the two-sided p-values of McNemar's test: exact, and mid-p.

    Parameters
    ----------
    only_first, only_second : int
        Cells that one classifier alone classifies correctly.

    Returns
    -------
    exact, mid : float
        The probability of counts as uneven, if both classifiers were equally good. The exact one
        is never too small; mid-p, which counts half of the observed case, is closer to the truth
        for few cells.

    Notes
    -----
    McNemar, Psychometrika 1947; both versions as in Fagerland, Lydersen and Laake, BMC Medical
    Research Methodology 2013, who recommend mid-p. Every cell counts as independent.
    """
    from scipy.stats import binom

    fewer, number = min(only_first, only_second), only_first + only_second
    if not number:
        return 1.0, 1.0
    tails = 2 * float(binom.cdf(fewer, number, 0.5))
    return min(1.0, tails), min(1.0, tails - float(binom.pmf(fewer, number, 0.5)))


def exchange_test(differences: np.ndarray, seed: int = _SEED) -> float:
    """Compute the two-sided p-value of a difference that is summed up over groups of cells.

    Parameters
    ----------
    differences : ndarray, shape (groups,)
        Of each group, cells that the second classifier alone classifies correctly, less those that
        the first alone does.
    seed : int

    Returns
    -------
    float
        The share of exchanges of the two classifiers, group by group, with a sum as far from 0.

    Notes
    -----
    Pitman's randomisation test for pairs (1937), whose pairs are whole groups: cells of one group
    need not be independent, as McNemar's test takes them. All exchanges are tried for 16 groups or
    fewer, 9,999 random ones for more.
    """
    moved = np.asarray(differences, np.float64)[np.asarray(differences) != 0]
    if not len(moved):
        return 1.0
    reached = abs(moved.sum()) - 1e-9
    if len(moved) <= _MOST_EXACT:
        bits = np.arange(1 << len(moved))[:, None] >> np.arange(len(moved)) & 1
        return float((np.abs((1 - 2 * bits) @ moved) >= reached).mean())
    signs = np.random.default_rng(seed).integers(0, 2, (_EXCHANGES, len(moved))) * 2 - 1
    return float((1 + (np.abs(signs @ moved) >= reached).sum()) / (1 + _EXCHANGES))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, so that all together are wrong in 5 % of cases at most.

    Holm, Scandinavian Journal of Statistics 1979.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * values[order]))
    return [float(value) for value in adjusted]

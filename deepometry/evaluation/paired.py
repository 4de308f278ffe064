"""Two classifiers on the same cells: paired tests, and intervals of the differences of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.calibration import LEAST
from deepometry.evaluation.intervals import DRAWS, percentiles
from deepometry.evaluation.significance import SURE

BOTH, FIRST, SECOND, NEITHER = range(4)
"""Which of two classifiers classifies a cell correctly."""

_SEED = 0
_BINS = 2048  # of differences of the loss of a cell
_WIDEST = -float(np.log(LEAST))  # the largest loss of a cell, and so the largest difference
_MOST_EXACT = 16  # groups whose exchanges are all tried, 65,536 of them
_EXCHANGES = 9999
_FEWEST_GROUPS = 6  # with fewer, no exchange of groups has a p-value below 0.05


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


class PairTally:
    """Counts of two classifiers on the same cells, added batch by batch.

    `classes` is the number of true classes, `groups` that of groups of cells, 0 for none. Memory
    does not grow with the number of cells.
    """

    def __init__(self, classes: int, groups: int = 0) -> None:
        self.grouped = bool(groups)
        self.outcomes = np.zeros((max(groups, 1), classes, 4), np.int64)
        self.loss_cells = np.zeros(_BINS, np.int64)
        self.loss_sums = np.zeros(_BINS)
        self.group_losses = np.zeros(max(groups, 1))

    def add(
        self,
        true: np.ndarray,
        chosen: tuple[np.ndarray, np.ndarray],
        of_true: tuple[np.ndarray, np.ndarray],
        groups: np.ndarray | None = None,
    ) -> None:
        """Add cells.

        Parameters
        ----------
        true : ndarray of int, shape (cells,)
        chosen : pair of ndarray of int, shape (cells,)
            Classes that the first and the second classifier predict.
        of_true : pair of ndarray of float, shape (cells,)
            Probability that each gives to the true class.
        groups : ndarray of int, shape (cells,), optional
            Number of the group of every cell, from 0.
        """
        first, second = (codes == true for codes in chosen)
        place = np.where(first, np.where(second, BOTH, FIRST), np.where(second, SECOND, NEITHER))
        number = np.zeros(len(true), np.int64) if groups is None else groups
        flat = (number * self.outcomes.shape[1] + true) * 4 + place
        counts = np.bincount(flat, minlength=self.outcomes.size)
        self.outcomes += counts.reshape(self.outcomes.shape)
        self._add_losses(of_true, number)

    def _add_losses(self, of_true: tuple[np.ndarray, np.ndarray], number: np.ndarray) -> None:
        first, second = (-np.log(np.maximum(np.asarray(p, np.float64), LEAST)) for p in of_true)
        more = second - first
        bins = np.clip((more + _WIDEST) / (2 * _WIDEST) * _BINS, 0, _BINS - 1).astype(np.int64)
        self.loss_cells += np.bincount(bins, minlength=_BINS)
        self.loss_sums += np.bincount(bins, more, _BINS)
        self.group_losses += np.bincount(number, more, len(self.group_losses))


@dataclass(frozen=True)
class Difference:
    """A score of the second classifier less that of the first, with its 95 % interval.

    Attributes
    ----------
    name : str
        `accuracy`, `balanced_accuracy` or `log_loss`, of which less is better.
    value, low, high : float
        NaN where there is none.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """Two classifiers on the same cells.

    Attributes
    ----------
    cells : int
    both, only_first, only_second, neither : int
        Cells that both, one alone, or neither classifies correctly.
    differences : tuple of Difference
        Second less first.
    p_value : float
        Of McNemar's test (exact), or with groups of the exchange of whole groups.
    p_mid : float
        Of McNemar's test (mid-p); NaN with groups.
    groups : int
        Groups of cells that were kept together; 0 where every cell was taken as independent.
    """

    cells: int
    both: int
    only_first: int
    only_second: int
    neither: int
    differences: tuple[Difference, ...]
    p_value: float
    p_mid: float
    groups: int = 0

    @property
    def test(self) -> str:
        """The test, as a reader would look it up."""
        return "exchange of groups" if self.groups else "McNemar, exact"

    def sentence(self, first: str, second: str, p_value: float | None = None) -> str:
        """Say which of two classifiers is better; `p_value` is one adjusted for several tests."""
        p = self.p_value if p_value is None else p_value
        counts = (
            f"{self.only_first:,} cells are classified correctly by {first} only, "
            f"{self.only_second:,} by {second} only"
        )
        accuracy = self.differences[0].value
        if p > SURE or not accuracy:
            return f"{counts}: this may be chance ({shown(p)}); neither is shown to be better."
        return f"{counts}: {second if accuracy > 0 else first} is better ({shown(p)})."

    @property
    def caution(self) -> str:
        """What limits the test; may be empty."""
        if 0 < self.groups < _FEWEST_GROUPS:
            return (
                f"{self.groups} groups are too few: no difference, however large, is significant "
                f"with fewer than {_FEWEST_GROUPS}."
            )
        return ""


def shown(p_value: float) -> str:
    """Write a p-value as papers do."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def paired(tally: PairTally, draws: int = DRAWS, seed: int = _SEED) -> Paired:
    """Test which of two classifiers is better, from the counts of their cells.

    Parameters
    ----------
    tally : PairTally
        With groups, whole groups are resampled and exchanged; without, every cell by itself.
    draws : int
        Of the bootstrap.
    seed : int

    Returns
    -------
    Paired
        The same for the same counts. Intervals are paired: each draw takes the results of both on
        the same cells (Efron's bootstrap). Draws that lack a class say nothing of balanced
        accuracy. The log loss is resampled in 2,048 steps of its difference.
    """
    table = tally.outcomes.sum((0, 1))
    both, first, second, neither = (int(count) for count in table)
    exact, mid = mcnemar(first, second)
    groups = 0
    if tally.grouped:
        cells = tally.outcomes.sum((1, 2)) > 0
        groups, mid = int(cells.sum()), float("nan")
        moved = tally.outcomes[..., SECOND].sum(1) - tally.outcomes[..., FIRST].sum(1)
        exact = exchange_test(moved, seed)
    differences = _differences(tally, np.random.default_rng(seed), draws)
    counts = (int(table.sum()), both, first, second, neither)
    return Paired(*counts, differences, exact, mid, groups)


def paired_cells(
    true: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    classes: int,
    groups: np.ndarray | None = None,
) -> Paired:
    """Test two classifiers by arrays of probabilities, shape (cells, classes), or of classes.

    Of classes alone, shape (cells,), the log loss says nothing.
    """
    tally = PairTally(classes, 0 if groups is None else int(groups.max()) + 1)
    chosen = tuple(each if each.ndim == 1 else each.argmax(1) for each in (first, second))
    rows = np.arange(len(true))
    of_true = tuple(np.ones(len(true)) if p.ndim == 1 else p[rows, true] for p in (first, second))
    tally.add(true, (chosen[0], chosen[1]), (of_true[0], of_true[1]), groups)
    return paired(tally)


def _differences(tally: PairTally, rng: np.random.Generator, draws: int) -> tuple[Difference, ...]:
    drawn, losses = _drawn(tally, rng, draws)
    values = _gains(tally.outcomes.sum(0)[None])
    others = _gains(drawn)
    lacking = ((drawn.sum(-1) == 0) & (tally.outcomes.sum((0, 2)) > 0)).any(-1)
    others["balanced_accuracy"] = np.where(lacking, np.nan, others["balanced_accuracy"])
    cells = max(int(tally.loss_cells.sum()), 1)
    values["log_loss"], others["log_loss"] = tally.loss_sums.sum(keepdims=True) / cells, losses
    bounds = {name: percentiles(each) for name, each in others.items()}
    return tuple(
        Difference(name, float(value[0]), *(float(bound) for bound in bounds[name]))
        for name, value in values.items()
    )


def _gains(outcomes: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the differences of accuracies of counts, shape (draws, classes, 4)."""
    gain = outcomes[..., SECOND] - outcomes[..., FIRST]
    cells = outcomes.sum(-1)
    shares = gain / np.maximum(cells, 1)
    return {
        "accuracy": gain.sum(-1) / np.maximum(cells.sum(-1), 1),
        "balanced_accuracy": shares.sum(-1) / np.maximum((cells > 0).sum(-1), 1),
    }


def _drawn(tally: PairTally, rng: np.random.Generator, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw counts (draws, classes, 4), and means of the difference of the loss (draws,)."""
    outcomes = tally.outcomes
    if tally.grouped:
        real = outcomes[outcomes.sum((1, 2)) > 0]
        own = tally.group_losses[outcomes.sum((1, 2)) > 0]
        groups = max(len(real), 1)
        weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(float)
        if not len(real):
            return np.zeros((draws, *outcomes.shape[1:])), np.zeros(draws)
        drawn = np.tensordot(weights, real.astype(np.float64), axes=1)
        return drawn, weights @ own / np.maximum(drawn.sum((1, 2)), 1)
    flat, total = outcomes.ravel(), int(outcomes.sum())
    drawn = rng.multinomial(total, flat / max(total, 1), size=draws)
    return drawn.reshape(draws, *outcomes.shape[1:]), _drawn_losses(tally, rng, draws)


def _drawn_losses(tally: PairTally, rng: np.random.Generator, draws: int) -> np.ndarray:
    filled = tally.loss_cells > 0
    cells, total = tally.loss_cells[filled], int(tally.loss_cells.sum())
    if not total:
        return np.zeros(draws)
    values = tally.loss_sums[filled] / cells
    drawn: np.ndarray = rng.multinomial(total, cells / total, size=draws) @ values / total
    return drawn

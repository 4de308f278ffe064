"""Two classifiers on the same cells: which is better, and intervals of differences of scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import DRAWS, percentiles
from deepometry.evaluation.pair_tally import FIRST, SECOND, PairTally
from deepometry.evaluation.paired_tests import exchange_test, mcnemar
from deepometry.evaluation.significance import SURE

_SEED = 0
_FEWEST_GROUPS = 6  # with fewer, no exchange of groups has a p-value below 0.05


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

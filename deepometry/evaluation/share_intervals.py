"""Class shares of a sample, corrected for the known confusion of a model, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepometry.core.text import counted
from deepometry.evaluation.intervals import LEVEL, percentiles

FEWEST = 10
"""Validation cells of a class below which its score is not reliable."""

FEWEST_SAMPLES = 5
"""Samples from which their variation can be estimated."""

DRAWS = 500
_CHECK_DRAWS = 200
_MOST_FITTED = 500  # samples that their variation is measured on, evenly chosen
_MOST_CHECKED = 60  # samples whose intervals are compared with their true shares
_HEAVY = 1e3  # weight of "all shares add up to 1"
_HALF = 0.5  # imaginary cells of every class in a sample, and of every confusion (Jeffreys)
_PRECISIONS = np.geomspace(0.5, 2000, 50)
_WIDER = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)  # factors of the precision, in turn
_LEAST = 1e-3  # parameter of a Dirichlet distribution that can still be drawn


@dataclass(frozen=True)
class BetweenSamples:
    """How a model confuses the classes of samples that it never saw, and how that varies.

    Attributes
    ----------
    by : str
        What samples are values of, such as Plate.
    samples : int
    confusion : ndarray of int64, shape (classes, classes)
        Of the cells of all samples, each predicted by a model that saw none of its sample.
    precision : float
        Of the Dirichlet distribution of the confusion of a sample around that of all; small where
        samples differ much.
    effective : ndarray of float64, shape (classes,)
        Independent cells of every class that are worth as much as all of them.
    held, intervals : int
        How many 95 % intervals of the shares of left-out samples held the true share, of how many.
    """

    by: str
    samples: int
    confusion: np.ndarray
    precision: float
    effective: np.ndarray
    held: int = 0
    intervals: int = 0

    def __str__(self) -> str:
        share = 100 * self.held / max(self.intervals, 1)
        return (
            f"Class shares of a {self.by} that the model never saw: {share:.0f} % of "
            f"{counted(self.intervals, 'interval')} (95 % ones, from the confusion in the other "
            f"{self.samples - 1:,}) held the true share."
        )

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for a record and a model file."""
        arrays = {"confusion": self.confusion.tolist(), "effective": self.effective.tolist()}
        return {**vars(self), **arrays}

    @staticmethod
    def read(content: Mapping[str, Any]) -> BetweenSamples | None:
        """Read what `plain` wrote; None of an empty mapping."""
        if not content:
            return None
        matrix, cells = np.array(content["confusion"], np.int64), np.array(content["effective"])
        return BetweenSamples(**{**content, "confusion": matrix, "effective": cells})


def corrected_shares(
    counts: np.ndarray,
    confusion: np.ndarray,
    rng: np.random.Generator,
    draws: int = DRAWS,
    between: BetweenSamples | None = None,
) -> np.ndarray:
    """Estimate the true shares of the classes from those predicted and the measured confusion.

    Parameters
    ----------
    counts : ndarray of int, shape (classes,)
        Cells by predicted class.
    confusion : ndarray of int, shape (classes, classes)
        Of cells not learnt from; rows are the true classes.
    rng : numpy.random.Generator
    draws : int
        For the interval.
    between : BetweenSamples, optional
        How the confusion varies between samples; without, these cells are taken to be confused as
        the validation cells are.

    Returns
    -------
    ndarray of float, shape (3, classes)
        Shares that add up to 1, then the lower and upper ends of their 95 % intervals.

    Notes
    -----
    Adjusted count (Forman, Data Min. Knowl. Discov. 2008) for many classes: the confusion matrix
    is inverted by least squares, with no share below 0 (Bunse, Proc. LQ 2022). The interval
    repeats that (after Vucetic and Obradovic, ECML 2001) with shares drawn from the Dirichlet
    posterior of the counts, half an imaginary cell of every class added, so that a class that was
    not seen may still be there; with rows of the confusion drawn from their Dirichlet posterior;
    and, between samples, with the row of one sample drawn around each of these. A class of fewer
    than 10 cells is expected to be confused as the others are, on which a single imaginary cell
    rests: its interval is wide.
    """
    total = int(counts.sum())
    known, expected = well_known(confusion), expected_rows(confusion)
    cells = confusion.sum(1, keepdims=True)
    rates = np.where(
        known[:, None], confusion / np.maximum(cells, 1), (confusion + expected) / (cells + 1)
    )
    point = _shares(counts / total, rates)
    seen = rng.dirichlet(counts + _HALF, size=draws)
    rows = _drawn_rows(confusion, expected, rng, draws, between)
    drawn = np.stack([_shares(one, each) for one, each in zip(seen, rows, strict=True)])
    low, high = percentiles(drawn)
    return np.stack([point, np.minimum(low, point), np.maximum(high, point)])


def _drawn_rows(
    confusion: np.ndarray,
    expected: np.ndarray,
    rng: np.random.Generator,
    draws: int,
    between: BetweenSamples | None,
) -> np.ndarray:
    """Draw confusions of a sample, (draws, classes, classes)."""
    posterior = confusion + expected
    if between is not None:
        shares = posterior / posterior.sum(1, keepdims=True)
        posterior = shares * (between.effective[:, None] + 1)
    posterior = posterior + 1 / len(confusion)
    rows = _dirichlet(np.broadcast_to(posterior, (draws, *posterior.shape)), rng)
    return rows if between is None else _dirichlet(between.precision * rows, rng)


def _dirichlet(parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from Dirichlet distributions along the last axis."""
    drawn = rng.standard_gamma(np.maximum(parameters, _LEAST)) + 1e-300
    return np.asarray(drawn / drawn.sum(-1, keepdims=True))


def expected_rows(confusion: np.ndarray) -> np.ndarray:
    """Expect for every class the confusion that all have together, (classes, classes).

    Correct with the probability of all cells, else as the other classes are mistaken.
    """
    classes, right = len(confusion), np.trace(confusion)
    share = (right + 1) / (confusion.sum() + 2)
    wrong = confusion.sum(0) - np.diag(confusion) + 1 / classes
    others = np.where(np.eye(classes, dtype=bool), 0.0, wrong)
    own: np.ndarray = share * np.eye(classes)
    return own + (1 - share) * others / others.sum(1, keepdims=True)


def _shares(seen: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Solve rates.T @ shares = seen, no share below 0, their sum 1."""
    from scipy.optimize import nnls

    left = np.vstack([rates.T, np.full(len(seen), _HEAVY)])
    shares, _ = nnls(left, np.append(seen, _HEAVY))
    return np.asarray(shares / shares.sum())


def well_known(confusion: np.ndarray) -> np.ndarray:
    """Return for which classes the confusion is known: enough cells, some of them correct."""
    return np.asarray((confusion.sum(1) >= FEWEST) & (np.diag(confusion) > 0))


# --- variation between samples ------------------------------------------------------------------


def between_samples(
    matrices: np.ndarray, by: str, rng: np.random.Generator
) -> BetweenSamples | None:
    """Measure how the confusion varies between samples, and how often intervals hold.

    Parameters
    ----------
    matrices : ndarray of int, shape (samples, classes, classes)
        Confusion of every sample, predicted by a model that saw none of its cells.
    by : str
        What samples are values of.
    rng : numpy.random.Generator

    Returns
    -------
    BetweenSamples or None
        None of fewer than 5 samples. The intervals of each sample rest on the others alone.

    Notes
    -----
    The rows of a sample are Dirichlet-multinomial around those of all samples, with one precision
    for all classes (Mosimann, Biometrika 1962), the one of highest likelihood. Where the intervals
    of left-out samples hold less often than they should, because single samples differ more than
    that, the precision is lowered until 95 % do. How often they hold is counted on the half of the
    samples for which it was not chosen.
    """
    if len(matrices) < FEWEST_SAMPLES:
        return None
    some = matrices[:: -(-len(matrices) // _MOST_FITTED)]
    whole = _fitted(some, by)
    hits, sizes = _checked(some, by, whole, rng)
    chosen = _WIDER[_first_that_holds(hits.sum(0), sizes.sum())]
    held = 0
    for half in (0, 1):  # judged on samples for which the width was not chosen
        own, others = slice(half, None, 2), slice(1 - half, None, 2)
        held += int(hits[own, _first_that_holds(hits[others].sum(0), sizes[others].sum())].sum())
    cells = whole.effective * len(matrices) / len(some)
    facts = (whole.precision * chosen, cells, held, int(sizes.sum()))
    return BetweenSamples(by, len(matrices), matrices.sum(0), *facts)


def _checked(
    matrices: np.ndarray, by: str, whole: BetweenSamples, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Count the intervals that hold, (samples, widths), and all intervals, (samples,)."""
    large = np.flatnonzero(matrices.sum((1, 2)) >= FEWEST)
    step = max(1, -(-len(large) // _MOST_CHECKED))
    hits, sizes = [], []
    for place in rng.permutation(large)[::step]:
        others = np.delete(matrices, place, axis=0)
        own = _fitted(others, by) if step == 1 else whole
        wider = [replace(own, precision=own.precision * each) for each in _WIDER]
        each = [_hits(matrices[place], others.sum(0), one, rng) for one in wider]
        hits.append([int(one.sum()) for one in each])
        sizes.append(len(each[0]))
    return np.array(hits).reshape(-1, len(_WIDER)), np.array(sizes, np.int64)


def _first_that_holds(held: np.ndarray, intervals: int) -> int:
    """Return the first of the widths whose intervals hold often enough, or else the last."""
    enough = np.flatnonzero(held >= LEVEL * intervals)
    return int(enough[0]) if len(enough) else len(held) - 1


def _hits(
    matrix: np.ndarray, others: np.ndarray, between: BetweenSamples, rng: np.random.Generator
) -> np.ndarray:
    """Return which intervals of a sample hold, of the classes that it has or is predicted to."""
    counts, true = matrix.sum(0), matrix.sum(1) / matrix.sum()
    _, low, high = corrected_shares(counts, others, rng, _CHECK_DRAWS, between)
    there = (counts > 0) | (true > 0)
    return np.asarray(((low <= true) & (true <= high))[there])


def _fitted(matrices: np.ndarray, by: str) -> BetweenSamples:
    """Fit the precision of the Dirichlet distribution by maximum likelihood."""
    from scipy.special import gammaln

    pooled = matrices.sum(0)
    posterior = pooled + expected_rows(pooled) + 1 / len(pooled)
    rates, cells = posterior / posterior.sum(1, keepdims=True), matrices.sum(2)

    def likelihood(precision: float) -> float:
        parameters = precision * rates
        rows = gammaln(matrices + parameters).sum() - len(matrices) * gammaln(parameters).sum()
        return float(rows + (gammaln(precision) - gammaln(cells + precision)).sum())

    best = float(max(_PRECISIONS, key=likelihood))
    effective = (cells * (best + 1) / (best + cells)).sum(0)
    return BetweenSamples(by, len(matrices), pooled, best, effective)

"""How a sample is composed: counts and shares of the classes, with intervals, also corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.caveats import FEWEST
from deepometry.evaluation.intervals import percentiles, wilson
from deepometry.evaluation.tradeoff import UNSURE
from deepometry.progress import Progress
from deepometry.words import shortened

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 500
_MOST_CLASSES = 30  # for more, the confusion of each pair is not known well enough
_HEAVY = 1e3  # weight of "all shares add up to 1"
ALL = "All cells"
_UNKNOWN = (
    "the model does not tell its confusion in the validation. A network tells it once its "
    "training has ended: where it was stopped before, let it end (--resume). Where it has ended, "
    "the model is of an earlier version: train it anew."
)


@dataclass(frozen=True)
class Sample:
    """The cells of one value of a folder level.

    Attributes
    ----------
    level, value : str
        Such as `Sample` and `A`; of all cells together `All cells` and an empty value.
    predicted : ndarray of int64, shape (classes,)
        Cells by predicted class, the unsure ones included.
    unsure : ndarray of int64, shape (classes,)
        Of these, the cells whose label is withheld.
    corrected : ndarray of float, shape (3, classes), or None
        Shares of the classes corrected for the known confusion of the model, and the lower and
        upper end of their 95 % intervals.
    """

    level: str
    value: str
    predicted: np.ndarray
    unsure: np.ndarray
    corrected: np.ndarray | None = None

    @property
    def name(self) -> str:
        """Such as `Sample A`."""
        return f"{self.level} {self.value}".strip()

    @property
    def cells(self) -> int:
        """Number of its cells."""
        return int(self.predicted.sum())


def corrected_shares(
    counts: np.ndarray, confusion: np.ndarray, rng: np.random.Generator, draws: int = _DRAWS
) -> np.ndarray:
    """Estimate the true shares of the classes from those predicted and the known confusion.

    Parameters
    ----------
    counts : ndarray of int, shape (classes,)
        Cells by predicted class.
    confusion : ndarray of int, shape (classes, classes)
        Of the validation cells; rows are the true classes.
    rng : numpy.random.Generator
    draws : int
        For the interval.

    Returns
    -------
    ndarray of float, shape (3, classes)
        Shares that add up to 1, then the lower and upper ends of their 95 % intervals.

    Notes
    -----
    Adjusted count (Forman, Data Min. Knowl. Discov. 2008) for many classes: the confusion matrix
    is inverted by least squares, with no share below 0 (Bunse, Proc. LQ 2022). The interval
    is a bootstrap (Vucetic and Obradovic, ECML 2001) over the cells and over the confusion: its
    rows are drawn from a Dirichlet distribution with one imaginary cell spread over all classes.
    It rests on one assumption: that within a class the model mistakes these cells as it does the
    validation cells. Classes that `well_known` does not name are taken as if they were never
    mistaken, and have no interval: their confusion is not known.
    """
    known, total = well_known(confusion), int(counts.sum())
    own = np.eye(len(counts))
    rates = np.where(known[:, None], confusion / np.maximum(confusion.sum(1), 1)[:, None], own)
    point = _shares(counts / total, rates)
    seen = rng.multinomial(total, counts / total, size=draws) / total
    rows = [rng.dirichlet(row + 1 / len(row), size=draws) for row in confusion]
    others = np.where(known[:, None], np.stack(rows, 1), own)
    drawn = np.stack([_shares(one, each) for one, each in zip(seen, others, strict=True)])
    low, high = percentiles(drawn)
    ends = np.stack([np.minimum(low, point), np.maximum(high, point)])
    return np.vstack([point, np.where(known, ends, np.nan)])


def _shares(seen: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Solve rates.T @ shares = seen, no share below 0, their sum 1."""
    from scipy.optimize import nnls

    left = np.vstack([rates.T, np.full(len(seen), _HEAVY)])
    found, _ = nnls(left, np.append(seen, _HEAVY))
    return found / found.sum()


def well_known(confusion: np.ndarray) -> np.ndarray:
    """Tell for which classes the confusion is known: of enough cells, some named rightly."""
    return (confusion.sum(1) >= FEWEST) & (np.diag(confusion) > 0)


def about_correction(confusion: np.ndarray, labels: Sequence[str]) -> tuple[bool, str]:
    """Tell whether shares can be corrected, and in a sentence what must be known about it."""
    if confusion.shape != (len(labels),) * 2:
        return False, _UNKNOWN
    if len(labels) > _MOST_CLASSES:
        return False, f"with {len(labels)} classes it is not known well enough for each pair."
    known = well_known(confusion)
    if known.sum() < 2:
        return False, f"fewer than two classes had {FEWEST} validation cells or more."
    others = [label for label, there in zip(labels, known, strict=True) if not there]
    if not others:
        return True, ""
    told = f"had fewer than {FEWEST} validation cells, or none named rightly, and"
    return True, f"{shortened(others, 5)} {told} stand as they were counted."


def samples_of(
    chosen: np.ndarray,
    unsure: np.ndarray,
    levels: Mapping[str, tuple[Sequence[str], np.ndarray]],
    confusion: np.ndarray | None,
    classes: int,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> list[Sample]:
    """Count the classes in all cells and for every value of every folder level.

    Parameters
    ----------
    chosen : ndarray of int, shape (cells,)
        Predicted class.
    unsure : ndarray of bool, shape (cells,)
        Whether the label is withheld.
    levels : dict of str to (values, ndarray of int, shape (cells,))
        For every folder level its values, and the place of every cell's value among them; below 0
        where it has none.
    confusion : ndarray of int, shape (classes, classes), or None
        Of the validation cells; None to correct nothing.
    classes : int
    rng : numpy.random.Generator
    progress : Progress, optional
        Told about it; may cancel.
    """
    found = [_counted(ALL, [""], np.zeros(len(chosen), np.int64), chosen, unsure, classes)]
    found += [
        _counted(n, values, at, chosen, unsure, classes) for n, (values, at) in levels.items()
    ]
    samples = [sample for each in found for sample in each if sample.cells]
    if confusion is None:
        return samples
    told, draws = [], int(np.clip(50_000 // len(samples), 100, _DRAWS))
    for number, sample in enumerate(samples, start=1):
        shares = corrected_shares(sample.predicted, confusion, rng, draws)
        told.append(Sample(sample.level, sample.value, sample.predicted, sample.unsure, shares))
        if progress is not None:
            progress.report(number, len(samples), "Summing up the samples")
    return told


def _counted(
    level: str,
    values: Sequence[str],
    places: np.ndarray,
    chosen: np.ndarray,
    unsure: np.ndarray,
    classes: int,
) -> list[Sample]:
    codes, size = places * classes + chosen, len(values) * classes
    known = places >= 0
    every = np.bincount(codes[known], minlength=size).reshape(-1, classes)
    withheld = np.bincount(codes[known & unsure], minlength=size).reshape(-1, classes)
    rows = zip(values, every, withheld, strict=True)
    return [Sample(level, value, predicted, held) for value, predicted, held in rows]


def sample_table(
    samples: Sequence[Sample], labels: Sequence[str], with_unsure: bool
) -> pd.DataFrame:
    """Give a row a sample and label, with 95 % Wilson intervals of the shares.

    Returns
    -------
    DataFrame
        Columns `level`, `value`, `cells`, `label`, `count`, `fraction`, `low`, `high`, then
        `corrected_fraction`, `corrected_low`, `corrected_high`; unsure cells have a row of
        their own, and are counted in the corrected shares by their predicted class.
    """
    import pandas as pd

    rows = [row for each in samples for row in _rows(each, labels, with_unsure)]
    return pd.DataFrame(rows, columns=[*_COLUMNS, *_CORRECTED])


_COLUMNS = ("level", "value", "cells", "label", "count", "fraction", "low", "high")
_CORRECTED = ("corrected_fraction", "corrected_low", "corrected_high")


def _rows(sample: Sample, labels: Sequence[str], with_unsure: bool) -> list[list[object]]:
    counts = sample.predicted - sample.unsure
    named = list(labels)
    if with_unsure:
        counts, named = np.append(counts, sample.unsure.sum()), [*named, UNSURE]
    low, high = wilson(counts, np.full(len(counts), sample.cells))
    shares = counts / sample.cells
    blank = np.full((3, len(named)), np.nan)
    if sample.corrected is not None:
        blank[:, : len(labels)] = sample.corrected
    told = zip(named, counts.tolist(), shares, low, high, *blank, strict=True)
    return [[sample.level, sample.value, sample.cells, *row] for row in told]

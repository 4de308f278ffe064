"""How a sample is composed: counts and shares of the classes, with intervals, also corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.progress import Progress
from deepometry.core.text import shortened
from deepometry.evaluation.intervals import wilson
from deepometry.evaluation.novelty import UNKNOWN
from deepometry.evaluation.selective import UNSURE
from deepometry.evaluation.share_intervals import (
    DRAWS,
    FEWEST,
    BetweenSamples,
    corrected_shares,
    well_known,
)

if TYPE_CHECKING:
    import pandas as pd

_MOST_CLASSES = 30  # for more, the confusion of each pair is not known well enough
ALL = "All cells"
GATED_OUT = "gated_out"
"""The column of the cells that gates leave out."""

_UNKNOWN = (
    "the model has no confusion matrix of its validation, because its training was stopped before "
    "the end; finish the training with --resume."
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
    unknown : ndarray of int64, shape (classes,), or None
        Of these, the cells labelled unknown; None where none may be.
    novel : int or None
        Its cells that are novel; None where that is not measured.
    corrected : ndarray of float, shape (3, classes), or None
        Shares of the classes corrected for the known confusion of the model, and the lower and
        upper end of their 95 % intervals.
    gated_out : int or None
        Its cells that gates leave out, in none of the other numbers; None where there are no gates.
    """

    level: str
    value: str
    predicted: np.ndarray
    unsure: np.ndarray
    corrected: np.ndarray | None = None
    gated_out: int | None = None
    unknown: np.ndarray | None = None
    novel: int | None = None

    @property
    def labelled(self) -> np.ndarray:
        """Cells by predicted class whose label is not withheld, int64 (classes,)."""
        left: np.ndarray = self.predicted - self.unsure
        return left if self.unknown is None else left - self.unknown

    @property
    def novel_share(self) -> tuple[float, float, float]:
        """Share of novel cells, with its 95 % Wilson interval; NaN where it is not measured."""
        if self.novel is None:
            return (np.nan,) * 3
        low, high = wilson(np.array([self.novel]), np.array([self.cells]))
        return self.novel / self.cells, float(low[0]), float(high[0])

    @property
    def name(self) -> str:
        """Such as `Sample A`."""
        return f"{self.level} {self.value}".strip()

    @property
    def cells(self) -> int:
        """Number of its cells."""
        return int(self.predicted.sum())


def about_correction(confusion: np.ndarray, labels: Sequence[str]) -> tuple[bool, str]:
    """Return whether shares can be corrected, and a sentence about what is not."""
    if confusion.shape != (len(labels),) * 2:
        return False, _UNKNOWN
    if len(labels) > _MOST_CLASSES:
        return (
            False,
            f"with {len(labels)} classes, too few validation cells are there for each pair.",
        )
    measured = well_known(confusion)
    if measured.sum() < 2:
        return False, f"fewer than two classes had {FEWEST} validation cells or more."
    others = [label for label, there in zip(labels, measured, strict=True) if not there]
    if not others:
        return True, ""
    reason = f"had fewer than {FEWEST} validation cells, or none classified correctly"
    return True, (
        f"{shortened(others, 5)} {reason}: taken to be confused as the other classes are, which "
        "makes the intervals wide."
    )


def samples_of(
    chosen: np.ndarray,
    unsure: np.ndarray,
    levels: Mapping[str, tuple[Sequence[str], np.ndarray]],
    confusion: np.ndarray | None,
    classes: int,
    rng: np.random.Generator,
    progress: Progress | None = None,
    gated_out: np.ndarray | None = None,
    unknown: np.ndarray | None = None,
    novel: np.ndarray | None = None,
    between: BetweenSamples | None = None,
) -> list[Sample]:
    """Count the classes in all cells and for every value of every folder level.

    A value all of whose cells are gated out has no sample.

    Parameters
    ----------
    chosen, unsure : ndarray of int and of bool, shape (cells,)
        Predicted class, and whether the label is withheld.
    levels : dict of str to (values, ndarray of int, shape (cells,))
        For every folder level its values, and the place of every cell's value among them; below 0
        where it has none.
    confusion : ndarray of int, shape (classes, classes), or None
        Of the validation cells; None to correct nothing.
    classes : int
    rng : numpy.random.Generator
    progress : Progress
    gated_out : ndarray of bool, shape (cells,), or None
        Which cells gates leave out; None where there are no gates.
    unknown, novel : ndarray of bool, shape (cells,), or None
        Which cells are labelled unknown, and which are novel; None where there is no such thing.
    between : BetweenSamples, optional
        How the confusion varies between samples; see `corrected_shares`.
    """
    labels = _Labels(chosen, unsure, classes, gated_out, unknown, novel)
    counted = [_counted(ALL, [""], np.zeros(len(chosen), np.int64), labels)]
    counted += [_counted(n, values, places, labels) for n, (values, places) in levels.items()]
    samples = [sample for each in counted for sample in each if sample.cells]
    if confusion is None:
        return samples
    corrected, draws = [], int(np.clip(50_000 // len(samples), 100, DRAWS))
    for number, sample in enumerate(samples, start=1):
        shares = corrected_shares(sample.predicted, confusion, rng, draws, between)
        corrected.append(replace(sample, corrected=shares))
        if progress is not None:
            progress.report(number, len(samples), "Summing up the samples", "samples")
    return corrected


@dataclass(frozen=True)
class _Labels:
    """What `samples_of` knows of every cell."""

    chosen: np.ndarray
    unsure: np.ndarray
    classes: int
    gated_out: np.ndarray | None
    unknown: np.ndarray | None = None
    novel: np.ndarray | None = None


def _counted(
    level: str, values: Sequence[str], places: np.ndarray, labels: _Labels
) -> list[Sample]:
    classes = labels.classes
    codes, size = places * classes + labels.chosen, len(values) * classes
    out = gated_counts(places, len(values), labels.gated_out)
    there = places >= 0 if labels.gated_out is None else (places >= 0) & ~labels.gated_out

    def tally(which: np.ndarray | None) -> Sequence[np.ndarray | None]:
        if which is None:
            return [None] * len(values)
        return [*np.bincount(codes[there & which], minlength=size).reshape(-1, classes)]

    every = np.bincount(codes[there], minlength=size).reshape(-1, classes)
    withheld = np.bincount(codes[there & labels.unsure], minlength=size).reshape(-1, classes)
    more = (out, tally(labels.unknown), tally(labels.novel))
    return [
        Sample(level, value, predicted, held, None, n, unknown, _sum(novel))
        for value, predicted, held, n, unknown, novel in zip(
            values, every, withheld, *more, strict=True
        )
    ]


def _sum(counts: np.ndarray | None) -> int | None:
    return None if counts is None else int(counts.sum())


def gated_counts(
    places: np.ndarray, values: int, gated_out: np.ndarray | None
) -> Sequence[int | None]:
    """Count the cells of each value that gates leave out; None for each where there are no gates.

    `places` (cells,) are those of their values, below 0 for none.
    """
    if gated_out is None:
        return [None] * values
    out: np.ndarray = np.bincount(places[(places >= 0) & gated_out], minlength=values)
    return [*out.tolist()]


def sample_table(
    samples: Sequence[Sample], labels: Sequence[str], with_unsure: bool
) -> pd.DataFrame:
    """Return a row for every sample and label, with 95 % Wilson intervals of the shares.

    Unsure and unknown cells have a row of their own, and count in the corrected shares by their
    predicted class. Where there are gates, `gated_out` has the cells that they leave out of the
    others; where novelty is measured, `novel` and the columns after it have the novel cells of the
    sample and their share, with its interval.
    """
    import pandas as pd

    rows = [row for each in samples for row in _rows(each, labels, with_unsure)]
    table = pd.DataFrame(rows, columns=[*_COLUMNS, *_CORRECTED, GATED_OUT, *NOVEL])
    return table.drop(columns=[n for n in (GATED_OUT, *NOVEL) if table[n].isna().all()])


_COLUMNS = ("level", "value", "cells", "label", "count", "fraction", "low", "high")
NOVEL = ("novel", "novel_fraction", "novel_low", "novel_high")
"""Columns of the novel cells of a sample."""
_CORRECTED = ("corrected_fraction", "corrected_low", "corrected_high")


def _rows(sample: Sample, labels: Sequence[str], with_unsure: bool) -> list[list[object]]:
    counts, named = sample.labelled, list(labels)
    if with_unsure:
        counts, named = np.append(counts, sample.unsure.sum()), [*named, UNSURE]
    if sample.unknown is not None:
        counts, named = np.append(counts, sample.unknown.sum()), [*named, UNKNOWN]
    low, high = wilson(counts, np.full(len(counts), sample.cells))
    shares = counts / sample.cells
    blank = np.full((3, len(named)), np.nan)
    if sample.corrected is not None:
        blank[:, : len(labels)] = sample.corrected
    columns = zip(named, counts.tolist(), shares, low, high, *blank, strict=True)
    last = [sample.gated_out, sample.novel, *sample.novel_share]
    return [[sample.level, sample.value, sample.cells, *row, *last] for row in columns]

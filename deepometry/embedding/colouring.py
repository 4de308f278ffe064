"""What the pictures of a map are coloured by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.embedding.who import CONFIDENCE, PREDICTION, Column, Who
from deepometry.errors import DeepometryError
from deepometry.names import natural_key
from deepometry.words import shortened

MOST_GROUPS = 20
NOBODY = "not known"


@dataclass(frozen=True)
class Colouring:
    """One picture: groups of cells, or a number of each cell.

    Attributes
    ----------
    title : str
        Over the legend.
    labels : tuple of str
        The groups; empty where colours stand for numbers.
    counts : tuple of int
        Cells of each group.
    values : ndarray, shape (cells,)
        Index into `labels`, or float32 numbers.
    """

    title: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    values: np.ndarray

    @property
    def slug(self) -> str:
        """The title as part of a file name."""
        return re.sub(r"\W+", "_", self.title).strip("_") or "cells"


def choose(who: Who, asked: Sequence[str] | None) -> list[Colouring]:
    """Choose the pictures.

    Parameters
    ----------
    who : Who
    asked : sequence of str or None
        Names of columns, in any case; None for the prediction, its confidence, and every level
        with 2 to 20 values.

    Raises
    ------
    DeepometryError
        A column is not there.
    """
    if asked is None:
        fitting = [n for n, each in who.columns.items() if 2 <= len(each.values) <= MOST_GROUPS]
        fitting.sort(key=lambda name: name != PREDICTION)  # which says most, and comes first
        names = fitting + ([CONFIDENCE] if who.confidence is not None else [])
        return [_of(who, name) for name in names] or [_one(len(who))]
    return [_of(who, _known(who, name)) for name in asked]


def _known(who: Who, name: str) -> str:
    names = [*who.columns, *([CONFIDENCE] if who.confidence is not None else [])]
    found = next((each for each in names if each.casefold() == name.casefold()), None)
    if found is None:
        raise DeepometryError(
            f"Colour by: expected one of {shortened(names) or 'no columns'}, found {name!r}; "
            "choose among these, or leave it blank."
        )
    return found


def _of(who: Who, name: str) -> Colouring:
    if name == CONFIDENCE and who.confidence is not None:
        return Colouring("confidence", (), (), who.confidence)
    column = who.columns[name]
    title = f"{name} ({who.target})" if name == PREDICTION and who.target else name
    return _groups(title, column)


def _groups(title: str, column: Column) -> Colouring:
    """Give the groups in natural order; of very many the largest, and one of all others."""
    counts = column.counts
    kept = np.arange(len(counts))
    if len(counts) > MOST_GROUPS:
        kept = np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1]
        kept = np.array(sorted(kept.tolist(), key=lambda n: natural_key(column.values[n])))
    labels = [column.values[n] for n in kept]
    numbers = [int(counts[n]) for n in kept]
    new = np.full(len(counts) + 1, len(kept), np.int64)
    new[kept] = np.arange(len(kept))
    if len(kept) < len(counts):
        labels.append(f"{len(counts) - len(kept):,} others")
        numbers.append(int(counts.sum()) - sum(numbers))
    if unknown := int((column.codes < 0).sum()):
        new[-1] = len(labels)
        labels.append(NOBODY)
        numbers.append(unknown)
    return Colouring(title, tuple(labels), tuple(numbers), new[column.codes])


def _one(cells: int) -> Colouring:
    return Colouring("cells", ("cells",), (cells,), np.zeros(cells, np.int64))

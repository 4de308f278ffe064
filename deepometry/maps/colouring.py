"""The colourings of a map: by a column, or by the confidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cells.identity import distinct_keys
from deepometry.cells.imported_features import ImportedFeatures
from deepometry.core.errors import DeepometryError
from deepometry.core.task_names import NOVELTY
from deepometry.core.text import shortened
from deepometry.maps.cell_table import CONFIDENCE, MOST_GROUPS, PREDICTION, Column, MapCells

MISSING = "missing"


@dataclass(frozen=True)
class Colouring:
    """One picture: groups of cells, or a number of each cell.

    Attributes
    ----------
    title : str
        Title of the legend.
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


def choose_colourings(
    cells: MapCells, asked: Sequence[str] | None, features: ImportedFeatures | None = None
) -> list[Colouring]:
    """Choose the pictures by the names of columns, in any case.

    By default the prediction, its confidence, numbers, novelty, and every level with 2 to 20
    values.
    `features` are those that are kept with the parsed cells, shown where they are asked for.

    Raises
    ------
    DeepometryError
        A column is not there, or a feature has no value of any of these cells.
    """
    if asked is None:
        fitting = [n for n, each in cells.columns.items() if 2 <= len(each.values) <= MOST_GROUPS]
        fitting.sort(key=lambda name: name != PREDICTION)  # which comes first
        names = fitting + ([CONFIDENCE] if cells.confidence is not None else [])
        names = sorted([*cells.numbers, *names], key=lambda name: name == NOVELTY)  # it comes last
        single = Colouring("cells", ("cells",), (len(cells),), np.zeros(len(cells), np.int64))
        return [_of(cells, name) for name in names] or [single]
    return [_asked(cells, name, features) for name in asked]


def _asked(cells: MapCells, name: str, features: ImportedFeatures | None) -> Colouring:
    """Return what a name that was asked for stands for: a column of the map first."""
    names = [*cells.columns, *([CONFIDENCE] if cells.confidence is not None else [])]
    names += cells.numbers
    if own := _spelled(name, names):
        return _of(cells, own)
    names += features.names if features else []
    column = _spelled(name, names)
    if features is None or not column:
        raise DeepometryError(
            f"Colour by: expected one of {shortened(names) or 'no columns'}, found {name!r}; "
            "choose among these, or leave it blank."
        )
    values = features.of(distinct_keys(cells.keys), column)
    if np.isnan(values).all():
        raise DeepometryError(
            f"Colour by: expected values of {column} of these cells, found none in "
            f"{features.path}; measure the features of these cells again."
        )
    return Colouring(column, (), (), values)


def _spelled(name: str, names: Sequence[str]) -> str:
    """Find a name in any case; empty if it is none of them."""
    return next((each for each in names if each.casefold() == name.casefold()), "")


def _of(cells: MapCells, name: str) -> Colouring:
    if name == CONFIDENCE and cells.confidence is not None:
        return Colouring("confidence", (), (), cells.confidence)
    if name in cells.numbers:
        return Colouring(_title(cells, name), (), (), cells.numbers[name])
    column = cells.columns[name]
    title = f"{name} ({cells.target})" if name == PREDICTION and cells.target else name
    return _groups(title, column)


def _title(cells: MapCells, name: str) -> str:
    """Return the title of a number, such as `predicted Day`."""
    named = name.replace("_value", "")
    return f"{named} {cells.target or 'number'}" if named != name else name


def _groups(title: str, column: Column) -> Colouring:
    """Return the groups in natural order; of very many the largest, and one of all others."""
    counts = column.counts
    groups = np.arange(len(counts))
    if len(counts) > MOST_GROUPS:  # values are in natural order, so that sorted codes are, too
        groups = np.sort(np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1])
    labels = [column.values[code] for code in groups]
    sizes = [int(counts[code]) for code in groups]
    group_of = np.full(len(counts) + 1, len(groups), np.int64)
    group_of[groups] = np.arange(len(groups))
    if len(groups) < len(counts):
        labels.append(f"{len(counts) - len(groups):,} others")
        sizes.append(int(counts.sum()) - sum(sizes))
    if missing := int((column.codes < 0).sum()):
        group_of[-1] = len(labels)
        labels.append(MISSING)
        sizes.append(missing)
    return Colouring(title, tuple(labels), tuple(sizes), group_of[column.codes])

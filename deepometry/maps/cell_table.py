"""The cells of a map: identity, folder levels and prediction, as codes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.feature_tables import metadata_rows
from deepometry.cells.identity import cell_key, table_rows
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError
from deepometry.core.exchange import settle
from deepometry.core.folder_names import natural_key
from deepometry.core.progress import Progress
from deepometry.core.result_files import PREDICTED_TABLE
from deepometry.core.run_records import own_record
from deepometry.core.steps import WITH_TABLES
from deepometry.core.task_names import (
    EXPECTED_VALUE,
    NOVELTY,
    NUMBER_COLUMNS,
    PREDICTED_VALUE,
    TRUE_VALUE,
)

PREDICTION, CONFIDENCE = "prediction", "confidence"
MOST_GROUPS = 20
"""Groups that a picture tells apart."""

_SHOWN_NUMBERS = (PREDICTED_VALUE, TRUE_VALUE, EXPECTED_VALUE, NOVELTY)
_PROBABILITY = "probability_"
_FROM_FEATURES = "predicted "
_CHECK_EVERY = 20_000  # rows


@dataclass(frozen=True)
class Column:
    """A column of text, as numbers.

    Attributes
    ----------
    values : tuple of str
        Those that occur, in natural order.
    codes : ndarray of int32, shape (cells,)
        Index into `values`; -1 where the value is missing.
    """

    values: tuple[str, ...]
    codes: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Number of cells of each value."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))


@dataclass(frozen=True)
class MapCells:
    """The cells of a map, in order.

    Attributes
    ----------
    keys : ndarray of uint64, shape (cells,)
        Hash of source and object.
    columns : dict of str to Column
        Folder levels, side of the split, then the prediction where there is one.
    confidence : ndarray of float32, shape (cells,), or None
        Probability of the predicted class; NaN where it is missing.
    target : str
        Target of the prediction, such as `Class`; empty where no record names it.
    numbers : dict of str to ndarray of float32, shape (cells,)
        Predicted numbers, and labels that are measured ones; NaN where they are missing.
    """

    keys: np.ndarray
    columns: dict[str, Column]
    confidence: np.ndarray | None = None
    target: str = ""
    numbers: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)


def read_map_cells(metadata: Path, progress: Progress) -> MapCells:
    """Read the table of cells; raise `DeepometryError` without source, object or any cells."""
    keys = array("Q")
    with metadata_rows(metadata) as (header, rows):
        codes = [array("i") for _ in header[2:]]
        seen: list[dict[str, int]] = [{} for _ in codes]
        for number, row in enumerate(rows):
            keys.append(cell_key(*row[:2]))
            for place, values in enumerate(seen):
                text = row[place + 2]
                codes[place].append(values.setdefault(text, len(values)) if text else -1)
            if number % _CHECK_EVERY == 0:
                progress.report(0, 0, "Reading the table of cells")
    if not keys:
        raise DeepometryError(
            f"{metadata}: expected cells, found none; extract the features again."
        )
    parts = zip(header[2:], seen, codes, strict=True)
    columns = {name: _column(values, numbers) for name, values, numbers in parts}
    return _with_own_prediction(_with_numbers(MapCells(np.array(keys, np.uint64), columns)))


def _with_numbers(cells: MapCells) -> MapCells:
    """Take columns that are numbers, not groups, out of those of text."""
    found = {
        n: numbers for n, c in cells.columns.items() if (numbers := _numbers(n, c)) is not None
    }
    columns = {name: each for name, each in cells.columns.items() if name not in found}
    return replace(cells, columns=columns, numbers=found)


def _numbers(name: str, column: Column) -> np.ndarray | None:
    """Return the numbers of a column; None where it is groups, such as `Day 1` and `Day 2`."""
    values = np.array([*map(_number, column.values), np.nan], np.float32)
    measured = len(column.values) > MOST_GROUPS and any("." in text for text in column.values)
    if name not in NUMBER_COLUMNS and not (measured and np.isfinite(values[:-1]).all()):
        return None
    numbers: np.ndarray = values[column.codes]  # of a missing one, -1, the last
    return numbers


def _column(seen: dict[str, int], codes: Sequence[int] | np.ndarray) -> Column:
    """Make a column whose values are in natural order."""
    values = sorted(seen, key=natural_key)
    order = np.full(len(values) + 1, -1, np.int32)  # the last one is for -1
    for new, value in enumerate(values):
        order[seen[value]] = new
    return Column(tuple(values), order[np.array(codes, np.int64)])


def _with_own_prediction(cells: MapCells) -> MapCells:
    """Rename the prediction of the network that the features are of."""
    last = next(reversed(cells.columns), "")
    if not last.startswith(_FROM_FEATURES):
        return cells
    columns = dict(cells.columns)
    columns[PREDICTION] = columns.pop(last)
    return replace(cells, columns=columns, target=last.removeprefix(_FROM_FEATURES))


def with_predictions(
    cells: MapCells, asked: Path | None, folder: Path, progress: Progress
) -> MapCells:
    """Add the prediction of every cell from a `predicted.csv`, where there is one.

    `asked` is the table or its folder; by default, `folder` is looked into.

    Raises
    ------
    DeepometryError
        The table that was asked for does not exist, or has none of the cells.
    """
    place = asked or folder
    settle(place, above=True)
    path = place / PREDICTED_TABLE if place.is_dir() else place
    if asked is None and not path.is_file():
        return cells
    if not path.exists():
        raise DeepometryError(
            f"Predictions {path} does not exist: give the folder that Predict wrote."
        )
    found = _matched(cells, path, progress)
    missing = int(found.missing.sum())
    if missing == len(cells):
        message = f"{path}: expected the {len(cells):,} cells of these features, found none of them"
        if asked is not None:
            raise DeepometryError(f"{message}; predict the same parsed cells, or leave it blank.")
        progress.say(f"{message}; the map shows no predictions.")
        return cells
    if missing:
        progress.say(f"{path} has no prediction for {missing:,} of the {len(cells):,} cells.")
    columns = {name: each for name, each in cells.columns.items() if name != PREDICTION}
    # another model may have made the features: its target is not that of this table
    target = next((str(each["target"]) for each in _records(path.parent) if each.get("target")), "")
    if found.labels is not None:
        columns[PREDICTION] = found.labels
    numbers = {n: each for n, each in cells.numbers.items() if n not in NUMBER_COLUMNS}
    numbers = {**found.numbers, **numbers}
    sure = found.confidence
    return replace(cells, columns=columns, confidence=sure, target=target, numbers=numbers)


def _records(folder: Path) -> list[dict[str, Any]]:
    """Read the records of the steps that write predictions, as far as they lie in a folder."""
    writers = (step for step in WITH_TABLES if step.writes == "predictions")
    return [own_record(folder / step.record, step.name) for step in writers]


@dataclass(frozen=True)
class _Predictions:
    """What a table predicts of the cells of a map; `missing` (cells,) are those it lacks."""

    labels: Column | None
    confidence: np.ndarray | None
    numbers: dict[str, np.ndarray]
    missing: np.ndarray


def _matched(cells: MapCells, path: Path, progress: Progress) -> _Predictions:
    """Find label, confidence and numbers of every cell in one pass over the predictions."""
    order = np.argsort(cells.keys, kind="stable")
    ranked = cells.keys[order]
    codes, missing = np.full(len(cells), -1, np.int32), np.ones(len(cells), bool)
    seen: dict[str, int] = {}
    with table_rows(path) as rows:
        places = _Places.of(next(rows, []), path)
        numbers = np.full((len(cells), len(places.numbers) + 1), np.nan, np.float32)
        for number, row in enumerate(rows):
            key = np.uint64(cell_key(*row[:2]))
            low, high = np.searchsorted(ranked, key), np.searchsorted(ranked, key, "right")
            here = order[low:high]
            missing[here] = False
            numbers[here] = places.read(row)
            if places.label is not None:
                codes[here] = seen.setdefault(row[places.label], len(seen))
            if number % _CHECK_EVERY == 0:
                progress.report(0, 0, "Reading the predictions")
    named = dict(zip(places.numbers, numbers.T[1:], strict=True))
    if places.label is None:
        return _Predictions(None, None, named, missing)
    return _Predictions(_column(seen, codes), numbers[:, 0], named, missing)


@dataclass(frozen=True)
class _Places:
    """Where the label, the probabilities and the numbers stand in a row."""

    label: int | None
    probabilities: tuple[int, ...]
    numbers: dict[str, int]

    @classmethod
    def of(cls, header: list[str], path: Path) -> _Places:
        """Find them in a header."""
        numbers = {name: header.index(name) for name in _SHOWN_NUMBERS if name in header}
        label = header.index("label") if "label" in header else None
        if tuple(header[:2]) != IDENTITY or (label is None and PREDICTED_VALUE not in numbers):
            raise DeepometryError(
                f"Predictions {path}: expected the columns source, object and label or "
                f"{PREDICTED_VALUE}, found {', '.join(header[:5]) or 'nothing'}; give the "
                "predicted.csv that Predict wrote."
            )
        begin = (n for n, name in enumerate(header) if name.startswith(_PROBABILITY))
        return cls(label, tuple(begin), numbers)

    def read(self, row: list[str]) -> list[float]:
        """Return the largest probability, and the numbers."""
        chances = [_number(row[place]) for place in self.probabilities]
        return [max(chances, default=np.nan), *(_number(row[n]) for n in self.numbers.values())]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")

"""Class probabilities for FlowJo: Classification Results (CLR), a file for each source file.

FlowJo documentation, "CLR and CSV files": comma-separated, a row for every event of the sample in
its order, a column a class with the probability that the event is of it; the first line may name
the classes. https://docs.flowjo.com
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.errors import DeepometryError
from deepometry.export.bundle import Bundle
from deepometry.export.table import CellTable
from deepometry.progress import Progress
from deepometry.stacks import safe_name, unique_name

if TYPE_CHECKING:
    import pandas as pd

_MOST_EVENTS = 1 << 28


def write_clr(bundle: Bundle, table: CellTable, progress: Progress) -> list[str]:
    """Write a .csv for every source file.

    Parameters
    ----------
    bundle : Bundle
        Takes the files, named after the source files.
    table : CellTable
        With probabilities.
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know, a sentence each.

    Raises
    ------
    DeepometryError
        There are no probabilities.

    Notes
    -----
    The events of a sample exported by IDEAS are its objects, in the order of their numbers from
    0. So row n is object n; an object that was not predicted has 0 in every column. The file ends
    with the last object of the source file, where that is still there, or else with the last one
    predicted. Where objects have names, not numbers, the rows are in the order of the table.
    """
    if not table.probabilities:
        raise DeepometryError(
            f"{table.folder}: expected the probabilities of classes (predicted.csv), found none; "
            "give the folder that Predict wrote."
        )
    used: set[str] = set()
    unknown = empty = 0
    for source, rows in _by_source(table, progress):
        events = _events_of(table, source)
        known, content = _file(table, rows, events)
        unknown += known and events is None
        empty += content.blank
        bundle.add(f"{unique_name(safe_name(source), used)}.csv", content.text)
    return _notes(unknown, empty)


def _notes(unknown: int, empty: int) -> list[str]:
    told = []
    if empty:
        told.append(
            f"{empty:,} objects were not predicted: they have a row with 0 for every class."
        )
    if unknown:
        told.append(
            f"Of {unknown:,} source files the number of objects is not known any more; their rows "
            "end with the last object predicted. FlowJo wants a row for every event."
        )
    return told


def _by_source(table: CellTable, progress: Progress) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the cells of one source file after another.

    Only row numbers and objects are kept of all cells; where the cells of a file stand together,
    as every step writes them, one file at a time is in memory.
    """
    import pandas as pd

    columns = ["object", *table.probabilities.values()]
    waiting: dict[str, list[Any]] = {}
    left = _left(table)
    with table.pieces(progress, "Reading probabilities", features=False) as pieces:
        for piece in pieces:
            for source, cells in piece.cells.groupby("source", sort=False):
                waiting.setdefault(str(source), []).append(cells[columns])
                left[str(source)] -= len(cells)
                if not left[str(source)]:
                    yield str(source), pd.concat(waiting.pop(str(source)))


def _left(table: CellTable) -> dict[str, int]:
    """Count the cells of every source file."""
    found: dict[str, int] = {}
    with table.pieces(features=False) as pieces:
        for piece in pieces:
            for source, cells in piece.cells["source"].value_counts().items():
                found[str(source)] = found.get(str(source), 0) + int(cells)
    return found


class _Content:
    def __init__(self, text: bytes, blank: int) -> None:
        self.text, self.blank = text, blank


def _file(table: CellTable, rows: pd.DataFrame, events: int | None) -> tuple[bool, _Content]:
    """Write the rows of one source file; tell whether its objects are numbered."""
    chances = np.nan_to_num(rows[list(table.probabilities.values())].to_numpy(np.float64))
    objects = rows["object"].tolist()
    known = all(name.isdecimal() and int(name) < _MOST_EVENTS for name in objects)
    known = known and len(set(objects)) == len(objects)
    blank = 0
    if known:
        numbers = np.array([int(name) for name in objects], np.int64)
        every = np.zeros((max(events or 0, int(numbers.max()) + 1), chances.shape[1]))
        every[numbers] = chances
        blank = len(every) - int((chances.sum(1) > 0).sum())
        chances = every
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(table.probabilities)
    np.savetxt(text, chances, fmt="%.6g", delimiter=",")
    return known, _Content(text.getvalue().encode("utf-8"), blank)


def _events_of(table: CellTable, source: str) -> int | None:
    """Count the objects of a source file, where it is still there and tells."""
    from deepometry.dataset import _parsed_above
    from deepometry.readers.cif import CifSource

    for record in table.records.values():
        told = record.get("options", {}).get("input")
        if not told:
            continue
        read: dict[Path, dict[str, Any]] = {}
        parsed = _parsed_above(Path(told), read)
        began = read[parsed].get("options", {}).get("input") if parsed else None
        raw = Path(began) / source if began else None
        if raw is not None and raw.is_file():
            try:
                objects = CifSource(raw, (), raw.stem).numbers
            except DeepometryError:
                return None
            return int(objects.max()) + 1 if len(objects) else None
    return None

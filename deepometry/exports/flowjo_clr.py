"""Class probabilities for FlowJo: Classification Results (CLR), a file for each source file.

FlowJo documentation, "CLR and CSV files": comma-separated, a row for every event of the sample in
its order, a column a class with the probability that the event is of it; the first line may name
the classes. https://docs.flowjo.com
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.spreadsheet import SafeWriter
from deepometry.exports.archive import Archive
from deepometry.exports.cell_table import CellTable
from deepometry.exports.job import ExportJob

if TYPE_CHECKING:
    import pandas as pd

_MOST_EVENTS = 1 << 28


def write_clr(job: ExportJob, archive: Archive) -> list[str]:
    """Write a .csv for every source file, named after it; raise an error without probabilities.

    Notes
    -----
    The events of a sample exported by IDEAS are its objects, in the order of their numbers from
    0. So row n is object n; an object that was not predicted has 0 in every column. The file ends
    with the last object of the source file, where that is still there, or else with the last one
    predicted. Where objects have names, not numbers, the rows are in the order of the table.
    """
    table = job.table
    if not table.probabilities:
        raise table.without("the probabilities of classes")
    used, columns = set[str](), [*table.probabilities.values()]
    unknown = empty = 0
    for source, rows in _by_source(job):
        events = _events_of(table, source)
        numbers = _object_numbers(rows)
        probabilities = np.nan_to_num(rows[columns].to_numpy(np.float64))
        if numbers is not None:
            probabilities = _by_number(probabilities, numbers, events)
            unknown += events is None
            empty += int((probabilities.sum(1) == 0).sum())
        content = _csv([*table.probabilities], probabilities)
        archive.add(f"{unique_name(safe_name(source), used)}.csv", content)
    return _notes(unknown, empty)


def _notes(unknown: int, empty: int) -> list[str]:
    notes = []
    if empty:
        notes.append(
            f"{empty:,} objects were not predicted: they have a row with 0 for every class."
        )
    if unknown:
        notes.append(
            f"Of {unknown:,} source files the number of objects is not known any more; their rows "
            "end with the last object predicted. FlowJo wants a row for every event."
        )
    return notes


def _by_source(job: ExportJob) -> Iterator[tuple[str, pd.DataFrame]]:
    """Read the cells of one source file after another.

    Where the cells of a file stand together, as every step writes them, one file at a time is in
    memory.
    """
    import pandas as pd

    columns = ["object", *job.table.probabilities.values()]
    waiting: dict[str, list[Any]] = {}
    left = _cells_by_source(job.table)
    with job.pieces("Reading probabilities", features=False) as pieces:
        for piece in pieces:
            for source, cells in piece.cells.groupby("source", sort=False):
                waiting.setdefault(str(source), []).append(cells[columns])
                left[str(source)] -= len(cells)
                if not left[str(source)]:
                    yield str(source), pd.concat(waiting.pop(str(source)))


def _cells_by_source(table: CellTable) -> Counter[str]:
    counts: Counter[str] = Counter()
    with table.pieces(features=False) as pieces:
        for piece in pieces:
            counts.update(piece.cells["source"])
    return counts


def _object_numbers(rows: pd.DataFrame) -> np.ndarray | None:
    """Read the object numbers of one source file; None where they are names, or not unique."""
    objects = rows["object"].tolist()
    if len(set(objects)) < len(objects) or not all(map(str.isdecimal, objects)):
        return None
    numbers = [int(name) for name in objects]
    return np.array(numbers, np.int64) if max(numbers) < _MOST_EVENTS else None


def _by_number(probabilities: np.ndarray, numbers: np.ndarray, events: int | None) -> np.ndarray:
    """Put the row of object n at place n; objects that were not predicted have 0."""
    rows = np.zeros((max(events or 0, int(numbers.max()) + 1), probabilities.shape[1]))
    rows[numbers] = probabilities
    return rows


def _csv(classes: list[str], probabilities: np.ndarray) -> bytes:
    text = io.StringIO()
    SafeWriter(text, lineterminator="\n").writerow(classes)
    np.savetxt(text, probabilities, fmt="%.6g", delimiter=",")
    return text.getvalue().encode("utf-8")


def _events_of(table: CellTable, source: str) -> int | None:
    """Count the objects of a source file; None where it is gone or cannot be read."""
    inputs = (record.get("options", {}).get("input") for record in table.records.values())
    for raw in (_raw_file(Path(folder), source) for folder in inputs if folder):
        if raw is not None:
            return _count_objects(raw)
    return None


def _raw_file(parsed: Path, source: str) -> Path | None:
    """Find a source file by the record of the cells that were parsed from it."""
    from deepometry.cells.channel_list import record_above

    read: dict[Path, dict[str, Any]] = {}
    record = record_above(parsed, read)
    folder = read[record].get("options", {}).get("input") if record else None
    raw = Path(folder) / source if folder else None
    return raw if raw is not None and raw.is_file() else None


def _count_objects(raw: Path) -> int | None:
    from deepometry.images.readers.cif import CifSource

    try:
        numbers = CifSource(raw, (), raw.stem).numbers
    except DeepometryError:
        return None
    return int(numbers.max()) + 1 if len(numbers) else None

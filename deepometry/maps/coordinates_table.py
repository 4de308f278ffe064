"""Identity, folder levels, prediction and coordinates of every cell: as a table, and as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from deepometry.cells.identity import table_rows
from deepometry.core.files import writing
from deepometry.core.progress import Progress, Ticker
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.core.text import table_number
from deepometry.maps import PLACES, code_bytes
from deepometry.maps.cell_table import CONFIDENCE, MapCells

_AT_ONCE = 4096  # rows


def axis_names(method: str, dims: int) -> list[str]:
    """Name the columns of the coordinates: `umap_1`, `umap_2`."""
    return [f"{method}_{number}" for number in range(1, dims + 1)]


def write_coordinates(
    path: Path,
    metadata: Path,
    cells: MapCells,
    places: np.ndarray,
    axes: list[str],
    progress: Progress,
) -> None:
    """Write the table, a row a cell, in the order of the features.

    `axes` are the names of the columns of `places`, float32 (cells, dims).
    """
    ticker = Ticker(progress, len(cells))
    confidence = [] if cells.confidence is None else [CONFIDENCE]
    with writing(path) as part, table_file(part) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow(["source", "object", *cells.columns, *cells.numbers, *confidence, *axes])
        with table_rows(metadata, tabs=True) as rows:
            next(rows, None)
            for first in range(0, len(cells), _AT_ONCE):
                some = [row[:2] for row in islice(rows, _AT_ONCE)]
                here = slice(first, first + len(some))
                writer.writerows(_rows(some, cells, places, here))
                ticker.tick("Writing the coordinates", len(some))


def _rows(
    identities: list[list[str]], cells: MapCells, places: np.ndarray, here: slice
) -> Iterator[list[str]]:
    texts = [_texts(each.values, each.codes[here]) for each in cells.columns.values()]
    confidence = [] if cells.confidence is None else [cells.confidence]
    numbers = (each[here].tolist() for each in [*cells.numbers.values(), *confidence])
    texts += [[*map(table_number, each)] for each in numbers]
    texts += [[f"{value:.6g}" for value in axis] for axis in places[here].T.tolist()]
    for identity, *row in zip(identities, *texts, strict=True):
        yield [*identity, *row]


def _texts(values: tuple[str, ...], codes: np.ndarray) -> list[str]:
    return ["" if code < 0 else values[code] for code in codes.tolist()]


def write_points(path: Path, cells: MapCells, places: np.ndarray) -> None:
    """Write `places`, `codes_<n>` of each column in order, and `confidence` where predicted."""
    arrays = {PLACES: places.astype("<f4")}
    for number, column in enumerate(cells.columns.values()):
        # -1 becomes the largest number
        arrays[f"codes_{number}"] = column.codes.astype(f"<u{code_bytes(len(column.values))}")
    if cells.confidence is not None:
        arrays[CONFIDENCE] = cells.confidence.astype("<f4")
    with writing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]

"""What the explorer draws: places and codes of a map as bytes, and what is told of its cells."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from deepometry.embedding import COORDINATES, PLACES, POINTS, code_bytes
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.web.results_cells import Cells, Matching
from deepometry.web.results_extract import Extracted
from deepometry.web.results_output import Output, Unknown
from deepometry.web.results_table import COMMA, index_table

if TYPE_CHECKING:
    import numpy as np

_AT_ONCE = 512  # cells
_DAMAGE = (ValueError, OSError, EOFError, BadZipFile, zlib.error)
"""What reading damaged arrays raises."""


def open_mapped(output: Output) -> Extracted:
    """Go through the table of a map once, beside the cells it is about."""
    matching = Matching(output)
    table = index_table(output.path(COORDINATES), COMMA, lambda header: (), matching)
    return Extracted(table, matching.cells())


def about(output: Output) -> dict[str, Any]:
    """Tell what there is to draw: cells, axes, and the columns with their values and counts."""
    record = output.record
    columns = [
        {
            "name": name,
            "code": number,
            "bytes": code_bytes(len(values)),
            "values": list(values),
            "counts": list(values.values()),
        }
        for number, (name, values) in enumerate((record.get("columns") or {}).items())
        if values
    ]
    return {
        "cells": int(record.get("cells", 0)),
        "axes": record.get("axes") or [],
        "method": str(output.option("method")),
        "target": str(record.get("target") or ""),
        "columns": columns,
        "confidence": "confidence" in _names(output),
    }


def _names(output: Output) -> list[str]:
    import numpy as np

    path = output.path(POINTS)
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return list(arrays.files)
    except _DAMAGE as error:
        raise _damaged(output, error) from error


def array_bytes(output: Output, name: str) -> bytes:
    """Give an array of a map, lowest byte first.

    Raises
    ------
    DeepometryError
        There is none of this name, or the file is damaged.
    """
    import numpy as np

    path = output.path(POINTS)
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            if name not in arrays.files:
                raise Unknown(f"This map has no {name}.")
            return arrays[name].tobytes()
    except _DAMAGE as error:
        if isinstance(error, DeepometryError):
            raise
        raise _damaged(output, error) from error


def places_bytes(output: Output) -> bytes:
    """Give the coordinates of all cells: float32, cell by cell."""
    return array_bytes(output, PLACES)


def _damaged(output: Output, error: Exception) -> DeepometryError:
    return DeepometryError(f"{output.root / POINTS} cannot be read ({error}); draw the map anew.")


# --- intensities --------------------------------------------------------------------------------


def intensities(cells: Cells) -> np.ndarray:
    """Measure the mean of every channel in every cell, in one pass.

    Returns
    -------
    ndarray of float32, shape (channels, cells)
    """
    import copy

    import numpy as np

    dataset = cells.dataset
    found, done = np.empty((dataset.depth, len(dataset)), np.float32), 0
    for part in dataset.parts:
        stored = copy.copy(part.stored)  # so that no file stays open
        for first in range(0, len(stored), _AT_ONCE):
            rows = np.arange(first, min(first + _AT_ONCE, len(stored)))
            found[:, done : done + len(rows)] = stored.read(rows, None).mean((1, 2)).T
            done += len(rows)
    return found


# --- chosen cells -------------------------------------------------------------------------------


def read_choice(bits: bytes, cells: int) -> np.ndarray:
    """Read which cells are chosen.

    Parameters
    ----------
    bits : bytes
        One bit a cell, the first cell in the lowest bit of the first byte.
    cells : int
        Number of cells of the map.

    Returns
    -------
    ndarray of bool, shape (cells,)

    Raises
    ------
    DeepometryError
        They are of another number of cells, or none is chosen.
    """
    import numpy as np

    if len(bits) != (cells + 7) // 8:
        raise DeepometryError("The choice is of another map: load the page again.")
    chosen = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[:cells].astype(bool)
    if not chosen.any():
        raise DeepometryError("No cell is chosen: draw a line around some cells first.")
    return chosen


def chosen_rows(output: Output, chosen: np.ndarray) -> Iterator[str]:
    """Give the table of the chosen cells, piece by piece."""
    path = output.path(COORDINATES)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            yield _line([next(rows, [])])
            kept: list[list[str]] = []
            for wanted, row in zip(chosen.tolist(), rows, strict=True):
                if wanted:
                    kept.append(row)
                if len(kept) == _AT_ONCE:
                    yield _line(kept)
                    kept = []
            yield _line(kept)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, csv.Error) as error:
        raise DeepometryError(f"{path} has changed; draw the map anew.") from error


def _line(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()

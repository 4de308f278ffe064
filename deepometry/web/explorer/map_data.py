"""What the explorer draws: coordinates and codes of a map as bytes, and its selected cells."""

from __future__ import annotations

import io
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import COORDINATE_ARRAYS, COORDINATES_TABLE
from deepometry.core.spreadsheet import SafeWriter, safe_reader
from deepometry.maps import PLACES, code_bytes
from deepometry.web.results.cell_pictures import Cells
from deepometry.web.results.output import Output, Unknown, reading

if TYPE_CHECKING:
    import numpy as np

_AT_ONCE = 512  # cells
_DAMAGE = (ValueError, OSError, EOFError, BadZipFile, zlib.error)
"""What reading damaged arrays raises."""


def about(output: Output) -> dict[str, Any]:
    """Describe what there is to draw: cells, axes, and the columns with their values and counts."""
    record = output.record
    with _arrays(output) as arrays:
        names = arrays.files
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
        "confidence": "confidence" in names,
        "stamp": output.stamp,
    }


@contextmanager
def _arrays(output: Output) -> Iterator[Any]:
    import numpy as np

    path = output.path(COORDINATE_ARRAYS)
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            yield arrays
    except DeepometryError:
        raise
    except _DAMAGE as error:
        raise DeepometryError(
            f"{output.root / COORDINATE_ARRAYS} cannot be read ({error}); draw the map again."
        ) from error


def array_bytes(output: Output, name: str) -> bytes:
    """Return an array of a map, lowest byte first.

    Raises
    ------
    DeepometryError
        There is none of this name, or the file is damaged.
    """
    with _arrays(output) as arrays:
        if name not in arrays.files:
            raise Unknown(f"This map has no {name}.")
        return arrays[name].tobytes()


def places_bytes(output: Output) -> bytes:
    """Return the coordinates of all cells: float32, cell by cell."""
    return array_bytes(output, PLACES)


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
    means, done = np.empty((dataset.depth, len(dataset)), np.float32), 0
    for part in dataset.parts:
        stored = copy.copy(part.stored)  # so that no file stays open
        for first in range(0, len(stored), _AT_ONCE):
            rows = np.arange(first, min(first + _AT_ONCE, len(stored)))
            means[:, done : done + len(rows)] = stored.read(rows, None).mean((1, 2)).T
            done += len(rows)
    return means


# --- selected cells -----------------------------------------------------------------------------


def selected_rows(output: Output, selection: np.ndarray) -> Iterator[str]:
    """Yield the table of the selected cells, piece by piece."""
    path = output.path(COORDINATES_TABLE)
    with (
        reading(path, "has changed; draw the map again."),
        path.open("rb") as content,
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        marked = content.read(3) == BOM_UTF8  # as its rows need it, these may
        rows = safe_reader(file)
        yield "\ufeff" * marked + _line([next(rows, [])])
        block: list[list[str]] = []
        for selected, row in zip(selection.tolist(), rows, strict=True):
            if selected:
                block.append(row)
            if len(block) == _AT_ONCE:
                yield _line(block)
                block = []
        yield _line(block)


def _line(rows: list[list[str]]) -> str:
    text = io.StringIO()
    SafeWriter(text, lineterminator="\n").writerows(rows)
    return text.getvalue()

"""Reading a table in the order of another one that has the same cells."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.identity import distinct_keys, find_keys
from deepometry.core.errors import DeepometryError
from deepometry.exports.result_tables import CellFile

if TYPE_CHECKING:
    import pandas as pd

Part = tuple["pd.DataFrame", np.ndarray]
"""Cells, and their features, of some rows."""

RowReader = Callable[[slice], Part]
"""Reads the part of the next rows; they must be asked for in order."""


def rows_like(stack: ExitStack, first: CellFile, file: CellFile, size: int) -> RowReader:
    """Open a table for reading in the order of the first, which has all of its cells.

    Raises `DeepometryError` for a cell that the first has not; `stack` closes what was opened.
    """
    if np.array_equal(first.keys, file.keys):
        return _same_order(file, size)
    rows = find_keys(distinct_keys(first.keys), distinct_keys(file.keys))
    missing = np.setdiff1d(np.arange(len(file.keys)), rows)
    if len(missing):
        raise DeepometryError(
            f"{file.path}: expected the cells of {first.path}, found another in row "
            f"{missing[0] + 1:,}; give a folder whose tables are of the same cells."
        )
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="deepometry-")))
    return _reordered(file, rows, folder, size, stack)


def _same_order(file: CellFile, size: int) -> RowReader:
    parts = file.pieces(size)

    def read(rows: slice) -> Part:
        part = next(parts, None)
        count = rows.stop - rows.start
        if (0 if part is None else max(len(part[0]), len(part[1]))) != count:
            raise DeepometryError(
                f"{file.path}: expected {len(file.keys):,} rows, found another number; make the "
                "table again."
            )
        return part if part is not None else _nothing(file)

    return read


def _nothing(file: CellFile) -> Part:
    import pandas as pd

    return pd.DataFrame(), np.empty((0, len(file.features)), np.float32)


def _reordered(
    file: CellFile, rows: np.ndarray, folder: Path, size: int, stack: ExitStack
) -> RowReader:
    """Write a table to a temporary file in the order in which it is needed, and read that."""
    import pandas as pd

    split, width = len(file.numbers), len(file.numbers) + len(file.features)
    numbers, codes = _spread_out(file, rows, folder, size, stack)
    texts = {name: np.array([*file.values[name], ""], object) for name in file.texts}

    def read(some: slice) -> Part:
        own = np.array(numbers[some])
        columns: dict[str, Any] = {name: texts[name][codes[name][some]] for name in file.texts}
        columns |= {name: own[:, place] for place, name in enumerate(file.numbers)}
        return pd.DataFrame(columns), own[:, split:width]

    return read


def _spread_out(
    file: CellFile, rows: np.ndarray, folder: Path, size: int, stack: ExitStack
) -> tuple[np.memmap, dict[str, np.ndarray]]:
    """Place numbers (outside memory) and codes of text in order; missing ones are NaN and -1."""
    shape = (max(1, len(rows)), max(1, len(file.numbers) + len(file.features)))
    numbers = np.memmap(folder / "numbers", np.float32, "w+", shape=shape)
    stack.callback(_close, numbers)
    numbers[...] = np.nan
    codes = {name: np.full(len(rows), -1, np.int32) for name in file.texts}
    code_of = {n: {value: code for code, value in enumerate(file.values[n])} for n in file.texts}
    targets, done = np.full(len(file.keys), -1), 0
    targets[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    for cells, features in file.pieces(size):
        here = targets[done : done + max(len(cells), len(features))]
        done += len(here)
        own = cells[file.numbers].to_numpy(np.float32) if file.numbers else features[:, :0]
        numbers[here, : own.shape[1] + features.shape[1]] = np.hstack([own, features])
        for name in file.texts:
            codes[name][here] = [code_of[name][value] for value in cells[name]]
    return numbers, codes


def _close(numbers: np.memmap) -> None:
    """Close a mapped file: Windows could not delete it otherwise."""
    numbers._mmap.close()  # type: ignore[attr-defined]

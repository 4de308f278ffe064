"""Columns of long tables with a row a cell, in blocks, much faster than row by row.

As `csv` reads them where the program wrote them: quoted, with text restored that was escaped.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.spreadsheet import restored, safe_reader
from deepometry.core.text import is_number

_PIECE = 1 << 23  # bytes
_LINE, _QUOTE = b'\n"'
_CODED = pa.dictionary(pa.int32(), pa.string())


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Raise what is wrong with a table as a sentence."""
    try:
        yield
    except OSError as error:
        raise explain_os_error(error, path) from error
    except DeepometryError:
        raise
    except (csv.Error, StopIteration, ValueError, IndexError) as error:  # pyarrow's are ValueErrors
        raise DeepometryError(
            f"{path} is not a table as it was written ({error}); create it again."
        ) from error


def read_header(path: Path, tabs: bool = False) -> list[str]:
    """Read the names of the columns of a table."""
    with explaining(path), path.open(encoding="utf-8-sig", newline="") as file:
        return next(safe_reader(file, tabs))


def row_starts(path: Path, tabs: bool = False) -> np.ndarray:
    """Find the byte at which each row begins, without the header: int64, shape (rows,)."""
    starts, quotes, done = [], 0, 0
    with explaining(path), path.open("rb") as file:
        while piece := file.read(_PIECE):
            content = np.frombuffer(piece, np.uint8)
            ends = np.flatnonzero(content == _LINE)
            if not tabs:  # a line that ends inside of quotes ends no row
                marks = np.flatnonzero(content == _QUOTE)
                ends = ends[(quotes + np.searchsorted(marks, ends)) % 2 == 0]
                quotes += len(marks)
            starts.append(ends + 1 + done)
            done += len(piece)
    every = np.concatenate(starts) if starts else np.zeros(0, np.int64)
    return every[every < done].astype(np.int64)


def read_columns(
    path: Path,
    coded: Sequence[int] = (),
    texts: Sequence[int] = (),
    numbers: Sequence[int] = (),
    tabs: bool = False,
) -> Iterator[dict[int, Any]]:
    """Read columns of a table, by their places, block by block.

    Parameters
    ----------
    coded, texts, numbers : sequence of int
        Columns of few values, of any text, and of float64 alone.
    tabs : bool
        Whether tabs separate the values, and not commas.

    Yields
    ------
    dict of int to pyarrow.Array
        By the place of the column.

    Raises
    ------
    DeepometryError
        The file cannot be read, or is no such table.
    """
    names = [str(place) for place in range(len(read_header(path, tabs)))]
    kinds = dict.fromkeys(coded, _CODED) | dict.fromkeys(texts, pa.string())
    kinds |= dict.fromkeys(numbers, pa.float64())
    with explaining(path), path.open("rb") as file:
        blocks = arrow_csv.open_csv(
            file,
            arrow_csv.ReadOptions(column_names=names, skip_rows_after_names=1, block_size=_PIECE),
            _style(tabs),
            arrow_csv.ConvertOptions(
                column_types={str(place): kind for place, kind in kinds.items()},
                include_columns=[str(place) for place in kinds],
                null_values=[],
            ),
        )
        for block in blocks:
            yield {int(name): block.column(name) for name in block.schema.names}


def _style(tabs: bool) -> arrow_csv.ParseOptions:
    if tabs:
        return arrow_csv.ParseOptions(delimiter="\t", quote_char=False)
    return arrow_csv.ParseOptions(newlines_in_values=True)


def plain_column(column: Any) -> Any:
    """Return a column of text as it was before it was escaped."""
    if not pc.any(pc.match_substring(column, "'")).as_py():
        return column
    return pa.array([restored(text) for text in column.to_pylist()], pa.string())


def plain_texts(column: Any) -> list[str]:
    """Return the texts of a column as they were before they were escaped."""
    texts: list[str] = plain_column(column).to_pylist()
    return texts


def read_numbers(path: Path, column: int, tabs: bool = False) -> np.ndarray:
    """Read a column of numbers: float64, shape (rows,); NaN where it has none."""
    blocks = (block[column] for block in read_columns(path, texts=[column], tabs=tabs))
    values = [_numbers(block) for block in blocks]
    return np.concatenate(values) if values else np.zeros(0)


def _numbers(texts: Any) -> np.ndarray:
    filled = pc.if_else(pc.equal(texts, ""), None, texts)
    try:
        values: np.ndarray = pc.cast(filled, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # text among the numbers
        values = np.array(
            [float(text) if is_number(text) else np.nan for text in texts.to_pylist()]
        )
    return values.astype(np.float64)

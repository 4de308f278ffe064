"""Tables of features as `extract` writes them: found in a folder, read block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from deepometry.cells.identity import table_rows
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.exchange import settle
from deepometry.core.result_files import EXTRACT_RECORD, LAYER_PREFIX, layer_table
from deepometry.core.run_records import own_record
from deepometry.core.text import counted


def layer_of(table: Path) -> str:
    """Return the layer of a table of features, from its name."""
    return table.stem.removeprefix(LAYER_PREFIX)


def find_features(
    folder: Path, layer: str | None = None, preferred: str | None = None
) -> Path | None:
    """Find the table of features of a layer in a folder that `extract` wrote.

    By default the `preferred` layer, if it is there, or else the one extracted last.

    Returns
    -------
    Path or None
        None where the folder has no features.

    Raises
    ------
    DeepometryError
        There are features, but not of the layer that is asked for.
    """
    settle(folder)
    tables = {layer_of(path): path for path in sorted(folder.glob(layer_table("*")))}
    if not tables:
        return None
    if layer is not None and layer not in tables:
        raise DeepometryError(
            f"Features {folder}: expected features of the layer {layer}, found "
            f"{', '.join(tables)}; choose among these, or extract that layer."
        )
    last = own_record(folder / EXTRACT_RECORD, "extract").get("options", {}).get("layer")
    for name in (layer, preferred, last):
        if name in tables:
            return tables[name]
    return max(tables.values(), key=lambda path: path.stat().st_mtime)


@contextmanager
def metadata_rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Read which cells features are of: the names of the columns, and the rows.

    Raises
    ------
    DeepometryError
        The table cannot be read, or does not begin with source and object.
    """
    with table_rows(path, tabs=True) as rows:
        header = next(rows, [])
        if tuple(header[:2]) != IDENTITY:
            raise DeepometryError(
                f"{path}: expected the columns source and object first, found "
                f"{', '.join(header[:2]) or 'nothing'}; extract the features again."
            )
        yield header, rows


def count_features(table: Path) -> int:
    """Count the features of a table, by its first row; raise `DeepometryError` if unreadable."""
    try:
        with table.open("rb") as file:
            first = file.readline()
    except OSError as error:
        raise explain_os_error(error, table) from error
    return first.count(b"\t") + 1 if first.strip() else 0


def read_features(
    table: Path, rows: int, columns: Sequence[int] | None = None
) -> Iterator[np.ndarray]:
    """Read the features of all cells in order, from tab-separated numbers, `rows` at a time.

    With `columns`, only the features of these numbers, which is faster.

    Yields
    ------
    ndarray of float32, shape (n, features)
        NaN where a row is too short.

    Raises
    ------
    DeepometryError
        The table cannot be read, or has something else than numbers.
    """
    import pandas as pd

    done, width = 0, count_features(table)
    if not width:
        return
    try:
        with pd.read_csv(
            table, sep="\t", header=None, dtype=np.float32, chunksize=rows, usecols=columns
        ) as parts:
            for part in parts:
                done += len(part)
                yield np.ascontiguousarray(part.to_numpy())
    except OSError as error:
        raise explain_os_error(error, table) from error
    except ValueError as error:
        if isinstance(error, DeepometryError):
            raise  # of who reads the blocks
        raise _no_numbers(table, width, done, error) from error


def _no_numbers(table: Path, width: int, done: int, error: Exception) -> DeepometryError:
    reason = " ".join(str(error).split())[:120]
    return DeepometryError(
        f"{table}: expected {counted(width, 'number')} in every row, found something else below "
        f"row {done:,} ({reason}); extract the features again."
    )

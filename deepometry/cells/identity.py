"""Which cell a row is about: one key for source and object, and tables that begin with them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.exchange import settle
from deepometry.core.files import hash_bytes
from deepometry.core.spreadsheet import safe_reader

_SECOND = np.uint64(0xD1B54A32D192ED03)  # added to a key for every cell before it that has the same


def cell_key(source: str, name: str) -> int:
    """Hash the identity of a cell to 64 bits; runs of spaces count as one, as in `metadata.tsv`."""
    text = "\t".join((" ".join(source.split()), " ".join(name.split())))
    return hash_bytes(text.encode())


def cell_keys(sources: Iterable[str], names: Iterable[str]) -> np.ndarray:
    """Hash the identities of many cells: uint64, shape (cells,)."""
    return np.fromiter(map(cell_key, sources, names), np.uint64)


def repeats(keys: np.ndarray) -> np.ndarray:
    """Count for each key how many equal keys come before it: uint64, shape (keys,)."""
    import pandas as pd

    counts: np.ndarray = pd.Series(keys).groupby(keys, sort=False).cumcount().to_numpy(np.uint64)
    return counts


def distinct_keys(keys: np.ndarray) -> np.ndarray:
    """Make equal keys different, in the same way in every table that repeats a cell."""
    return keys + repeats(keys) * _SECOND


def cell_names(sources: Iterable[str], objects: Iterable[str], counts: np.ndarray) -> list[str]:
    """Name each cell by file and object, such as `Day 1/a.cif #3`; repeated ones get ` (2)`."""
    rows = zip(sources, objects, counts.tolist(), strict=True)
    return [f"{source} #{name}" + f" ({n + 1})" * (n > 0) for source, name, n in rows]


def find_keys(keys: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Find the position of each key in an array of distinct keys; -1 where it is missing."""
    import pandas as pd

    places: np.ndarray = pd.Index(among).get_indexer(keys)
    return places


UNCERTAIN = -2
"""In place of the position of a cell that is one of several, not all of which are looked for."""


def find_distinct(keys: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Find cells by the keys that they share with their repetitions, among distinct keys.

    Returned are positions, -1 for a cell that is missing. The repetitions of a cell are taken in
    their order; where there are more of them than are looked for, it is `UNCERTAIN` which.
    """
    places = find_keys(distinct_keys(keys), among)
    values, counts = np.unique(keys, return_counts=True)
    more = find_keys(values + counts.astype(np.uint64) * _SECOND, among) >= 0
    places[np.isin(keys, values[more])] = UNCERTAIN
    return places


@contextmanager
def table_rows(path: Path, tabs: bool = False) -> Iterator[Iterator[list[str]]]:
    """Open a table that the program wrote, and read it row by row.

    With `tabs`, tabs separate the values, and nothing is quoted; commas otherwise.

    Raises
    ------
    DeepometryError
        The file cannot be read or is not such a table.
    """
    settle(path.parent)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield safe_reader(file, tabs)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (UnicodeDecodeError, csv.Error, StopIteration, IndexError) as error:
        reason = "a line is too short" if isinstance(error, IndexError) else error
        raise DeepometryError(
            f"{path} is not a table as it was written ({reason}); create it again."
        ) from error

"""Long tables with one row a cell: read in one pass, and after that by row number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.core.spreadsheet import safe_reader
from deepometry.web.results.output import reading

if TYPE_CHECKING:
    import numpy as np

_AT_ONCE = 65_536  # cells
Choice = Callable[[list[str]], Sequence[str]]
"""Chooses columns from a header."""


def _none(header: list[str]) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class CellNames:
    """Which cells the rows are of, without a Python object for each.

    Attributes
    ----------
    files : list of str
        The sources that occur.
    codes : ndarray of int32, shape (cells,)
        Index into `files`.
    objects : ndarray of bytes, shape (cells,)
        Objects in UTF-8.
    """

    files: list[str]
    codes: np.ndarray
    objects: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def some(self, first: int, last: int) -> list[tuple[str, str]]:
        """Return source and object of some cells in a row."""
        return self.at(slice(first, last))

    def at(self, rows: slice | np.ndarray) -> list[tuple[str, str]]:
        """Return source and object of the cells of some rows: a slice, or flags."""
        files = map(self.files.__getitem__, self.codes[rows].tolist())
        names = (name.decode() for name in self.objects[rows].tolist())
        return list(zip(files, names, strict=True))


@dataclass(frozen=True)
class RowTable:
    """Where every row of a table begins, and what stands in some of its columns.

    Attributes
    ----------
    columns : list of str
        Its header.
    offsets : ndarray of int64, shape (rows,)
        Byte at which each row begins.
    names : CellNames
        What its first two columns hold.
    values : dict of str to list of str
        For each coded column, the values that occur.
    codes : dict of str to ndarray of int32, shape (rows,)
        For each coded column, the index into its `values`.
    largest : ndarray of float32, shape (rows,), or None
        The largest of the numbers in each row; None where none were asked for.
    tabs : bool
        Whether tabs separate the values, and not commas.
    """

    path: Path
    columns: list[str]
    offsets: np.ndarray
    names: CellNames
    values: dict[str, list[str]]
    codes: dict[str, np.ndarray]
    largest: np.ndarray | None = None
    tabs: bool = False

    def __len__(self) -> int:
        return len(self.offsets)

    def rows(self, numbers: Sequence[int]) -> list[dict[str, str]]:
        """Read some rows.

        Raises
        ------
        DeepometryError
            The table was moved or changed since.
        """
        rows = []
        with (
            reading(self.path, "has changed since it was first read; reload the page."),
            self.path.open("rb") as file,
        ):
            for number in numbers:
                file.seek(int(self.offsets[number]))
                row = next(safe_reader((line.decode("utf-8") for line in file), self.tabs))
                rows.append(dict(zip(self.columns, row, strict=True)))
        return rows


def index_table(
    path: Path,
    coded: Choice = _none,
    numbers: Choice = _none,
    tabs: bool = False,
    progress: Progress | None = None,
) -> RowTable:
    """Read a table once and remember where its rows begin.

    Parameters
    ----------
    coded : callable
        Chooses, from the header, the columns whose values are remembered.
    numbers : callable
        Chooses, from the header, the columns of whose numbers the largest is remembered.
    tabs : bool
        Whether tabs separate the values, and not commas.
    progress : Progress, optional
        Is told how many rows are done.

    Raises
    ------
    DeepometryError
        The file cannot be read, or is no such table.
    """
    from deepometry.cells.table_columns import read_columns, read_header, row_starts

    header, offsets = read_header(path, tabs), row_starts(path, tabs)
    if len(header) < 2:
        raise _no_table(path, "it has no column of objects")
    chosen = {header.index(name): _Codes() for name in coded(header)}
    files, objects, largest = _Codes(), _Texts(), _Largest([*map(header.index, numbers(header))])
    done = 0
    for block in read_columns(path, [0, *chosen], [1], largest.columns, tabs):
        files.add(block[0])
        objects.add(block[1])
        largest.add(block)
        for place, codes in chosen.items():
            codes.add(block[place])
        done += len(block[0])
        if progress:
            progress.report(done, len(offsets), "Reading the table", "cells")
    if done != len(offsets):
        raise _no_table(path, f"it has {len(offsets):,} lines, but {done:,} rows")
    return RowTable(
        path,
        header,
        offsets,
        CellNames([*files.values], files.array(), objects.array()),
        {header[place]: [*codes.values] for place, codes in chosen.items()},
        {header[place]: codes.array() for place, codes in chosen.items()},
        largest.array(),
        tabs,
    )


def _no_table(path: Path, reason: str) -> DeepometryError:
    return DeepometryError(f"{path} is not a table as it was written ({reason}); create it again.")


class _Codes:
    """The values of a column, each as the number of its first occurrence."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self._codes: list[np.ndarray] = []

    def add(self, column: Any) -> None:
        import numpy as np

        from deepometry.cells.table_columns import plain_texts

        occurring = plain_texts(column.dictionary)
        code = [self.values.setdefault(text, len(self.values)) for text in occurring]
        self._codes.append(np.array(code or [0], np.int32)[column.indices.to_numpy()])

    def array(self) -> np.ndarray:
        import numpy as np

        return np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)


class _Texts:
    """The texts of a column, as bytes of one width."""

    def __init__(self) -> None:
        self._done: list[np.ndarray] = []

    def add(self, column: Any) -> None:
        from deepometry.cells.table_columns import plain_texts

        self._done.append(encoded(plain_texts(column)))

    def array(self) -> np.ndarray:
        import numpy as np

        return np.concatenate(self._done) if self._done else encoded([])


def names_of(identities: Iterable[tuple[str, str]]) -> CellNames:
    """Gather sources and objects, without keeping a Python object for each."""
    import numpy as np

    files: dict[str, int] = {}
    codes, objects, identities = list[np.ndarray](), list[np.ndarray](), iter(identities)
    while block := [*islice(identities, _AT_ONCE)]:
        each = (files.setdefault(source, len(files)) for source, _ in block)
        codes.append(np.fromiter(each, np.int32, len(block)))
        objects.append(encoded(name for _, name in block))
    if not codes:
        return CellNames([], np.zeros(0, np.int32), encoded([]))
    return CellNames([*files], np.concatenate(codes), np.concatenate(objects))


def encoded(texts: Iterable[str]) -> np.ndarray:
    """Return texts in UTF-8: bytes of one width, shape (texts,)."""
    import numpy as np

    names = [text.encode() for text in texts]
    return np.array(names or [b""], np.bytes_)[: len(names)]


class _Largest:
    """The largest number of every row in some columns."""

    def __init__(self, columns: list[int]) -> None:
        self.columns = columns
        self._done: list[np.ndarray] = []

    def add(self, block: dict[int, Any]) -> None:
        import numpy as np

        if self.columns:
            numbers = (block[place].to_numpy() for place in self.columns)
            self._done.append(np.max(np.stack([*numbers]), 0).astype(np.float32))

    def array(self) -> np.ndarray | None:
        import numpy as np

        if not self.columns:
            return None
        return np.concatenate(self._done) if self._done else np.zeros(0, np.float32)

"""Long tables with one row a cell, read row by row once, and after that by row number."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.spreadsheet import safe_reader
from deepometry.web.results.output import reading

if TYPE_CHECKING:
    import numpy as np

_Coded = tuple[int, dict[str, int], "array[int]"]
Watch = Callable[[int, list[str]], None]


@dataclass(frozen=True)
class RowTable:
    """Where every row of a table begins, and what stands in some of its columns.

    Attributes
    ----------
    columns : list of str
        Its header.
    offsets : ndarray of int64, shape (rows,)
        Byte at which each row begins.
    values : dict of str to list of str
        For each coded column, the values that occur.
    codes : dict of str to ndarray of int32, shape (rows,)
        For each coded column, the index into its `values`.
    tabs : bool
        Whether tabs separate the values, and not commas.
    """

    path: Path
    columns: list[str]
    offsets: np.ndarray
    values: dict[str, list[str]]
    codes: dict[str, np.ndarray]
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


class _Lines:
    """Lines of a file as text; knows how far it has been read."""

    def __init__(self, file: Any) -> None:
        self._file, self.position = file, 0

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._file):
            self.position += len(line)
            yield line.decode("utf-8" if number else "utf-8-sig")


def index_table(
    path: Path,
    coded: Callable[[list[str]], Sequence[str]],
    watch: Watch | None = None,
    tabs: bool = False,
) -> RowTable:
    """Read a table once and remember where its rows begin.

    Parameters
    ----------
    coded : callable
        Chooses, from the header, the columns whose values are remembered.
    watch : callable, optional
        Called with (row number, row) of every row.
    tabs : bool
        Whether tabs separate the values, and not commas.

    Raises
    ------
    DeepometryError
        The file cannot be read, or is no such table.
    """
    try:
        with path.open("rb") as file:
            return _indexed(path, _Lines(file), coded, watch, tabs)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except DeepometryError:
        raise
    except (csv.Error, StopIteration, ValueError, IndexError) as error:
        raise DeepometryError(
            f"{path} is not a table as it was written ({error}); create it again."
        ) from error


def _indexed(
    path: Path,
    lines: _Lines,
    coded: Callable[[list[str]], Sequence[str]],
    watch: Watch | None,
    tabs: bool,
) -> RowTable:
    import numpy as np

    reader = safe_reader(iter(lines), tabs)
    header = next(reader)
    chosen: list[_Coded] = [(header.index(name), {}, array("i")) for name in coded(header)]
    offsets, begin = array("q"), lines.position
    for number, row in enumerate(reader):
        offsets.append(begin)
        begin = lines.position
        for column, values, codes in chosen:
            codes.append(values.setdefault(row[column], len(values)))
        if watch is not None:
            watch(number, row)
    occurring = {header[column]: list(values) for column, values, _ in chosen}
    arrays = {header[column]: np.array(codes, np.int32) for column, _, codes in chosen}
    return RowTable(path, header, np.array(offsets, np.int64), occurring, arrays, tabs)

"""Long tables with one row a cell, read row by row once, and after that by row number."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.errors import DeepometryError, explain_os_error

if TYPE_CHECKING:
    import numpy as np

COMMA: dict[str, Any] = {"delimiter": ","}
TABS: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
_Coded = tuple[int, dict[str, int], "array[int]"]
Watch = Callable[[int, list[str]], None]


@dataclass(frozen=True)
class RowTable:
    """Where every row of a table begins, and what stands in some of its columns.

    Attributes
    ----------
    path : Path
    style : dict
        How `csv` reads it.
    columns : list of str
        Its header.
    offsets : ndarray of int64, shape (rows,)
        Byte at which each row begins.
    values : dict of str to list of str
        For each coded column, the values that occur.
    codes : dict of str to ndarray of int32, shape (rows,)
        For each coded column, the index into its `values`.
    """

    path: Path
    style: dict[str, Any]
    columns: list[str]
    offsets: np.ndarray
    values: dict[str, list[str]]
    codes: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.offsets)

    def rows(self, numbers: Sequence[int]) -> list[dict[str, str]]:
        """Read some rows.

        Raises
        ------
        DeepometryError
            The table was moved or changed since.
        """
        found = []
        try:
            with self.path.open("rb") as file:
                for number in numbers:
                    file.seek(int(self.offsets[number]))
                    row = next(csv.reader((line.decode("utf-8") for line in file), **self.style))
                    found.append(dict(zip(self.columns, row, strict=True)))
        except OSError as error:
            raise explain_os_error(error, self.path) from error
        except (ValueError, csv.Error, StopIteration) as error:
            raise DeepometryError(
                f"{self.path} has changed since it was first read; reload the page."
            ) from error
        return found


class _Lines:
    """Lines of a file as text; knows how far it has been read."""

    def __init__(self, file: Any) -> None:
        self._file, self.position = file, 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.position += len(line)
            yield line.decode("utf-8")


def index_table(
    path: Path,
    style: dict[str, Any],
    coded: Callable[[list[str]], Sequence[str]],
    watch: Watch | None = None,
) -> RowTable:
    """Go through a table once and remember where its rows are.

    Parameters
    ----------
    path : Path
    style : dict
        `COMMA` or `TABS`.
    coded : callable
        Chooses, from the header, the columns whose values are remembered.
    watch : callable, optional
        Called with (row number, row) of every row.

    Raises
    ------
    DeepometryError
        The file cannot be read, or is no such table.
    """
    try:
        with path.open("rb") as file:
            return _indexed(path, style, _Lines(file), coded, watch)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (UnicodeDecodeError, csv.Error, StopIteration, ValueError, IndexError) as error:
        if isinstance(error, DeepometryError):
            raise
        raise DeepometryError(f"{path} is not a table as it was written: {error}.") from error


def _indexed(
    path: Path,
    style: dict[str, Any],
    lines: _Lines,
    coded: Callable[[list[str]], Sequence[str]],
    watch: Watch | None,
) -> RowTable:
    import numpy as np

    reader = csv.reader(iter(lines), **style)
    header = next(reader)
    chosen: list[_Coded] = [(header.index(name), {}, array("i")) for name in coded(header)]
    offsets, begin = array("q"), lines.position
    for number, row in enumerate(reader):
        offsets.append(begin)
        begin = lines.position
        for column, known, codes in chosen:
            codes.append(known.setdefault(row[column], len(known)))
        if watch is not None:
            watch(number, row)
    values = {header[column]: list(known) for column, known, _ in chosen}
    arrays = {header[column]: np.array(codes, np.int32) for column, _, codes in chosen}
    return RowTable(path, style, header, np.array(offsets, np.int64), values, arrays)

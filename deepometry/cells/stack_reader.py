"""Where the pixels and the identities of parsed cells lie: stacks, or one file a cell."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from pathlib import Path
from typing import Protocol

import numpy as np

from deepometry.cells.identity import table_rows
from deepometry.cells.recorded_shapes import RecordedShapes
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.exchange import JOURNAL, settle
from deepometry.core.folder_names import natural_key
from deepometry.core.progress import Progress
from deepometry.core.result_files import MODEL_PATTERN, TRAIN_RECORD
from deepometry.images.readers.array_file import ArrayError, read_header

_MODELS = (MODEL_PATTERN, TRAIN_RECORD)  # what a folder of Train holds
IDENTITY = ("source", "object")
Window = tuple[int, int] | None
"""The first row and column that is read of every image, and the one behind the last."""
_SINGLES_AT_ONCE = 4096


class Stored(Protocol):
    """Cells of one stack, or of the single files of one folder."""

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype

    def __len__(self) -> int: ...

    def read(
        self, rows: np.ndarray, columns: Sequence[int] | None, window: Window = None
    ) -> np.ndarray:
        """Return the pixels of some rows, (n, frame, frame, channels), or a window of them."""

    def sizes(self) -> np.ndarray:
        """Return height and width of all cells before they were framed; 0 where not known."""

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Yield (source, object) of all cells in order, `size` at a time."""

    def places(self) -> Iterator[tuple[Path, int]]:
        """Yield the file of each cell, and its row in that file."""


class Stack:
    """Cells of one (cells, frame, frame, channels) array, memory-mapped when first read.

    Parameters
    ----------
    path : Path
        The .npy file; the table of the same name beside it identifies the cells.
    shape, dtype
        As in its header.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.dtype, self._cells = path, dtype, shape[0]
        self.shape = (shape[1], shape[2], shape[3])
        self._pixels: np.ndarray | None = None

    def __len__(self) -> int:
        return self._cells

    def read(
        self, rows: np.ndarray, columns: Sequence[int] | None, window: Window = None
    ) -> np.ndarray:
        """Return the pixels of some rows, (n, frame, frame, channels), or a window of them."""
        if self._pixels is None:
            self._pixels = self._opened()
        part = slice(*window) if window else slice(None)
        chosen: np.ndarray = self._pixels[:, part, part][rows]
        return chosen if columns is None else chosen[..., list(columns)]

    def _opened(self) -> np.ndarray:
        expected = (self._cells, *self.shape)
        try:
            pixels = np.asarray(np.load(self.path, mmap_mode="r"))
        except OSError as error:
            raise explain_os_error(error, self.path) from error
        except ValueError as error:
            raise DeepometryError(
                f"{self.path} is not a NumPy array ({error}); parse the cells again."
            ) from error
        if (pixels.shape, pixels.dtype) != (expected, self.dtype):
            raise DeepometryError(
                f"{self.path}: expected an array {expected} of {self.dtype}, as the parse recorded "
                f"it, found {pixels.shape} of {pixels.dtype}; parse the cells again."
            )
        return pixels

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Yield (source, object) of all cells in order, `size` at a time."""
        table = self.path.with_suffix(".csv")
        if not table.is_file():
            yield from _numbered(self._cells, size, self.path.relative_to(root).as_posix())
            return
        seen = 0
        for rows in _table(table, IDENTITY, size):
            seen += len(rows)
            if seen <= self._cells:  # the error below says how many there are
                yield [(source, name) for source, name in rows]
        if seen != self._cells:
            raise DeepometryError(
                f"{table}: expected one row for each of the {self._cells} cells of "
                f"{self.path.name}, found {seen}; parse the cells again."
            )

    def sizes(self) -> np.ndarray:
        """Return height and width of all cells before they were framed; 0 where not known."""
        table = self.path.with_suffix(".csv")
        rows = _sizes_in(table) if table.is_file() else []
        return np.array(rows if len(rows) == self._cells else [(0, 0)] * self._cells, np.int64)

    def places(self) -> Iterator[tuple[Path, int]]:
        """Yield the file of each cell, and its row in that file."""
        return zip(repeat(self.path), range(self._cells), strict=False)


def _numbered(cells: int, size: int, source: str) -> Iterator[list[tuple[str, str]]]:
    for first in range(0, cells, size):
        yield [(source, str(row)) for row in range(first, min(first + size, cells))]


def _table(path: Path, columns: Sequence[str], size: int) -> Iterator[list[list[str]]]:
    """Read some columns of a table, `size` rows at a time."""
    with table_rows(path) as rows:
        header = next(rows, [])
        if missing := sorted(set(columns) - set(header)):
            raise DeepometryError(
                f"{path}: expected the columns {' and '.join(columns)}, found no "
                f"{' and no '.join(missing)}; parse the cells again."
            )
        places = [header.index(name) for name in columns]
        values = ([row[place] for place in places] for row in rows if row)
        while some := list(islice(values, size)):
            yield some


def _sizes_in(path: Path) -> list[tuple[int, int]]:
    """Read height and width of every row of a table; none where it has no such columns."""
    with table_rows(path) as rows:
        header = next(rows, [])
        if not {"height", "width"} <= set(header):
            return []
        height, width = header.index("height"), header.index("width")
        return [(_size(row[height]), _size(row[width])) for row in rows if row]


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


class SingleFiles:
    """Cells of one folder with one (frame, frame, channels) array a file.

    Parameters
    ----------
    folder : Path
        Where they lie.
    names : sequence of str
        File names, in order.
    shape, dtype
        Of each of them.
    """

    def __init__(
        self, folder: Path, names: Sequence[str], shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        self.path, self.dtype, self._names = folder / names[0], dtype, list(names)
        self.shape = (shape[0], shape[1], shape[2])

    @classmethod
    def of(
        cls, folder: Path, headers: Sequence[tuple[str, tuple[int, ...], np.dtype]]
    ) -> Iterator[SingleFiles]:
        """Group the single arrays of a folder by shape and dtype."""
        kinds = dict.fromkeys((shape, dtype) for _, shape, dtype in headers)
        for shape, dtype in kinds:
            yield cls(folder, [n for n, s, d in headers if (s, d) == (shape, dtype)], shape, dtype)

    def __len__(self) -> int:
        return len(self._names)

    def read(
        self, rows: np.ndarray, columns: Sequence[int] | None, window: Window = None
    ) -> np.ndarray:
        """Return the pixels of some rows, (n, frame, frame, channels), or a window of them."""
        part = slice(*window) if window else slice(None)
        names = [self.path.parent / self._names[row] for row in rows]
        try:
            chosen = np.stack([np.load(name)[part, part] for name in names])
        except OSError as error:
            raise explain_os_error(error) from error
        return chosen if columns is None else chosen[..., list(columns)]

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Yield (source, object) of all cells in order, `size` at a time."""
        listed = self._listed()
        below = self.path.parent.relative_to(root)
        for first in range(0, len(self), size):
            names = self._names[first : first + size]
            own = (((below / name).as_posix(), Path(name).stem) for name in names)
            yield [listed.get(name, mine) for name, mine in zip(names, own, strict=True)]

    def sizes(self) -> np.ndarray:
        """Return height and width of all cells before they were framed; 0 where not known."""
        listed: dict[str, tuple[int, int]] = {}
        for table in self._tables():
            files = (
                file for rows in _table(table, ("file",), _SINGLES_AT_ONCE) for (file,) in rows
            )
            listed |= dict(zip(files, _sizes_in(table), strict=False))
        return np.array([listed.get(name, (0, 0)) for name in self._names], np.int64)

    def places(self) -> Iterator[tuple[Path, int]]:
        """Yield the file of each cell, and its row in that file: the only one, 0."""
        return ((self.path.parent / name, 0) for name in self._names)

    def _listed(self) -> dict[str, tuple[str, str]]:
        """Read the tables of the folder that name the file of each cell."""
        listed: dict[str, tuple[str, str]] = {}
        for table in self._tables():
            for rows in _table(table, ("file", *IDENTITY), _SINGLES_AT_ONCE):
                listed |= {file: (source, name) for file, source, name in rows}
        return listed

    def _tables(self) -> list[Path]:
        """List the tables of the folder that name the file of each cell; others pass it by."""
        return [path for path in sorted(self.path.parent.glob("*.csv")) if _names_files(path)]


def _names_files(table: Path) -> bool:
    """Return whether a table identifies the cell of each single file."""
    with table.open("rb") as file:
        header = file.readline(4096).decode("utf-8-sig", "replace")
    return {"file", *IDENTITY} <= set(header.strip().split(","))


def array_folders(root: Path, progress: Progress) -> Iterator[tuple[Path, list[str]]]:
    """Walk to every folder with .npy files, in natural order.

    What a kill left half-moved in one of them is finished first.
    """
    for place, folders, files in os.walk(root, followlinks=False):
        if JOURNAL in files:
            settle(Path(place))
            folders.clear()
            yield from array_folders(Path(place), progress)
            continue
        folders[:] = sorted((f for f in folders if not f.startswith(".")), key=natural_key)
        progress.check()
        if any(fnmatch.filter(files, pattern) for pattern in _MODELS):
            continue
        arrays = [f for f in files if f.lower().endswith(".npy") and not f.startswith(".")]
        if arrays:
            yield Path(place), sorted(arrays, key=natural_key)


def stored_in(
    folder: Path, names: list[str], recorded: RecordedShapes | None = None
) -> Iterator[Stored]:
    """Yield the stacks and single arrays of a folder; raise `DeepometryError` for other files.

    Those that `recorded` knows are not opened.
    """
    singles, known = [], recorded.of(folder, names) if recorded else {}
    for name in names:
        shape, dtype = known.get(name) or _header(folder / name)
        if len(shape) == 4 and shape[1] == shape[2]:
            yield Stack(folder / name, shape, dtype)
        elif len(shape) == 3 and shape[0] == shape[1]:
            singles.append((name, shape, dtype))
        else:
            raise DeepometryError(
                f"{folder / name}: expected an array of shape (cells, frame, frame, channels) or "
                f"(frame, frame, channels), found {shape}; move the file out of the folder."
            )
    yield from SingleFiles.of(folder, singles)


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Read shape and dtype of a .npy file without its pixels, and check that it is whole."""
    try:
        header = read_header(path)
    except ArrayError as error:
        raise DeepometryError(f"{error} If Deepometry wrote it, parse the cells again.") from error
    if header.dtype.kind not in "uif":
        raise DeepometryError(
            f"{path}: expected pixels that are numbers, found {header.dtype}; parse them again."
        )
    return header.shape, header.dtype

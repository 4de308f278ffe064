"""Where the pixels and the identities of parsed cells lie: stacks, or one file a cell."""

from __future__ import annotations

import csv
import fnmatch
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.names import natural_key
from deepometry.progress import Progress

_MODELS = ("model_*.keras", "train.json")  # what a folder of Train holds
IDENTITY = ("source", "object")
_SINGLES_AT_ONCE = 4096


class Stored(Protocol):
    """Cells of one stack, or of the single files of one folder."""

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype

    def __len__(self) -> int: ...

    def read(self, rows: np.ndarray, columns: Sequence[int] | None) -> np.ndarray:
        """Give the pixels of some rows, (n, frame, frame, channels)."""

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Give (source, object) of all cells in order, `size` at a time."""


class Stack:
    """Cells of one (cells, frame, frame, channels) array, memory-mapped when first read.

    Parameters
    ----------
    path : Path
        The .npy file; the table of the same name beside it says which cells they are.
    shape, dtype
        As its header says.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.dtype, self._cells = path, dtype, shape[0]
        self.shape = (shape[1], shape[2], shape[3])
        self._pixels: np.ndarray | None = None

    def __len__(self) -> int:
        return self._cells

    def read(self, rows: np.ndarray, columns: Sequence[int] | None) -> np.ndarray:
        """Give the pixels of some rows, (n, frame, frame, channels)."""
        if self._pixels is None:
            try:
                self._pixels = np.asarray(np.load(self.path, mmap_mode="r"))
            except OSError as error:
                raise explain_os_error(error, self.path) from error
        chosen = self._pixels[rows]
        return chosen if columns is None else chosen[..., list(columns)]

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Give (source, object) of all cells in order, `size` at a time."""
        table = self.path.with_suffix(".csv")
        if not table.is_file():
            yield from _numbered(self._cells, size, self.path.relative_to(root).as_posix())
            return
        seen = 0
        for rows in _table(table, size):
            seen += len(rows)
            yield [(row["source"], row["object"]) for row in rows]
        if seen != self._cells:
            raise DeepometryError(
                f"{table}: expected one row for each of the {self._cells} cells of "
                f"{self.path.name}, found {seen}; parse the cells anew."
            )


def _numbered(cells: int, size: int, source: str) -> Iterator[list[tuple[str, str]]]:
    for first in range(0, cells, size):
        yield [(source, str(row)) for row in range(first, min(first + size, cells))]


def _table(path: Path, size: int) -> Iterator[list[dict[str, str]]]:
    """Read a table as dictionaries, `size` rows at a time.

    Raises
    ------
    DeepometryError
        It lacks the columns that say which cell a row is about.
    """
    with _opened(path) as file:
        reader = csv.DictReader(file)
        if missing := set(IDENTITY) - set(reader.fieldnames or ()):
            raise DeepometryError(
                f"{path}: expected the columns source and object, found no "
                f"{' and no '.join(sorted(missing))}; parse the cells anew."
            )
        rows: list[dict[str, str]] = []
        for row in reader:
            rows.append(row)
            if len(rows) == size:
                yield rows
                rows = []
        if rows:
            yield rows


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a table, also one that a spreadsheet has saved with a byte-order mark."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except (UnicodeDecodeError, csv.Error) as error:
        raise DeepometryError(f"{path} is not a table in UTF-8; parse the cells anew.") from error


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
        cls, folder: Path, found: Sequence[tuple[str, tuple[int, ...], np.dtype]]
    ) -> Iterator[SingleFiles]:
        """Group the single arrays of a folder by shape and dtype."""
        kinds = dict.fromkeys((shape, dtype) for _, shape, dtype in found)
        for shape, dtype in kinds:
            yield cls(folder, [n for n, s, d in found if (s, d) == (shape, dtype)], shape, dtype)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, rows: np.ndarray, columns: Sequence[int] | None) -> np.ndarray:
        """Give the pixels of some rows, (n, frame, frame, channels)."""
        names = [self.path.parent / self._names[row] for row in rows]
        try:
            chosen = np.stack([np.load(name) for name in names])
        except OSError as error:
            raise explain_os_error(error) from error
        return chosen if columns is None else chosen[..., list(columns)]

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Give (source, object) of all cells in order, `size` at a time."""
        told = self._told()
        below = self.path.parent.relative_to(root)
        for first in range(0, len(self), size):
            names = self._names[first : first + size]
            own = (((below / name).as_posix(), Path(name).stem) for name in names)
            yield [told.get(name, mine) for name, mine in zip(names, own, strict=True)]

    def _told(self) -> dict[str, tuple[str, str]]:
        """Read the tables of the folder that name the file of each cell."""
        told: dict[str, tuple[str, str]] = {}
        for table in sorted(self.path.parent.glob("*.csv")):
            if not _names_files(table):
                continue  # somebody's notes
            for rows in _table(table, _SINGLES_AT_ONCE):
                told |= {row["file"]: (row["source"], row["object"]) for row in rows}
        return told


def _names_files(table: Path) -> bool:
    """Tell whether a table says which cell each single file is."""
    with table.open("rb") as file:
        header = file.readline(4096).decode("utf-8-sig", "replace")
    return {"file", *IDENTITY} <= set(header.strip().split(","))


def array_folders(root: Path, progress: Progress) -> Iterator[tuple[Path, list[str]]]:
    """Walk to every folder with .npy files, in natural order."""
    for place, folders, files in os.walk(root, followlinks=False):
        folders[:] = sorted((f for f in folders if not f.startswith(".")), key=natural_key)
        progress.check()
        if any(fnmatch.filter(files, pattern) for pattern in _MODELS):
            continue
        arrays = [f for f in files if f.lower().endswith(".npy") and not f.startswith(".")]
        if arrays:
            yield Path(place), sorted(arrays, key=natural_key)


def stored_in(folder: Path, names: list[str]) -> Iterator[Stored]:
    """Tell stacks and single arrays of a folder apart by what their headers say.

    Raises
    ------
    DeepometryError
        A file is damaged, or neither the one nor the other.
    """
    singles = []
    for name in names:
        try:
            shape, dtype = _header(folder / name)
        except OSError as error:
            raise explain_os_error(error, folder / name) from error
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
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
                version, np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read(file)
        except ValueError as error:
            raise DeepometryError(
                f"{path} is not a NumPy array ({error}); parse the cells anew."
            ) from error
        needed = file.tell() + int(np.prod(shape)) * dtype.itemsize
    if fortran or dtype.kind not in "uif" or path.stat().st_size < needed:
        found = "column order" if fortran else f"{path.stat().st_size} bytes of {dtype}"
        raise DeepometryError(
            f"{path}: expected {needed} bytes of numbers in row order, found {found}; "
            "parse the cells anew."
        )
    return shape, dtype

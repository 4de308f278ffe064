"""Parsed cells on their way to disk: one growing .npy a stack, or one file a cell, and a table."""

from __future__ import annotations

import csv
import hashlib
import re
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self, TextIO

import numpy as np

from deepometry.montage import MontageWriter
from deepometry.readers import Cell, Problem

COLUMNS = ("source", "object", "height", "width", "note")
MONTAGE_COLUMNS = ("montage_sheet", "montage_row", "montage_column")
_BATCH_BYTES = 1 << 20
_HEADER_BYTES = 128
_LONGEST_NAME = 200
_ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(text: str) -> str:
    """Turn any text into a file name, without extension, that every system accepts.

    Returns
    -------
    str
        Characters that Windows forbids replaced by `_`, no dot in front, no dot or space at the
        end, at most 200 bytes.
    """
    name = _ILLEGAL.sub("_", text).rstrip(". ")
    if not name or name.startswith(".") or _RESERVED.fullmatch(name):
        name = f"_{name}"
    whole = name.encode()
    if len(whole) <= _LONGEST_NAME:
        return name
    mark = hashlib.blake2b(whole, digest_size=4).hexdigest()
    return f"{whole[: _LONGEST_NAME - 9].decode(errors='ignore')}_{mark}"


def unique_name(name: str, used: set[str]) -> str:
    """Give `name`, or `name_2` and so on where it is used; remember the choice.

    Parameters
    ----------
    name : str
        What is wanted.
    used : set of str
        Names given so far, in lower case: Windows and macOS tell no others apart.
    """
    chosen, number = name, 1
    while chosen.casefold() in used:
        number += 1
        chosen = f"{name}_{number}"
    used.add(chosen.casefold())
    return chosen


def npy_header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """Build the header of a .npy file, version 1.0, always 128 bytes long.

    The fixed length lets the number of cells be written when it is known, at the end.
    """
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    room = _HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + f"{text:<{room - 1}}\n".encode()


def open_table(path: Path) -> TextIO:
    """Open a .csv for writing, in UTF-8; bytes that are no text are written as escapes."""
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


class _Arrays(Protocol):
    def add(self, cell: Cell, framed: np.ndarray) -> list[str]:
        """Write one cell; give what its row in the table says more."""

    def finish(self) -> None:
        """Write what is not yet written."""


class _Stack:
    """One .npy file of shape (cells, frame, frame, channels), written in batches."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
        cells = max(1, _BATCH_BYTES // (int(np.prod(shape)) * dtype.itemsize))
        self._file, self._cells, self._waiting = file, 0, 0
        self._batch = np.empty((cells, *shape), dtype)
        file.write(npy_header((0, *shape), dtype))

    def add(self, cell: Cell, framed: np.ndarray) -> list[str]:
        self._batch[self._waiting] = framed
        self._waiting += 1
        if self._waiting == len(self._batch):
            self._flush()
        return []

    def _flush(self) -> None:
        self._file.write(self._batch[: self._waiting].data)
        self._cells += self._waiting
        self._waiting = 0

    def finish(self) -> None:
        self._flush()
        self._file.seek(0)
        self._file.write(npy_header((self._cells, *self._batch.shape[1:]), self._batch.dtype))


class _Singles:
    """One .npy file a cell, of shape (frame, frame, channels), named after the object."""

    def __init__(
        self, folder: Path, stem: str, shape: tuple[int, ...], dtype: np.dtype, used: set[str]
    ) -> None:
        self._folder, self._stem, self._used = folder, stem, used
        self._header, self._dtype = npy_header(shape, dtype), dtype

    def add(self, cell: Cell, framed: np.ndarray) -> list[str]:
        # A file that holds many cells only numbers them: 1.npy would say nothing.
        shared = cell.source.lower().endswith((".cif", ".rif")) or cell.object.isdecimal()
        name = f"{self._stem}_{cell.object}" if shared else cell.object
        path = self._folder / f"{unique_name(safe_name(name), self._used)}.npy"
        path.write_bytes(self._header + framed.astype(self._dtype, copy=False).tobytes())
        return [path.name]

    def finish(self) -> None:
        pass


class StackWriter:
    """Cells of one source and one side of the split, with their table; a context manager.

    Parameters
    ----------
    folder : Path
        Where the files go; made where missing.
    stem : str
        Writes `<stem>.npy` and `<stem>.csv`.
    shape : (frame, frame, channels)
        Of every cell.
    dtype : dtype
        Of every cell; stored with the lowest byte first.
    montage : MontageWriter, optional
        Shows the same cells.
    singles : set of str, optional
        Write one file a cell instead; the names used in this folder so far, in lower case.

    Attributes
    ----------
    cells : int
        Number of cells so far.

    Notes
    -----
    Whole only when left without an error: the number of cells is written last.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        shape: tuple[int, int, int],
        dtype: np.dtype,
        montage: MontageWriter | None = None,
        singles: set[str] | None = None,
    ) -> None:
        self.cells = 0
        self._montage, self._frame = montage, shape[0]
        dtype = dtype.newbyteorder("<")
        columns = [*COLUMNS, *["file"] * (singles is not None), *MONTAGE_COLUMNS * bool(montage)]
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            table = open_table(folder / f"{stem}.csv")
            self._table = csv.writer(files.enter_context(table))
            self._table.writerow(columns)
            self._arrays: _Arrays
            if singles is not None:
                self._arrays = _Singles(folder, stem, shape, dtype, singles)
            else:
                array = files.enter_context((folder / f"{stem}.npy").open("wb"))
                self._arrays = _Stack(array, shape, dtype)
            self._files = files.pop_all()

    def add(self, cell: Cell, framed: np.ndarray) -> None:
        """Write one cell.

        Parameters
        ----------
        cell : Cell
            As read; its size goes to the table.
        framed : ndarray, shape (frame, frame, channels)
            What is stored.
        """
        height, width, _ = cell.pixels.shape
        cropped = height > self._frame or width > self._frame
        note = f"cropped from {height} x {width}" if cropped else ""
        row: list[Any] = [cell.source, cell.object, height, width, note]
        row += self._arrays.add(cell, framed)
        if self._montage is not None:
            row += self._montage.add(framed)
        self._table.writerow(row)
        self.cells += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._files:
            if error is None:
                self._arrays.finish()
                if self._montage is not None:
                    self._montage.finish()


class ProblemTable:
    """The table of cells that cannot be used, made when there is the first; a context manager."""

    def __init__(self, path: Path) -> None:
        self.number, self.first = 0, ""
        self._path, self._files = path, ExitStack()

    def add(self, problem: Problem) -> None:
        """List one cell."""
        if not self.number:
            self._table = csv.writer(self._files.enter_context(open_table(self._path)))
            self._table.writerow(("source", "object", "reason"))
            name = " of ".join(filter(None, (problem.object, problem.source)))
            self.first = f"{name}: {problem.reason}"
        self._table.writerow((problem.source, problem.object, problem.reason))
        self.number += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._files.close()

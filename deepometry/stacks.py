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

from deepometry.framing import Block
from deepometry.kinds import AMNIS
from deepometry.montage import MontageWriter
from deepometry.readers import Problem

COLUMNS = ("source", "object", "height", "width", "centre_x", "centre_y", "note")
MONTAGE_COLUMNS = ("montage_sheet", "montage_row", "montage_column")
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
    def add(self, block: Block) -> list[list[str]]:
        """Write cells; give what columns of the table say more."""

    def finish(self) -> None:
        """Write what is not yet written."""


class _Stack:
    """One .npy file of shape (cells, frame, frame, channels)."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._file, self._cells = file, 0
        self._shape, self._dtype = shape, dtype
        file.write(npy_header((0, *shape), dtype))

    def add(self, block: Block) -> list[list[str]]:
        self._file.write(np.ascontiguousarray(block.pixels, self._dtype).data)
        self._cells += len(block.cells)
        return []

    def finish(self) -> None:
        self._file.seek(0)
        self._file.write(npy_header((self._cells, *self._shape), self._dtype))


class _Singles:
    """One .npy file a cell, of shape (frame, frame, channels), named after the object."""

    def __init__(
        self, folder: Path, stem: str, shape: tuple[int, ...], dtype: np.dtype, used: set[str]
    ) -> None:
        self._folder, self._stem, self._used = folder, stem, used
        self._header, self._dtype = npy_header(shape, dtype), dtype

    def add(self, block: Block) -> list[list[str]]:
        cells = zip(block.cells, block.pixels, strict=True)
        return [[self._write(*cell, framed) for cell, framed in cells]]

    def _write(self, source: str, object: str, framed: np.ndarray) -> str:
        # A file that holds many cells only numbers them: 1.npy would say nothing.
        shared = source.lower().endswith(AMNIS) or object.isdecimal()
        name = f"{self._stem}_{object}" if shared else object
        path = self._folder / f"{unique_name(safe_name(name), self._used)}.npy"
        path.write_bytes(self._header + framed.astype(self._dtype, copy=False).tobytes())
        return path.name

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

    def add(self, block: Block) -> None:
        """Write cells, and a row for each."""
        sources, objects = zip(*block.cells, strict=True)
        heights, widths = block.sizes.T.tolist()
        columns = [sources, objects, heights, widths, *map(_as_text, block.centres.T)]
        columns += [self._notes(block), *self._arrays.add(block)]
        if self._montage is not None:
            columns += [places.tolist() for places in self._montage.add(block.pixels)]
        self._table.writerows(zip(*columns, strict=True))
        self.cells += len(block.cells)

    def _notes(self, block: Block) -> list[str]:
        notes, large = [""] * len(block.cells), (block.sizes > self._frame).any(1)
        sizes = block.sizes[large].tolist()
        for number, (height, width) in zip(np.flatnonzero(large).tolist(), sizes, strict=True):
            notes[number] = f"cropped from {height} x {width}"
        return notes

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


def _as_text(numbers: np.ndarray) -> list[Any]:
    """Give numbers for a table; blank what is none."""
    return [number if number == number else "" for number in numbers.tolist()]


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

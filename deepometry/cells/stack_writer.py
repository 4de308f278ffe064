"""Parsed cells on their way to disk: one growing .npy a stack, or one file a cell, and a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, TextIO

import numpy as np

from deepometry.cells.montage import MontageWriter
from deepometry.core.file_types import CONTAINERS
from deepometry.core.result_files import HEADER_BYTES
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.images.framed_blocks import Block
from deepometry.images.readers.base import Problem

COLUMNS = ("source", "object", "height", "width", "centre_x", "centre_y", "note")
MONTAGE_COLUMNS = ("montage_sheet", "montage_row", "montage_column")


def npy_header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """Build the header of a .npy file, version 1.0, always 128 bytes long.

    The fixed length lets the number of cells be written when it is known, at the end.
    """
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    room = HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + f"{text:<{room - 1}}\n".encode()


def open_table(path: Path) -> TextIO:
    """Open a .csv beside a stack for writing; bytes that are no text are written as escapes.

    It is for programs: the tables for people are those of `deepometry.core.spreadsheet`.
    """
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


class _Arrays(Protocol):
    def add(self, block: Block) -> list[list[str]]:
        """Write cells; return further columns of the table."""

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
        # A file that holds many cells only numbers them: 1.npy would not be unique.
        shared = source.lower().endswith(CONTAINERS) or object.isdecimal()
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
    features : dict of str to ndarray, optional
        Further columns of the table: for each name, a number for every place in the source.

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
        features: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.cells, self._features = 0, dict(features or {})
        self._montage, self._frame = montage, shape[0]
        dtype = dtype.newbyteorder("<")
        columns = [*COLUMNS, *["file"] * (singles is not None), *MONTAGE_COLUMNS * bool(montage)]
        columns += _apart(self._features, columns)
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            table = open_table(folder / f"{stem}.csv")
            self._table = SafeWriter(files.enter_context(table))
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
        columns += [_as_values(values[block.places]) for values in self._features.values()]
        self._table.writerows(zip(*columns, strict=True))
        self.cells += len(block.cells)

    def _notes(self, block: Block) -> list[str]:
        notes, large = [""] * len(block.cells), (block.sizes > self._frame).any(1)
        if block.notes:
            notes = [block.notes.get(place, "") for place in block.places.tolist()]
        sizes = block.sizes[large].tolist()
        for number, (height, width) in zip(np.flatnonzero(large).tolist(), sizes, strict=True):
            cropped = f"cropped from {height} x {width}"
            notes[number] = f"{notes[number]}; {cropped}" if notes[number] else cropped
        return notes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        with self._files:
            if kind is None:
                self._arrays.finish()
                if self._montage is not None:
                    self._montage.finish()


def _apart(names: Iterable[str], columns: Sequence[str]) -> list[str]:
    """Return the names of features, changed where a column of that name says something else."""
    used = {name.casefold() for name in columns}
    return [unique_name(name, used) for name in names]


def _as_values(numbers: np.ndarray) -> list[Any]:
    """Return features for a table, with the digits that their type has; blank what is none."""
    if numbers.dtype.kind == "f":
        texts = numbers.astype(str).tolist()
        return [text if text != "nan" else "" for text in texts]
    return list((numbers.astype(int) if numbers.dtype.kind == "b" else numbers).tolist())


def _as_text(numbers: np.ndarray) -> list[Any]:
    """Return numbers for a table; blank what is none."""
    return [number if number == number else "" for number in numbers.tolist()]


class ProblemTable:
    """The table of cells that cannot be used, made when there is the first; a context manager."""

    def __init__(self, path: Path) -> None:
        self.number, self.first = 0, ""
        self._path, self._files = path, ExitStack()

    def add(self, problem: Problem) -> None:
        """List one cell."""
        if not self.number:
            self._table = SafeWriter(self._files.enter_context(table_file(self._path)))
            self._table.writerow(("source", "object", "reason"))
            name = " of ".join(filter(None, (problem.object, problem.source)))
            self.first = f"{name}: {problem.reason}"
        self._table.writerow((problem.source, problem.object, problem.reason))
        self.number += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._files.__exit__(*raised)

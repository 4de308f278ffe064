"""Contact sheets of parsed cells: plain 16-bit TIFF, one channel a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from deepometry.core.errors import OptionsError

LARGEST_SHEET = 32_767
"""Side of a sheet in pixels; more than 2 GB is beyond what ImageJ opens as a plane."""

_MEMORY = 1 << 25  # bytes


def check_sheet(montage: int, frame: int) -> None:
    """Raise `OptionsError` if sheets of cells would be too large for other programs."""
    if montage * frame > LARGEST_SHEET:
        message = (
            f"Montage size: expected at most {LARGEST_SHEET // frame} cells a side at a frame of "
            f"{frame} pixels, found {montage}; other programs cannot open larger sheets."
        )
        raise OptionsError({"montage": message})


def sheet_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype of the sheets: uint16, or float32 for counts that do not fit into it."""
    fits = dtype.kind == "u" and dtype.itemsize <= 2
    return np.dtype("<u2" if fits else "<f4")


class MontageWriter:
    """Sheets of cells, one series a channel, written row by row as the cells come.

    Parameters
    ----------
    folder : Path
        Where the sheets go; must exist.
    name : str
        Sheets are named `<name>_ch<channel>_<sheet>.tif`, counted from 1.
    channels : sequence of int
        Channel numbers, in the order of the cells' last axis.
    side : int
        Cells along each side of a sheet.
    frame : int
        Side of a cell, in pixels.
    dtype : dtype
        Of the cells.
    memory : int
        Most bytes of sheets that are kept until they are full; of larger ones, one row of cells.

    Notes
    -----
    The last sheet is as large as its cells need; places without a cell in its last row are 0.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        channels: Sequence[int],
        side: int,
        frame: int,
        dtype: np.dtype,
        memory: int = _MEMORY,
    ) -> None:
        self._folder, self._name, self._channels = folder, name, tuple(channels)
        self._side, self._frame, self._cells = side, frame, 0
        stored = sheet_dtype(dtype)
        small = len(channels) * (side * frame) ** 2 * stored.itemsize <= memory
        self._band = side if small else 1
        shape = (len(channels), self._band, frame, side, frame)
        self._rows = np.zeros(shape, stored)  # the pixels of the sheets, cell by cell
        self._pixels_at = 0

    def add(self, framed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place cells on their sheets.

        Parameters
        ----------
        framed : ndarray, shape (cells, frame, frame, channels)

        Returns
        -------
        sheet, row, column : ndarray of int, shape (cells,)
            Where each is, all counted from 1.
        """
        first, done = self._cells, 0
        while done < len(framed):
            row, column = divmod(self._cells, self._side)
            some = framed[done : done + self._side - column]
            place = self._rows[:, row % self._band, :, column : column + len(some)]
            place[...] = some.transpose(3, 1, 0, 2)
            self._cells, done = self._cells + len(some), done + len(some)
            if self._cells % (self._band * self._side) == 0:
                self._write(row)
        rows, columns = np.divmod(np.arange(first, self._cells), self._side)
        return rows // self._side + 1, rows % self._side + 1, columns + 1

    def finish(self) -> None:
        """Write what is not yet written."""
        if self._cells % (self._band * self._side):
            self._write((self._cells - 1) // self._side)
        if self._band < self._side and self._cells % self._side**2:
            sheet, cells = divmod(self._cells, self._side**2)
            for channel in self._channels:
                _shorten(self._path(channel, sheet), -(-cells // self._side) * self._frame)

    def _write(self, row: int) -> None:
        """Write the rows in memory, of which this is the last with cells."""
        sheet, place = divmod(row, self._side)
        first = place - place % self._band
        columns = self._side if place else min(self._side, self._cells - row * self._side)
        for channel, rows in zip(self._channels, self._rows, strict=True):
            pixels = np.ascontiguousarray(rows[: place - first + 1, :, :columns])
            path = self._path(channel, sheet)
            if first == 0:
                down = place + 1 if self._band == self._side else self._side
                self._pixels_at = self._start_sheet(path, down, columns)
            with path.open("r+b") as file:
                file.seek(self._pixels_at + first // self._band * pixels.nbytes)
                file.write(pixels.data)
        self._rows[...] = 0

    def _path(self, channel: int, sheet: int) -> Path:
        return self._folder / f"{self._name}_ch{channel}_{sheet + 1}.tif"

    def _start_sheet(self, path: Path, down: int, across: int) -> int:
        """Write a sheet of zeros for so many cells; return where its pixels begin in the file."""
        place = tifffile.imwrite(
            path,
            shape=(down * self._frame, across * self._frame),
            dtype=self._rows.dtype,
            byteorder="<",
            photometric="minisblack",
            metadata=None,
            returnoffset=True,
        )
        return int(place[0])


def _shorten(path: Path, height: int) -> None:
    """Leave out what lies below so many rows of pixels of a sheet, in its file."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages.first
        size = height * page.imagewidth * page.dtype.itemsize
        place = page.dataoffsets[0]
        for name, value in (
            ("ImageLength", height),
            ("RowsPerStrip", height),
            ("StripByteCounts", size),
        ):
            page.tags[name].overwrite(value)
    with path.open("r+b") as sheet:
        sheet.truncate(place + size)

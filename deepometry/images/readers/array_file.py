"""One .npy file: its header, checked before anything is read, and what its axes are."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from deepometry.core.errors import Choice, DeepometryError, Question
from deepometry.images.readers.archive import start_of

NPY_MAGIC = b"\x93NUMPY"
MOST_CHANNELS = 16  # as far as the axis of channels has to be recognised by its length
_LARGEST_CELL = 2**28
_LEAST_SIDE = 8
_ALIKE = 1.25  # height and width of an image, one over the other, where cells are cut out
_HEAD = 2**16  # bytes of a header at most
_HOW = (
    "save it as (cells, height, width) or (cells, height, width, channels), such as with "
    "numpy.moveaxis(array, 1, -1) where the channels come second"
)

_LAST = (
    "save it with the cells in front, such as with numpy.moveaxis(array, -1, 0); where they are in "
    "front already, save it in two files, the first of one cell more than the other"
)


class ArrayError(DeepometryError):
    """An array that cannot be read, or is not of cells."""


@dataclass(frozen=True)
class Header:
    """What a .npy file says of its array.

    Attributes
    ----------
    shape : tuple of int
    fortran : bool
        The first axis is the one whose elements lie side by side.
    dtype : dtype
    offset : int
        Where the elements begin, in bytes.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    offset: int

    def is_column(self, cells: int) -> bool:
        """Return whether it is one number or text for each cell, such as a label."""
        return self.shape == (cells,) and self.dtype.kind in "buifU"

    def open(self, path: Path) -> np.ndarray:
        """Return the array, read as it is used."""
        order = "F" if self.fortran else "C"
        if not math.prod(self.shape):
            return np.empty(self.shape, self.dtype)
        try:
            return np.memmap(path, self.dtype, "r", self.offset, self.shape, order)  # type: ignore[call-overload]
        except (OSError, ValueError) as error:
            raise ArrayError(f"{path} cannot be read ({error}); copy it again.") from error


def read_header(path: Path) -> Header:
    """Read the header of a .npy file, and check that the file is whole; objects are refused.

    Raises
    ------
    ArrayError
        It is damaged, claims more than it holds, or holds anything but numbers and text.
    """
    start, size = start_of(path, _HEAD)
    try:
        file = io.BytesIO(start)
        shape, fortran, dtype = _parse_header(file)
        header = Header(shape, fortran, dtype, file.tell())
        held = size - header.offset
    except Exception as error:  # a header is Python text, which can fail in any way
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise ArrayError(
            f"{path} is damaged or not a NumPy array ({words[0][:200]}); save it again."
        ) from error
    if dtype.hasobject or dtype.kind not in "buifSU":
        raise ArrayError(f"{path}: expected an array of numbers, found {dtype}; save it as such.")
    if any(type(side) is not int or side < 0 for side in shape):
        raise ArrayError(f"{path}: expected an array, found one of the shape {shape}.")
    needed = math.prod(shape) * dtype.itemsize
    if needed > held:
        raise ArrayError(
            f"{path} is damaged: its shape {shape} needs {needed:,} bytes, and it holds {held:,}; "
            "copy it again."
        )
    return header


def _parse_header(file: object) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)  # type: ignore[arg-type]
    read = np.lib.format.read_array_header_2_0
    if version == (1, 0):
        read = np.lib.format.read_array_header_1_0
    elif version not in ((2, 0), (3, 0)):
        raise ValueError(f"version {version} of the format")
    return read(file)  # type: ignore[arg-type]


def is_single(path: Path, pages: str | None = None) -> bool:
    """Return whether a .npy file is one cell; False also where that cannot be said."""
    try:
        return StoredArray.of(path, read_header(path), pages).single
    except DeepometryError:
        return False


@dataclass(frozen=True)
class StoredArray:
    """An array of cells in a .npy file.

    Attributes
    ----------
    path : Path
    header : Header
    axes : str
        What its axes are, such as NHWC: cells, height, width, channels.
    """

    path: Path
    header: Header
    axes: str

    @classmethod
    def of(cls, path: Path, header: Header, pages: str | None = None) -> Self:
        """Recognise the axes; raise `ArrayError` where the shape does not say what they are.

        `pages` decides, as "channels" or "cells", what a short first axis of three is; where it
        is None this is a `Question`.
        """
        shape, dtype = header.shape, header.dtype
        if dtype.kind not in "uif" or dtype.itemsize > 8:
            raise ArrayError(
                f"{path}: expected pixels that are numbers, found {dtype}; save them as numbers."
            )
        stored = cls(path, header, _axes_of(path, shape, pages))
        if not math.prod(shape):
            raise ArrayError(f"{path} has no cells: its shape is {shape}.")
        if stored.cell_bytes > _LARGEST_CELL:
            raise ArrayError(f"{path}: expected images of single cells, found the shape {shape}.")
        return stored

    @property
    def single(self) -> bool:
        """Whether it is one cell."""
        return "N" not in self.axes

    @property
    def cells(self) -> int:
        """Number of cells."""
        return 1 if self.single else self._side("N")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self._side("C") if "C" in self.axes else 1

    @property
    def cell_bytes(self) -> int:
        """Bytes of one cell."""
        return math.prod(self.header.shape) * self.header.dtype.itemsize // max(1, self.cells)

    def _side(self, axis: str) -> int:
        return self.header.shape[self.axes.index(axis)]

    def open(self) -> np.ndarray:
        """Return the cells, shape (cells, height, width, channels), read as they are used."""
        array = self.header.open(self.path)
        there = array.transpose([self.axes.index(axis) for axis in "NHWC" if axis in self.axes])
        if self.single:
            there = there[np.newaxis]
        return there if "C" in self.axes else there[..., np.newaxis]


def _axes_of(path: Path, shape: tuple[int, ...], pages: str | None) -> str:
    """Name the axes; channels are few and fewer than the sides of a cell."""
    few = [0 < side <= MOST_CHANNELS for side in shape]
    if _cells_may_be_last(shape):
        raise ArrayError(
            f"{path}: its shape {shape} does not say which axis counts the cells; {_LAST}."
        )
    if len(shape) == 4:
        if few[3] and shape[3] < min(shape[1:3]):
            return "NHWC"
        if few[1] and shape[1] < min(shape[2:]):
            return "NCHW"
    if len(shape) == 3:
        if few[2] and shape[2] < min(shape[:2]) and _is_cell(shape[:2]):
            square = shape[0] == shape[1] and shape[2] > 1
            return _ask(path, shape, pages, 2) if square else "HWC"
        if few[0] and shape[0] < min(shape[1:]) and shape[0] > 1:
            return _ask(path, shape, pages, 0)
        if not few[2] or (shape[1] <= 2 * shape[2] and shape[2] >= _LEAST_SIDE):
            return "NHW"
    if len(shape) == 2 and _is_cell(shape) and min(shape) >= _LEAST_SIDE:
        return "HW"
    raise ArrayError(f"{path}: its shape {shape} does not say what its axes are; {_HOW}.")


def _is_cell(sides: tuple[int, ...]) -> bool:
    """Return whether height and width are alike enough for a cell."""
    return max(sides) <= 4 * min(sides)


def _cells_may_be_last(shape: tuple[int, ...]) -> bool:
    """Return whether height and width seem to be in front, as in (40, 40, 300): of 300 cells.

    The same shape may be of 40 cells of 40 x 300 pixels, which nobody can tell.
    """
    if len(shape) not in (3, 4) or (len(shape) == 3 and shape[2] <= MOST_CHANNELS):
        return False
    if len(shape) == 4 and shape[1] <= MOST_CHANNELS and shape[1] < min(shape[2:]):
        return False  # cells and as many channels
    if shape[0] < _LEAST_SIDE or shape[1] == shape[2]:
        return False
    alike = max(shape[:2]) <= _ALIKE * min(shape[:2])
    return shape[0] == shape[1] or (alike and not _is_cell(shape[1:3]) and shape[2] > shape[1])


def _ask(path: Path, shape: tuple[int, ...], pages: str | None, axis: int) -> str:
    """Find out what a short axis of three counts."""
    sides = "HW"
    if pages in ("channels", "cells"):
        counted = "C" if pages == "channels" else "N"
        return sides[:axis] + counted + sides[axis:]
    number = shape[axis]
    height, width = (side for place, side in enumerate(shape) if place != axis)
    size = f"{width} x {height} pixels"
    raise Question(
        "pages",
        f"Pages: the shape {shape} of {path} may be {number} cells or {number} channels of one; "
        "choose cells or channels.",
        [
            Choice("cells", "Each is a cell of its own", f"{number} cells of {size}"),
            Choice("channels", "They are the channels of one cell", f"1 cell of {size}"),
        ],
    )

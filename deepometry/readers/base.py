"""The contract of all readers: `Cell`, `Problem`, `Source`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

NO_MASK = "Expected a mask of the cell, found none; parse without --masked."


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as the instrument saw it.

    Attributes
    ----------
    source : str
        File it came from, relative to the input folder, with forward slashes. For one file a
        cell and channel, the file of its lowest channel.
    object : str
        Object number in that file, or for one file a cell its name without channel and
        extension.
    pixels : ndarray, shape (height, width, channels)
        Counts of the wanted channels, in the wanted order, in the dtype of the source.
    background : ndarray of float64, shape (channels, 2), or None
        Mean and standard deviation of the background of each channel, where the file has them.
    centre : tuple of two floats, or None
        x and y of the cell in the stream of the instrument, where the file has them.
    mask : ndarray of bool, shape (height, width, channels), or None
        Where the cell is, channel by channel, where the file has masks and they were asked for.
    """

    source: str
    object: str
    pixels: np.ndarray
    background: np.ndarray | None = None
    centre: tuple[float, float] | None = None
    mask: np.ndarray | None = None

    @property
    def dtype(self) -> np.dtype:
        """Type of its pixels, without the byte order, which may differ from file to file."""
        return self.pixels.dtype.newbyteorder("=")


def unusable(cell: Cell, dtype: np.dtype | None = None) -> str:
    """Say why nothing can be done with the pixels of a cell; blank if something can.

    Parameters
    ----------
    cell : Cell
    dtype : dtype, optional
        That of the other cells of its stack.
    """
    found = cell.pixels
    if found.dtype.kind not in "uif":
        return f"Expected pixels that are real numbers, found {found.dtype}."
    if not found.size:
        return f"Expected an image, found one of {found.shape[0]} x {found.shape[1]} pixels."
    if dtype is not None and cell.dtype != dtype:
        return (
            f"Expected {dtype} pixels, as most cells of its stack have, found {cell.dtype}; "
            "export all cells alike."
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        return "Expected a number in every pixel, found some that are none (NaN or infinite)."
    return ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that cannot be used, and the reason in words.

    Attributes
    ----------
    source, object : str
        As in `Cell`. The object is empty where the trouble is with more than one cell: a file or
        folder that cannot be opened, or the rest of a file behind some damage.
    reason : str
        One sentence.
    """

    source: str
    object: str
    reason: str


class Source(Protocol):
    """Cells of one origin, which go to one stack.

    `objects`, `keys` and what `read` gives go together one to one, problems included.
    """

    @property
    def folder(self) -> tuple[str, ...]:
        """Folders below the input folder, outermost first."""

    @property
    def stem(self) -> str:
        """Name of the stack that its cells go to."""

    @property
    def objects(self) -> Sequence[str]:
        """`Cell.object` of every cell, in the order in which `read` gives them."""

    @property
    def keys(self) -> Sequence[str]:
        """For every cell, what no other cell of the input has, whatever channels are read."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels it has, rising."""

    @property
    def channel_names(self) -> dict[int, str]:
        """Names of those channels that have one."""

    @property
    def brightfield(self) -> tuple[int, ...]:
        """Numbers of the channels known to be brightfield; none where the file does not say."""

    @property
    def details(self) -> dict[str, str]:
        """What else the file tells of itself, such as `Magnification`, in words."""

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask for at least one cell."""

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Give every cell in the order of `objects`, or the reason why it cannot be had.

        With `masked` the cells have their masks, where there are any.
        """


@dataclass(frozen=True)
class UnreadableSource:
    """A `Source` that stands for a file or folder that cannot be opened.

    Attributes
    ----------
    folder : tuple of str
        Folders below the input folder.
    stem, name : str
        Name of its stack, and of the file; no name for the folder itself.
    reason : str
        What is wrong, in one sentence.
    """

    folder: tuple[str, ...]
    stem: str
    name: str
    reason: str

    @property
    def objects(self) -> Sequence[str]:
        """One entry, which names no cell."""
        return [""]

    @property
    def keys(self) -> Sequence[str]:
        """One entry."""
        return [f"{self._source}#"]

    @property
    def channels(self) -> tuple[int, ...]:
        """None."""
        return ()

    @property
    def channel_names(self) -> dict[int, str]:
        """None."""
        return {}

    @property
    def brightfield(self) -> tuple[int, ...]:
        """None."""
        return ()

    @property
    def details(self) -> dict[str, str]:
        """None."""
        return {}

    @property
    def has_masks(self) -> bool:
        """None."""
        return False

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Give the one problem."""
        yield Problem(self._source, "", self.reason)

    @property
    def _source(self) -> str:
        return "/".join((*self.folder, self.name)).rstrip("/")

"""The contract of all readers: `Cell`, `Problem`, `Source`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

LEFT_OUT = "Left out"
"""Among the details of a source: what of its file is not read."""

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
    note : str
        What the reader changed, in a few words, the same for all cells of which it changed the
        same, such as `turned: the file calls 0 white`; blank if nothing.
    middle : tuple of two floats, or None
        Row and column of the cell in its image, where the file knows that and the image is of more
        than the cell: a frame that is smaller than the image is cut out around it.
    extent : tuple of two ints, or None
        Height and width of the cell in its image, with some margin, where the file knows that.
    """

    source: str
    object: str
    pixels: np.ndarray
    background: np.ndarray | None = None
    centre: tuple[float, float] | None = None
    mask: np.ndarray | None = None
    note: str = ""
    middle: tuple[float, float] | None = None
    extent: tuple[int, int] | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of what a frame has to hold: of the cell, or else of its image."""
        height, width, _ = self.pixels.shape
        if self.extent is None:
            return height, width
        return min(self.extent[0], height), min(self.extent[1], width)

    @property
    def dtype(self) -> np.dtype:
        """Type of its pixels, without the byte order, which may differ from file to file."""
        return self.pixels.dtype.newbyteorder("=")


def unusable(cell: Cell, dtype: np.dtype | None = None) -> str:
    """Return why a cell cannot be used, or not in a stack of `dtype`; blank if it can."""
    pixels = cell.pixels
    if pixels.dtype.kind not in "uif":
        return f"Expected pixels that are real numbers, found {pixels.dtype}."
    if not pixels.size:
        return f"Expected an image, found one of {pixels.shape[0]} x {pixels.shape[1]} pixels."
    if dtype is not None and cell.dtype != dtype:
        return (
            f"Expected {dtype} pixels, as most cells of its stack have, found {cell.dtype}; "
            "export all cells alike."
        )
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        return "Expected a number in every pixel, found some that are none (NaN or infinite)."
    return ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that cannot be used, and the reason.

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

    `objects`, `keys` and what `read` yields correspond one to one, problems included.
    """

    @property
    def folder(self) -> tuple[str, ...]:
        """Folders below the input folder, outermost first."""

    @property
    def stem(self) -> str:
        """Name of the stack that its cells go to."""

    @property
    def objects(self) -> Sequence[str]:
        """`Cell.object` of every cell, in the order in which `read` yields them."""

    @property
    def keys(self) -> Sequence[str]:
        """For every cell, a key that no other cell of the input has, whatever channels are read."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels it has, rising."""

    @property
    def channel_names(self) -> dict[int, str]:
        """Names of those channels that have one."""

    @property
    def brightfield(self) -> tuple[int, ...]:
        """Numbers of the channels known to be brightfield; none where the file has no such flag."""

    @property
    def details(self) -> dict[str, str]:
        """Further metadata of the file as text, such as `Magnification`."""

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask for at least one cell."""

    @property
    def features(self) -> Mapping[str, np.ndarray]:
        """Numbers that the file has of its cells: for each name, one for each of `objects`."""

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason.

        With `masked` the cells have their masks, where there are any.
        """


class WithoutFeatures:
    """A part of a `Source` whose files have no numbers of their cells."""

    @property
    def features(self) -> Mapping[str, np.ndarray]:
        """None."""
        return {}


class WithoutMetadata(WithoutFeatures):
    """A part of a `Source` whose files hold pixels alone."""

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


@dataclass(frozen=True)
class UnreadableSource(WithoutMetadata):
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

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield the one problem."""
        yield Problem(self._source, "", self.reason)

    @property
    def _source(self) -> str:
        return "/".join((*self.folder, self.name)).rstrip("/")

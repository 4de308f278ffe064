"""One cell of an Amnis file at a time, in any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from deepometry.images.cif.cell import CifCell, find_columns, usable_backgrounds
from deepometry.images.cif.codec import (
    GREY,
    MASK,
    PLAIN,
    CifError,
    decode_grey,
    decode_mask,
    decode_plain,
)
from deepometry.images.cif.directory import (
    BACKGROUND_MEAN,
    BACKGROUND_SD,
    BITS,
    CENTRE_X,
    CENTRE_Y,
    COMPRESSION,
    HEIGHT,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    WIDTH,
    Directory,
    read_directory,
    read_first,
)
from deepometry.images.cif.index import Chain, walk
from deepometry.images.cif.metadata import CifMetadata, read_metadata
from deepometry.images.cif.offsets import PositionedFile, resolve_near

MOST_STRIPS = 65536
_WITNESSES = 25  # objects that are asked how many channels there are


@dataclass(frozen=True, slots=True)
class CifCatalogue:
    """Where the cells of a file are, and its metadata."""

    order: str
    metadata: CifMetadata
    chain: Chain


class CifFile:
    """A .cif or .rif file of which cells are read one at a time; arguments as of `CifReader`."""

    def __init__(self, path: Path, catalogue: CifCatalogue | None = None) -> None:
        self.path = Path(path)
        self.file = PositionedFile(self.path)
        try:
            self.catalogue = catalogue or _make_catalogue(self.file)
        except CifError as error:
            self.close()
            raise CifError(f"{self.path}: {error}.") from error

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels, from 1 as IDEAS counts them, rising."""
        return self.catalogue.metadata.channels

    @property
    def metadata(self) -> CifMetadata:
        """Channel names, magnification and the number of objects that the file states."""
        return self.catalogue.metadata

    def read(
        self, position: int, *, mask: bool = True, channels: Sequence[int] | None = None
    ) -> CifCell:
        """Read one cell.

        Parameters
        ----------
        position : int
            Its place in the file, from 0.
        mask : bool
            Whether to read its mask too.
        channels : sequence of int, optional
            Numbers of the wanted channels, in the wanted order; by default all of them.

        Raises
        ------
        CifError
            The cell is damaged; others may still be read.
        """
        number = int(self.catalogue.chain.ids[position])
        columns = find_columns(self.channels if channels is None else channels, self.channels)
        try:
            return self._read(position, number if number >= 0 else None, mask, columns)
        except CifError as error:
            name = number if number >= 0 else f"at position {position}"
            raise CifError(f"{self.path.name}, object {name}: {error}.") from error

    def _read(
        self, position: int, object_id: int | None, mask: bool, columns: list[int]
    ) -> CifCell:
        at = int(self.catalogue.chain.images[position])
        directory = read_directory(self.file, self.catalogue.order, at)
        image = _tiles(_picture(directory), len(self.channels)).astype(np.uint16, copy=False)
        planes = self._read_mask(position, image.shape) if mask else None
        return CifCell(
            object_id,
            image[:, :, columns],
            None if planes is None else planes[:, :, columns],
            _background(directory, len(self.channels), columns),
            _centre(directory),
        )

    def _read_mask(self, position: int, shape: tuple[int, ...]) -> np.ndarray | None:
        at = int(self.catalogue.chain.masks[position])
        if not at:
            return None
        directory = read_directory(self.file, self.catalogue.order, at)
        size = (directory.number(HEIGHT), directory.number(WIDTH) // len(self.channels))
        if size != shape[:2]:
            raise CifError(f"its mask is {_size(size)} pixels, its image {_size(shape)}")
        return _tiles(_picture(directory), len(self.channels)).astype(np.uint8, copy=False)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_catalogue(file: PositionedFile) -> CifCatalogue:
    first = read_first(file)
    chain = walk(first)
    if not len(chain):
        raise CifError(chain.damage or "it holds no cells")
    metadata = read_metadata(first, _some_images(file, first.order, chain))
    return CifCatalogue(first.order, metadata, chain)


def _some_images(file: PositionedFile, order: str, chain: Chain) -> list[Directory]:
    """Read some directories of images, from all over the file."""
    places = np.unique(np.linspace(0, len(chain) - 1, _WITNESSES).astype(int))
    directories = []
    for place in places.tolist():
        with suppress(CifError):  # reading the cell will report it
            directories.append(read_directory(file, order, int(chain.images[place])))
    return directories


def _picture(directory: Directory) -> np.ndarray:
    """Decode the wide picture of an image or a mask."""
    height, width = directory.number(HEIGHT), directory.number(WIDTH)
    compression = directory.number(COMPRESSION)
    strip = _strip(directory)
    if compression == GREY:
        return decode_grey(strip, height, width)
    if compression == MASK:
        return decode_mask(strip, height, width)
    if compression == PLAIN:
        return decode_plain(strip, height, width, directory.number(BITS), directory.order)
    raise CifError(f"its compression {compression} is unknown")


def _strip(directory: Directory) -> bytes:
    """Read the strips; the stream of one runs on in the next."""
    offsets, lengths = directory.numbers(STRIP_OFFSETS), directory.numbers(STRIP_LENGTHS)
    if not 0 < len(offsets) == len(lengths) <= MOST_STRIPS:
        raise CifError(f"it has {len(offsets)} strips and {len(lengths)} strip lengths")
    file = directory.file
    if min(lengths) < 0 or sum(lengths) > file.size:
        raise CifError(f"its strips claim {sum(lengths)} bytes of a file of {file.size}")
    starts = [resolve_near(at, directory.position, file.size) for at in offsets]
    return b"".join(file.read(at, length) for at, length in zip(starts, lengths, strict=True))


def _tiles(wide: np.ndarray, channels: int) -> np.ndarray:
    """Cut the wide picture (height, channels x width) into (height, width, channels)."""
    height, width = wide.shape
    if width % channels:
        raise CifError(f"its width of {width} pixels is not a multiple of {channels} channels")
    return wide.reshape(height, channels, width // channels).transpose(0, 2, 1)


def _background(directory: Directory, channels: int, columns: list[int]) -> np.ndarray | None:
    """Read the background of the wanted channels; None where it can be none."""
    means, sds = directory.optional(BACKGROUND_MEAN), directory.optional(BACKGROUND_SD)
    if len(means) != channels or len(sds) != channels:
        return None
    background = np.array([means, sds], dtype=np.float64).T[columns]
    return background if usable_backgrounds(background[None])[0] else None


def _centre(directory: Directory) -> tuple[float, float] | None:
    x, y = directory.optional(CENTRE_X), directory.optional(CENTRE_Y)
    valid = x and y and math.isfinite(x[0]) and math.isfinite(y[0])
    return (x[0], y[0]) if valid else None


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"

"""Reading the cells of an Amnis file one by one, in any order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from deepometry.cif.bulk import read_batches
from deepometry.cif.cell import CifCell, find_columns
from deepometry.cif.codec import (
    GREY,
    MASK,
    PLAIN,
    CifError,
    decode_grey,
    decode_mask,
    decode_plain,
)
from deepometry.cif.directory import (
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
from deepometry.cif.metadata import CifMetadata, read_metadata
from deepometry.cif.positions import PositionedFile, resolve_near
from deepometry.cif.walk import Chain, walk
from deepometry.noise import usable_backgrounds

MOST_STRIPS = 65536
_WITNESSES = 25  # objects that are asked how many channels there are


@dataclass(frozen=True, slots=True)
class CifCatalogue:
    """Where the cells of a file are and what the file says about itself."""

    order: str
    metadata: CifMetadata
    chain: Chain


class CifReader(Sequence[CifCell]):
    """The cells of a .cif or .rif file, read when asked for.

    Parameters
    ----------
    path : Path
        The file.
    catalogue : CifCatalogue, optional
        The `catalogue` of an earlier reader of the same file, which saves walking through it.

    Raises
    ------
    CifError
        It cannot be opened, is not an Amnis file, or holds no cells. A file that is damaged
        further on opens with the cells that can be found, and `damage` tells what is wrong.

    Examples
    --------
    >>> with CifReader(path) as cells:  # doctest: +SKIP
    ...     brightfield = cells[0].image[:, :, 0]
    """

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
        """Channel names, magnification and the number of objects that the file tells."""
        return self.catalogue.metadata

    @property
    def object_ids(self) -> list[int | None]:
        """Number of every cell in the file, None for one without; not always unique."""
        return [number if number >= 0 else None for number in self.catalogue.chain.ids.tolist()]

    @property
    def damage(self) -> str:
        """What is wrong with the chain of cells, so that some may be lost; blank if it is whole."""
        return self.catalogue.chain.damage

    def __len__(self) -> int:
        return len(self.catalogue.chain.images)

    @overload
    def __getitem__(self, which: int) -> CifCell: ...
    @overload
    def __getitem__(self, which: slice) -> list[CifCell]: ...
    def __getitem__(self, which: int | slice) -> CifCell | list[CifCell]:
        if isinstance(which, slice):
            return [self.read(i) for i in range(len(self))[which]]
        return self.read(range(len(self))[which])

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
        found = int(self.catalogue.chain.ids[position])
        columns = find_columns(self.channels if channels is None else channels, self.channels)
        try:
            return self._read(position, found if found >= 0 else None, mask, columns)
        except CifError as error:
            name = found if found >= 0 else f"at position {position}"
            raise CifError(f"{self.path.name}, object {name}: {error}.") from error

    def _read(
        self, position: int, object_id: int | None, mask: bool, columns: list[int]
    ) -> CifCell:
        at = int(self.catalogue.chain.images[position])
        directory = read_directory(self.file, self.catalogue.order, at)
        image = _tiles(_picture(directory), len(self.channels)).astype(np.uint16, copy=False)
        found = self._read_mask(position, image.shape) if mask else None
        return CifCell(
            object_id,
            image[:, :, columns],
            None if found is None else found[:, :, columns],
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

    def cells(
        self,
        channels: Sequence[int] | None = None,
        *,
        mask: bool = True,
        workers: int | None = None,
    ) -> Iterator[CifCell | CifError]:
        """Read all cells, in their order, on all cores.

        Parameters
        ----------
        channels : sequence of int, optional
            Numbers of the wanted channels, in the wanted order; by default all of them. Those
            not wanted are not decoded.
        mask : bool
            Whether to read the masks too.
        workers : int, optional
            Number of threads; by default as many as there are cores.

        Yields
        ------
        CifCell or CifError
            The error in place of a cell that is damaged. The pixels of some hundred cells share
            their memory: copy those that you keep, if they are few of many.

        Raises
        ------
        CifError
            The file does not have one of the channels.
        """
        wanted = self.channels if channels is None else channels
        for batch in read_batches(self, wanted, mask=mask, workers=workers):
            yield from batch

    def __iter__(self) -> Iterator[CifCell]:
        for cell in self.cells():
            if isinstance(cell, CifError):
                raise cell
            yield cell

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self.file.close()

    def __enter__(self) -> CifReader:
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
    found = []
    for place in places.tolist():
        with suppress(CifError):  # reading the cell will say so
            found.append(read_directory(file, order, int(chain.images[place])))
    return found


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
    means, sds = _optional(directory, BACKGROUND_MEAN), _optional(directory, BACKGROUND_SD)
    if len(means) != channels or len(sds) != channels:
        return None
    found = np.array([means, sds], dtype=np.float64).T[columns]
    return found if usable_backgrounds(found[None])[0] else None


def _centre(directory: Directory) -> tuple[float, float] | None:
    x, y = _optional(directory, CENTRE_X), _optional(directory, CENTRE_Y)
    known = x and y and math.isfinite(x[0]) and math.isfinite(y[0])
    return (x[0], y[0]) if known else None


def _optional(directory: Directory, tag: int) -> tuple[float, ...]:
    """Give the numbers of a tag without which the pixels are as good."""
    try:
        return directory.values(tag)
    except CifError:
        return ()


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"

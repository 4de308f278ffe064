"""Images that show their channels side by side, or one below the other, as cells of channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from deepometry.images.readers.base import Cell, Problem, Source, UnreadableSource, WithoutFeatures
from deepometry.images.readers.buckets import BucketSource
from deepometry.images.readers.cif import CifSource
from deepometry.images.readers.ifcb import IfcbSource
from deepometry.images.readers.rtdc import RtdcSource

MOST_TILES = 16
OF_INSTRUMENTS = (CifSource, RtdcSource, IfcbSource, BucketSource)
"""Sources of images that an instrument cut out, each of one cell."""


def split_strips(sources: Sequence[Source], tiles: int) -> list[Source]:
    """Read every image as so many channels side by side; files of instruments as they are."""
    if tiles == 1:
        return list(sources)
    whole = (*OF_INSTRUMENTS, UnreadableSource)
    return [s if isinstance(s, whole) else StripSource(s, tiles) for s in sources]


class StripSource(WithoutFeatures):
    """A source whose images are strips of tiles, each of which is a channel.

    Parameters
    ----------
    source : Source
        Yields the images.
    tiles : int
        Tiles of an image, along its longer side. Channel c of the source becomes the channels
        `(c - 1) * tiles + 1` to `c * tiles`.
    """

    def __init__(self, source: Source, tiles: int) -> None:
        self._source, self._tiles = source, tiles
        self.folder, self.stem = source.folder, source.stem
        self.channel_names: dict[int, str] = {}
        self.brightfield: tuple[int, ...] = ()
        self.details, self.has_masks = source.details, source.has_masks

    @property
    def objects(self) -> Sequence[str]:
        """As the source has them."""
        return self._source.objects

    @property
    def keys(self) -> Sequence[str]:
        """As the source has them."""
        return self._source.keys

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the tiles, rising."""
        tiles = range(1, self._tiles + 1)
        return tuple((c - 1) * self._tiles + t for c in self._source.channels for t in tiles)

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason."""
        places = [divmod(channel - 1, self._tiles) for channel in channels]
        images = tuple(dict.fromkeys(image + 1 for image, _ in places))
        columns = [(images.index(image + 1), tile) for image, tile in places]
        for cell in self._source.read(images, masked):
            yield cell if isinstance(cell, Problem) else self._split(cell, columns)

    def _split(self, cell: Cell, columns: Sequence[tuple[int, int]]) -> Cell | Problem:
        height, width = cell.pixels.shape[:2]
        axis = 0 if height > width else 1
        if cell.pixels.shape[axis] % self._tiles:
            reason = (
                f"Expected {self._tiles} tiles of one size side by side, found an image of "
                f"{height} x {width} pixels."
            )
            return Problem(cell.source, cell.object, reason)
        pixels = self._tiled(cell.pixels, axis, columns)
        mask = None if cell.mask is None else self._tiled(cell.mask, axis, columns)
        return replace(cell, pixels=pixels, background=None, mask=mask)

    def _tiled(
        self, pixels: np.ndarray, axis: int, columns: Sequence[tuple[int, int]]
    ) -> np.ndarray:
        tiles = np.split(pixels, self._tiles, axis)
        return np.stack([tiles[tile][..., image] for image, tile in columns], axis=-1)

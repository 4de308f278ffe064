"""The cells of one image file, or folder of them, read as if Parse had written them to a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.cell_reading import blocks_of
from deepometry.cells.parse_plan import Plan
from deepometry.cells.stack_reader import Window
from deepometry.core.errors import DeepometryError
from deepometry.images.framed_blocks import Block, Framing, read_places
from deepometry.images.padding_noise import Noise


class FramedFile:
    """The good cells of one source, framed when they are read; a `Stored`.

    Parameters
    ----------
    plan : Plan
        The source, and what it is called.
    framing : Framing
        Of all channels that may be read.
    seed : int
        Of the padding noise.
    found : FoundCells
        Which cells of the source can be used.

    Notes
    -----
    Cells that are asked for in their order are read block by block on all cores; single ones are
    read by themselves where the file allows that.
    """

    def __init__(self, plan: Plan, framing: Framing, seed: int, found: FoundCells) -> None:
        self._plan, self._framing, self._seed, self._found = plan, framing, seed, found
        self.path = Path(getattr(plan.source, "path", plan.name))
        self.shape = (framing.frame, framing.frame, len(framing.channels))
        self.dtype = found.dtype
        self._run: _Run | None = None

    def __len__(self) -> int:
        return len(self._found.places)

    def read(
        self, rows: np.ndarray, columns: Sequence[int] | None, window: Window = None
    ) -> np.ndarray:
        """Return the pixels of some rows, (n, frame, frame, channels), or a window of them."""
        part = slice(*window) if window else slice(None)
        if self._found.pixels is not None:
            kept: np.ndarray = self._found.pixels[:, part, part][rows]
            return kept if columns is None else kept[..., list(columns)]
        return self._from_file(rows, self._framing_of(columns))[:, part, part]

    def _framing_of(self, columns: Sequence[int] | None) -> Framing:
        if columns is None:
            return self._framing
        channels = tuple(self._framing.channels[column] for column in columns)
        return replace(self._framing, channels=channels, noise=Noise(self._seed, channels))

    def _from_file(self, rows: np.ndarray, framing: Framing) -> np.ndarray:
        first, in_order = int(rows[0]) if len(rows) else 0, bool((np.diff(rows) == 1).all())
        goes_on = self._run and self._run.is_at(first, framing.channels)
        if in_order and (goes_on or (first == 0 and len(rows) > 1)):
            if self._run is None or not goes_on:
                self._run = _Run(self._plan, framing, self._found.places)
            pixels = self._run.take(len(rows))
            self._run = None if self._run.ended else self._run
            return pixels
        return self._single(rows, framing)

    def _single(self, rows: np.ndarray, framing: Framing) -> np.ndarray:
        order = np.argsort(rows, kind="stable")
        places = self._found.places[rows[order]]
        distinct, back = np.unique(places, return_inverse=True)
        block = read_places(self._plan.source, framing, distinct.tolist(), self.dtype)
        if not np.array_equal(block.places, distinct):
            raise _changed(self._plan.name)
        pixels = np.empty((len(rows), *block.pixels.shape[1:]), block.pixels.dtype)
        pixels[order] = block.pixels[back]
        return pixels

    def sizes(self) -> np.ndarray:
        """Return height and width of all cells before they were framed."""
        return self._found.sizes

    def identities(self, size: int, root: Path) -> Iterator[list[tuple[str, str]]]:
        """Yield (source, object) of all cells in order, `size` at a time."""
        objects, found = self._plan.source.objects, self._found
        places = found.places.tolist()
        for first in range(0, len(places), size):
            rows = range(first, min(first + size, len(places)))
            yield [(found.source(row), objects[places[row]]) for row in rows]

    def plain(self) -> dict[str, Any]:
        """Return what a record needs so that the same cells can be found again."""
        places = self._found.places
        left_out = np.setdiff1d(np.arange(len(self._plan.held)), places)
        return {
            "path": self._plan.name,
            "cells": len(self),
            "left_out": left_out.tolist(),
            "dtype": str(self.dtype),
        }

    def places(self) -> Iterator[tuple[Path, int]]:
        """Yield the file of each cell, and its place among those of the source."""
        return ((self.path, place) for place in self._found.places.tolist())


@dataclass(frozen=True)
class FoundCells:
    """Which cells of a source can be used.

    Attributes
    ----------
    places : ndarray of int64, shape (cells,)
        In `Source.objects`.
    sizes : ndarray of int64, shape (cells, 2)
        Height and width before they were framed; 0 where not known.
    dtype : dtype
        Of the pixels.
    source : callable
        Returns the file of the cell of a row.
    pixels : ndarray, shape (cells, frame, frame, channels), or None
        Where they were kept, and need not be read again.
    """

    places: np.ndarray
    sizes: np.ndarray
    dtype: np.dtype
    source: Callable[[int], str]
    pixels: np.ndarray | None = None


class Collector:
    """Collects the good cells of a source block by block.

    `room` is the number of bytes up to which the pixels are kept.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._names: list[str | list[str]] = []
        self._places = [np.empty(0, np.int64)]
        self._sizes = [np.empty((0, 2), np.int64)]
        self._kept: list[np.ndarray] = []
        self._dtype = np.dtype(np.uint16)

    def add(self, block: Block) -> None:
        """Add the good cells of a block."""
        if not block.cells:
            return
        self._dtype = block.pixels.dtype
        self._places.append(block.places)
        self._sizes.append(block.sizes)
        names = [source for source, _ in block.cells]
        self._names.append(names[0] if len(set(names)) == 1 else names)
        self._room -= block.pixels.nbytes
        self._kept.append(block.pixels)
        if self._room < 0:
            self._kept.clear()

    def finish(self) -> FoundCells:
        """Return what was collected."""
        ends = np.cumsum([len(some) for some in self._places[1:]])
        pixels = np.concatenate(self._kept) if self._kept else None
        places, sizes = np.concatenate(self._places), np.concatenate(self._sizes)
        return FoundCells(places, sizes, self._dtype, _Names(self._names, ends), pixels)


@dataclass(frozen=True)
class _Names:
    """The files of the cells, a text a block where that is enough."""

    blocks: list[str | list[str]]
    ends: np.ndarray

    def __call__(self, row: int) -> str:
        block = int(np.searchsorted(self.ends, row, side="right"))
        names = self.blocks[block]
        return names if isinstance(names, str) else names[row - int(self.ends[block])]


class _Run:
    """The pixels of the good cells of a source, read in order."""

    def __init__(self, plan: Plan, framing: Framing, places: np.ndarray) -> None:
        self._plan, self._channels, self._places = plan, framing.channels, places
        self._blocks = blocks_of(plan.source, framing, plan.name)
        self._left = np.empty((0, framing.frame, framing.frame, len(framing.channels)))
        self._read = self._taken = 0

    def is_at(self, row: int, channels: Sequence[int]) -> bool:
        """Return whether it goes on with a row, in these channels."""
        return self._taken == row and self._channels == tuple(channels)

    @property
    def ended(self) -> bool:
        """Whether all cells were taken."""
        return self._taken == len(self._places)

    def take(self, count: int) -> np.ndarray:
        """Return the next cells."""
        parts, have = [self._left] * bool(len(self._left)), len(self._left)
        while have < count:
            block = self._next()
            parts.append(block)
            have += len(block)
        pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
        self._left, self._taken = pixels[count:], self._taken + count
        return pixels[:count]

    def _next(self) -> np.ndarray:
        block = next(self._blocks, None)
        if block is None:
            raise _changed(self._plan.name)
        expected = self._places[self._read : self._read + len(block.places)]
        if not np.array_equal(block.places, expected):
            raise _changed(self._plan.name)
        self._read += len(block.places)
        return block.pixels


def _changed(name: str) -> DeepometryError:
    return DeepometryError(
        f"{name}: expected the same cells as when it was read before, found others; wait until no "
        "other program writes to it, and run the step again."
    )

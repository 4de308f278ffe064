"""From a source to blocks of framed cells: on all cores for .cif, one by one for the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import numpy as np

from deepometry.cif.bulk import CifBatch, read_batches
from deepometry.cif.cell import find_columns
from deepometry.cif.codec import CifError
from deepometry.frame import frame_cell, frame_cells
from deepometry.noise import Noise
from deepometry.readers import Cell, Problem, Source
from deepometry.readers.base import NO_MASK, unusable
from deepometry.readers.cif import CifSource, object_name

_VOTERS = 32
_SINGLES = 64  # cells in a block that are read one by one


@dataclass(frozen=True)
class Framing:
    """How cells become squares.

    Attributes
    ----------
    frame : int
        Side of the square, in pixels.
    channels : tuple of int
        The wanted channels, in the wanted order.
    noise : Noise
        For these channels.
    masked : bool
        Whether what lies outside the mask of its channel becomes background.
    """

    frame: int
    channels: tuple[int, ...]
    noise: Noise
    masked: bool = False


@dataclass(frozen=True)
class Block:
    """Some framed cells of a source, one behind the other, and what could not be framed.

    Attributes
    ----------
    cells : list of (str, str)
        Source file and object of every framed cell.
    places : ndarray of int64, shape (cells,)
        Their places in `Source.objects`.
    pixels : ndarray, shape (cells, frame, frame, channels)
    sizes : ndarray of int64, shape (cells, 2)
        Height and width before.
    centres : ndarray of float64, shape (cells, 2)
        x and y in the stream of the instrument; NaN where unknown.
    problems : list of Problem
    """

    cells: list[tuple[str, str]]
    places: np.ndarray
    pixels: np.ndarray
    sizes: np.ndarray
    centres: np.ndarray
    problems: list[Problem] = field(default_factory=list)

    def chosen(self, which: np.ndarray) -> Block:
        """Give some of the cells, without the problems: `which` is bool, shape (cells,)."""
        if which.all():
            return replace(self, problems=[])
        return self._at(np.flatnonzero(which))

    def joined(self, others: Block) -> Block:
        """Give the cells of two blocks in the order of their places."""
        both = Block(
            self.cells + others.cells,
            np.concatenate([self.places, others.places]),
            np.concatenate([self.pixels, others.pixels]),
            np.concatenate([self.sizes, others.sizes]),
            np.concatenate([self.centres, others.centres]),
        )
        found = both._at(np.argsort(both.places, kind="stable"))
        return replace(found, problems=self.problems + others.problems)

    def _at(self, places: np.ndarray) -> Block:
        cells = [self.cells[number] for number in places.tolist()]
        pixels, sizes = self.pixels[places], self.sizes[places]
        return Block(cells, self.places[places], pixels, sizes, self.centres[places])


def read_blocks(source: Source, framing: Framing) -> Iterator[Block]:
    """Read and frame all cells of a source.

    Parameters
    ----------
    source : Source
    framing : Framing

    Yields
    ------
    Block
        In the order of `Source.objects`. Only a few of them are in memory at any time.
    """
    if isinstance(source, CifSource) and not source.fault:
        yield from _read_amnis(source, framing)
    else:
        yield from _read_singly(source, framing)


def _read_amnis(source: CifSource, framing: Framing) -> Iterator[Block]:
    try:
        find_columns(framing.channels, source.channels)
        reader = source.open()
    except CifError:  # in words, once for each cell
        yield from _read_singly(source, framing)
        return
    with reader:
        frame = _BatchFraming(source, framing).run
        yield from read_batches(reader, framing.channels, mask=framing.masked, then=frame)
    if lost := list(source.lost()):
        yield _empty(framing, np.dtype(np.uint16), 0, lost)


class _BatchFraming:
    """Frames the batches of one .cif file, on the threads that read them."""

    def __init__(self, source: CifSource, framing: Framing) -> None:
        self._source, self._framing = source, framing

    def run(self, batch: CifBatch) -> Block:
        """Frame one batch."""
        framing, source = self._framing, self._source
        numbers = source.numbers[batch.first : batch.first + len(batch)]
        if framing.masked and not batch.masks.size:
            return self._singly(batch, numbers, np.ones(len(batch), bool))
        states = framing.noise.states_of(source.key, numbers)
        known = batch.starts >= 0
        pixels = frame_cells(
            batch.pixels,
            batch.starts[known],
            batch.sizes[known],
            batch.order,
            framing.frame,
            states[known],
            batch.background[known],
            batch.masks if framing.masked else None,
        )
        places = batch.first + np.flatnonzero(known)
        cells = [(source.name, object_name(number)) for number in numbers[known].tolist()]
        block = Block(cells, places, pixels, batch.sizes[known], batch.centres[known])
        return block.joined(self._singly(batch, numbers, ~known)) if batch.odd else block

    def _singly(self, batch: CifBatch, numbers: np.ndarray, which: np.ndarray) -> Block:
        """Frame cells that are unusual in some way, or list them as problems."""
        masked, found = self._framing.masked, []
        for place in np.flatnonzero(which).tolist():
            cell = self._source.as_cell(object_name(int(numbers[place])), batch[place], masked)
            found.append((batch.first + place, cell))
        return _frame_singly(found, self._source.keys, self._framing, np.dtype(np.uint16))


def _read_singly(source: Source, framing: Framing) -> Iterator[Block]:
    found, keys = source.read(framing.channels, framing.masked), source.keys
    first = list(islice(found, _VOTERS))
    dtype = _usual_dtype(first)
    numbered = enumerate(chain(first, found))
    while some := list(islice(numbered, _SINGLES)):
        block = _frame_singly(some, keys, framing, dtype)
        dtype = dtype or (block.pixels.dtype if block.cells else None)
        yield block


def _frame_singly(
    found: Sequence[tuple[int, Cell | Problem]],
    keys: Sequence[str],
    framing: Framing,
    dtype: np.dtype | None,
) -> Block:
    good: list[tuple[int, Cell]] = []
    problems: list[Problem] = []
    for place, cell in found:
        checked = _checked(cell, dtype, framing.masked)
        if isinstance(checked, Problem):
            problems.append(checked)
        else:
            dtype = dtype or checked.dtype
            good.append((place, checked))
    block = _empty(framing, dtype or np.dtype(np.uint16), len(good), problems)
    for number, (place, cell) in enumerate(good):
        block.cells.append((cell.source, cell.object))
        block.places[number] = place
        block.sizes[number] = cell.pixels.shape[:2]
        block.centres[number] = cell.centre or np.nan
        block.pixels[number] = frame_cell(
            cell.pixels, framing.frame, keys[place], framing.noise, cell.background, cell.mask
        )
    return block


def _empty(framing: Framing, dtype: np.dtype, cells: int, problems: list[Problem]) -> Block:
    shape = (cells, framing.frame, framing.frame, len(framing.channels))
    places, sizes = np.zeros(cells, np.int64), np.zeros((cells, 2), np.int64)
    centres = np.full((cells, 2), np.nan)
    return Block([], places, np.empty(shape, dtype), sizes, centres, problems)


def _usual_dtype(first: Sequence[Cell | Problem]) -> np.dtype | None:
    """Find the dtype that most of the first cells have: one odd file must not decide."""
    checked = (_checked(cell, None) for cell in first)
    votes = Counter(cell.dtype for cell in checked if isinstance(cell, Cell))
    return max(votes, key=lambda dtype: votes[dtype], default=None)


def _checked(cell: Cell | Problem, dtype: np.dtype | None, masked: bool = False) -> Cell | Problem:
    """Give the cell, or why it cannot stand in a stack of this dtype."""
    if isinstance(cell, Problem):
        return cell
    reason = unusable(cell, dtype) or (NO_MASK if masked and cell.mask is None else "")
    return Problem(cell.source, cell.object, reason) if reason else cell

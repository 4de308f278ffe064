"""From a source to blocks of framed cells: on all cores for .cif, one by one for the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import numpy as np

from deepometry.images.cif.batches import BLOCK_BYTES, CifBatch, read_batches
from deepometry.images.cif.cell import find_columns
from deepometry.images.cif.codec import CifError
from deepometry.images.frame import frame_cell, frame_cells
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.base import NO_MASK, Cell, Problem, Source, unusable
from deepometry.images.readers.cif import CifSource, object_name
from deepometry.images.readers.tiff_folder import TiffSource

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
    notes : dict of int to str
        What the reader changed, by the place of the cell; only of those that it changed.
    """

    cells: list[tuple[str, str]]
    places: np.ndarray
    pixels: np.ndarray
    sizes: np.ndarray
    centres: np.ndarray
    problems: list[Problem] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)

    def chosen(self, which: np.ndarray) -> Block:
        """Return some of the cells, without the problems: `which` is bool, shape (cells,)."""
        if which.all():
            return replace(self, problems=[])
        return self._at(np.flatnonzero(which))

    def joined(self, others: Block) -> Block:
        """Return the cells of two blocks in the order of their places."""
        both = Block(
            self.cells + others.cells,
            np.concatenate([self.places, others.places]),
            np.concatenate([self.pixels, others.pixels]),
            np.concatenate([self.sizes, others.sizes]),
            np.concatenate([self.centres, others.centres]),
        )
        ordered = both._at(np.argsort(both.places, kind="stable"))
        notes = self.notes | others.notes
        return replace(ordered, problems=self.problems + others.problems, notes=notes)

    def _at(self, places: np.ndarray) -> Block:
        cells = [self.cells[number] for number in places.tolist()]
        pixels, sizes, centres = self.pixels[places], self.sizes[places], self.centres[places]
        numbers = self.places[places]
        notes = self.notes and {n: self.notes[n] for n in numbers.tolist() if n in self.notes}
        return Block(cells, numbers, pixels, sizes, centres, notes=notes)


def read_blocks(
    source: Source, framing: Framing, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Read and frame all cells of a source, `block_bytes` of a .cif file at once.

    Yields
    ------
    Block
        In the order of `Source.objects`. Only a few of them are in memory at any time.
    """
    if isinstance(source, CifSource) and not source.fault:
        yield from _read_amnis(source, framing, block_bytes)
    else:
        yield from read_one_by_one(source, framing)


def _read_amnis(source: CifSource, framing: Framing, block_bytes: int) -> Iterator[Block]:
    try:
        find_columns(framing.channels, source.channels)
        reader = source.open()
    except CifError:  # reported once for each cell
        yield from read_one_by_one(source, framing)
        return
    with reader:
        frame = _BatchFraming(source, framing).run
        yield from read_batches(
            reader, framing.channels, mask=framing.masked, then=frame, block_bytes=block_bytes
        )
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
        decoded = batch.starts >= 0
        pixels = frame_cells(
            batch.pixels,
            batch.starts[decoded],
            batch.sizes[decoded],
            batch.order,
            framing.frame,
            states[decoded],
            batch.background[decoded],
            batch.masks if framing.masked else None,
        )
        places = batch.first + np.flatnonzero(decoded)
        cells = [(source.name, object_name(number)) for number in numbers[decoded].tolist()]
        block = Block(cells, places, pixels, batch.sizes[decoded], batch.centres[decoded])
        return block.joined(self._singly(batch, numbers, ~decoded)) if batch.odd else block

    def _singly(self, batch: CifBatch, numbers: np.ndarray, which: np.ndarray) -> Block:
        """Frame cells that are unusual in some way, or list them as problems."""
        masked, cells = self._framing.masked, []
        for place in np.flatnonzero(which).tolist():
            cell = self._source.as_cell(object_name(int(numbers[place])), batch[place], masked)
            cells.append((batch.first + place, cell))
        return _frame_singly(cells, self._source.keys, self._framing, np.dtype(np.uint16))


def read_one_by_one(source: Source, framing: Framing) -> Iterator[Block]:
    """Read and frame all cells of a source of any format, as `read_blocks`."""
    cells, keys = source.read(framing.channels, framing.masked), source.keys
    first = list(islice(cells, _VOTERS))
    dtype = _usual_dtype(first)
    numbered = enumerate(chain(first, cells))
    while some := list(islice(numbered, _SINGLES)):
        block = _frame_singly(some, keys, framing, dtype)
        dtype = dtype or (block.pixels.dtype if block.cells else None)
        yield block


def read_places(source: Source, framing: Framing, places: Sequence[int], dtype: np.dtype) -> Block:
    """Read and frame some cells of a source, by their places in `Source.objects`, rising.

    `dtype` is that of the source; the pixels are the same as those of `read_blocks`.
    """
    return _frame_singly([*_cells_at(source, framing, places)], source.keys, framing, dtype)


def _cells_at(
    source: Source, framing: Framing, places: Sequence[int]
) -> Iterator[tuple[int, Cell | Problem]]:
    """Read single cells: at once where the files allow it, else by reading all before them."""
    channels, masked = framing.channels, framing.masked
    if isinstance(source, CifSource) and not source.fault:
        with source.open() as reader:
            for place in places:
                cell = reader.read(place, mask=masked, channels=channels)
                yield place, source.as_cell(source.objects[place], cell, masked)
    elif isinstance(source, TiffSource) and len(source.names) == len(source.objects):
        for place in places:
            yield place, source.read_at(place, channels)[0]
    else:
        wanted, last = set(places), max(places, default=-1)
        cells = enumerate(islice(source.read(channels, masked), last + 1))
        yield from ((place, cell) for place, cell in cells if place in wanted)


def _frame_singly(
    cells: Sequence[tuple[int, Cell | Problem]],
    keys: Sequence[str],
    framing: Framing,
    dtype: np.dtype | None,
) -> Block:
    good: list[tuple[int, Cell]] = []
    problems: list[Problem] = []
    for place, cell in cells:
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
        pixels, mask, note = around(cell, framing.frame)
        cut = pixels.shape != cell.pixels.shape
        block.sizes[number] = np.maximum(pixels.shape[:2], cell.sides if cut else 0)
        block.centres[number] = cell.centre or np.nan
        if note:
            block.notes[place] = note
        block.pixels[number] = frame_cell(
            pixels, framing.frame, keys[place], framing.noise, cell.background, mask
        )
    return block


def around(cell: Cell, frame: int) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Cut pixels and mask out of a larger image where the cell is, but not beyond its border.

    Returns
    -------
    pixels, mask, note
        As of a cell; all of them where the place of the cell is not known.
    """
    height, width, _ = cell.pixels.shape
    if cell.middle is None or max(height, width) <= frame:
        return cell.pixels, cell.mask, cell.note
    cuts = []
    for size, middle in zip((height, width), cell.middle, strict=True):
        first = min(max(round(middle - frame / 2), 0), max(size - frame, 0))
        cuts.append(slice(first, first + frame) if size > frame else slice(None))
    where = tuple(cuts)
    note = "; ".join(filter(None, (cell.note, f"cut out of {height} x {width} around the cell")))
    return cell.pixels[where], None if cell.mask is None else cell.mask[where], note


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
    """Return the cell, or why it cannot stand in a stack of this dtype."""
    if isinstance(cell, Problem):
        return cell
    reason = unusable(cell, dtype) or (NO_MASK if masked and cell.mask is None else "")
    return Problem(cell.source, cell.object, reason) if reason else cell

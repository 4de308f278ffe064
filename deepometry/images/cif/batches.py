"""All cells of an Amnis file, block by block, on all cores, in bounded memory."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from deepometry.images.cif import block_kernels as block
from deepometry.images.cif.cell import CifCell, find_columns, usable_backgrounds
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.file import CifFile
from deepometry.images.cif.offsets import PositionedFile

T = TypeVar("T")

BLOCK_BYTES = 1 << 20
"""Of the file, read at once: a block and its cells stay in the cache of a core."""

_MOST_CELLS = 256
_LARGEST_CELL = 1 << 24  # of one cell, in bytes; beyond that it is read by itself


@dataclass
class CifBatch:
    """Some cells of a file, one behind the other; a sequence of `CifCell` or `CifError`.

    Attributes
    ----------
    first : int
        Place in the file of its first cell, from 0.
    ids : ndarray of int64, shape (cells,)
        Object numbers, -1 where there is none.
    sizes : ndarray of int64, shape (cells, 2)
        Height and width of one channel in pixels.
    starts : ndarray of int64, shape (cells,)
        Where each cell begins in `pixels` and `masks`; -1 where it is in `odd`.
    pixels : ndarray of uint16, shape (n,)
        Each cell as (height, channels, width), channels rising.
    masks : ndarray of uint8, shape (n,) or (0,)
        The masks, alike.
    background : ndarray of float64, shape (cells, channels, 2)
        Mean and standard deviation, channels rising; NaN where unknown.
    centres : ndarray of float64, shape (cells, 2)
        x and y; NaN where unknown.
    order : ndarray of int64, shape (channels,)
        Place, among the rising channels, of each in the wanted order.
    odd : dict of int to CifCell or CifError
        Cells that were read by themselves, with their channels in the wanted order.
    """

    first: int
    ids: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    pixels: np.ndarray
    masks: np.ndarray
    background: np.ndarray
    centres: np.ndarray
    order: np.ndarray
    odd: dict[int, CifCell | CifError] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> CifCell | CifError:
        if number in self.odd:
            return self.odd[number]
        object_id, centre = int(self.ids[number]), self.centres[number].tolist()
        return CifCell(
            object_id if object_id >= 0 else None,
            self._planes(self.pixels, number),
            self._planes(self.masks, number) if self.masks.size else None,
            self.background[number, self.order] if self._backed[number] else None,
            (centre[0], centre[1]) if self._centred[number] else None,
        )

    def __iter__(self) -> Iterator[CifCell | CifError]:
        return (self[number] for number in range(len(self)))

    @cached_property
    def _backed(self) -> np.ndarray:
        return usable_backgrounds(self.background)

    @cached_property
    def _centred(self) -> np.ndarray:
        return np.isfinite(self.centres).all(1)

    def _planes(self, flat: np.ndarray, number: int) -> np.ndarray:
        (height, width), channels = self.sizes[number].tolist(), len(self.order)
        start = int(self.starts[number])
        wide = flat[start : start + height * channels * width]
        planes = wide.reshape(height, channels, width).transpose(0, 2, 1)
        return planes if self._rising else planes[:, :, self.order]

    @cached_property
    def _rising(self) -> bool:
        return bool((np.diff(self.order) > 0).all())


def read_batches(
    reader: CifFile,
    channels: Sequence[int],
    *,
    mask: bool = False,
    workers: int | None = None,
    then: Callable[[CifBatch], T] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Any]:
    """Read all cells of a file.

    Parameters
    ----------
    reader : CifFile
        The file. Its threads open it again, each for itself.
    channels : sequence of int
        Numbers of the wanted channels, in the wanted order.
    mask : bool
        Whether to read the masks too.
    workers : int, optional
        Number of threads; by default as many as there are cores.
    then : callable, optional
        Called with each batch, on the thread that read it.
    block_bytes : int
        Bytes of the file to read at once.

    Yields
    ------
    CifBatch, or what `then` returns for it
        In the order of the file. Only a few of them are in memory at any time.

    Raises
    ------
    CifError
        The file does not have one of the channels.
    """
    workers = workers or core_count()
    job = _Job(reader, channels, mask)
    waiting: deque[Future[Any]] = deque()
    with job, ThreadPoolExecutor(workers, thread_name_prefix="cif") as pool:
        try:
            for start, stop in job.plan(block_bytes):
                waiting.append(pool.submit(job.run, start, stop, then))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def core_count() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Room(threading.local):
    """Reader and buffers of one thread."""

    reader: CifFile | None = None
    data = np.empty(0, np.uint8)
    wide = np.empty(0, np.uint8)


class _Job:
    """The settings and the files of one reading, common to all batches."""

    def __init__(self, reader: CifFile, channels: Sequence[int], mask: bool) -> None:
        columns = find_columns(channels, reader.channels)
        self._path, self._catalogue = reader.path, reader.catalogue
        self._channels = tuple(channels)
        self._mask = mask and bool(self._catalogue.chain.masks.any())
        images = self._catalogue.chain.images
        self._ends = np.append(images[1:], max(reader.file.size, images[-1] + 1))
        self._wanted = np.zeros(len(reader.channels), bool)
        self._wanted[columns] = True
        self._order = np.searchsorted(np.flatnonzero(self._wanted), columns)
        widest = int(self._catalogue.chain.sizes[:, 1].max(initial=0))
        self._blank = np.zeros(min(widest, 2 * _LARGEST_CELL) + 3, np.uint16)
        self._room, self._files, self._lock = _Room(), ExitStack(), threading.Lock()

    def __enter__(self) -> _Job:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def plan(self, block_bytes: int) -> Iterator[tuple[int, int]]:
        """Cut the cells into runs of about a block each."""
        images, start = self._catalogue.chain.images, 0
        while start < len(images):
            stop = int(np.searchsorted(self._ends, images[start] + block_bytes, "right"))
            stop = min(max(stop, start + 1), start + _MOST_CELLS)
            yield start, stop
            start = stop

    def run(self, start: int, stop: int, then: Callable[[CifBatch], T] | None) -> Any:
        """Read cells `start` to `stop`."""
        batch = self._decode(start, stop)
        for number in np.flatnonzero(batch.starts < 0).tolist():
            batch.odd[number] = self._by_itself(start + number)
        return batch if then is None else then(batch)

    def _reader(self) -> CifFile:
        if self._room.reader is None:
            reader = CifFile(self._path, self._catalogue)
            self._room.reader = reader
            with self._lock:
                self._files.enter_context(reader)
        return self._room.reader

    def _by_itself(self, position: int) -> CifCell | CifError:
        try:
            return self._reader().read(position, mask=self._mask, channels=self._channels)
        except CifError as error:
            return error

    def _decode(self, start: int, stop: int) -> CifBatch:
        """Decode what can be decoded in one go."""
        chain = self._catalogue.chain
        batch = self._make_batch(start, stop)
        base = int(chain.images[start])
        length = min(int(self._ends[stop - 1]) - base, _LARGEST_CELL)
        data, wide = self._make_room(length, batch)
        states = np.full(stop - start, block.LEFT, np.uint8)
        try:
            file: PositionedFile = self._reader().file
            valid = file.read_into(base, data[:length].data)
        except CifError:  # each cell reports it
            batch.starts[:] = -1
            return batch
        block.decode_block(
            data, valid, base, file.size, self._catalogue.order == ">",
            chain.images[start:stop], chain.masks[start:stop], chain.sizes[start:stop],
            self._wanted, batch.starts, batch.pixels, batch.masks, batch.background,
            batch.centres, states, self._blank, wide, block.TABLE,
            np.empty(block.FIELDS, np.int64), self._mask,
        )  # fmt: skip
        batch.starts[states != block.READ] = -1
        return batch

    def _make_batch(self, start: int, stop: int) -> CifBatch:
        chain, channels = self._catalogue.chain, len(self._wanted)
        wide_sizes = chain.sizes[start:stop].astype(np.int64)
        spans = self._ends[start:stop] - chain.images[start:stop]
        # Two pixels a byte is the most that an image can have.
        sound = (wide_sizes > 0).all(1) & (wide_sizes[:, 1] % channels == 0)
        sound &= wide_sizes[:, 0] * wide_sizes[:, 1] <= 2 * np.minimum(spans, _LARGEST_CELL)
        sizes = np.stack([wide_sizes[:, 0], wide_sizes[:, 1] // channels], axis=1)
        counts = np.where(sound, sizes.prod(1) * len(self._order), 0)
        starts = np.where(sound, np.cumsum(counts) - counts, -1)
        cells, total = stop - start, int(counts.sum()) + 3
        return CifBatch(
            first=start,
            ids=chain.ids[start:stop],
            sizes=sizes,
            starts=starts,
            pixels=np.empty(total, np.uint16),
            masks=np.empty(total if self._mask else 0, np.uint8),
            background=np.full((cells, len(self._order), 2), np.nan),
            centres=np.full((cells, 2), np.nan),
            order=self._order,
        )

    def _make_room(self, length: int, batch: CifBatch) -> tuple[np.ndarray, np.ndarray]:
        """Return buffers for the block and for the largest mask, reused by the next batch."""
        room = self._room
        if room.data.size < length + block.SLACK:
            room.data = np.empty(length + block.SLACK, np.uint8)
        largest = 0
        if self._mask:
            sound = batch.starts >= 0
            largest = int((batch.sizes.prod(1) * sound).max(initial=0)) * len(self._wanted)
        if room.wide.size < largest:
            room.wide = np.empty(largest, np.uint8)
        return room.data, room.wide

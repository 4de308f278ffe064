"""The walk along the chain of directories that finds every object of an Amnis file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from deepometry.images.cif import directory_kernels as scan
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import (
    HEIGHT,
    IMAGE_KIND,
    MASK_KIND,
    OBJECT_COUNT,
    OBJECT_ID,
    WIDTH,
    Directory,
    kind_of,
    number_or,
    read_directory,
)

BLOCK = 1 << 20
MOST_BREAKS = 10_000
"""Times that a broken chain is taken up again before the rest of the file is given up."""


@dataclass
class Chain:
    """Where the objects of a file are.

    Attributes
    ----------
    images, masks : ndarray of int64, shape (objects,)
        Positions of the directories of every object, in file order; 0 where there is no mask.
    ids : ndarray of int64, shape (objects,)
        Object numbers (tag 33003), -1 where there is none.
    sizes : ndarray of int32, shape (objects, 2)
        Height and width of the wide pictures in pixels, as stored, not yet checked; 0 where
        they make no sense.
    damage : str
        The first damage to the chain itself; blank if it is whole.
    breaks : list of int
        How many objects had been found each time the chain broke.
    """

    images: np.ndarray
    masks: np.ndarray
    ids: np.ndarray
    sizes: np.ndarray
    damage: str = ""
    breaks: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.images)


def walk(first: Directory) -> Chain:
    """Walk the chain of directories behind the first and note where the objects are.

    Returns
    -------
    Chain
        With everything that can be found. Where the chain breaks, the next directory is looked
        for in the bytes that follow: cells behind some damage are not lost.

    Raises
    ------
    CifError
        The file itself can no longer be read.
    """
    return _Walk(first).run(number_or(first, OBJECT_COUNT, 0))


class _Walk:
    """One walk: what is found, and the block of the file that is at hand."""

    def __init__(self, first: Directory) -> None:
        self._file, self._order = first.file, first.order
        self._first, self._end, self._count = first, first.end, 0
        self._images, self._masks, self._ids = (np.zeros(256, np.int64) for _ in range(3))
        self._sizes = np.zeros((256, 2), np.int32)
        self._fields = np.zeros(scan.FIELDS, np.int64)
        self._buffer = bytearray(min(BLOCK, max(1, self._file.size)))
        self._data = np.frombuffer(self._buffer, np.uint8)
        self._base, self._valid = 0, 0

    def run(self, expected: int) -> Chain:
        """Follow the chain to its end, past every break."""
        damage = ""
        breaks: list[int] = []
        reason = self._follow(self._first.position, self._first.next)
        while reason or self._count < expected:
            damage = damage or reason or f"it states {expected} cells but holds {self._count}"
            breaks.append(self._count)
            if len(breaks) > MOST_BREAKS:
                damage += f"; after {MOST_BREAKS:,} breaks the rest was not searched"
                break
            position = self._look_ahead()
            if not position:
                break
            self._part_from_mask(position)
            reason = self._follow(self._first.position, position)
        images, masks, ids, sizes = (array[: self._count].copy() for array in self._room())
        if self._fields[scan.STRAYS] and not breaks:
            masks[:] = 0  # they do not stand behind their images: whose they are is unknown
        return Chain(images, np.maximum(masks, 0), ids, sizes, damage, breaks)

    def _follow(self, before: int, position: int) -> str:
        """Follow the chain; return why it cannot be followed further, blank at its end."""
        while position:
            if reason := self._misplaced(before, position):
                return reason
            before, state = position, scan.NEEDS_BYTES
            while state in (scan.NEEDS_BYTES, scan.NEEDS_ROOM):
                state, position = self._follow_fast(position, state)
            if state == scan.ENDED:
                return ""
            try:
                before, position = self._follow_slowly(position, noted=state == scan.BROKEN)
            except CifError as error:
                return str(error)
        return ""

    def _misplaced(self, before: int, position: int) -> str:
        if position <= before:  # all writers go forward only, so that no loop is possible
            return f"the directory at byte {before} points backwards"
        if position >= self._file.size:
            return f"the directory at byte {before} points beyond its end"
        return ""

    def _follow_fast(self, position: int, state: int) -> tuple[int, int]:
        """Follow the chain within a block; a directory that no block holds is strange."""
        if state == scan.NEEDS_ROOM:
            self._grow()
        elif not self._fill(position):
            return scan.STRANGE, position
        state, position, self._count, end = scan.follow(
            self._data,
            self._valid,
            self._base,
            self._file.size,
            self._order == ">",
            position,
            self._count,
            *self._room(),
            self._fields,
        )
        self._end = end or self._end
        return state, position

    def _fill(self, position: int) -> bool:
        """Bring the block that begins at `position`; False if it is there already."""
        if self._valid and self._base == position:
            return False
        self._valid = self._file.read_into(position, memoryview(self._buffer))
        self._base = position
        return True

    def _room(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self._images, self._masks, self._ids, self._sizes

    def _grow(self) -> None:
        self._images, self._masks, self._ids, self._sizes = (
            np.concatenate([array, np.zeros_like(array)]) for array in self._room()
        )

    def _follow_slowly(self, position: int, noted: bool) -> tuple[int, int]:
        """Read one directory of any kind; return its position and the next one."""
        directory = read_directory(self._file, self._order, position)
        if not noted:
            self._note(directory)
            self._end = max(self._end, directory.end)
        return position, directory.next

    def _note(self, directory: Directory) -> None:
        kind, count = kind_of(directory), self._count
        if kind == MASK_KIND and count and not self._masks[count - 1]:
            self._masks[count - 1] = directory.position
        elif kind == MASK_KIND:
            self._fields[scan.STRAYS] += 1
        if kind != IMAGE_KIND:
            return
        if count == len(self._images):
            self._grow()
        self._images[count], self._masks[count] = directory.position, 0
        self._ids[count] = number_or(directory, OBJECT_ID, -1)
        size = (number_or(directory, HEIGHT, 0), number_or(directory, WIDTH, 0))
        self._sizes[count] = [number if 0 < number < 1 << 24 else 0 for number in size]
        self._count += 1

    def _part_from_mask(self, position: int) -> None:
        """Prevent the last image from taking the mask of another, whose image is lost.

        Its own mask stands right behind its strip and values; what is found further on may be
        anybody's.
        """
        last = self._count - 1
        if last < 0 or self._masks[last]:
            return
        try:
            image = read_directory(self._file, self._order, int(self._images[last]))
            near = 0 <= position - image.data_end() <= 1
        except CifError:
            near = False
        if not near:
            self._masks[last] = -1

    def _look_ahead(self) -> int:
        """Find the next directory behind the last one that was noted; 0 if there is none."""
        base, big = self._end, self._order == ">"
        while base < self._file.size:
            valid = self._file.read_into(base, memoryview(self._buffer))
            self._valid = 0  # the block is no longer that of `_base`
            offset = scan.find_directory(self._data, valid, big, self._fields)
            if offset >= 0:
                return base + offset
            if valid <= scan.LONGEST or valid < len(self._buffer):
                return 0
            base += valid - scan.LONGEST
        return 0

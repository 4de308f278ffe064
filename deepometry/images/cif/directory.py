"""Directories of an Amnis file, one by one and of any kind.

The skeleton is that of TIFF 6.0, but its rules are bent (text without an end, values of odd
types, offsets modulo 2**32), so that no TIFF library is of use. Sources of the facts: Bio-Formats
(`TiffParser.java`, `FlowSightReader.java`, BSD part) and a genuine file of IDEAS 6.0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from deepometry.images.cif.codec import GREY, MASK, CifError
from deepometry.images.cif.offsets import WRAP, PositionedFile, resolve_near, resolve_next

WIDTH, HEIGHT, BITS, COMPRESSION = 256, 257, 258, 259
STRIP_OFFSETS, STRIP_LENGTHS = 273, 279
CHANNEL_COUNT, KIND, OBJECT_ID, CHANNEL_NAMES = 33000, 33002, 33003, 33007
ACQUIRED, INSTRUMENT, OBJECT_COUNT, ACQUISITION, SOFTWARE = 33004, 33006, 33018, 33027, 33066
BACKGROUND_MEAN, BACKGROUND_SD, CENTRE_X, CENTRE_Y = 33052, 33053, 33071, 33072
FILE_KIND, IMAGE_KIND, MASK_KIND = 1, 2, 3

MOST_ENTRIES = 1000  # genuine directories have some 35
MOST_BYTES = 2**26  # of one value; the longest seen is 1.5 MB
_FIRST_READ = 512  # a whole directory of an object, in most cases
_FORMATS = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 11: "f", 12: "d"}


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory: tags with their values, which are fetched when asked for."""

    file: PositionedFile
    order: str
    position: int
    entries: dict[int, tuple[int, int, bytes]]
    next: int

    @property
    def end(self) -> int:
        """Position of the first byte behind it."""
        return self.position + 2 + 12 * len(self.entries) + 4

    def data_end(self) -> int:
        """Find where its last strip or value ends; raise `CifError` if one is unknown."""
        ends = [self.end]
        for tag in self.entries:
            letter, count = self._format(tag)
            if (length := count * struct.calcsize("=" + letter)) > 4:
                ends.append(self._place(tag) + length)
        strips = zip(self.numbers(STRIP_OFFSETS), self.numbers(STRIP_LENGTHS), strict=False)
        size = self.file.size
        ends += [resolve_near(at, self.position, size) + length for at, length in strips]
        return max(ends)

    def values(self, tag: int) -> tuple[float, ...]:
        """Return the numbers of a tag; none if it is absent.

        Raises
        ------
        CifError
            The value is not made of numbers, or does not lie within the file.
        """
        if tag not in self.entries:
            return ()
        letter, count = self._format(tag)
        if letter == "s":
            raise CifError(f"tag {tag} holds text where numbers are expected")
        return struct.unpack(f"{self.order}{count}{letter}", self._bytes(tag))

    def optional(self, tag: int) -> tuple[float, ...]:
        """Return the numbers of a tag without which the cells can be read; none if damaged."""
        try:
            return self.values(tag)
        except CifError:
            return ()

    def number(self, tag: int, default: int | None = None) -> int:
        """Return the first number of a tag, whole; raise `CifError` without it and a default."""
        values = self.values(tag)
        if values and float(values[0]).is_integer() and abs(values[0]) < WRAP:
            return int(values[0])
        if default is None:
            raise CifError(f"tag {tag} is missing or holds no whole number")
        return default

    def numbers(self, tag: int) -> list[int]:
        """Return all numbers of a tag; raise `CifError` if one is not whole, or too large."""
        values = self.values(tag)
        if not all(float(number).is_integer() and abs(number) < WRAP for number in values):
            raise CifError(f"tag {tag} holds numbers that are not whole")
        return [int(number) for number in values]

    def text(self, tag: int) -> str:
        """Return the text of a tag, blank if it is absent; stray bytes become `\\ufffd`."""
        if tag not in self.entries:
            return ""
        return self._bytes(tag).rstrip(b"\0").decode("utf-8", "replace")

    def _format(self, tag: int) -> tuple[str, int]:
        kind, count, _ = self.entries[tag]
        if kind not in _FORMATS:
            raise CifError(f"tag {tag} has the unknown type {kind}")
        return _FORMATS[kind], count

    def _bytes(self, tag: int) -> bytes:
        letter, count = self._format(tag)
        length = count * struct.calcsize("=" + letter)
        raw = self.entries[tag][2]
        if length <= 4:
            return raw[:length]
        if length > MOST_BYTES:
            raise CifError(f"tag {tag} claims {length} bytes")
        return self.file.read(self._place(tag), length)

    def _place(self, tag: int) -> int:
        stored = struct.unpack(self.order + "I", self.entries[tag][2])[0]
        return resolve_near(stored, self.position, self.file.size)


def read_order(file: PositionedFile) -> tuple[str, int]:
    """Read the header: byte order, "<" or ">", and position of the first directory.

    Raises
    ------
    CifError
        They are not the header of a TIFF-like file.
    """
    header = file.read(0, 8) if file.size >= 8 else b""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(header[:4])
    if order is None:
        content = f"it begins with {header!r}" if header else f"it has {file.size} bytes"
        raise CifError(f"it is not an Amnis file: {content}")
    return order, struct.unpack(order + "I", header[4:])[0]


def read_directory(file: PositionedFile, order: str, position: int) -> Directory:
    """Read the directory at `position`; raise `CifError` if it is missing or cut off."""
    start = file.read(position, min(_FIRST_READ, max(2, file.size - position)))
    count = struct.unpack_from(order + "H", start)[0]
    if not 0 < count <= MOST_ENTRIES:
        raise CifError(f"there is no directory at byte {position}")
    length = 2 + 12 * count + 4
    block = start if len(start) >= length else file.read(position, length)
    rows = struct.iter_unpack(order + "HHI4s", block[2 : length - 4])
    entries = {tag: (kind, number, raw) for tag, kind, number, raw in rows}
    stored = struct.unpack_from(order + "I", block, length - 4)[0]
    following = resolve_next(stored, position, file.size) if stored else 0
    return Directory(file, order, position, entries, following)


def read_first(file: PositionedFile) -> Directory:
    """Read the file-wide directory; raise `CifError` if damaged, or not of an Amnis file."""
    order, position = read_order(file)
    directory = read_directory(file, order, position)
    if KIND not in directory.entries and ACQUISITION not in directory.entries:
        raise CifError("it is a TIFF file, but not one of an Amnis instrument")
    return directory


def kind_of(directory: Directory) -> int:
    """Return `IMAGE_KIND`, `MASK_KIND` or another number; raise `CifError` if there is none."""
    if kind := number_or(directory, KIND, 0):
        return kind
    compression = number_or(directory, COMPRESSION, 0)
    if compression == MASK:
        return MASK_KIND
    if compression == GREY or OBJECT_ID in directory.entries:
        return IMAGE_KIND
    raise CifError(f"there is no directory at byte {directory.position}")


def number_or(directory: Directory, tag: int, default: int) -> int:
    """Read a number without which the file can still be read."""
    try:
        return directory.number(tag, default)
    except CifError:
        return default

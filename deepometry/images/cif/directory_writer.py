"""Directories of an Amnis file, written one behind the other as IDEAS lays them out.

Each directory is followed by its strips, these by the values that are too long for an entry, and
these by the next directory, so that all offsets grow. They are stored modulo 2**32, as readers of
files beyond 4 GiB expect. Source: a genuine file of IDEAS 6.0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

from deepometry.images.cif.directory import STRIP_LENGTHS, STRIP_OFFSETS
from deepometry.images.cif.offsets import WRAP

BYTE, ASCII, SHORT, LONG, DOUBLE = 1, 2, 3, 4, 12
SUBFILE, PHOTOMETRIC, SAMPLES, ROWS = 254, 262, 277, 278  # of no use to our readers

Tags = Mapping[int, tuple[int, Sequence[float] | bytes]]
"""For every tag its type and its numbers, or bytes for text (`ASCII`)."""

_LETTERS = {BYTE: "B", SHORT: "H", LONG: "I", DOUBLE: "d"}
_HEADERS = {"<": b"II*\0", ">": b"MM\0*"}
_ENTRY = 12


class Place(NamedTuple):
    """Where a directory and its first strip begin, in bytes from the start of the file."""

    directory: int
    strip: int


class DirectoryWriter:
    """Writes the header of an empty file that can seek, and a chain of directories behind it.

    Notes
    -----
    Each directory points to where the next one will be, so that nothing written is touched
    again; `finish` takes the last pointer back.
    """

    def __init__(self, file: BinaryIO, order: str) -> None:
        self._file, self._order = file, order
        self._number = struct.Struct(order + "I")
        self._head = struct.Struct(order + "HHI")
        self._position = self._promised = 8
        self._link = 4
        file.write(_HEADERS[order] + self._number.pack(self._position))

    def skip_to(self, position: int) -> None:
        """Leave a gap: the next directory is to begin at `position`, not a multiple of 4 GiB."""
        self._file.seek(position)
        self._position = position

    def add(self, tags: Tags, strips: Sequence[bytes]) -> Place:
        """Write a directory, its strips and values; the tags 273 and 279 are made here."""
        start = self._position
        if start != self._promised:
            self.patch(self._link, start)
        data = start + 2 + _ENTRY * (len(tags) + 2) + 4
        starts, end = [], data
        for strip in strips:
            starts.append(end % WRAP)
            end += len(strip)
        entries, values, end = self._entries(
            {
                **tags,
                STRIP_OFFSETS: (LONG, starts),
                STRIP_LENGTHS: (LONG, [len(strip) for strip in strips]),
            },
            end,
        )
        if end % WRAP == 0:  # the next directory would begin at "0", which means that there is none
            values.append(b"\0")
            end += 1
        self._file.write(b"".join((*entries, self._number.pack(end % WRAP), *strips, *values)))
        self._link, self._position, self._promised = data - 4, end, end
        return Place(start, data)

    def patch(self, position: int, number: int) -> None:
        """Write a number of 32 bits, or an offset modulo 2**32, over what stands at `position`."""
        self._file.seek(position)
        self._file.write(self._number.pack(number % WRAP))
        self._file.seek(self._position)

    def finish(self) -> None:
        """End the chain with the directory written last."""
        self.patch(self._link, 0)

    def _entries(self, tags: Tags, end: int) -> tuple[list[bytes], list[bytes], int]:
        """Return the packed entries, the values too long for them, and where these end."""
        order, entries, values = self._order, [], []
        entries.append(struct.pack(order + "H", len(tags)))
        for tag, (kind, value) in sorted(tags.items()):
            count = len(value)
            if isinstance(value, bytes):
                raw = value
            else:
                raw = struct.pack(f"{order}{count}{_LETTERS[kind]}", *value)
            field = raw.ljust(4, b"\0")
            if len(raw) > 4:
                field = self._number.pack(end % WRAP)
                values.append(raw)
                end += len(raw)
            entries.append(self._head.pack(tag, kind, count) + field)
        return entries, values, end


def value_position(place: Place, tags: Tags, tag: int) -> int:
    """Find where the value of an entry stands that was written from `tags`, for `patch`."""
    before = sum(other < tag for other in (*tags, STRIP_OFFSETS, STRIP_LENGTHS))
    return place.directory + 2 + _ENTRY * before + 8

"""The bytes behind the XML in the binary form of a .daf: values of features, and objects."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from deepometry.images.daf.parts import DafError

_MARK = b"\n\x00\x1e"
_VERSION = 1
_HEAD = struct.Struct("<III")
_LISTS = 4  # background means and deviations, saturated pixels as count and share
_LISTS_AT = 76
_MOST_VALUES = 4096  # in a list, one for each channel
_BATCH = 50_000  # records


class BinaryBlock:
    """Where in the file the values and objects of the binary form are.

    Parameters
    ----------
    path : Path
    start : int
        Position of the first byte behind the XML.
    objects : int
        Number of objects that the XML states; -1 where it states none.

    Attributes
    ----------
    objects : int
        Number of objects.
    places : dict of int to int
        Position of the values of every feature, by its number.

    Raises
    ------
    DafError
        The block is cut off, or contradicts itself or the XML.
    """

    def __init__(self, path: Path, start: int, objects: int) -> None:
        self._path = path
        with path.open("rb") as file:
            size = file.seek(0, 2)
            self.features, self.objects = _read_head(file, start)
            if objects not in (-1, self.objects):
                raise DafError(f"it states {objects:,} objects, but has values of {self.objects:,}")
            first = start + len(_MARK) + _HEAD.size
            step = 4 + 8 * self.objects
            self._records = first + self.features * step + 4
            _check_length(self._records, size)
            starts = range(first, self._records - 4, step)
            self.places = {_read_whole(file, at): at + 4 for at in starts}
            count = _read_whole(file, self._records - 4)
            if count != self.objects:
                raise DafError(f"it has values of {self.objects:,} objects, but lists {count:,}")
            self._record = self._measure_record(file)
            _check_length(self._records + self._record.itemsize * self.objects, size)

    def values(self, feature: int) -> np.ndarray:
        """Read the values of a feature, by its number: float64, shape (objects,).

        Raises
        ------
        DafError
            There are none.
        """
        if feature not in self.places:
            raise DafError("it has no values in this file")
        at = self.places[feature]
        return np.fromfile(self._path, "<f8", self.objects, offset=at).astype(np.float64)

    def read_objects(self) -> np.ndarray:
        """Read the number of every object, and where its directories are in the .cif.

        Returns
        -------
        ndarray of int64, shape (3, objects)
            Numbers, positions of the images, positions of the masks.

        Raises
        ------
        DafError
            The records are not all of one length.
        """
        columns = np.empty((3, self.objects), np.int64)
        for begin in range(0, self.objects, _BATCH):
            records = self._read_records(begin, min(_BATCH, self.objects - begin))
            part = slice(begin, begin + len(records))
            for row, name in enumerate(("id", "image", "mask")):
                columns[row, part] = records[name].astype(np.int64)
        return columns

    def _read_records(self, begin: int, number: int) -> np.ndarray:
        at = self._records + begin * self._record.itemsize
        records = np.fromfile(self._path, self._record, number, offset=at)
        for name, length in self._lengths.items():
            odd = np.flatnonzero(records[name] != length)
            if odd.size:
                raise DafError(f"the entry of the object at place {begin + odd[0]:,} is damaged")
        return records

    def _measure_record(self, file: BinaryIO) -> np.dtype:
        """Return the layout of a record, from the lengths of the lists in the first one."""
        names, formats, offsets = ["id", "image", "mask"], ["<u4", "<u8", "<u8"], [0, 4, 12]
        self._lengths: dict[str, int] = {}
        at = _LISTS_AT
        for number in range(_LISTS if self.objects else 0):
            length = _read_whole(file, self._records + at)
            if length > _MOST_VALUES:
                raise DafError("the entry of the object at place 0 is damaged")
            self._lengths[f"list {number}"] = length
            names.append(f"list {number}")
            formats.append("<u4")
            offsets.append(at)
            at += 4 + 8 * length
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": at})


def _read_head(file: BinaryIO, start: int) -> tuple[int, int]:
    """Return the numbers of features and objects."""
    file.seek(start)
    head = file.read(len(_MARK) + _HEAD.size)
    if len(head) < len(_MARK) + _HEAD.size:
        raise DafError(_cut_off(start))
    version, features, objects = _HEAD.unpack(head[len(_MARK) :])
    if not head.startswith(_MARK) or version != _VERSION:
        raise DafError(
            f"what follows its XML is not the binary form of version {_VERSION}: save it as text "
            "in IDEAS"
        )
    return features, objects


def _read_whole(file: BinaryIO, position: int) -> int:
    file.seek(position)
    content = file.read(4)
    if len(content) < 4:
        raise DafError(_cut_off(position))
    return int.from_bytes(content, "little")


def _check_length(needed: int, size: int) -> None:
    if needed > size:
        raise DafError(_cut_off(size, f" of the {needed:,} that it should have"))


def _cut_off(at: int, expected: str = "") -> str:
    return f"it was cut off at byte {at:,}{expected}: copy it again, or save it again in IDEAS"

"""Amnis files damaged at random, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import Directory, read_directory, read_first
from deepometry.images.cif.offsets import PositionedFile
from deepometry.images.cif.reader import CifReader
from tests.builders import random_cells, write_cif
from tests.reading import random_masks

_ODD = (0, 1, 2, 3, 7, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 16, 2**32 - 1)


@dataclass(frozen=True)
class Original:
    """A file that is whole, and where its directories have their fields.

    Attributes
    ----------
    name : str
    data : bytes
    fields : ndarray of int64
        Positions of the four-byte numbers of all entries and of the links between directories.
    starts : ndarray of int64
        Positions of the directories.
    order : {"little", "big"}
    """

    name: str
    data: bytes
    fields: np.ndarray
    starts: np.ndarray
    order: str


def originals(folder: Path, *others: Path) -> list[Original]:
    """Write files of many kinds, and take others along."""
    cells = random_cells([(5, 6), (8, 3), (6, 6), (4, 9)], 3, top=600)
    masks: list[np.ndarray | None] = [*random_masks(cells)]
    noise = [np.full((3, 2), 30.5)] * len(cells)
    kinds: dict[str, dict] = {
        "packed": {"background": noise},
        "big-endian": {"order": ">", "background": noise},
        "plain": {"compression": 1},
        "strips": {"strips": 3},
        "without numbers": {"ids": [None] * 4, "object_count": None},
    }
    paths = []
    for name, how in kinds.items():
        paths.append(folder / f"{name}.cif")
        write_cif(paths[-1], cells, masks, **how)
    for name, some in (
        ("no masks.rif", None),
        ("one mask missing.cif", [*masks[:2], None, masks[3]]),
    ):
        paths.append(folder / name)
        write_cif(paths[-1], cells, some)
    return [_original(path) for path in (*paths, *others)]


def _original(path: Path) -> Original:
    fields: list[int] = []
    starts: list[int] = []
    with PositionedFile(path) as file:
        here: Directory = read_first(file)
        order = here.order
        while True:
            starts.append(here.position)
            count = len(here.entries)
            entries = range(here.position + 2, here.position + 2 + 12 * count, 12)
            fields += [at for entry in entries for at in (entry, entry + 4, entry + 8)]
            fields.append(here.end - 4)
            if not here.next:
                break
            here = read_directory(file, order, here.next)
    name = "big" if order == ">" else "little"
    return Original(path.name, path.read_bytes(), np.array(fields), np.array(starts), name)


def mutate(original: Original, random: np.random.Generator) -> bytes:
    """Damage a file in one to four ways."""
    data = bytearray(original.data)
    for _ in range(random.integers(1, 5)):
        _WAYS[random.integers(len(_WAYS))](data, original, random)
    return bytes(data)


def _flip(data: bytearray, original: Original, random: np.random.Generator) -> None:
    for at in random.integers(0, max(1, len(data)), random.integers(1, 9)).tolist():
        if at < len(data):
            data[at] ^= 1 << int(random.integers(8))


def _overwrite(data: bytearray, original: Original, random: np.random.Generator) -> None:
    at, length = int(random.integers(len(data) + 1)), int(random.integers(1, 40))
    filler = bytes([int(random.integers(256))]) * length
    data[at : at + length] = filler if random.random() < 0.5 else random.bytes(length)


def _cut(data: bytearray, original: Original, random: np.random.Generator) -> None:
    del data[int(random.integers(len(data) + 1)) :]


def _lengthen(data: bytearray, original: Original, random: np.random.Generator) -> None:
    at = int(random.integers(len(data) + 1))
    data[at:at] = random.bytes(int(random.integers(1, 200)))


def _remove(data: bytearray, original: Original, random: np.random.Generator) -> None:
    at = int(random.integers(len(data) + 1))
    del data[at : at + int(random.integers(1, 200))]


def _rewrite(data: bytearray, original: Original, random: np.random.Generator) -> None:
    """Put an odd number, or the position of something, into a field of a directory."""
    at = int(random.choice(original.fields))
    places = (len(data), len(data) - 1, at, *random.choice(original.starts, 3).tolist())
    value = int(random.choice([*_ODD, *places, int(random.integers(2**32))]))
    if random.random() < 0.2:  # a type or a tag, next to it
        data[at : at + 2] = value.to_bytes(8, original.order)[-2:]
    else:
        data[at : at + 4] = (value % 2**32).to_bytes(4, original.order)


_WAYS = (_flip, _overwrite, _cut, _lengthen, _remove, _rewrite, _rewrite, _rewrite)


def read_everything(path: Path) -> tuple[int, int]:
    """Read a file on both roads; give the numbers of good and of damaged cells.

    Raises
    ------
    AssertionError
        The roads differ, or an error does not name the file.
    """
    good = bad = 0
    try:
        with CifReader(path) as reader:
            for channels in (reader.channels, reader.channels[-1:]):
                for place, cell in enumerate(reader.cells(channels)):
                    try:
                        other = reader.read(place, channels=channels)
                    except CifError as error:
                        assert str(cell) == str(error)
                        bad += 1
                        continue
                    assert not isinstance(cell, CifError), (place, str(cell))
                    assert np.array_equal(cell.image, other.image), place
                    assert (cell.mask is None) == (other.mask is None), place
                    assert cell.mask is None or np.array_equal(cell.mask, other.mask), place
                    assert cell.centre == other.centre, place
                    good += 1
    except CifError as error:
        assert path.name in str(error)
    return good, bad

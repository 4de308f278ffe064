"""Shared by the tests of readers: small helpers to look at sources and to damage files."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from deepometry.images.readers.base import Cell, Problem, Source
from deepometry.images.readers.file_images import cells_in
from deepometry.images.readers.find import find_sources
from deepometry.images.readers.tiff_file import read_images
from tests.builders import random_cells

PIXELS = random_cells([(10, 12)], 3, top=65536)[0]
PLANE = np.ascontiguousarray(PIXELS[:, :, 0])


def only(folder: Path, pages: str | None = None) -> Source:
    sources = find_sources(folder, pages=pages)
    assert len(sources) == 1
    return sources[0]


def cells_of(source: Source, channels: Sequence[int] | None = None) -> list[Cell]:
    cells = list(source.read(source.channels if channels is None else channels))
    for cell in cells:
        assert isinstance(cell, Cell), cell
    assert [cell.object for cell in cells] == list(source.objects)
    assert len(set(source.keys)) == len(cells)
    return [cell for cell in cells if isinstance(cell, Cell)]


def problem_of(source: Source, channels: Sequence[int] = (1,)) -> str:
    problems = list(source.read(channels))
    assert len(problems) == len(source.objects) == 1
    assert isinstance(problems[0], Problem), problems[0]
    return problems[0].reason


def channels_of(path: Path) -> np.ndarray:
    """Read a file whose pages are channels."""
    (cell,) = cells_in(read_images(str(path)), "channels")
    return cell


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, PLANE, photometric="minisblack", metadata=None)


def random_masks(cells: list[np.ndarray], seed: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.choice([0, 0, 0, 1, 2, 3], cell.shape).astype(np.uint8) for cell in cells]


def patch(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def entry(path: Path, directory: int, tag: int) -> int:
    """Find the position of an entry of a little-endian directory."""
    data = path.read_bytes()
    for i in range(struct.unpack_from("<H", data, directory)[0]):
        if struct.unpack_from("<H", data, directory + 2 + 12 * i)[0] == tag:
            return directory + 2 + 12 * i
    raise LookupError(tag)


def link(path: Path, directory: int) -> int:
    """Find the position of the pointer to the next directory."""
    count = struct.unpack_from("<H", path.read_bytes(), directory)[0]
    return directory + 2 + 12 * count


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)

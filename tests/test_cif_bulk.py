"""The fast road gives what the slow road gives, whatever the file is like."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepometry.images.cif.batches import read_batches
from deepometry.images.cif.cell import CifCell
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.reader import CifReader
from tests.builders import REAL_CIF, random_cells, write_cif
from tests.reading import assert_same, entry, patch, random_masks

SIZES = [(9, 11), (13, 9), (11, 11), (1, 1), (30, 7)] * 4
CELLS = random_cells(SIZES, 5, top=65536)
CALM = [cell // 16000 for cell in CELLS]
NOISE = [np.full((5, 2), number + 0.5) for number in range(len(CELLS))]


def assert_alike(reader: CifReader, channels: Sequence[int], mask: bool = True) -> int:
    """Compare both roads on every cell; give the number of cells that are damaged."""
    damaged = 0
    cells = list(reader.cells(channels, mask=mask))
    assert len(cells) == len(reader)
    for place, cell in enumerate(cells):
        if isinstance(cell, CifError):
            with pytest.raises(CifError) as caught:
                reader.read(place, channels=channels, mask=mask)
            assert str(caught.value) == str(cell)
            damaged += 1
        else:
            assert_same_cell(cell, reader.read(place, channels=channels, mask=mask))
    return damaged


def assert_same_cell(cell: CifCell, other: CifCell) -> None:
    assert (cell.object_id, cell.centre) == (other.object_id, other.centre)
    assert_same(cell.image, other.image)
    for one, two in ((cell.mask, other.mask), (cell.background, other.background)):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            assert_same(one, two)


def fast(reader: CifReader, mask: bool = True) -> int:
    """Count the cells that take the fast road."""
    batches = read_batches(reader, reader.channels, mask=mask)
    return sum(len(batch) - len(batch.odd) for batch in batches)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("cells", [CELLS, CALM], ids=["noise", "calm"])
@pytest.mark.parametrize(
    "channels", [(1, 2, 3, 4, 5), (1,), (3,), (5,), (1, 2), (2, 4), (5, 1), (4, 3), (1, 3, 5)]
)
def test_any_channels_of_any_file(
    tmp_path: Path, order: str, cells: list[np.ndarray], channels: tuple[int, ...]
) -> None:
    path = tmp_path / "a.cif"
    write_cif(path, cells, random_masks(cells), order=order, background=NOISE)
    columns = [number - 1 for number in channels]
    with CifReader(path) as reader:
        assert fast(reader) == len(cells)
        for cell, expected in zip(reader.cells(channels), cells, strict=True):
            assert isinstance(cell, CifCell)
            assert_same(cell.image, expected[:, :, columns])
        assert assert_alike(reader, channels) == 0


@pytest.mark.parametrize(
    "how",
    [
        {"compression": 1},
        {"compression": 1, "order": ">"},
        {"ids": [None] * len(CELLS)},
        {"ids": [7] * len(CELLS)},
        {"image_tags": {33071: None}},
        {"image_tags": {33071: None, 33072: None}},
    ],
    ids=str,
)
def test_other_files_take_the_fast_road_too(tmp_path: Path, how: dict[str, Any]) -> None:
    write_cif(tmp_path / "a.cif", CELLS, random_masks(CELLS), **how)
    with CifReader(tmp_path / "a.cif") as reader:
        assert fast(reader) == len(CELLS)
        assert assert_alike(reader, (4, 2)) == 0


@pytest.mark.parametrize(
    "how",
    [
        {"strips": 3},
        {"image_tags": {33052: (4, [1]), 33053: (4, [1])}},
        {"image_tags": {33071: (4, [1])}},
        {"image_tags": {33002: None}},
    ],
    ids=str,
)
def test_odd_files_are_read_all_the_same(tmp_path: Path, how: dict[str, Any]) -> None:
    write_cif(tmp_path / "a.cif", CELLS, random_masks(CELLS), **how)
    with CifReader(tmp_path / "a.cif") as reader:
        assert assert_alike(reader, (4, 2)) == 0


def test_files_without_masks_or_with_one_missing(tmp_path: Path) -> None:
    masks: list[np.ndarray | None] = [*random_masks(CELLS)]
    masks[3] = None
    write_cif(tmp_path / "a.cif", CELLS, masks)
    write_cif(tmp_path / "b.rif", CELLS)
    with CifReader(tmp_path / "a.cif") as reader:
        assert fast(reader) == len(CELLS) - 1
        assert assert_alike(reader, (1, 5)) == 0
        assert next(iter(reader.cells((1,), mask=False))).mask is None
    with CifReader(tmp_path / "b.rif") as reader:
        assert fast(reader) == len(CELLS)
        assert assert_alike(reader, (1, 5)) == 0


@pytest.mark.parametrize(
    ("tag", "value"),
    [(256, 0), (256, 54), (256, 2**31), (257, 3), (259, 7), (273, 60), (279, 5), (279, 2**32 - 1)],
)
def test_a_damaged_cell_is_told_in_the_same_words(tmp_path: Path, tag: int, value: int) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS, random_masks(CELLS))
    patch(path, entry(path, places[4].image, tag) + 8, struct.pack("<I", value))
    patch(path, places[7].strip, b"\xff" * 9)
    with CifReader(path) as reader:
        assert assert_alike(reader, (2,)) == 2
        assert assert_alike(reader, (2,), mask=False) == 2
        with pytest.raises(CifError, match="object 4"):
            list(reader)


def test_every_flipped_byte_of_a_strip_is_judged_alike(tmp_path: Path) -> None:
    path, cells = tmp_path / "a.cif", random_cells([(4, 5)], 3, top=300)
    (place,) = write_cif(path, cells, random_masks(cells))
    whole = path.read_bytes()
    for position in [*range(place.strip, place.strip + place.length)]:
        for value in (0x00, 0x88, 0xFF, whole[position] ^ 0x08):
            path.write_bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
            with CifReader(path) as reader:
                for channels in ((1, 2, 3), (1,), (2,), (3,)):
                    assert_alike(reader, channels)


def test_cells_come_in_order_whatever_the_threads_and_blocks(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS)
    for block, workers in ((1, 1), (4000, 3), (9000, 2)):
        with CifReader(tmp_path / "a.cif") as reader:
            batches = list(read_batches(reader, (1, 2), workers=workers, block_bytes=block))
            assert (len(batches) == len(CELLS)) == (block == 1)
            assert [batch.first for batch in batches] == sorted(batch.first for batch in batches)
            numbers = [cell.object_id for batch in batches for cell in batch]
            assert numbers == list(range(len(CELLS)))


def test_reading_can_be_left_early_without_a_thread_or_file_left_open(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS * 50)
    before = threading.active_count()
    with CifReader(tmp_path / "a.cif") as reader:
        cells = reader.cells((1,))
        next(cells)
        cells.close()  # type: ignore[attr-defined]
        assert threading.active_count() == before
    (tmp_path / "a.cif").unlink()


def test_a_file_cut_short_while_open_loses_cells_not_the_program(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS)
    with CifReader(path) as reader:
        with path.open("r+b") as file:
            file.truncate(places[10].strip + 2)
        cells = list(reader.cells((1, 2)))
        assert [isinstance(cell, CifError) for cell in cells] == [False] * 10 + [True] * 10
        assert "beyond its end" in str(cells[-1])


def test_channels_that_are_not_in_use_are_told_with_those_that_are(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS, channels=(1, 4, 9, 11, 12))
    with CifReader(tmp_path / "a.cif") as reader:
        with pytest.raises(CifError, match=r"channels 2, 5 are not in use .*: 1, 4, 9, 11, 12"):
            list(reader.cells((1, 2, 5)))
        cell = next(iter(reader.cells((12, 4))))
        assert isinstance(cell, CifCell)
        assert_same(cell.image, CELLS[0][:, :, [4, 1]])


@pytest.mark.skipif(not REAL_CIF.exists(), reason="no genuine file beside the checkout")
@pytest.mark.parametrize("channels", [(1, 2, 3, 4, 5, 6), (5, 1), (6,), (3, 4)])
def test_a_genuine_file_takes_the_fast_road(channels: tuple[int, ...]) -> None:
    with CifReader(REAL_CIF) as reader:
        assert fast(reader) == 111
        assert assert_alike(reader, channels) == 0

"""Amnis files that this program writes: read back exactly, laid out as IDEAS does, never half."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from deepometry.images.cif.directory import (
    COMPRESSION,
    KIND,
    OBJECT_COUNT,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    Directory,
    read_directory,
    read_first,
)
from deepometry.images.cif.offsets import WRAP, PositionedFile
from deepometry.images.cif.reader import CifReader
from deepometry.images.cif.writer import CifWriter
from tests.builders import REAL_CIF, random_cells
from tests.reading import assert_same, random_masks

SIZES = [(40, 41), (1, 1), (37, 52), (50, 39), (1, 300)]


def write(path: Path, cells: list, masks: list | None = None, **how: object) -> None:
    channels = how.pop("channels", range(1, cells[0].shape[2] + 1))
    with CifWriter(path, channels, **how) as file:
        for cell, mask in zip(cells, masks or [None] * len(cells), strict=True):
            file.add(cell, mask)


def directories(path: Path) -> list[Directory]:
    """Return all directories in the order of their chain."""
    with PositionedFile(path) as file:
        chain = [read_first(file)]
        while chain[-1].next:
            chain.append(read_directory(file, chain[0].order, chain[-1].next))
    return chain


# --- round trips -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", ["packed", "none"])
@pytest.mark.parametrize("channels", [(7,), (1, 9, 12), tuple(range(1, 13))])
def test_cells_come_back(tmp_path: Path, order: str, compression: str, channels: tuple) -> None:
    cells = random_cells(SIZES, len(channels), top=65536)
    masks = random_masks(cells)
    write(tmp_path / "a.cif", cells, masks, channels=channels, order=order, compression=compression)
    with CifReader(tmp_path / "a.cif") as reader:
        assert not reader.damage
        assert reader.channels == channels
        assert reader.metadata.objects_told == len(reader) == len(cells)
        assert list(reader.object_ids) == [0, 1, 2, 3, 4]
        for read, cell, mask in zip(reader, cells, masks, strict=True):
            assert_same(read.image, cell)
            assert read.mask is not None
            assert_same(read.mask, mask)
            assert read.background is None
            assert read.centre is None


def test_the_widest_and_the_smoothest_pictures_come_back(tmp_path: Path) -> None:
    board = np.indices((30, 31, 2)).sum(axis=0) % 2 * 65535
    cells = [np.full((30, 31, 2), value, np.uint16) for value in (0, 65535)]
    cells.append(board.astype(np.uint16))
    write(tmp_path / "a.cif", cells)
    with CifReader(tmp_path / "a.cif") as reader:
        for read, cell in zip(reader, cells, strict=True):
            assert_same(read.image, cell)


@pytest.mark.parametrize("missing", [(0, 1, 2), (1,), (2,), (0, 2)])
def test_masks_may_be_left_out(tmp_path: Path, missing: tuple[int, ...]) -> None:
    cells = random_cells(SIZES[2:])
    masks = [None if i in missing else mask for i, mask in enumerate(random_masks(cells))]
    write(tmp_path / "a.rif", cells, masks)
    with CifReader(tmp_path / "a.rif") as reader:
        assert not reader.damage
        for read, cell, mask in zip(reader, cells, masks, strict=True):
            assert_same(read.image, cell)
            assert (read.mask is None) == (mask is None)
            if mask is not None:
                assert_same(read.mask, mask)


def test_what_is_known_of_a_cell_comes_back(tmp_path: Path) -> None:
    (cell,) = random_cells([(9, 10)])
    noise = np.array([[30.25, 0.75], [223.125, 1e-300]])
    where = np.indices(cell.shape).sum(axis=0) % 3 == 0
    with CifWriter(tmp_path / "a.cif", (2, 5)) as file:
        file.add(cell, where, object_id=2**32 - 1, background=noise, centre=(30.5, -72.25))
        file.add(cell, object_id=7, background=noise.tolist())
        file.add(cell)
        assert len(file) == 3
    with CifReader(tmp_path / "a.cif") as reader:
        assert list(reader.object_ids) == [2**32 - 1, 7, 2]
        first, second, third = reader
        assert_same(first.mask, where.astype(np.uint8))
        np.testing.assert_array_equal(first.background, noise)
        np.testing.assert_array_equal(second.background, noise)
        assert (first.centre, second.centre) == ((30.5, -72.25), None)
        assert third.background is None


def test_what_is_known_of_the_file_comes_back(tmp_path: Path) -> None:
    names = {1: "Brightfield", 5: 'CD45 <µm> & "é" &amp; |', 12: "细胞"}
    texts = {"instrument": "Isx <7> µ", "acquired": "10:03:31", "software": "6.0"}
    cells = random_cells([(9, 10)], 3)
    how = {"channels": (1, 5, 12), "brightfield": (12, 1), "magnification": 62.5}
    write(tmp_path / "a.cif", cells, names=names, **how, **texts)
    with CifReader(tmp_path / "a.cif") as reader:
        metadata = reader.metadata
    assert (metadata.channels, metadata.names) == ((1, 5, 12), names)
    assert (metadata.brightfield, metadata.magnification) == ((1, 12), 62.5)
    assert {field: getattr(metadata, field) for field in texts} == texts


def test_a_file_need_not_tell_anything(tmp_path: Path) -> None:
    write(tmp_path / "a.cif", random_cells([(9, 10)], 1))
    with CifReader(tmp_path / "a.cif") as reader:
        metadata = reader.metadata
    assert (metadata.names, metadata.brightfield, metadata.magnification) == ({}, (), None)
    assert (metadata.instrument, metadata.acquired, metadata.software) == ("", "", "")


def test_instruments_of_more_than_twelve_channels(tmp_path: Path) -> None:
    channels = (3, 14, 20)
    write(tmp_path / "a.cif", random_cells(SIZES, 3), channels=channels, flags=20)
    with CifReader(tmp_path / "a.cif") as reader:
        assert reader.channels == channels


def test_any_layout_in_memory_will_do(tmp_path: Path) -> None:
    (cell,) = random_cells([(20, 22)], 2)
    views = [cell[::2, ::-1], np.asfortranarray(cell), cell.astype(">u2")]
    with CifWriter(tmp_path / "a.cif", (1, 2)) as file:
        for view in views:
            file.add(view)
    with CifReader(tmp_path / "a.cif") as reader:
        for read, view in zip(reader, views, strict=True):
            np.testing.assert_array_equal(read.image, view)


def test_a_cell_encoded_once_can_be_written_often(tmp_path: Path) -> None:
    (cell,) = random_cells([(9, 10)])
    (mask,) = random_masks([cell])
    with CifWriter(tmp_path / "a.cif", (1, 2)) as file, CifWriter(tmp_path / "b", (3, 4)) as other:
        encoded = file.encode(cell, mask, background=np.ones((2, 2)))
        for number in (5, 6, None):
            file.add_encoded(encoded, object_id=number)
        other.add_encoded(encoded)
        other.add(cell, mask, background=np.ones((2, 2)))
    with CifReader(tmp_path / "a.cif") as reader:
        assert list(reader.object_ids) == [5, 6, 2]
        assert all((read.image == cell).all() for read in reader)
        assert all((read.mask == mask).all() for read in reader)
    first, second = read_back(tmp_path / "b", kind=2)
    assert first == second


def read_back(path: Path, kind: int) -> list[bytes]:
    """Return the strips of all directories of a kind."""
    chosen = [directory for directory in directories(path) if directory.number(KIND) == kind]
    with PositionedFile(path) as file:
        places = [(d.number(STRIP_OFFSETS), d.number(STRIP_LENGTHS)) for d in chosen]
        return [file.read(*place) for place in places]


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_same_cells_give_the_same_bytes(tmp_path: Path, order: str) -> None:
    cells = random_cells(SIZES)
    for name in ("a.cif", "b.cif"):
        write(tmp_path / name, cells, random_masks(cells), order=order, software="1")
    assert (tmp_path / "a.cif").read_bytes() == (tmp_path / "b.cif").read_bytes()


# --- layout ----------------------------------------------------------------------------------


def test_directories_strips_and_values_follow_each_other_without_gaps(tmp_path: Path) -> None:
    cells, path = random_cells(SIZES), tmp_path / "a.cif"
    with CifWriter(path, (1, 2)) as file:
        for cell, mask in zip(cells, random_masks(cells), strict=True):
            file.add(cell, mask, background=np.ones((2, 2)), centre=(1, 2))
    chain = directories(path)
    assert [d.number(KIND) for d in chain] == [1] + [2, 3] * len(cells)
    assert [d.number(COMPRESSION) for d in chain] == [1] + [30817, 30818] * len(cells)
    assert chain[0].number(OBJECT_COUNT) == len(cells)
    assert chain[0].position == 8
    ends = [*(d.position for d in chain[1:]), path.stat().st_size]
    for directory, end in zip(chain, ends, strict=True):
        assert list(directory.entries) == sorted(directory.entries)
        assert directory.number(STRIP_OFFSETS) == directory.end
        assert directory.end + directory.number(STRIP_LENGTHS) + long_values(directory) == end


def long_values(directory: Directory) -> int:
    """Bytes of those values that have no room in their entry."""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 12: 8}
    lengths = [sizes[kind] * count for kind, count, _ in directory.entries.values()]
    return sum(length for length in lengths if length > 4)


@pytest.mark.skipif(not REAL_CIF.exists(), reason="no genuine file beside the checkout")
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_genuine_file_is_copied_to_the_last_value(tmp_path: Path, order: str) -> None:
    with CifReader(REAL_CIF) as genuine:
        copy_cells(genuine, tmp_path / "a.cif", order)
        with CifReader(tmp_path / "a.cif") as copy:
            assert copy.metadata == genuine.metadata
            assert list(copy.object_ids) == list(genuine.object_ids)
            for read, cell in zip(copy, genuine, strict=True):
                assert_same(read.image, cell.image)
                assert_same(read.mask, cell.mask)
                np.testing.assert_array_equal(read.background, cell.background)
                assert read.centre == cell.centre
    for kind in (2, 3):
        assert read_back(tmp_path / "a.cif", kind) == read_back(REAL_CIF, kind)


def copy_cells(genuine: CifReader, path: Path, order: str) -> None:
    metadata = genuine.metadata
    with CifWriter(
        path,
        metadata.channels,
        names=metadata.names,
        brightfield=metadata.brightfield,
        magnification=metadata.magnification,
        instrument=metadata.instrument,
        acquired=metadata.acquired,
        software=metadata.software,
        order=order,
    ) as file:
        for cell in genuine:
            file.add(
                cell.image,
                cell.mask,
                object_id=cell.object_id,
                background=cell.background,
                centre=cell.centre,
            )


# --- beyond 4 GiB ----------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
@pytest.mark.parametrize("back", [100, 1000, 4000])
def test_cells_before_across_and_beyond_four_gigabytes(tmp_path: Path, back: int) -> None:
    cells = random_cells([(20, 22)] * 6)
    masks, noise, path = random_masks(cells), np.ones((2, 2)), tmp_path / "big.cif"
    gaps = {1: 3 * 2**30, 2: WRAP - back, 5: 2 * WRAP - 2**30}
    with CifWriter(path, (1, 2)) as file:
        for i, (cell, mask) in enumerate(zip(cells, masks, strict=True)):
            if i in gaps:
                file._chain.skip_to(gaps[i])
            file.add(cell, mask, background=noise * i, centre=(i, i))
    assert path.stat().st_size > WRAP
    with CifReader(path) as reader:
        assert not reader.damage
        for i, (read, cell, mask) in enumerate(zip(reader, cells, masks, strict=True)):
            assert_same(read.image, cell)
            assert_same(read.mask, mask)
            np.testing.assert_array_equal(read.background, noise * i)
            assert read.centre == (i, i)


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
def test_no_directory_begins_where_its_offset_would_mean_the_end(tmp_path: Path) -> None:
    cells = random_cells([(20, 22)] * 3)
    write(tmp_path / "small.cif", cells)
    _, first, second, _ = directories(tmp_path / "small.cif")
    path = tmp_path / "big.cif"
    with CifWriter(path, (1, 2)) as file:
        file._chain.skip_to(WRAP - (second.position - first.position))
        for cell in cells:
            file.add(cell)
    with CifReader(path) as reader:
        assert len(reader) == 3
        for read, cell in zip(reader, cells, strict=True):
            assert_same(read.image, cell)
    assert directories(path)[2].position == WRAP + 1

"""Whole Amnis files: built ones, those above 4 GiB, and a genuine one."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from deepometry.images.cif.codec import (
    GREY,
    encode_grey,
    encode_mask,
)
from deepometry.images.cif.directory import read_directory, read_first
from deepometry.images.cif.offsets import WRAP, PositionedFile, resolve_near, resolve_next
from deepometry.images.cif.reader import CifReader
from tests.builders import REAL_CIF, acquisition_xml, random_cells, wide, write_cif
from tests.reading import assert_same, entry, patch, random_masks

SIZES = [(40, 41), (37, 52), (50, 39)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [GREY, 1])
def test_a_file_is_read_back(tmp_path: Path, order: str, compression: int) -> None:
    cells = random_cells(SIZES, 3, top=65536)
    masks = random_masks(cells)
    noise = [np.array([[30.5, 0.8], [35, 0.9], [223, 1.2]]) + i for i in range(3)]
    path = tmp_path / "a.cif"
    write_cif(
        path,
        cells,
        masks,
        channels=(1, 5, 12),
        background=noise,
        order=order,
        compression=compression,
    )
    with CifReader(path) as reader:
        assert len(reader) == 3
        assert reader.channels == (1, 5, 12)
        assert reader.metadata.names == {1: "Dye 1", 5: "Dye 5", 12: "Dye 12"}
        assert reader.metadata.magnification == 40
        assert reader.metadata.objects_told == 3
        assert reader.object_ids == [0, 1, 2]
        assert not reader.damage
        for cell, pixels, mask, background in zip(reader, cells, masks, noise, strict=True):
            assert_same(cell.image, pixels)
            assert cell.mask is not None
            assert_same(cell.mask, mask)
            np.testing.assert_array_equal(cell.background, background)
            assert cell.centre == (30.5, 72)
        assert_same(reader[-1].image, cells[2])
        assert [cell.object_id for cell in reader[1:]] == [1, 2]
        with pytest.raises(IndexError):
            reader[3]


def test_a_second_reader_need_not_walk_again(tmp_path: Path) -> None:
    cells = random_cells(SIZES)
    write_cif(tmp_path / "a.cif", cells)
    with CifReader(tmp_path / "a.cif") as first:
        catalogue = first.catalogue
    with CifReader(tmp_path / "a.cif", catalogue) as second:
        assert_same(second[1].image, cells[1])


def test_masks_may_be_missing_all_or_some(tmp_path: Path) -> None:
    cells = random_cells(SIZES)
    masks = random_masks(cells)
    path = tmp_path / "a.rif"
    write_cif(path, cells)
    with CifReader(path) as reader:
        assert len(reader) == 3
        assert all(cell.mask is None for cell in reader)
    write_cif(path, cells, [masks[0], None, masks[2]])
    with CifReader(path) as reader:
        assert [cell.mask is None for cell in reader] == [False, True, False]
        assert_same(reader[2].image, cells[2])
        assert reader[2].mask is not None
        assert_same(reader[2].mask, masks[2])
        assert reader.read(2, mask=False).mask is None


def test_a_stream_may_run_on_across_strips(tmp_path: Path) -> None:
    cells = random_cells(SIZES)
    write_cif(tmp_path / "a.cif", cells, strips=7)
    with CifReader(tmp_path / "a.cif") as reader:
        assert_same(reader[1].image, cells[1])


def test_kinds_are_told_without_their_tag(tmp_path: Path) -> None:
    cells = random_cells(SIZES)
    path = tmp_path / "a.cif"
    places = write_cif(path, cells, random_masks(cells), image_tags={33002: None})
    for place in places:
        patch(path, entry(path, place.mask, 33002), struct.pack("<H", 33001))
    with CifReader(path) as reader:
        assert len(reader) == 3
        assert all(cell.mask is not None for cell in reader)


def test_directories_without_objects_are_passed_over(tmp_path: Path) -> None:
    cells = random_cells(SIZES)
    path = tmp_path / "a.cif"
    places = write_cif(path, cells)
    patch(path, entry(path, places[1].image, 33002) + 8, struct.pack("<H", 9))
    with CifReader(path) as reader:
        assert reader.object_ids == [0, 2]
        assert reader.damage == "it states 3 cells but holds 2"


@pytest.mark.parametrize("stated", [None, 0, 2])
def test_a_count_that_is_missing_or_low_is_no_damage(tmp_path: Path, stated: int | None) -> None:
    write_cif(tmp_path / "a.cif", random_cells(SIZES), object_count=stated)
    with CifReader(tmp_path / "a.cif") as reader:
        assert len(reader) == 3
        assert not reader.damage


def channels_of(path: Path) -> tuple[int, ...]:
    with CifReader(path) as reader:
        assert reader[0].image.shape[2] == len(reader.channels)
        return reader.channels


@pytest.mark.parametrize(
    "xml",
    [
        acquisition_xml((2, 4, 7)),
        acquisition_xml((2, 4, 7)).replace("0 1", "0  1"),
        acquisition_xml((2, 4, 7)).replace("</Display></Acquisition>", "<broken"),
        acquisition_xml((2, 4, 7)).encode().replace(b"Dye", b"\xff\xfe\0&nonsense;"),
    ],
)
def test_channels_are_the_flags_in_use(tmp_path: Path, xml: str | bytes) -> None:
    write_cif(tmp_path / "a.cif", random_cells([(10, 12)], 3), xml=xml)
    assert channels_of(tmp_path / "a.cif") == (2, 4, 7)


def test_channels_without_flags_come_from_names_background_or_count(tmp_path: Path) -> None:
    cells, path = random_cells([(10, 12)], 3), tmp_path / "a.cif"
    names = {33007: (2, b"BF|DNA|SSC"), 33000: (3, [1])}
    write_cif(path, cells, xml="<broken", first_tags=names)
    assert channels_of(path) == (1, 2, 3)
    with CifReader(path) as reader:
        assert reader.metadata.names == {1: "BF", 2: "DNA", 3: "SSC"}
    write_cif(path, cells, xml="<broken", background=[np.ones((3, 2))])
    assert channels_of(path) == (1, 2, 3)
    write_cif(path, cells, xml="", first_tags={33000: (3, [3])})
    assert channels_of(path) == (1, 2, 3)
    write_cif(path, cells, xml="")
    assert channels_of(path) == (1,)


def test_flags_that_cannot_divide_the_picture_are_not_believed(tmp_path: Path) -> None:
    cells = random_cells([(10, 13)], 3)
    xml = acquisition_xml((1, 2, 3, 4, 5))
    write_cif(tmp_path / "a.cif", cells, xml=xml, background=[np.ones((3, 2))])
    assert channels_of(tmp_path / "a.cif") == (1, 2, 3)


@pytest.mark.parametrize("bad", [np.full((2, 2), np.nan), np.full((2, 2), -1.0), np.ones((5, 2))])
def test_a_background_that_makes_no_sense_is_none(tmp_path: Path, bad: np.ndarray) -> None:
    write_cif(tmp_path / "a.cif", random_cells(SIZES[:1]), background=[bad])
    with CifReader(tmp_path / "a.cif") as reader:
        assert reader[0].background is None


# --- beyond 4 GiB ----------------------------------------------------------------------------


def test_offsets_are_resolved_modulo_2_to_the_32() -> None:
    big, small = 5 * WRAP, WRAP - 1
    assert resolve_next(100, 50, small) == 100
    assert resolve_next(20, 50, small) == 20  # backwards: for the walk to judge
    assert resolve_next(100, 50, big) == 100
    assert resolve_next(50, 50, big) == WRAP + 50
    assert resolve_next(20, 2 * WRAP + 50, big) == 3 * WRAP + 20
    assert resolve_near(20, WRAP - 10, big) == WRAP + 20
    assert resolve_near(WRAP - 20, WRAP + 10, big) == WRAP - 20
    assert resolve_near(WRAP - 20, 10, big) == WRAP - 20
    assert resolve_near(WRAP - 1, 10, small) == WRAP - 1
    assert resolve_near(WRAP - 20, 5 * WRAP - 30, big) == 5 * WRAP - 20
    assert resolve_near(5, 5 * WRAP - 30, big) == 4 * WRAP + 5  # the file ends before the nearer


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
def test_cells_beyond_four_gigabytes_are_read(tmp_path: Path) -> None:
    cells = random_cells([*SIZES, (30, 30), (31, 33)])
    path, gib = tmp_path / "big.cif", 2**30
    # The second to last has its directory below 4 GiB, and its strip and values above.
    at = {1: 2 * gib + 7, 2: 3 * gib + 11, 3: 4 * gib - 150, 4: 7 * gib}
    noise = [np.ones((2, 2)) + i for i in range(5)]
    write_cif(path, cells, random_masks(cells), at=at, background=noise)
    with CifReader(path) as reader:
        assert len(reader) == 5
        assert not reader.damage
        for cell, pixels, background in zip(reader, cells, noise, strict=True):
            assert_same(cell.image, pixels)
            np.testing.assert_array_equal(cell.background, background)


# --- a genuine file --------------------------------------------------------------------------

real = pytest.mark.skipif(not REAL_CIF.exists(), reason="no genuine file beside the checkout")


@real
def test_a_genuine_file_has_the_cells_it_tells() -> None:
    with CifReader(REAL_CIF) as reader:
        assert len(reader) == reader.metadata.objects_told == 111
        assert reader.channels == (1, 2, 3, 4, 5, 6)
        assert reader.metadata.names[5] == "Ch5"
        assert reader.metadata.magnification == 40
        assert reader.object_ids == list(range(111))
        assert not reader.damage
        shapes = np.array([cell.image.shape for cell in reader])
        assert shapes.min(axis=0).tolist() == [37, 39, 6]
        assert shapes.max(axis=0).tolist() == [50, 52, 6]


@real
def test_encoding_a_genuine_file_gives_its_bytes() -> None:
    with CifReader(REAL_CIF) as reader, PositionedFile(REAL_CIF) as file:
        chain = reader.catalogue.chain
        assert read_first(file).next == chain.images[0]
        for cell, image, mask in zip(reader, chain.images, chain.masks, strict=True):
            assert cell.mask is not None
            assert encode_grey(wide(cell.image)) == strip_of(file, image)
            assert encode_mask(wide(cell.mask)) == strip_of(file, mask)


def strip_of(file: PositionedFile, position: int) -> bytes:
    directory = read_directory(file, "<", position)
    return file.read(directory.number(273), directory.number(279))


@real
def test_the_border_of_genuine_cells_has_the_background_that_the_file_tells() -> None:
    with CifReader(REAL_CIF) as reader:
        for cell in reader:
            assert cell.background is not None
            means, sds = cell.background.T
            inside = cell.image[1:-1, 1:-1]
            border = np.median(border_of(cell.image), axis=0)
            assert (np.abs(border - means) <= 3 * sds).all(), cell.object_id
            assert inside.max() > border.max()


def border_of(image: np.ndarray) -> np.ndarray:
    """Return the outermost pixels, shape (pixels, channels)."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def test_the_background_of_the_cells_is_believed_before_contradicting_flags(
    tmp_path: Path,
) -> None:
    cells = random_cells([(8, 6)] * 30, 6)
    flags = acquisition_xml((1, 2, 3))
    background = [np.ones((6, 2))] * 30
    write_cif(tmp_path / "a.cif", cells, xml=flags, background=background)
    with CifReader(tmp_path / "a.cif") as reader:
        assert reader.channels == (1, 2, 3, 4, 5, 6)
        assert "list channels 1, 2, 3, but the cells have 6" in reader.metadata.doubt
        assert_same(reader[7].image, cells[7])


def test_one_damaged_cell_does_not_decide_the_channels_of_all(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    cells = random_cells([(8, 6)] * 30, 2)
    places = write_cif(path, cells, first_tags={33000: (4, [1])})
    patch(path, entry(path, places[0].image, 256) + 8, struct.pack("<I", 13))
    with CifReader(path) as reader:
        assert reader.channels == (1, 2)
        assert not reader.metadata.doubt
        assert_same(reader[7].image, cells[7])

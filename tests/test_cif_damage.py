"""What damage does to an Amnis file: it costs no more than it must, and raises nothing odd."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.images.cif import index as walk
from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import MOST_BYTES, read_directory
from deepometry.images.cif.offsets import PositionedFile
from deepometry.images.cif.reader import CifReader
from tests.builders import random_cells, write_cif
from tests.mutations import mutate, originals, read_everything
from tests.reading import assert_same, entry, link, patch, random_masks

SIZES = [(40, 41), (37, 52), (50, 39)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0\x08\0\0\0",
        b"II+\0\x08\0\0\0" + bytes(100),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"II*\0\x08\0\0\0" + bytes(100),
        b"II*\0\x08\0\0\0\xff\xff" + bytes(100),
        b"II*\0\0\0\0\0" + bytes(100),
        b"II*\0\xff\xff\xff\xff" + bytes(100),
        b"MM\0*\0\0\0\x08\0\1" + bytes(100),
    ],
)
def test_what_is_no_amnis_file_is_told_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.cif"
    path.write_bytes(content)
    with pytest.raises(DeepometryError, match=r"odd\.cif"):
        CifReader(path)


def test_no_file_and_no_cells_are_told(tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match="does not exist"):
        CifReader(tmp_path / "none.cif")
    with pytest.raises(DeepometryError):
        CifReader(tmp_path)
    write_cif(tmp_path / "a.cif", [])
    with pytest.raises(DeepometryError, match="holds no cells"):
        CifReader(tmp_path / "a.cif")


@pytest.fixture
def three(tmp_path: Path) -> tuple[Path, list[np.ndarray], list]:
    cells = random_cells(SIZES)
    path = tmp_path / "three.cif"
    return path, cells, write_cif(path, cells, random_masks(cells))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (256, 0),
        (256, 2_000_000_000),
        (256, 81),
        (257, 0),
        (257, 2_000_000_000),
        (259, 7),
        (273, 2**32 - 2),
        (273, 60),
        (279, 0),
        (279, 10),
        (279, 2**32 - 1),
    ],
)
def test_one_damaged_cell_costs_only_itself(three: tuple, tag: int, value: int) -> None:
    path, cells, places = three
    at = entry(path, places[1].image, tag)
    patch(path, at + 8, struct.pack("<I", value))
    with CifReader(path) as reader:
        assert_same(reader[0].image, cells[0])
        assert_same(reader[2].image, cells[2])
        with pytest.raises(CifError, match=r"three\.cif, object 1: "):
            reader[1]


@pytest.mark.parametrize(("field", "value"), [(2, 99), (2, 2), (4, 0), (4, 2**32 - 16)])
@pytest.mark.parametrize("tag", [256, 273, 279])
def test_an_entry_of_odd_type_or_count_costs_only_its_cell(
    three: tuple, tag: int, field: int, value: int
) -> None:
    path, cells, places = three
    layout = "<H" if field == 2 else "<I"
    patch(path, entry(path, places[1].image, tag) + field, struct.pack(layout, value))
    with CifReader(path) as reader:
        assert_same(reader[2].image, cells[2])
        with pytest.raises(CifError):
            reader[1]


@pytest.mark.parametrize("value", [-1e300, 1e300, float("nan"), float("inf"), 0.5, -4.0])
@pytest.mark.parametrize("tag", [273, 279])
def test_a_strip_told_in_numbers_that_cannot_be_costs_only_its_cell(
    three: tuple, tag: int, value: float
) -> None:
    path, cells, places = three
    at = entry(path, places[1].image, tag)
    spare = places[1].strip + 8  # eight bytes that the directory may point to
    patch(path, spare, struct.pack("<d", value))
    patch(path, at + 2, struct.pack("<HII", 12, 1, spare))
    with CifReader(path) as reader:
        assert_same(reader[2].image, cells[2])
        with pytest.raises(CifError, match="object 1"):
            reader[1]
        assert isinstance(list(reader.cells())[1], CifError)


def test_a_damaged_strip_or_mask_costs_only_itself(three: tuple) -> None:
    path, cells, places = three
    patch(path, places[0].strip, b"\xff" * 20)
    patch(path, places[1].mask_strip + 1, b"\xff\0\xff")
    with CifReader(path) as reader:
        with pytest.raises(CifError, match="object 0"):
            reader[0]
        with pytest.raises(CifError, match=r"object 1.*mask"):
            reader[1]
        assert_same(reader.read(1, mask=False).image, cells[1])
        assert_same(reader[2].image, cells[2])


@pytest.mark.parametrize(
    "target", ["itself", "first", "back", "beyond", "end", "pixels", "strip end", "nothing"]
)
def test_a_broken_chain_is_taken_up_again_behind_the_damage(three: tuple, target: str) -> None:
    path, cells, places = three
    size = path.stat().st_size
    goal = {
        "itself": places[1].mask,
        "first": 8,
        "back": places[0].mask,
        "beyond": size + 10,
        "end": size - 1,
        "pixels": places[1].mask + 300,
        "strip end": places[2].strip + 5,
        "nothing": 0,
    }[target]
    patch(path, link(path, places[1].mask), struct.pack("<I", goal))
    with CifReader(path) as reader:
        assert len(reader) == 3
        assert reader.damage
        for cell, expected in zip(reader, cells, strict=True):
            assert_same(cell.image, expected)
            assert cell.mask is not None


def test_an_overwritten_directory_costs_only_its_cell(three: tuple) -> None:
    path, cells, places = three
    patch(path, places[1].image, b"\xff" * 40)
    with CifReader(path) as reader:
        assert reader.object_ids == [0, 2]
        assert_same(reader[1].image, cells[2])
        assert f"byte {places[1].image}" in reader.damage


def test_a_chain_that_ends_early_is_told_by_the_count(three: tuple) -> None:
    path, _, places = three
    patch(path, link(path, places[1].mask), bytes(4))
    path.write_bytes(path.read_bytes()[: places[2].image])
    with CifReader(path) as reader:
        assert len(reader) == 2
        assert reader.damage == "it states 3 cells but holds 2"


def test_many_breaks_end_in_reasonable_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_BREAKS", 1000)
    path = tmp_path / "broken.cif"
    cells = random_cells([(2, 2)] * 1200, 1)
    for place in write_cif(path, cells):
        patch(path, link(path, place.image), struct.pack("<I", 8))
    with CifReader(path) as reader:
        assert len(reader) == 1001
        assert "points backwards" in reader.damage
        assert "after 1,000 breaks the rest was not searched" in reader.damage


def test_no_cell_takes_the_mask_of_a_lost_one(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    cells = random_cells([(8, 8)] * 4)
    masks = random_masks(cells)
    places = write_cif(path, cells, masks)
    whole = path.read_bytes()
    lost = whole[: places[1].mask] + bytes(places[2].strip - places[1].mask)
    path.write_bytes(lost + whole[places[2].strip :])
    with CifReader(path) as reader:
        assert reader.object_ids == [0, 1, 3]
        assert_same(reader[0].mask, masks[0])
        assert reader[1].mask is None
        assert_same(reader[2].mask, masks[3])


def test_a_mask_right_behind_its_image_is_kept_when_only_the_link_is_broken(three: tuple) -> None:
    path, _, places = three
    patch(path, link(path, places[1].image), struct.pack("<I", 8))
    with CifReader(path) as reader:
        assert [cell.mask is not None for cell in reader] == [True] * 3


def test_masks_that_stand_before_their_images_belong_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    cells = random_cells([(8, 8)] * 3)
    places = write_cif(path, cells, random_masks(cells))
    for place in places:  # the first directory of each pair becomes the mask
        patch(path, entry(path, place.image, 33002) + 8, struct.pack("<H", 3))
        patch(path, entry(path, place.mask, 33002) + 8, struct.pack("<H", 2))
    with CifReader(path) as reader:
        assert not reader.catalogue.chain.masks.any()


def test_one_reader_serves_many_threads(tmp_path: Path) -> None:
    cells = random_cells([(20, 20)] * 50)
    write_cif(tmp_path / "a.cif", cells, compression=1)
    with CifReader(tmp_path / "a.cif") as reader, ThreadPoolExecutor(4) as pool:
        order = np.random.default_rng(0).integers(0, 50, 4000).tolist()
        for place, cell in zip(order, pool.map(reader.__getitem__, order), strict=True):
            assert np.array_equal(cell.image, cells[place])


def test_a_closed_reader_says_so(three: tuple) -> None:
    with CifReader(three[0]) as reader:
        pass
    with pytest.raises(CifError, match="has been closed"):
        reader[0]


def test_every_cut_of_a_file_is_stood(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.cif", tmp_path / "cut.cif"
    cells = random_cells([(5, 6), (6, 5)])
    write_cif(whole, cells, random_masks(cells))
    data = whole.read_bytes()
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        _read_what_can_be_read(path)


def test_random_damage_raises_nothing_else_and_both_roads_agree(tmp_path: Path) -> None:
    # tests/benchmarks/fuzz_cif.py does the same for as many files as you like.
    whole, path = originals(tmp_path), tmp_path / "odd.cif"
    good = bad = 0
    for number in range(700):
        random = np.random.default_rng([0, number])
        path.write_bytes(mutate(whole[number % len(whole)], random))
        content = read_everything(path)
        good, bad = good + content[0], bad + content[1]
    assert good > 1000
    assert bad > 500


def _read_what_can_be_read(path: Path) -> None:
    """Read every cell; any error but those of this project fails the test."""
    try:
        with CifReader(path) as reader:
            for position in range(len(reader)):
                try:
                    reader[position]
                except CifError as error:
                    assert str(error)
    except CifError as error:
        assert path.name in str(error)


def test_a_tag_that_claims_much_is_not_fetched(three: tuple) -> None:
    path, _, places = three
    patch(path, entry(path, places[0].image, 33071) + 4, struct.pack("<I", MOST_BYTES))
    with PositionedFile(path) as file:
        directory = read_directory(file, "<", places[0].image)
        with pytest.raises(CifError, match="claims"):
            directory.values(33071)
    with CifReader(path) as reader:
        assert reader[0].centre is None

"""What damage does to an Amnis file: it costs no more than it must, and raises nothing odd."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from deepometry.cif import CifError, CifReader
from deepometry.cif.directory import MOST_BYTES, read_directory
from deepometry.cif.positions import PositionedFile
from deepometry.errors import DeepometryError
from tests.builders import random_cells, write_cif
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
    "target", ["itself", "first", "back", "beyond", "end", "pixels", "strip end"]
)
def test_a_broken_chain_ends_the_walk_with_what_was_found(three: tuple, target: str) -> None:
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
    }[target]
    patch(path, link(path, places[1].mask), struct.pack("<I", goal))
    with CifReader(path) as reader:
        assert len(reader) == 2
        assert reader.damage
        assert_same(reader[1].image, cells[1])


def test_a_chain_that_ends_early_is_told_by_the_count(three: tuple) -> None:
    path, _, places = three
    patch(path, link(path, places[1].mask), bytes(4))
    with CifReader(path) as reader:
        assert reader.damage == "it tells of 3 cells but holds 2"


def test_every_cut_of_a_file_is_stood(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.cif", tmp_path / "cut.cif"
    cells = random_cells([(5, 6), (6, 5)])
    write_cif(whole, cells, random_masks(cells))
    data = whole.read_bytes()
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        _read_what_can_be_read(path)


def test_random_damage_raises_nothing_else(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.cif", tmp_path / "odd.cif"
    cells = random_cells([(5, 6), (6, 5)])
    write_cif(whole, cells, random_masks(cells), background=[np.ones((2, 2))] * 2)
    rng = np.random.default_rng(0)
    for _ in range(1500):
        data = np.frombuffer(whole.read_bytes(), np.uint8).copy()
        data[rng.integers(0, data.size, 4)] = rng.integers(0, 256, 4)
        path.write_bytes(data.tobytes())
        _read_what_can_be_read(path)


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

"""Amnis files as sources of cells, alone and among other files."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.images.readers.base import Cell, Problem
from deepometry.images.readers.find import find_sources, open_cells
from tests.builders import REAL_CIF, random_cells, write_channel_tiffs, write_cif
from tests.reading import link, random_masks

CELLS = random_cells([(10, 12), (13, 9), (11, 11)], 3)
NOISE = [np.array([[30, 0.5], [40, 0.6], [223, 1.5]]) + i for i in range(3)]


def test_cells_come_in_the_wanted_channels_with_their_background(tmp_path: Path) -> None:
    folder = tmp_path / "Day 1"
    folder.mkdir()
    path = folder / "Sample.CIF"
    write_cif(path, CELLS, channels=(1, 9, 12), background=NOISE, ids=(4, 7, 2))
    (source,) = find_sources(tmp_path)
    assert (source.folder, source.stem) == (("Day 1",), "Sample")
    assert source.channels == (1, 9, 12)
    assert source.channel_names == {1: "Dye 1", 9: "Dye 9", 12: "Dye 12"}
    assert list(source.objects) == ["4", "7", "2"]
    assert list(source.keys) == [f"Day 1/Sample.CIF#{n}" for n in (4, 7, 2)]
    for wanted, columns in (((12, 1), [2, 0]), ((1, 9, 12), [0, 1, 2])):
        cells = list(source.read(wanted))
        for cell, pixels, noise, name in zip(cells, CELLS, NOISE, source.objects, strict=True):
            assert isinstance(cell, Cell)
            assert (cell.source, cell.object) == ("Day 1/Sample.CIF", name)
            assert cell.pixels.dtype == np.uint16
            np.testing.assert_array_equal(cell.pixels, pixels[:, :, columns])
            np.testing.assert_array_equal(cell.background, noise[columns])


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ((4, 4, 2), ["4", "@1", "2"]),
        ((4, None, 2), ["4", "@1", "2"]),
        ((None, None, None), ["0", "1", "2"]),
    ],
)
def test_a_number_that_is_missing_or_repeated_costs_no_other_its_own(
    tmp_path: Path, ids: tuple[int | None, ...], expected: list[str]
) -> None:
    write_cif(tmp_path / "a.cif", CELLS, ids=ids)
    (source,) = find_sources(tmp_path)
    assert list(source.objects) == expected
    assert [cell.object for cell in source.read((1,))] == expected


def test_a_missing_channel_is_named_for_every_cell(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS)
    (source,) = find_sources(tmp_path)
    problems = list(source.read((3, 7)))
    assert [cell.object for cell in problems] == ["0", "1", "2"]
    for cell in problems:
        assert isinstance(cell, Problem)
        assert cell.reason == "Channel 7 is not in use (those in use: 1, 2, 3)."


def test_a_damaged_cell_is_a_problem_and_the_others_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS)
    damage(path, places[1].strip, b"\xff" * 12)
    (source,) = find_sources(tmp_path)
    first, second, third = source.read((1,))
    assert isinstance(first, Cell)
    assert isinstance(third, Cell)
    assert isinstance(second, Problem)
    assert (second.source, second.object) == ("a.cif", "1")
    assert "a.cif, object 1: " in second.reason


def test_each_lost_cell_is_listed_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS)
    path.write_bytes(path.read_bytes()[: places[1].image + 20])
    (source,) = find_sources(tmp_path)
    assert list(source.objects) == ["0", "1", "2"]
    assert source.objects[1:] == ["1", "2"]
    whole, *lost = source.read((1,))
    assert isinstance(whole, Cell)
    for problem, number in zip(lost, ("1", "2"), strict=True):
        assert isinstance(problem, Problem)
        assert (problem.source, problem.object) == ("a.cif", number)
        assert "cannot be found, because the file is damaged" in problem.reason


def test_a_cell_lost_in_the_middle_is_listed_and_those_behind_it_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS)
    damage(path, places[1].image, b"\xff" * 40)
    (source,) = find_sources(tmp_path)
    assert list(source.keys) == ["a.cif#0", "a.cif#2", "a.cif#1"]
    first, third, second = source.read((1,))
    assert isinstance(first, Cell)
    assert isinstance(third, Cell)
    assert isinstance(second, Problem)
    assert second.object == "1"


def test_cells_lost_without_numbers_are_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS, ids=(5, 5, 5))
    path.write_bytes(path.read_bytes()[: places[2].image + 20])
    (source,) = find_sources(tmp_path)
    assert list(source.objects) == ["5", "@1", ""]
    assert len(set(source.keys)) == 3
    *whole, rest = source.read((1,))
    assert all(isinstance(cell, Cell) for cell in whole)
    assert isinstance(rest, Problem)
    assert rest.object == ""
    assert "2 cells of 3 could be found" in rest.reason


def test_a_broken_link_that_costs_no_cell_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    places = write_cif(path, CELLS)
    damage(path, link(path, places[1].image), bytes(4))
    (source,) = find_sources(tmp_path)
    assert all(isinstance(cell, Cell) for cell in source.read((1,)))
    assert len(source.objects) == 3


def test_an_implausible_count_is_not_listed_cell_by_cell(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS, object_count=2**32 - 1)
    (source,) = find_sources(tmp_path)
    assert list(source.objects) == ["0", "1", "2", ""]


def test_masks_come_as_bool_in_the_wanted_channels(tmp_path: Path) -> None:
    masks = random_masks(CELLS)
    write_cif(tmp_path / "a.cif", CELLS, [masks[0], None, masks[2]])
    (source,) = find_sources(tmp_path)
    assert source.has_masks
    first, second, third = source.read((3, 1), masked=True)
    for cell, mask in ((first, masks[0]), (third, masks[2])):
        assert isinstance(cell, Cell)
        np.testing.assert_array_equal(cell.mask, mask[:, :, [2, 0]] != 0)
    assert isinstance(second, Problem)
    assert "found none" in second.reason
    assert all(isinstance(cell, Cell) and cell.mask is None for cell in source.read((3, 1)))


def test_a_file_that_cannot_be_opened_does_not_stop_the_others(tmp_path: Path) -> None:
    write_cif(tmp_path / "b.cif", CELLS)
    write_cif(tmp_path / "c.rif", [])
    (tmp_path / "a.cif").write_text("text")
    text, good, empty = find_sources(tmp_path)
    assert [source.stem for source in (text, good, empty)] == ["a", "b", "c"]
    assert len(list(good.read((1, 2, 3)))) == 3
    for source, words in ((text, "not an Amnis file"), (empty, "holds no cells")):
        assert source.channels == ()
        assert source.channel_names == {}
        assert list(source.objects) == [""]
        assert len(source.keys) == 1
        (problem,) = source.read((1, 2, 3))
        assert isinstance(problem, Problem)
        assert (problem.source, problem.object) == (f"{source.stem}{_suffix(source.stem)}", "")
        assert words in problem.reason


def _suffix(stem: str) -> str:
    return ".rif" if stem == "c" else ".cif"


def test_nothing_but_unreadable_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text("text")
    with pytest.raises(DeepometryError, match=r"a\.cif"):
        find_sources(tmp_path)
    write_cif(tmp_path / "a.cif", [])
    with pytest.raises(DeepometryError, match="holds no cells"):
        find_sources(tmp_path)
    with pytest.raises(DeepometryError, match="holds no cells"):
        open_cells(tmp_path / "a.cif")


def test_a_file_that_goes_away_is_a_problem_for_every_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    write_cif(path, CELLS)
    (source,) = find_sources(tmp_path)
    assert len(source.objects) == 3
    path.unlink()
    problems = list(source.read((1,)))
    assert len(problems) == 3
    assert all(isinstance(cell, Problem) and "does not exist" in cell.reason for cell in problems)


def test_stems_are_unique_in_their_folder_whatever_the_case(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    write_channel_tiffs(folder, "a", CELLS[0], (1, 2, 3))
    for name in ("x.cif", "X.rif", "x_2.cif"):
        write_cif(folder / name, CELLS)
    sources = find_sources(tmp_path)
    assert [source.folder for source in sources] == [("x",)] * 4
    stems = [source.stem for source in sources]
    assert len({stem.casefold() for stem in stems}) == 4
    assert "x_2" in stems
    assert [source.stem for source in find_sources(tmp_path)] == stems
    keys = [key for source in sources for key in source.keys]
    assert len(set(keys)) == len(keys)


def test_a_file_is_opened_by_content_whatever_its_name(tmp_path: Path) -> None:
    write_cif(tmp_path / "cells.dat", CELLS, order=">")
    source = open_cells(tmp_path / "cells.dat")
    assert (source.folder, source.stem, len(source.objects)) == ((), "cells", 3)
    (tiff,) = write_channel_tiffs(tmp_path, "a", CELLS[0][:, :, :1], (1,))
    tiff.rename(tmp_path / "plain.cif")
    with pytest.raises(DeepometryError, match="not one of an Amnis instrument"):
        open_cells(tmp_path / "plain.cif")


def test_a_source_can_be_sent_to_another_process(tmp_path: Path) -> None:
    write_cif(tmp_path / "a.cif", CELLS)
    write_channel_tiffs(tmp_path, "a", CELLS[0], (1, 2, 3))
    for source in find_sources(tmp_path):
        again = pickle.loads(pickle.dumps(source))
        assert list(again.objects) == list(source.objects)
        assert all(isinstance(cell, Cell) for cell in again.read((1,)))


@pytest.mark.skipif(not REAL_CIF.exists(), reason="no genuine file beside the checkout")
def test_a_genuine_file_is_read() -> None:
    source = open_cells(REAL_CIF)
    cells = list(source.read((5, 1)))
    assert len(cells) == len(source.objects) == 111
    for cell in cells:
        assert isinstance(cell, Cell)
        assert cell.background is not None
        assert 215 < cell.background[0, 0] < 230  # brightfield
        assert 25 < cell.background[1, 0] < 35


def damage(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(struct.pack(f"{len(data)}s", data))

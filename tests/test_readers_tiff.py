"""Folders of .tif files: which files make a cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.images.readers.base import Cell, Problem
from tests.builders import write_channel_tiffs
from tests.reading import PIXELS, PLANE, cells_of, only, problem_of, touch


def test_a_cell_in_channels_is_put_together_in_the_wanted_order(tmp_path: Path) -> None:
    folder = tmp_path / "Day 1" / "Class A"
    write_channel_tiffs(folder, "cell_7", PIXELS, (10, 1, 2))
    source = only(tmp_path)
    assert source.folder == ("Day 1", "Class A")
    assert source.stem == "Class A"
    assert source.channels == (1, 2, 10)
    assert source.channel_names == {}
    assert list(source.keys) == ["Day 1/Class A/cell_7"]
    (cell,) = cells_of(source)
    assert (cell.source, cell.object) == ("Day 1/Class A/cell_7_Ch1.ome.tif", "cell_7")
    assert cell.pixels.dtype == np.uint16
    np.testing.assert_array_equal(cell.pixels, PIXELS[:, :, [1, 2, 0]])
    (cell,) = cells_of(source, (10, 2))
    np.testing.assert_array_equal(cell.pixels, PIXELS[:, :, [0, 2]])
    assert cell.background is None


@pytest.mark.parametrize(
    "pattern",
    [
        "{name}_Ch{channel}.ome.tif",
        "{name}_ch{channel}.tif",
        "{name}-CH{channel}.TIFF",
        "{name} Channel{channel}.Ome.Tif",
        "{name}.channel{channel}.tiff",
        "{name}_Ch00{channel}.tif",
    ],
)
@pytest.mark.parametrize("name", ["a", "sample.1", "x_Ch2", "Zelle ü", "1.ome", "a.tif"])
def test_many_spellings_of_a_channel(tmp_path: Path, pattern: str, name: str) -> None:
    write_channel_tiffs(tmp_path, name, PIXELS, (1, 2, 10), pattern)
    source = only(tmp_path)
    assert list(source.objects) == [name]
    assert source.channels == (1, 2, 10)
    np.testing.assert_array_equal(cells_of(source)[0].pixels, PIXELS)


@pytest.mark.parametrize("name", ["batch1.tif", "aCh1.tif", "Chart.tif", "a_Ch1_mask.tif"])
def test_what_only_looks_like_a_channel_is_a_cell(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert list(only(tmp_path).objects) == [name[:-4]]
    assert only(tmp_path).channels == (1,)


def test_files_that_are_only_channels_are_the_cell_of_their_folder(tmp_path: Path) -> None:
    write_channel_tiffs(tmp_path / "cell 5", "", PIXELS, (1, 2, 3), "Ch{channel}.tif")
    source = only(tmp_path)
    assert list(source.objects) == ["cell 5"]
    np.testing.assert_array_equal(cells_of(source)[0].pixels, PIXELS)


def test_cells_stand_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, *(f"cell{n}_Ch1.tif" for n in (10, 9, 1, 100)))
    assert list(only(tmp_path).objects) == ["cell1", "cell9", "cell10", "cell100"]


def test_keys_do_not_depend_on_channels_and_files_in_the_input_itself_are_found(
    tmp_path: Path,
) -> None:
    write_channel_tiffs(tmp_path, "a", PIXELS, (1, 2, 3))
    source = only(tmp_path)
    assert source.folder == ()
    assert source.stem == tmp_path.name
    assert list(source.keys) == ["a"]


def test_channels_are_those_of_most_cells_and_of_equals_the_larger_set(tmp_path: Path) -> None:
    touch(tmp_path, "a_Ch1.tif", "b_Ch1.tif", "c_Ch1.tif", "c_Ch2.tif")
    assert only(tmp_path).channels == (1,)
    touch(tmp_path, "d_Ch1.tif", "d_Ch2.tif")
    assert only(tmp_path).channels == (1, 2)


def test_a_missing_channel_is_named(tmp_path: Path) -> None:
    write_channel_tiffs(tmp_path, "a", PIXELS[:, :, :2], (1, 2))
    assert problem_of(only(tmp_path), (3, 1)) == "channel 3 is missing (it has 1, 2)."
    assert problem_of(only(tmp_path), (4, 3)) == "channels 4, 3 are missing (it has 1, 2)."


def test_two_files_of_one_channel_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a_Ch1.tif", "a_Ch01.tif", "b_Ch1.tif")
    source = only(tmp_path)
    first, second = source.read((1,))
    assert isinstance(first, Problem)
    assert "a_Ch01.tif and a_Ch1.tif claim channel 1" in first.reason
    assert isinstance(second, Cell)


def test_channels_of_different_sizes_or_kinds_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a_Ch1.tif")
    tifffile.imwrite(tmp_path / "a_Ch2.tif", PLANE[:, :-1])
    reason = problem_of(only(tmp_path), (1, 2))
    assert "12 x 10" in reason
    assert "11 x 10" in reason
    tifffile.imwrite(tmp_path / "a_Ch2.tif", PLANE.astype(np.uint8))
    reason = problem_of(only(tmp_path), (1, 2))
    assert "uint16" in reason
    assert "uint8" in reason


def test_channels_that_are_not_wanted_are_not_read(tmp_path: Path) -> None:
    touch(tmp_path, "a_Ch1.tif")
    (tmp_path / "a_Ch2.tif").write_bytes(b"")
    assert len(cells_of(only(tmp_path), (1,))) == 1


def test_cells_in_channels_and_whole_cells_can_share_a_folder(tmp_path: Path) -> None:
    write_channel_tiffs(tmp_path, "a", PIXELS, (1, 2, 3))
    tifffile.imwrite(tmp_path / "b.tif", PIXELS, photometric="rgb")
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="rgb")
    source = only(tmp_path)
    assert source.channels == (1, 2, 3)
    assert list(source.objects) == ["a", "a.tif", "b"]
    for cell in cells_of(source):
        np.testing.assert_array_equal(cell.pixels, PIXELS)


def test_files_that_differ_in_extension_only_are_cells_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif", "a.tiff", "a.ome.tif", "b.ome.tiff")
    source = only(tmp_path)
    assert list(source.objects) == ["a.ome.tif", "a.tif", "a.tiff", "b"]
    assert [cell.source for cell in cells_of(source)] == [
        "a.ome.tif",
        "a.tif",
        "a.tiff",
        "b.ome.tiff",
    ]


def test_channels_of_whole_cells_are_those_of_the_first_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"")
    tifffile.imwrite(tmp_path / "b.tif", PIXELS, photometric="rgb")
    touch(tmp_path, "c.tif")
    source = only(tmp_path)
    assert source.channels == (1, 2, 3)
    empty, whole, grey = source.read((3, 1))
    assert isinstance(empty, Problem)
    assert isinstance(whole, Cell)
    np.testing.assert_array_equal(whole.pixels, PIXELS[:, :, [2, 0]])
    assert isinstance(grey, Problem)
    assert grey.reason == "channel 3 is missing (it has 1)."

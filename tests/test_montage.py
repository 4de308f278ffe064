"""Sheets: every cell in its place, in files that other programs open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry import montage
from deepometry.errors import OptionsError
from deepometry.montage import MontageWriter, check_sheet, sheet_dtype

FRAME = 5


def cells(number: int, channels: int = 2, dtype: str = "uint16") -> np.ndarray:
    shape = (number, FRAME, FRAME, channels)
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def write(
    folder: Path, pixels: np.ndarray, channels: tuple[int, ...], side: int
) -> list[tuple[int, int, int]]:
    writer = MontageWriter(folder, "Day 1_Class A", channels, side, FRAME, pixels.dtype)
    first = len(pixels) // 3  # blocks of cells begin and end anywhere
    places = [writer.add(block) for block in (pixels[:first], pixels[first:])]
    writer.finish()
    return [tuple(row) for block in places for row in np.stack(block, axis=1).tolist()]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 8, 9, 10, 18, 20])
def test_the_sheet_shows_each_cell_where_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, large: bool
) -> None:
    if large:
        monkeypatch.setattr(montage, "_SMALL_SHEETS", 0)
    pixels = cells(number)
    places = write(tmp_path, pixels, (3, 1), side=3)
    assert len(list(tmp_path.iterdir())) == 2 * -(-number // 9)
    for cell, (sheet, row, column) in zip(pixels, places, strict=True):
        y, x = (row - 1) * FRAME, (column - 1) * FRAME
        for position, channel in enumerate((3, 1)):
            image = tifffile.imread(tmp_path / f"Day 1_Class A_ch{channel}_{sheet}.tif")
            assert image.shape == (3 * FRAME, 3 * FRAME)
            np.testing.assert_array_equal(image[y : y + FRAME, x : x + FRAME], cell[..., position])


def test_cells_go_row_by_row_from_one(tmp_path: Path) -> None:
    places = write(tmp_path, cells(6), (1, 2), side=2)
    assert places == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 2, 2), (2, 1, 1), (2, 1, 2)]


def test_the_last_sheet_has_full_size_and_zeros_where_there_are_no_cells(tmp_path: Path) -> None:
    write(tmp_path, cells(4), (1, 2), side=3)
    image = tifffile.imread(tmp_path / "Day 1_Class A_ch1_1.tif")
    assert image.shape == (3 * FRAME, 3 * FRAME)
    assert not image[FRAME:, FRAME:].any()
    assert image[:FRAME].all()


def test_a_second_sheet_shows_nothing_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, cells(5), (1, 2), side=2)
    image = tifffile.imread(tmp_path / "Day 1_Class A_ch2_2.tif")
    assert not image[:, FRAME:].any()
    assert not image[FRAME:].any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_sheets_are_plain_16_bit_grey_tiff(tmp_path: Path, dtype: str) -> None:
    write(tmp_path, cells(4, dtype=dtype), (1, 2), side=2)
    with tifffile.TiffFile(tmp_path / "Day 1_Class A_ch1_1.tif") as file:
        assert len(file.pages) == 1
        page = file.pages.first
        assert page.dtype == np.uint16
        assert (page.photometric, page.compression) == (1, 1)
        assert not file.is_bigtiff
        assert page.samplesperpixel == 1


@pytest.mark.parametrize("dtype", ["int16", "uint32", "float32"])
def test_counts_that_do_not_fit_16_bits_are_kept_as_floats(tmp_path: Path, dtype: str) -> None:
    pixels = cells(1, dtype=dtype)
    pixels[0, 0, 0, 0] = -7 if dtype != "uint32" else 70_000
    write(tmp_path, pixels, (1, 2), side=1)
    image = tifffile.imread(tmp_path / "Day 1_Class A_ch1_1.tif")
    assert image.dtype == np.float32 == sheet_dtype(pixels.dtype)
    np.testing.assert_array_equal(image, pixels[0, ..., 0])


def test_no_cells_make_no_sheet(tmp_path: Path) -> None:
    write(tmp_path, cells(0), (1, 2), side=2)
    assert not list(tmp_path.iterdir())


def test_sheets_that_no_program_opens_are_refused() -> None:
    check_sheet(100, 300)
    check_sheet(0, 1024)
    with pytest.raises(OptionsError, match="at most 31 cells a side at a frame of 1024") as caught:
        check_sheet(100, 1024)
    assert set(caught.value.fields) == {"montage"}

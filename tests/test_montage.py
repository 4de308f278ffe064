"""Sheets: every cell in its place, in files that other programs open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cells.montage import MontageWriter, check_sheet, sheet_dtype
from deepometry.core.errors import OptionsError

FRAME = 5


def cells(number: int, channels: int = 2, dtype: str = "uint16") -> np.ndarray:
    shape = (number, FRAME, FRAME, channels)
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def write(
    folder: Path, pixels: np.ndarray, channels: tuple[int, ...], side: int, **more: int
) -> list[tuple[int, int, int]]:
    writer = MontageWriter(folder, "Day 1_Class A", channels, side, FRAME, pixels.dtype, **more)
    first = len(pixels) // 3  # blocks of cells begin and end anywhere
    places = [writer.add(block) for block in (pixels[:first], pixels[first:])]
    writer.finish()
    return [tuple(row) for block in places for row in np.stack(block, axis=1).tolist()]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 8, 9, 10, 18, 20])
def test_the_sheet_shows_each_cell_where_it_says(tmp_path: Path, number: int, large: bool) -> None:
    pixels = cells(number)
    memory = {"memory": 0} if large else {}
    places = write(tmp_path, pixels, (3, 1), side=3, **memory)
    assert len(list(tmp_path.iterdir())) == 2 * -(-number // 9)
    for cell, (sheet, row, column) in zip(pixels, places, strict=True):
        y, x = (row - 1) * FRAME, (column - 1) * FRAME
        for position, channel in enumerate((3, 1)):
            image = tifffile.imread(tmp_path / f"Day 1_Class A_ch{channel}_{sheet}.tif")
            shown = min(number - 9 * (sheet - 1), 9)
            assert image.shape == (-(-shown // 3) * FRAME, min(shown, 3) * FRAME)
            np.testing.assert_array_equal(image[y : y + FRAME, x : x + FRAME], cell[..., position])


def test_cells_go_row_by_row_from_one(tmp_path: Path) -> None:
    places = write(tmp_path, cells(6), (1, 2), side=2)
    assert places == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 2, 2), (2, 1, 1), (2, 1, 2)]


@pytest.mark.parametrize("memory", [1 << 25, 0])
def test_a_sheet_is_as_large_as_its_cells_need(tmp_path: Path, memory: int) -> None:
    write(tmp_path, cells(32), (1, 2), side=15, memory=memory)
    path = tmp_path / "Day 1_Class A_ch1_1.tif"
    image = tifffile.imread(path)
    assert image.shape == (3 * FRAME, 15 * FRAME)
    assert not image[2 * FRAME :, 2 * FRAME :].any()
    assert image[: 2 * FRAME].all()
    assert image[2 * FRAME :, : 2 * FRAME].all()
    assert path.stat().st_size < image.nbytes + 1000
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.rowsperstrip == 3 * FRAME
        assert file.pages.first.databytecounts == (image.nbytes,)


def test_a_second_sheet_shows_nothing_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, cells(5), (1, 2), side=2)
    image = tifffile.imread(tmp_path / "Day 1_Class A_ch2_2.tif")
    assert image.shape == (FRAME, FRAME)
    assert image.all()


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

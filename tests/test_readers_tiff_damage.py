"""Damaged .tif files: one sentence each, and never a wrong pixel."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.images.readers.tiff_file import TiffError, read_images
from tests.builders import random_cells
from tests.reading import channels_of, only, problem_of, touch

CUBE = np.arange(3 * 20 * 22, dtype=np.uint16).reshape(3, 20, 22)
LAST = np.ascontiguousarray(np.moveaxis(CUBE, 0, -1))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, world", "not a TIFF"),
        (b"II*\0", "damaged"),
        (b"II*\0\x08\0\0\0\0\0", "damaged"),
        (b"II*\0\xff\xff\xff\x7f", "damaged"),
        (b"MM\0*\0\0\0\x08\xff\xff" + bytes(200), "damaged"),
    ],
)
@pytest.mark.parametrize("name", ["odd.tif", "odd_Ch1.tif"])
def test_what_is_no_tiff_is_explained_without_a_word_on_the_screen(
    tmp_path: Path,
    content: bytes,
    words: str,
    name: str,
    capfd: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / name).write_bytes(content)
    with caplog.at_level(logging.DEBUG):
        reason = problem_of(only(tmp_path))
    assert words in reason
    assert name in reason
    assert reason.endswith(".")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_logger_of_tifffile_still_speaks_to_others(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TiffError):
        read_images(__file__)
    logging.getLogger("tifffile").warning("for others")
    assert "for others" in caplog.text


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"rowsperstrip": 4},
        {"compression": "zlib", "rowsperstrip": 4},
        {"tile": (16, 16)},
        {"byteorder": ">"},
    ],
)
@pytest.mark.parametrize("pages", [1, 3])
def test_no_cut_of_a_file_gives_pixels(tmp_path: Path, how: dict, pages: int) -> None:
    whole, cut = tmp_path / "whole.tif", tmp_path / "cut.tif"
    noise = random_cells([(20, 22)], pages, top=65536)[0]
    array = np.ascontiguousarray(np.moveaxis(noise, -1, 0)[0 if pages == 1 else ...])
    tifffile.imwrite(whole, array, photometric="minisblack", metadata=None, **how)
    data = whole.read_bytes()
    complete = channels_of(whole)
    for length in [*range(0, len(data) - 1, 41), len(data) - 1]:
        cut.write_bytes(data[:length])
        try:
            pixels = channels_of(cut)
        except TiffError as error:
            assert "cut.tif" in str(error)
        else:  # what was cut off held no pixels
            np.testing.assert_array_equal(pixels, complete)


def test_random_damage_raises_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "odd.tif"
    rng = np.random.default_rng(0)
    for how in ({}, {"compression": "zlib"}):
        tifffile.imwrite(path, CUBE[:, :9, :9], photometric="minisblack", **how)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(300):
            data = whole.copy()
            data[rng.integers(0, 600, 3) % data.size] = rng.integers(0, 256, 3)
            path.write_bytes(data.tobytes())
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    channels_of(path)
                except TiffError as error:
                    assert "odd.tif" in str(error)


def test_a_file_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, "a_Ch1.tif")
    source = only(tmp_path)
    (tmp_path / "a_Ch1.tif").unlink()
    assert "does not exist" in problem_of(source)

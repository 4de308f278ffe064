"""Pictures and colours: .png, .jpg and .bmp, and what becomes one grey channel."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from deepometry.cells.parse import parse
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.images.info import info
from deepometry.images.readers.base import Cell, Problem
from deepometry.images.readers.find import find_sources, open_cells
from deepometry.images.readers.intensities import (
    CLEAR,
    GREY,
    LOOKED_UP,
    LOSSY,
    SPREAD,
    TURNED,
    turned,
)
from tests.builders import random_cells, write_channel_tiffs, write_cif
from tests.reading import cells_of, only, problem_of

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (14, 16, 3)).astype(np.uint8)
PLANE = COLOURS[:, :, 0].copy()
DEEP = RNG.integers(0, 65536, (14, 16)).astype(np.uint16)
EQUAL = np.repeat(PLANE[:, :, np.newaxis], 3, axis=2)
OPAQUE = np.full((14, 16, 1), 255, np.uint8)
RAMP = np.arange(256, dtype=np.uint16) * 257
NONE = np.zeros(256, np.uint16)


def save(path: Path, array: np.ndarray, mode: str | None = None, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **how)


def notes_of(folder: Path) -> dict[str, str]:
    return {cell.object: cell.note for cell in cells_of(only(folder))}


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp"])
def test_grey_and_coloured_pictures_are_read_exactly(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / "grey" / f"a{suffix}", PLANE)
    save(tmp_path / "colour" / f"a{suffix}", COLOURS)
    (grey,) = cells_of(only(tmp_path / "grey"))
    np.testing.assert_array_equal(grey.pixels[:, :, 0], PLANE)
    assert grey.pixels.shape == (14, 16, 1)
    assert (grey.source, grey.object, grey.note) == (f"a{suffix}", "a", "")
    (colour,) = cells_of(only(tmp_path / "colour"))
    np.testing.assert_array_equal(colour.pixels, COLOURS)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_jpegs_are_read_as_pillow_does_and_told_to_be_lossy(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"a{suffix}", COLOURS)
    save(tmp_path / f"b{suffix}", COLOURS, quality=50)
    for name in ("a", "b"):
        path = tmp_path / f"{name}{suffix}"
        (cell,) = cells_of(open_cells(path))
        np.testing.assert_array_equal(cell.pixels, np.asarray(Image.open(path)))
        assert cell.note == LOSSY


def test_a_grey_jpeg_saved_as_colours_is_grey(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", EQUAL, quality=80)
    (cell,) = cells_of(only(tmp_path))
    assert cell.pixels.shape == (14, 16, 1)
    assert GREY in cell.note and LOSSY in cell.note


def test_pictures_of_16_bits_keep_all_of_them(tmp_path: Path) -> None:
    save(tmp_path / "grey" / "a.png", DEEP)
    (cell,) = cells_of(only(tmp_path / "grey"))
    assert cell.pixels.dtype == np.uint16
    np.testing.assert_array_equal(cell.pixels[:, :, 0], DEEP)
    for kind, channels in (("colour", 3), ("clear", 4)):
        deep = RNG.integers(0, 65536, (14, 16, channels)).astype(np.uint16)
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.png").write_bytes(imagecodecs.png_encode(deep))
        (cell,) = cells_of(only(tmp_path / kind))
        np.testing.assert_array_equal(cell.pixels, deep[:, :, :3])


def test_palettes_are_looked_up(tmp_path: Path) -> None:
    few = np.repeat([[0, 0, 0], [255, 0, 0], [9, 8, 7]], 20, axis=0).reshape(6, 10, 3).astype("u1")
    save(tmp_path / "colour" / "a.png", few, "P")
    (cell,) = cells_of(only(tmp_path / "colour"))
    assert cell.pixels.shape == (6, 10, 3)
    palette = Image.new("P", (16, 14))
    palette.putpalette([value for n in range(256) for value in (255 - n,) * 3])
    palette.putdata(PLANE.ravel().tolist())
    (tmp_path / "grey").mkdir()
    palette.save(tmp_path / "grey" / "a.png")
    (cell,) = cells_of(only(tmp_path / "grey"))
    np.testing.assert_array_equal(cell.pixels[:, :, 0], 255 - PLANE)


def test_transparency_is_left_out_and_told_where_it_varied(tmp_path: Path) -> None:
    fading = np.dstack([COLOURS, PLANE])
    save(tmp_path / "fading.png", fading)
    save(tmp_path / "opaque.png", np.dstack([COLOURS, OPAQUE]))
    tifffile.imwrite(tmp_path / "tiff.tif", fading, photometric="rgb", extrasamples=[2])
    assert notes_of(tmp_path) == {"fading": CLEAR, "opaque": "", "tiff": CLEAR}
    for cell in cells_of(only(tmp_path)):
        np.testing.assert_array_equal(cell.pixels, COLOURS)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("how", ["RGB", "RGBA", "LA"])
def test_equal_colours_are_one_grey_channel(tmp_path: Path, suffix: str, how: str) -> None:
    if how == "LA" and suffix == ".tif":
        array = np.dstack([PLANE, OPAQUE])
        more = {"photometric": "minisblack", "extrasamples": [2], "planarconfig": "contig"}
        tifffile.imwrite(tmp_path / "a.tif", array, **more)
    elif suffix == ".tif":
        array = EQUAL if how == "RGB" else np.dstack([EQUAL, OPAQUE])
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", compression="lzw")
    else:
        save(tmp_path / "a.png", EQUAL, how)
    source = only(tmp_path)
    assert source.channels == (1,)
    (cell,) = cells_of(source)
    np.testing.assert_array_equal(cell.pixels[:, :, 0], PLANE)
    assert cell.note == ("" if how == "LA" else GREY)


def test_four_equal_samples_without_a_word_on_the_fourth_are_grey(tmp_path: Path) -> None:
    array = np.dstack([EQUAL, OPAQUE])
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[0])
    planes = np.ascontiguousarray(np.moveaxis(array, -1, 0))
    how = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": [2]}
    tifffile.imwrite(tmp_path / "b.tif", planes, **how)
    for cell in cells_of(only(tmp_path)):
        assert (cell.pixels.shape, cell.note) == ((14, 16, 1), GREY)


def test_grey_and_coloured_pictures_of_one_input_have_three_channels(tmp_path: Path) -> None:
    for number in range(7):
        save(tmp_path / "Class A" / f"{number}.png", PLANE)
        save(tmp_path / "Class B" / f"{number}.png", EQUAL)
    save(tmp_path / "Class B" / "5.jpg", EQUAL)
    save(tmp_path / "Class B" / "4.bmp", COLOURS)
    tifffile.imwrite(tmp_path / "Class A" / "t.tif", PLANE)
    first, second = find_sources(tmp_path)
    assert first.channels == second.channels == (1, 2, 3)
    for cell in [*cells_of(first), *cells_of(second)]:
        if cell.source.endswith("4.bmp"):
            np.testing.assert_array_equal(cell.pixels, COLOURS)
        elif "jpg" not in cell.source:
            np.testing.assert_array_equal(cell.pixels, EQUAL)
            assert cell.note == ("" if "Class B" in cell.source else SPREAD)


def test_pictures_that_are_all_grey_have_one_channel_however_they_are_stored(
    tmp_path: Path,
) -> None:
    save(tmp_path / "Class A" / "a.png", PLANE)
    save(tmp_path / "Class B" / "a.png", EQUAL)
    write_channel_tiffs(tmp_path / "Class C", "a", EQUAL[:, :, :1], (1,), "{name}.tif")
    for source in find_sources(tmp_path):
        assert source.channels == (1,)
        for cell in cells_of(source):
            np.testing.assert_array_equal(cell.pixels[:, :, 0], PLANE)


def test_one_picture_a_channel(tmp_path: Path) -> None:
    save(tmp_path / "a_Ch1.png", PLANE)
    save(tmp_path / "a_Ch2.png", np.dstack([EQUAL[::-1], OPAQUE]))
    source = only(tmp_path)
    assert (list(source.objects), source.channels) == (["a"], (1, 2))
    (cell,) = cells_of(source)
    np.testing.assert_array_equal(cell.pixels, np.dstack([PLANE, PLANE[::-1]]))
    assert cell.note == GREY
    save(tmp_path / "a_Ch2.png", COLOURS)
    assert "3 images or colours" in problem_of(only(tmp_path), (1, 2))


@pytest.mark.parametrize(
    ("mode", "suffix", "words"),
    [("1", ".png", "masks"), ("1", ".bmp", "masks"), ("CMYK", ".jpg", "CMYK")],
)
def test_what_is_no_intensity_is_refused(
    tmp_path: Path, mode: str, suffix: str, words: str
) -> None:
    save(tmp_path / f"a{suffix}", COLOURS, mode)
    assert words in problem_of(only(tmp_path))


def test_colours_of_print_are_refused_in_tiff_too(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([EQUAL, OPAQUE]), photometric="separated")
    assert "SEPARATED" in problem_of(only(tmp_path))


def test_several_pictures_in_a_png_are_refused(tmp_path: Path) -> None:
    first, second = Image.fromarray(PLANE), Image.fromarray(PLANE[::-1])
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    assert "2 pictures" in problem_of(only(tmp_path))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (20_000, 20_000)])
def test_a_bomb_is_refused_by_its_size(tmp_path: Path, size: tuple[int, int]) -> None:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(bytes(10_000)))
    (tmp_path / "a.png").write_bytes(data + _chunk(b"IEND", b""))
    assert "one cell can have" in problem_of(only(tmp_path))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_no_cut_of_a_picture_gives_pixels(tmp_path: Path, suffix: str) -> None:
    content = io.BytesIO()
    Image.fromarray(COLOURS).save(content, {".png": "png", ".jpg": "jpeg", ".bmp": "bmp"}[suffix])
    whole = content.getvalue()
    for length in [*range(0, len(whole) - 20, 37), len(whole) // 2]:
        (tmp_path / f"a{suffix}").write_bytes(whole[:length])
        reason = problem_of(only(tmp_path))
        assert f"a{suffix}" in reason
        assert reason.endswith(".")


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    save(tmp_path / "a.png", PLANE)
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", PLANE)
    (tmp_path / "b.tif").rename(tmp_path / "b.png")
    for cell in cells_of(only(tmp_path)):
        np.testing.assert_array_equal(cell.pixels[:, :, 0], PLANE)


# --- TIFF --------------------------------------------------------------------------------------

LOSSLESS = ["lzw", "packbits", "zlib", "zstd", "lzma", "jpegxl", "png"]


@pytest.mark.parametrize("compression", LOSSLESS)
def test_compressed_files_are_read_exactly(tmp_path: Path, compression: str) -> None:
    how: dict[str, Any] = {"compression": compression}
    if compression == "jpegxl":
        how["compressionargs"] = {"lossless": True}
    tifffile.imwrite(tmp_path / "a.tif", PLANE, **how)
    (cell,) = cells_of(only(tmp_path))
    np.testing.assert_array_equal(cell.pixels[:, :, 0], PLANE)
    assert cell.note == ""


def test_a_tiff_in_jpeg_is_told_to_be_lossy(tmp_path: Path) -> None:
    smooth = np.full((32, 32), 90, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", smooth, compression="jpeg")
    (cell,) = cells_of(only(tmp_path))
    np.testing.assert_array_equal(cell.pixels[:, :, 0], smooth)
    assert cell.note == LOSSY


def write_packed(
    path: Path, data: bytes, shape: tuple[int, ...], bits: int, white: int = 1
) -> None:
    """Write a file of values that take no whole number of bytes; 0 is white for `white` of 0."""
    values = {256: shape[1], 257: shape[0], 258: bits, 259: 1, 262: white, 273: 200, 277: 1}
    values |= {278: shape[0], 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in sorted(values.items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(values)) + entries + bytes(4)
    path.write_bytes(head.ljust(200, b"\0") + data)


def test_packed_values_of_12_bits_are_read(tmp_path: Path) -> None:
    deep = (DEEP >> 4).astype(np.uint16)
    packed = imagecodecs.packints_encode(deep, 12)
    write_packed(tmp_path / "a.tif", packed, deep.shape, 12)
    (cell,) = cells_of(only(tmp_path))
    np.testing.assert_array_equal(cell.pixels[:, :, 0], deep)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2"])
def test_where_0_is_white_values_are_turned(tmp_path: Path, dtype: str) -> None:
    plane = DEEP.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", plane, photometric="miniswhite")
    (cell,) = cells_of(only(tmp_path))
    limits = np.iinfo(dtype)
    expected = (limits.max + limits.min - plane.astype(np.int64)).astype(dtype)
    assert cell.pixels.dtype == plane.dtype
    np.testing.assert_array_equal(cell.pixels[:, :, 0], expected)
    assert cell.note == TURNED


def test_turning_stays_within_the_bits_of_the_file(tmp_path: Path) -> None:
    deep = (DEEP >> 4).astype(np.uint16)
    write_packed(tmp_path / "a.tif", imagecodecs.packints_encode(deep, 12), deep.shape, 12, 0)
    (cell,) = cells_of(only(tmp_path))
    np.testing.assert_array_equal(cell.pixels[:, :, 0], 4095 - deep)
    np.testing.assert_array_equal(turned(np.array([0, 1, 4095], "u2"), 12), [4095, 4094, 0])


def test_fractions_that_call_0_white_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PLANE.astype("f4"), photometric="miniswhite")
    assert "save it so that 0 is black" in problem_of(only(tmp_path))


FIRE = np.stack([np.minimum(RAMP * 2.0, 65535), RAMP * 0.7, np.minimum(RAMP * 3.0, 65535)])


@pytest.mark.parametrize(
    "table",
    [
        np.stack([RAMP, RAMP, RAMP]),
        np.stack([NONE, RAMP, NONE]),
        np.stack([RAMP, NONE, RAMP]),
        FIRE.astype(np.uint16),
    ],
)
def test_indices_into_a_look_up_table_are_intensities(tmp_path: Path, table: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="palette", colormap=table)
    tifffile.imwrite(tmp_path / "b.tif", PLANE, imagej=True, colormap=table)
    for cell in cells_of(only(tmp_path)):
        np.testing.assert_array_equal(cell.pixels[:, :, 0], PLANE)
        assert cell.note == LOOKED_UP


def test_a_falling_grey_table_is_looked_up(tmp_path: Path) -> None:
    table = np.stack([RAMP[::-1]] * 3)
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="palette", colormap=table)
    (cell,) = cells_of(only(tmp_path))
    np.testing.assert_array_equal(cell.pixels[:, :, 0], 255 - PLANE)
    assert "looked up" in cell.note


def test_a_palette_of_any_colours_is_refused(tmp_path: Path) -> None:
    table = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="palette", colormap=table)
    assert "palette colours" in problem_of(only(tmp_path))


# --- steps -------------------------------------------------------------------------------------


def test_pictures_are_looked_at_and_parsed_and_changes_counted(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "in" / "Class A" / f"{number}.png", np.roll(PLANE, number, 0))
        save(tmp_path / "in" / "Class B" / f"{number}.png", np.roll(EQUAL, number, 0), "RGBA")
    result = info(InfoOptions(input=tmp_path / "in"))
    assert (result.cells, result.files) == (8, {".png": 8})
    parsed = parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out", frame=16))
    assert (parsed.cells, parsed.problems, parsed.channels) == (8, 0, (1,))
    assert parsed.notices == {GREY: 4}
    pixels = np.load(tmp_path / "out" / "Class B" / "Class B.npy")
    np.testing.assert_array_equal(pixels[1, 1:15, :, 0], np.roll(EQUAL, 1, 0)[:, :, 0])


def test_pictures_of_the_same_names_in_every_class_are_cells(tmp_path: Path) -> None:
    for name in ("Class A", "Class B"):
        for number in range(10):
            save(tmp_path / name / f"img_{number:03}.png", PLANE)
    assert [len(source.objects) for source in find_sources(tmp_path)] == [10, 10]


def test_plots_and_previews_beside_other_files_are_left_out_and_told(tmp_path: Path) -> None:
    save(tmp_path / "b" / "plot.png", COLOURS)
    write_cif(tmp_path / "b" / "cells.cif", random_cells([(10, 12)]))
    sources = find_sources(tmp_path)
    assert [source.stem for source in sources] == ["cells"]
    told = "1 picture beside files of other kinds was left out, such as"
    assert sources.left_out == f"{told} b/plot.png."
    for number in range(10):
        write_channel_tiffs(tmp_path / "c", f"{number}", EQUAL[:, :, :1], (1,), "{name}.tif")
    save(tmp_path / "c" / "preview.png", PLANE)
    sources = find_sources(tmp_path / "c")
    assert list(sources[0].objects) == [str(number) for number in range(10)]
    assert sources.left_out == f"{told} preview.png."
    save(tmp_path / "c" / "10.png", PLANE)  # now there are too many to be previews
    assert len(find_sources(tmp_path / "c")[0].objects) == 12


def test_a_coloured_picture_among_thousands_is_a_problem_not_a_wrong_cell(tmp_path: Path) -> None:
    save(tmp_path / "a.png", PLANE)
    save(tmp_path / "b.png", COLOURS)
    source = only(tmp_path)
    source.colour = False  # as if b had not been looked at  # type: ignore[attr-defined]
    first, second = source.read((1,))
    assert isinstance(first, Cell) and isinstance(second, Problem)
    assert "colours" in second.reason

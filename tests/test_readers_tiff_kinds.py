"""Kinds of .tif file: what can be read, what is refused, and the fast path."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from deepometry.images.readers.tiff_fast import decode_plain_tiff
from tests.builders import write_channel_tiffs
from tests.reading import PIXELS, PLANE, cells_of, channels_of, only, problem_of

CUBE = np.arange(3 * 20 * 22, dtype=np.uint16).reshape(3, 20, 22)
LAST = np.ascontiguousarray(np.moveaxis(CUBE, 0, -1))


@pytest.mark.parametrize(
    ("array", "how"),
    [
        (CUBE, {"photometric": "minisblack"}),
        (CUBE, {"photometric": "minisblack", "metadata": None}),
        (CUBE, {"photometric": "minisblack", "planarconfig": "separate"}),
        (CUBE, {"photometric": "rgb", "planarconfig": "separate"}),
        (CUBE, {"photometric": "minisblack", "metadata": {"axes": "CYX"}, "ome": True}),
        (CUBE, {"imagej": True}),
        (CUBE, {"photometric": "minisblack", "compression": "zlib"}),
        (CUBE, {"photometric": "minisblack", "byteorder": ">", "bigtiff": True}),
        (LAST, {"photometric": "minisblack"}),
        (LAST, {"photometric": "minisblack", "planarconfig": "contig"}),
        (LAST, {"photometric": "rgb"}),
        (LAST, {"photometric": "rgb", "tile": (16, 16)}),
        (CUBE[np.newaxis, :, np.newaxis], {"photometric": "minisblack"}),
    ],
)
def test_channels_in_pages_samples_or_axes(tmp_path: Path, array: Any, how: dict) -> None:
    tifffile.imwrite(tmp_path / "a.tif", array, **how)
    source = only(tmp_path, "channels")
    assert source.channels == (1, 2, 3)
    (cell,) = cells_of(source)
    assert cell.pixels.dtype == np.dtype("=u2")
    np.testing.assert_array_equal(cell.pixels, LAST)


def test_the_channels_of_ome_are_believed_over_their_number(tmp_path: Path) -> None:
    many = np.arange(20 * 20 * 20, dtype=np.uint16).reshape(20, 20, 20)
    tifffile.imwrite(tmp_path / "a.tif", many, metadata={"axes": "CYX"}, ome=True)
    np.testing.assert_array_equal(cells_of(only(tmp_path))[0].pixels, np.moveaxis(many, 0, -1))


def test_an_alpha_sample_is_left_out_of_pictures_only(tmp_path: Path) -> None:
    picture = np.arange(20 * 22 * 4).reshape(20, 22, 4) % 251
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture.astype(np.uint8), photometric="rgb", extrasamples=["unassalpha"])
    assert channels_of(path).shape == (20, 22, 3)
    tifffile.imwrite(path, picture.astype(np.uint8), photometric="rgb", extrasamples=[0])
    assert channels_of(path).shape == (20, 22, 4)
    tifffile.imwrite(path, picture.astype(np.uint16), photometric="rgb", extrasamples=[2])
    assert channels_of(path).shape == (20, 22, 4)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4", "f8", "f2", "?"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"rowsperstrip": 3}])
def test_dtypes_are_kept_and_byte_order_made_native(
    tmp_path: Path, dtype: str, order: str, how: dict
) -> None:
    if dtype == "?" and order == ">":
        pytest.skip("single bits have no order")
    plane = PLANE.astype(dtype)
    tifffile.imwrite(tmp_path / "a_Ch1.tif", plane, byteorder=order, metadata=None, **how)
    tifffile.imwrite(tmp_path / "b.tif", plane, byteorder=order, metadata=None, **how)
    for cell in cells_of(only(tmp_path)):
        assert cell.pixels.dtype == np.dtype(dtype)
        assert cell.pixels.dtype.isnative
        np.testing.assert_array_equal(cell.pixels[:, :, 0], plane)


@pytest.mark.parametrize(
    ("array", "how", "words"),
    [
        (np.zeros((40, 3, 40), "u2"), {"photometric": "minisblack"}, "not clear"),
        (np.zeros((2, 5, 40, 40), "u2"), {"photometric": "minisblack"}, "4 axes"),
        (np.zeros((20, 20), "c8"), {}, "complex64"),
        (
            np.zeros((20, 20), "u1"),
            {"photometric": "palette", "colormap": np.zeros((3, 256), "u2")},
            "palette",
        ),
    ],
)
def test_what_cannot_be_a_cell_is_explained(
    tmp_path: Path, array: np.ndarray, how: dict, words: str
) -> None:
    tifffile.imwrite(tmp_path / "odd.tif", array, **how)
    reason = problem_of(only(tmp_path))
    assert words in reason
    assert "odd.tif" in reason


def test_pages_of_different_sizes_are_named(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(PLANE, metadata=None)
        file.write(PLANE[:, :-2], metadata=None)
    reason = problem_of(only(tmp_path, "channels"))
    assert "12 x 10" in reason
    assert "10 x 10" in reason


def test_a_file_of_one_channel_must_hold_one_image(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a_Ch1.tif", PIXELS.astype(np.uint8), photometric="rgb")
    assert "3 images or colours" in problem_of(only(tmp_path))
    tifffile.imwrite(tmp_path / "a_Ch1.tif", CUBE[:2], photometric="minisblack")
    assert "2 images or colours" in problem_of(only(tmp_path, "channels"))


def test_a_plane_whose_description_names_other_files_is_read_alone(tmp_path: Path) -> None:
    """IDEAS and Bio-Formats write such descriptions into every file of a set."""
    write_channel_tiffs(tmp_path, "a", PIXELS[:, :, :2], (1, 2), metadata={})
    uuids = "".join(
        f'<TiffData FirstC="{i}" PlaneCount="1"><UUID FileName="a_Ch{i + 1}.ome.tif">'
        f"urn:uuid:00000000-0000-0000-0000-00000000000{i}</UUID></TiffData>"
        for i in range(2)
    )
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
        f'SizeX="12" SizeY="10" SizeC="2" SizeZ="1" SizeT="1">{uuids}</Pixels></Image></OME>'
    )
    for how in ({}, {"compression": "zlib"}):
        for i in range(2):
            plane, path = np.ascontiguousarray(PIXELS[:, :, i]), tmp_path / f"a_Ch{i + 1}.ome.tif"
            tifffile.imwrite(path, plane, description=text, metadata=None, **how)
        np.testing.assert_array_equal(cells_of(only(tmp_path))[0].pixels, PIXELS[:, :, :2])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("rows", [None, 1, 4])
@pytest.mark.parametrize("metadata", [None, {}])
def test_plain_files_take_the_fast_path(
    tmp_path: Path, order: str, rows: int | None, metadata: dict | None
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANE, byteorder=order, rowsperstrip=rows, metadata=metadata)
    pixels = decode_plain_tiff(path.read_bytes())
    assert pixels is not None
    np.testing.assert_array_equal(pixels, PLANE)


@pytest.mark.parametrize(
    ("array", "how"),
    [
        (PLANE, {"compression": "zlib"}),
        (PLANE, {"tile": (16, 16)}),
        (PLANE, {"photometric": "miniswhite"}),
        (PLANE, {"predictor": 2, "compression": "zlib"}),
        (PLANE, {"bigtiff": True}),
        (PLANE, {"subfiletype": 1}),
        (PLANE, {"extratags": [(65000, 3, 1, 7, True)]}),
        (PLANE, {"description": "ImageJ=1.53\nimages=3\n", "metadata": None}),
        (PLANE.astype("c8"), {}),
        (PLANE > 9, {}),
        (PLANE.astype("f2"), {}),
        (PIXELS, {"photometric": "rgb"}),
        (CUBE, {"photometric": "minisblack"}),
        (CUBE, {"photometric": "minisblack", "metadata": {}, "contiguous": True}),
    ],
)
def test_everything_else_does_not(tmp_path: Path, array: np.ndarray, how: dict) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, **how)
    assert decode_plain_tiff(path.read_bytes()) is None


def test_a_truncated_series_is_read_whole(tmp_path: Path) -> None:
    """Here tifffile writes all images behind a single page."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(CUBE, photometric="minisblack", metadata={"truncate": True})
    assert decode_plain_tiff(path.read_bytes()) is None
    np.testing.assert_array_equal(channels_of(path), LAST)


def test_both_paths_agree_on_junk_behind_short_values(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANE, metadata=None)
    data = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    for at in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        if struct.unpack_from("<HI", data, at + 2) == (3, 1):
            data[at + 10 : at + 12] = b"\xab\xcd"
    fast = decode_plain_tiff(bytes(data))
    assert fast is not None
    np.testing.assert_array_equal(fast, PLANE)

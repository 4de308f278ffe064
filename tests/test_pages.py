"""Pages of a file: channels where the file says so, asked about where it does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from deepometry.cells.parse import ParseResult, parse
from deepometry.core.errors import Choice, DeepometryError, OptionsError, Question
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Progress
from deepometry.exports.find_cell import find_cell
from deepometry.images.readers import bioformats
from deepometry.images.readers.base import Cell, Problem
from deepometry.images.readers.depth_names import planes_in_names
from deepometry.images.readers.find import find_sources
from deepometry.images.readers.survey import settle
from deepometry.images.readers.tiff_layout import name_channels
from tests.builders import write_channel_tiffs
from tests.parsing import record, table
from tests.reading import cells_of, only, problem_of

Z, T, C = 5, 4, 3
SHAPE = (20, 22)
PLANE = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)


def planes(*counts: int) -> np.ndarray:
    """Make images each of which has its own values: shape (*counts, height, width)."""
    number = int(np.prod(counts))
    return (
        (np.arange(number).reshape(-1, 1, 1) * 1000 + PLANE).reshape(*counts, *SHAPE).astype("u2")
    )


def ome(path: Path, array: np.ndarray, axes: str, **more: Any) -> None:
    tifffile.imwrite(
        path, array, ome=True, photometric="minisblack", metadata={"axes": axes, **more}
    )


def imagej(path: Path, array: np.ndarray, axes: str) -> None:
    tifffile.imwrite(path, array, imagej=True, metadata={"axes": axes})


def plain(path: Path, array: np.ndarray, **how: Any) -> None:
    tifffile.imwrite(path, array, photometric="minisblack", metadata=None, **how)


def named(path: Path, array: np.ndarray, names: list[str], tag: int = 285) -> None:
    with tifffile.TiffWriter(path) as file:
        for plane, name in zip(array, names, strict=True):
            more = {"extratags": [(tag, 2, 0, name, True)]} if tag == 285 else {"description": name}
            file.write(plane, photometric="minisblack", metadata=None, **more)


def scenes(path: Path, arrays: list[np.ndarray], axes: str) -> None:
    with tifffile.TiffWriter(path, ome=True) as file:
        for array in arrays:
            file.write(array, photometric="minisblack", metadata={"axes": axes})


@dataclass
class Layout:
    """A file, and the cells that each reading makes of it: names behind that of the file, pixels.

    `channels` of None: the file is read without a question.
    """

    write: Callable[[Path], None]
    readings: dict[str | None, list[tuple[str, np.ndarray]]]


def last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 0, -1)


def one(array: np.ndarray) -> np.ndarray:
    return array[:, :, np.newaxis]


def mean(array: np.ndarray) -> np.ndarray:
    return np.rint(array.mean(axis=0)).astype(array.dtype)


def each(array: np.ndarray, letter: str = "") -> list[tuple[str, np.ndarray]]:
    return [(f"#{letter}{n}", one(plane)) for n, plane in enumerate(array, 1)]


def stack(array: np.ndarray, letter: str = "") -> dict[str | None, list[tuple[str, np.ndarray]]]:
    """Return the readings of a stack that may be anything, or is of z planes."""
    return {
        "cells": each(array, letter),
        "channels": [("", last(array))],
        "z-max": [("", one(array.max(axis=0)))],
        "z-mean": [("", one(mean(array)))],
    }


def hyperstack(array: np.ndarray) -> dict[str | None, list[tuple[str, np.ndarray]]]:
    """Return the readings of z planes of channels: (z, channels, height, width)."""
    return {
        "cells": [(f"#z{n}", last(plane)) for n, plane in enumerate(array, 1)],
        "z-max": [("", last(array.max(axis=0)))],
        "z-mean": [("", last(mean(array)))],
    }


def channels(array: np.ndarray) -> dict[str | None, list[tuple[str, np.ndarray]]]:
    """Return the readings of channels: always the same."""
    return {key: [("", last(array))] for key in (None, "channels", "cells", "z-max", "z-mean")}


RGB = np.ascontiguousarray(last(planes(3)))
BD = ["LightLoss (Imaging)", "FSC (Imaging)", "ImgB1", "ImgB2"]
LAYOUTS = {
    "OME z": Layout(lambda p: ome(p, planes(Z), "ZYX"), stack(planes(Z), "z")),
    "OME channels": Layout(lambda p: ome(p, planes(C), "CYX"), channels(planes(C))),
    "OME z of channels": Layout(lambda p: ome(p, planes(Z, C), "ZCYX"), hyperstack(planes(Z, C))),
    "OME channels of z": Layout(
        lambda p: ome(p, planes(C, Z), "CZYX"), hyperstack(planes(C, Z).swapaxes(0, 1))
    ),
    "OME time": Layout(
        lambda p: ome(p, planes(T), "TYX"),
        {"cells": each(planes(T), "t"), "channels": [("", last(planes(T)))]},
    ),
    "OME time of z": Layout(
        lambda p: ome(p, planes(T, Z), "TZYX"),
        {
            "cells": [
                (f"#t{t + 1}z{z + 1}", one(planes(T, Z)[t, z])) for t in range(T) for z in range(Z)
            ],
            "z-max": [(f"#t{t + 1}", one(planes(T, Z)[t].max(axis=0))) for t in range(T)],
            "z-mean": [(f"#t{t + 1}", one(mean(planes(T, Z)[t]))) for t in range(T)],
            "channels": [("", last(planes(T * Z)))],
        },
    ),
    "OME scenes": Layout(
        lambda p: scenes(p, list(planes(2, C)), "CYX"),
        {"cells": [("#1", last(planes(2, C)[0])), ("#2", last(planes(2, C)[1]))]},
    ),
    "OME scenes of z": Layout(
        lambda p: scenes(p, list(planes(2, Z)), "ZYX"),
        {
            "cells": [
                (f"#s{s + 1}z{z + 1}", one(planes(2, Z)[s, z])) for s in range(2) for z in range(Z)
            ],
            "z-max": [(f"#{s + 1}", one(planes(2, Z)[s].max(axis=0))) for s in range(2)],
            "z-mean": [(f"#{s + 1}", one(mean(planes(2, Z)[s]))) for s in range(2)],
            "channels": [("", last(planes(2 * Z)))],
        },
    ),
    "ImageJ slices": Layout(lambda p: imagej(p, planes(10), "ZYX"), stack(planes(10))),
    "ImageJ channels": Layout(lambda p: imagej(p, planes(C), "CYX"), channels(planes(C))),
    "ImageJ frames": Layout(
        lambda p: imagej(p, planes(T), "TYX"),
        {"cells": each(planes(T), "t"), "channels": [("", last(planes(T)))]},
    ),
    "ImageJ hyperstack": Layout(
        lambda p: imagej(p, planes(Z, 2), "ZCYX"), hyperstack(planes(Z, 2))
    ),
    "ImageJ channels that are too many": Layout(
        lambda p: tifffile.imwrite(p, planes(25), imagej=True), stack(planes(25))
    ),
    "ImageJ channels of colours": Layout(
        lambda p: tifffile.imwrite(
            p, np.stack([RGB % 256, (RGB + 7) % 256]).astype("u1"), imagej=True
        ),
        {
            "cells": [("#1", (RGB % 256).astype("u1")), ("#2", ((RGB + 7) % 256).astype("u1"))],
            "z-max": [("", np.maximum(RGB % 256, (RGB + 7) % 256).astype("u1"))],
            "z-mean": [
                ("", np.rint((RGB % 256 + (RGB + 7) % 256) / 2).astype("u1")),
            ],
        },
    ),
    "ImageJ colours": Layout(
        lambda p: imagej(p, (RGB % 256).astype("u1"), "YXS"),
        channels(np.moveaxis(RGB % 256, -1, 0).astype("u1")),
    ),
    "plain, many pages": Layout(lambda p: plain(p, planes(25)), stack(planes(25))),
    "plain, few pages": Layout(lambda p: plain(p, planes(3)), stack(planes(3))),
    "plain, compressed": Layout(lambda p: plain(p, planes(3), compression="lzw"), stack(planes(3))),
    "plain, BigTIFF": Layout(lambda p: plain(p, planes(3), bigtiff=True), stack(planes(3))),
    "names of channels": Layout(lambda p: named(p, planes(4), BD), channels(planes(4))),
    "descriptions that name channels": Layout(
        lambda p: named(p, planes(3), ["DAPI", "FITC", "BF"], 270), channels(planes(3))
    ),
    "names of slices": Layout(
        lambda p: named(p, planes(3), ["slice 1", "slice 2", "slice 3"]), stack(planes(3))
    ),
    "a shape without axes": Layout(
        lambda p: tifffile.imwrite(p, planes(7), photometric="minisblack"), stack(planes(7))
    ),
    "a shape with channels last": Layout(
        lambda p: tifffile.imwrite(p, last(planes(5)), photometric="minisblack"), stack(planes(5))
    ),
    "a shape with axes": Layout(
        lambda p: tifffile.imwrite(
            p, planes(3), photometric="minisblack", metadata={"axes": "CYX"}
        ),
        channels(planes(3)),
    ),
    "as many pages as pixels": Layout(
        lambda p: tifffile.imwrite(p, planes(20)[:, :, :20], photometric="minisblack"),
        stack(planes(20)[:, :, :20]),
    ),
    "one page with depth": Layout(
        lambda p: tifffile.imwrite(
            p, planes(Z), photometric="minisblack", volumetric=True, tile=(1, 16, 16)
        ),
        stack(planes(Z), "z"),
    ),
    "samples in planes": Layout(
        lambda p: plain(p, planes(5), planarconfig="separate"), channels(planes(5))
    ),
    "samples of a pixel": Layout(
        lambda p: plain(p, last(planes(5)), planarconfig="contig"), channels(planes(5))
    ),
    "red, green, blue": Layout(
        lambda p: tifffile.imwrite(p, RGB, photometric="rgb"), channels(planes(3))
    ),
    "pages of colours": Layout(
        lambda p: tifffile.imwrite(
            p, np.stack([RGB, RGB + 7]), photometric="rgb", metadata=None
        ),
        {
            "cells": [("#1", RGB), ("#2", RGB + 7)],
            "z-max": [("", RGB + 7)],
            "z-mean": [("", mean(np.stack([RGB, RGB + 7])))],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_file_is_read_as_it_says_or_asked_about(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    layout.write(tmp_path / "a.tif")
    if None not in layout.readings:
        with pytest.raises(Question) as caught:
            find_sources(tmp_path)
        assert {choice.value for choice in caught.value.choices} == set(layout.readings)
        assert "a.tif" in str(caught.value)
    for pages, cells in layout.readings.items():
        source = only(tmp_path, pages)
        assert list(source.objects) == [f"a{suffix}" for suffix, _ in cells]
        read = cells_of(source)
        for cell, (_, pixels) in zip(read, cells, strict=True):
            assert cell.source == "a.tif"
            assert cell.pixels.dtype == pixels.dtype
            np.testing.assert_array_equal(cell.pixels, pixels)
            assert cell.note == ""
        assert source.channels == tuple(range(1, cells[0][1].shape[2] + 1))
        wanted = source.channels[::-1]
        (first, *_) = cells_of(source, wanted)
        np.testing.assert_array_equal(first.pixels, cells[0][1][:, :, ::-1])


def choices_of(folder: Path) -> dict[str, Choice]:
    with pytest.raises(Question) as caught:
        find_sources(folder)
    assert caught.value.option == "pages"
    return {choice.value: choice for choice in caught.value.choices}


def test_the_question_shows_what_comes_of_each_reading(tmp_path: Path) -> None:
    imagej(tmp_path / "a.tif", planes(10), "ZYX")
    choices = choices_of(tmp_path)
    assert choices["cells"].detail == "10 pages = 10 cells of 1 channel"
    assert choices["channels"].detail == "10 pages = 1 cell of 10 channels"
    assert choices["z-max"].detail == "10 pages = 1 cell of 1 channel"
    for choice in choices.values():
        assert choice.picture.startswith(b"\x89PNG")
    assert len({choice.picture for choice in choices.values()}) == 4
    ome(tmp_path / "a.tif", planes(Z, C), "ZCYX")
    assert choices_of(tmp_path)["z-max"].detail == "5 z planes of 3 channels = 1 cell of 3 channels"


def test_a_stack_further_down_a_folder_is_a_problem_that_names_the_option(tmp_path: Path) -> None:
    for number in range(9):
        plain(tmp_path / f"c{number}.tif", PLANE)
    plain(tmp_path / "c5.tif", planes(4))  # not among the first, the middle and the last
    problems = [cell for cell in only(tmp_path).read((1,)) if isinstance(cell, Problem)]
    assert [problem.object for problem in problems] == ["c5"]
    assert "c5.tif holds 4 pages" in problems[0].reason
    assert "option pages" in problems[0].reason
    source = only(tmp_path, "cells")
    assert list(source.objects)[4:9] == ["c4", "c5#1", "c5#2", "c5#3", "c5#4"]


def test_more_channels_than_the_first_file_has_are_a_problem(tmp_path: Path) -> None:
    for name, count in (("a", 2), ("b", 3), ("c", 2)):
        plain(tmp_path / f"{name}.tif", planes(count))
    first, second, third = only(tmp_path, "channels").read((1, 2))
    assert isinstance(first, Cell) and isinstance(third, Cell)
    assert isinstance(second, Problem)
    assert "b.tif has 3 channels where the first of its folder has 2" in second.reason


def test_named_pages_are_put_in_one_order_and_other_names_are_a_problem(tmp_path: Path) -> None:
    named(tmp_path / "a.tif", planes(2), ["DAPI", "BF"])
    named(tmp_path / "b.tif", planes(2)[::-1], ["BF", "DAPI"])
    named(tmp_path / "c.tif", planes(2), ["DAPI", "PE"])
    source = only(tmp_path)
    assert source.channel_names == {1: "DAPI", 2: "BF"}
    first, second, third = source.read((1, 2))
    assert isinstance(first, Cell) and isinstance(second, Cell) and isinstance(third, Problem)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert "DAPI, PE where the first file has DAPI, BF" in third.reason


def test_folders_with_channels_in_another_order_are_read_alike(tmp_path: Path) -> None:
    for name in ("A", "B", "C", "D"):
        (tmp_path / name).mkdir()
    named(tmp_path / "A" / "a.tif", planes(2), ["DAPI", "BF"])
    named(tmp_path / "B" / "a.tif", planes(2)[::-1], ["BF", "DAPI"])
    named(tmp_path / "C" / "a.tif", planes(2), ["DAPI", "PE"])
    ome(tmp_path / "D" / "a.tif", planes(2)[::-1], "CYX", Channel={"Name": ["BF", "DAPI"]})
    sources = find_sources(tmp_path)
    for source in (sources[0], sources[1], sources[3]):
        assert source.channel_names == {1: "DAPI", 2: "BF"}
        np.testing.assert_array_equal(cells_of(source)[0].pixels, last(planes(2)))
    assert "DAPI, PE where the first file has DAPI, BF" in problem_of(sources[2])


def test_channels_of_ome_that_have_moved_are_a_problem_and_other_names_are_noted(
    tmp_path: Path,
) -> None:
    files = {"a": ("DAPI", "PE"), "b": ("BF", "DAPI"), "c": ("DAPI", "FITC"), "d": ("PE", "DAPI")}
    for name, channels in files.items():
        ome(tmp_path / f"{name}.tif", planes(2), "CYX", Channel={"Name": [*channels]})
    first, moved, other, turned = only(tmp_path).read((1, 2))
    assert isinstance(first, Cell) and isinstance(other, Cell) and isinstance(turned, Cell)
    assert isinstance(moved, Problem)
    assert "BF, DAPI where the first file has DAPI, PE" in moved.reason
    assert (first.note, turned.note) == ("", "")
    assert other.note == "its channels are called DAPI, FITC, taken as DAPI, PE"
    np.testing.assert_array_equal(turned.pixels, last(planes(2))[:, :, ::-1])


def test_labels_of_imagej_that_name_channels_say_what_the_images_are(tmp_path: Path) -> None:
    for name, axes, labels in (
        ("a", "CYX", ["DAPI", "PE"]),
        ("b", "CYX", ["PE", "DAPI"]),
        ("c", "ZYX", ["DAPI", "PE"]),
    ):
        metadata = {"axes": axes, "Labels": labels}
        tifffile.imwrite(tmp_path / f"{name}.tif", planes(2), imagej=True, metadata=metadata)
    source = only(tmp_path)
    first, second, third = cells_of(source)
    assert source.channel_names == {1: "DAPI", 2: "PE"}
    np.testing.assert_array_equal(first.pixels, second.pixels[:, :, ::-1])
    np.testing.assert_array_equal(first.pixels, third.pixels)


def test_names_of_the_channels_of_ome_are_kept(tmp_path: Path) -> None:
    ome(tmp_path / "a.tif", planes(2), "CYX", Channel={"Name": ["DAPI", "PE"]})
    assert only(tmp_path).channel_names == {1: "DAPI", 2: "PE"}


@pytest.mark.parametrize(
    ("names", "channels"),
    [
        (["DAPI", "FITC", "BF"], True),
        (["Ch1", "Ch2"], True),
        (["channel_01", "channel_02"], True),
        (BD, True),
        (["488 nm", "561 nm"], True),
        (["CD4", "CD8", "protein of ours"], True),
        (["protein A", "protein B"], False),
        (["neutrophil 1", "eosinophil 1"], False),
        (["red cell", "white cell"], False),
        (["control red", "treated green"], False),
        (["DAPI 1", "DAPI 2"], False),
        (["1", "2"], False),
        (["z1", "z2"], False),
        (["cell_001", "cell_002"], False),
        (["T=1", "T=2"], False),
        (["Page 1", "Page 2"], False),
        (["DAPI", "DAPI"], False),
        (["DAPI\nexposure 3", "PE\nexposure 3"], False),
    ],
)
def test_which_names_are_names_of_channels(names: list[str], channels: bool) -> None:
    assert name_channels(names) is channels


def test_pages_of_several_sizes_can_only_be_cells(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for size in (10, 12, 14):
            file.write(PLANE[:size, :size], metadata=None)
    assert set(choices_of(tmp_path)) == {"cells"}
    cells = cells_of(only(tmp_path, "cells"))
    assert [cell.pixels.shape for cell in cells] == [(10, 10, 1), (12, 12, 1), (14, 14, 1)]
    assert "different sizes" in problem_of(only(tmp_path, "channels"))
    with pytest.raises(OptionsError, match="expected z planes"):
        find_sources(tmp_path, pages="z-max")


def test_pages_of_several_types_can_only_be_cells(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(PLANE, metadata=None)
        file.write(PLANE.astype("f4"), metadata=None)
    assert set(choices_of(tmp_path)) == {"cells"}
    assert "different types" in problem_of(only(tmp_path, "channels"))


def test_pages_whose_colours_are_equal_are_grey(tmp_path: Path) -> None:
    pages = (planes(3) % 256).astype("u1")
    tifffile.imwrite(tmp_path / "a.tif", np.repeat(pages[..., np.newaxis], 3, 3), metadata=None)
    assert choices_of(tmp_path)["channels"].detail == "3 pages = 1 cell of 3 channels"
    (cell,) = cells_of(only(tmp_path, "channels"))
    np.testing.assert_array_equal(cell.pixels, last(pages))
    for cell, page in zip(cells_of(only(tmp_path, "cells")), pages, strict=True):
        np.testing.assert_array_equal(cell.pixels, one(page))


def test_a_projection_of_time_alone_is_refused(tmp_path: Path) -> None:
    ome(tmp_path / "a.tif", planes(T), "TYX")
    with pytest.raises(OptionsError, match="4 time points"):
        find_sources(tmp_path, pages="z-mean")
    ome(tmp_path / "b.tif", planes(Z), "ZYX")  # of files that differ, the one is a problem
    first, second = only(tmp_path, "z-mean").read((1,))
    assert isinstance(first, Problem) and "none is a z plane" in first.reason
    assert isinstance(second, Cell)


def test_files_of_a_channel_each_may_hold_planes_or_cells(tmp_path: Path) -> None:
    stacks = np.moveaxis(planes(2, Z), 0, -1)  # (z, height, width, channels)
    for name in ("a", "b"):
        for channel in (1, 2):
            plain(
                tmp_path / f"{name}_Ch{channel}.tif", np.ascontiguousarray(stacks[..., channel - 1])
            )
    assert set(choices_of(tmp_path)) == {"cells", "z-max", "z-mean"}
    source = only(tmp_path, "z-max")
    assert list(source.objects) == ["a", "b"]
    for cell in cells_of(source, (1, 2)):
        np.testing.assert_array_equal(cell.pixels, stacks.max(axis=0))
    source = only(tmp_path, "cells")
    assert list(source.objects)[:6] == ["a#1", "a#2", "a#3", "a#4", "a#5", "b#1"]
    for number, cell in enumerate(cells_of(source, (2, 1))):
        np.testing.assert_array_equal(cell.pixels, stacks[number % Z][:, :, ::-1])


def test_files_of_a_channel_each_with_unequal_pages_are_a_problem(tmp_path: Path) -> None:
    plain(tmp_path / "a_Ch1.tif", planes(3))
    plain(tmp_path / "a_Ch2.tif", planes(2))
    read = list(only(tmp_path, "cells").read((1, 2)))
    assert len(read) == 3
    assert all(isinstance(each, Problem) and "2 or 3 images" in each.reason for each in read)


def test_cells_of_pages_have_names_of_their_own(tmp_path: Path) -> None:
    plain(tmp_path / "a.tif", planes(2))
    plain(tmp_path / "a#1.tif", PLANE)
    source = only(tmp_path, "cells")
    assert len(set(source.objects)) == len(set(source.keys)) == 3
    assert sorted(source.objects) == ["a#1.tif", "a.tif#1", "a.tif#2"]
    assert len(cells_of(source)) == 3


def test_planes_of_whole_numbers_have_a_rounded_mean_and_others_none(tmp_path: Path) -> None:
    plain(tmp_path / "a.tif", np.stack([PLANE * 0, PLANE * 0 + 3]))
    (cell,) = cells_of(only(tmp_path, "z-mean"))
    assert cell.pixels.dtype == np.uint16
    assert (cell.pixels == 2).all()
    plain(tmp_path / "a.tif", np.stack([PLANE * 0, PLANE * 0 + 3]).astype("f4"))
    (cell,) = cells_of(only(tmp_path, "z-mean"))
    assert cell.pixels.dtype == np.float32
    assert (cell.pixels == 1.5).all()


def test_a_damaged_stack_is_a_problem_not_a_question(tmp_path: Path) -> None:
    plain(tmp_path / "a.tif", planes(4))
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) // 2])
    for pages in (None, "cells", "z-max", "channels"):
        assert "damaged" in problem_of(only(tmp_path, pages))


# --- parse --------------------------------------------------------------------------------------


def parsed(folder: Path, output: Path, **options: Any) -> ParseResult:
    return parse(ParseOptions(input=folder, output=output, montage=0, **options))


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    for number, name in enumerate(("A", "B")):
        folder = tmp_path / "in" / f"Class {name}"
        folder.mkdir(parents=True)
        imagej(folder / "stack.tif", planes(10) + number, "ZYX")
    return tmp_path / "in"


def test_parse_asks_before_it_writes(stacks: Path, tmp_path: Path) -> None:
    with pytest.raises(Question):
        parsed(stacks, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parse_of_cells_in_pages_with_a_split(stacks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = parsed(stacks, out, pages="cells", split="80/20", frame=24)
    assert result.cells == 20
    assert result.sides == {"Train": 16, "Hold-out": 4}
    assert "\n2 files of 10 pages = 20 cells.\n" in str(result)
    assert record(out)["options"]["pages"] == "cells"
    rows = table(out / "Train" / "Class A" / "Class A.csv")
    rows += table(out / "Hold-out" / "Class A" / "Class A.csv")
    assert sorted(row["object"] for row in rows) == sorted(f"stack#{n}" for n in range(1, 11))
    pixels = np.load(out / "Train" / "Class A" / "Class A.npy")
    number = int(table(out / "Train" / "Class A" / "Class A.csv")[0]["object"].split("#")[1])
    np.testing.assert_array_equal(pixels[0, 2:22, 1:23, 0], planes(10)[number - 1])
    again = parsed(stacks, tmp_path / "again", pages="cells", split="80/20", frame=30)
    held = table(out / "Hold-out" / "Class A" / "Class A.csv")
    same = table(again.output / "Hold-out" / "Class A" / "Class A.csv")
    assert [row["object"] for row in held] == [row["object"] for row in same]


def test_parse_of_projections(stacks: Path, tmp_path: Path) -> None:
    result = parsed(stacks, tmp_path / "out", pages="z-max", frame=24)
    assert (result.cells, result.channels) == (2, (1,))
    assert "2 files of 10 pages = 2 cells" in str(result)
    pixels = np.load(tmp_path / "out" / "Class B" / "Class B.npy")
    np.testing.assert_array_equal(pixels[0, 2:22, 1:23, 0], planes(10).max(axis=0) + 1)


def test_planes_of_one_cell_on_both_sides_of_a_split_are_told(stacks: Path, tmp_path: Path) -> None:
    told = "Z planes and time points of one file"
    result = parsed(stacks, tmp_path / "a", pages="cells", split="80/20", frame=24)
    assert told not in str(result)  # slices of ImageJ may be anything
    for name in ("A", "B"):
        ome(stacks / f"Class {name}" / "stack.tif", planes(10), "ZYX")
    assert told not in str(parsed(stacks, tmp_path / "b", pages="cells", frame=24))
    assert told in str(parsed(stacks, tmp_path / "c", pages="cells", split="80/20", frame=24))


def test_parse_without_pages_says_nothing_of_them(tmp_path: Path) -> None:
    write_channel_tiffs(tmp_path / "in", "a", last(planes(2)), (1, 2))
    result = parsed(tmp_path / "in", tmp_path / "out", pages="cells", frame=24)
    assert "2 files = 1 cell x channels 1,2." in str(result)


@pytest.mark.parametrize("asked", ["stack#3", "stack#3 of stack.tif", "Class B/stack.tif #stack#3"])
def test_a_cell_in_a_page_is_found_again(stacks: Path, tmp_path: Path, asked: str) -> None:
    if "Class" not in asked:
        shutil.rmtree(stacks / "Class A")
    parsed(stacks, tmp_path / "out", pages="cells", frame=24)
    for cell in (find_cell(stacks, asked, pages="cells"), find_cell(tmp_path / "out", asked)):
        assert (cell.source, cell.object) == ("Class B/stack.tif", "stack#3")
        assert int(cell.image.pixels.max()) == int(planes(10)[2].max()) + 1


def test_pages_are_one_of_four(tmp_path: Path) -> None:
    with pytest.raises(DeepometryError, match="expected one of channels, cells, z-max, z-mean"):
        parsed(tmp_path, tmp_path / "out", pages="slices")


class Microscope:
    """Stands in for a file open in Bio-Formats: 2 time points of 3 z planes of 2 channels."""

    pixels = np.random.default_rng(0).integers(0, 999, (2, 3, 9, 7, 2)).astype(np.uint16)

    def __init__(self, path: Path, amnis: bool) -> None:
        pass

    def read(self, plane: Sequence[int], columns: Sequence[int]) -> np.ndarray:
        _, z, t = plane
        return self.pixels[t, z][:, :, list(columns)]

    def close(self) -> None:
        pass


def test_planes_that_bioformats_finds_are_asked_about_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bioformats, "PlaneFile", Microscope)
    monkeypatch.setattr(bioformats.java, "run", lambda work: work())
    places = np.array([(0, z, t, 2, -1) for t in range(2) for z in range(3)], np.int32)
    contents = bioformats.Contents(places, {}, frozenset())

    def source(pages: str | None) -> bioformats.BioformatsSource:
        opened = bioformats.BioformatsSource(Path("a.czi"), (), "a", contents, False, pages)
        settle([opened], pages, Progress())
        return opened

    for pages in (None, "channels"):
        with pytest.raises(Question, match=r"a.czi holds 3 z planes of 2 time points") as caught:
            source(pages)
        assert [choice.value for choice in caught.value.choices] == ["cells", "z-max", "z-mean"]
    cells = cells_of(source("cells"), (2, 1))
    np.testing.assert_array_equal(cells[4].pixels, Microscope.pixels[1, 1][:, :, ::-1])
    assert len(cells) == 6
    highest = cells_of(source("z-max"), (1, 2))
    assert len(highest) == len(set(source("z-max").keys)) == 2
    np.testing.assert_array_equal(highest[1].pixels, Microscope.pixels[1].max(axis=0))


# --- z planes in files of their own --------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["a_z0", "a_z1", "b_z0", "b_z1"], {"a": [0, 1], "b": [2, 3]}),
        (["z01_a", "z01_b", "z02_a", "z02_b"], {"a": [0, 2], "b": [1, 3]}),
        (["A01Z01C1", "A01Z02C1"], {"A01C1": [0, 1]}),
        (["a slice 1", "a slice 2"], {"a": [0, 1]}),
        (["a_zplane=1", "a_zplane=2"], {"a": [0, 1]}),
        (["a_z1", "b_z1", "c_z1"], {}),
        (["quiz1", "quiz2"], {}),
        (["a_1", "a_2"], {}),
        (["a_z1", "a_z2", "b", "c", "d"], {}),
    ],
)
def test_which_names_number_z_planes(names: list[str], groups: dict[str, list[int]]) -> None:
    assert planes_in_names(names) == groups


def test_z_planes_in_files_of_their_own_are_asked_about(tmp_path: Path) -> None:
    stacks = {name: planes(4, 2) + number for number, name in enumerate("abc")}
    for name, stack in stacks.items():
        for z, plane in enumerate(stack):
            for channel in (1, 2):
                path = tmp_path / "Class A" / f"{name}_z{z}_Ch{channel}.tif"
                path.parent.mkdir(exist_ok=True)
                plain(path, plane[channel - 1])
    choices = choices_of(tmp_path)
    assert {value: choice.detail for value, choice in choices.items()} == {
        "cells": "12 files of a z plane each = 12 cells",
        "z-max": "12 files of a z plane each = 3 cells",
        "z-mean": "12 files of a z plane each = 3 cells",
    }
    assert len(cells_of(only(tmp_path, "cells"))) == 12
    cells = cells_of(only(tmp_path, "z-max"), (2, 1))
    assert [(cell.object, cell.source) for cell in cells][1] == ("b", "Class A/b_z0_Ch1.tif")
    for cell, stack in zip(cells, stacks.values(), strict=True):
        np.testing.assert_array_equal(cell.pixels, last(stack.max(axis=0))[:, :, ::-1])
    result = parsed(tmp_path, tmp_path.with_name("out"), pages="z-mean", frame=24)
    assert "12 files of a z plane each = 3 cells." in str(result)
    plain(tmp_path / "Class A" / "b_z2_Ch1.tif", PLANE[:, :-1])
    first, second, _ = only(tmp_path, "z-max").read((1,))
    assert isinstance(first, Cell) and isinstance(second, Problem)
    assert "z planes of one size" in second.reason

"""Reading samples of Imaging FlowCytobots: .adc, .roi and .hdr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import InfoOptions
from deepometry.images.info import info
from deepometry.images.readers.base import Problem
from deepometry.images.readers.find import find_sources, open_cells
from deepometry.images.readers.ifcb import IfcbSource
from tests.kinds import IFCB_NEW, write_ifcb
from tests.parsing import ParseRun, table
from tests.reading import cells_of, only

NAME = "D20180703T093453_IFCB114"
RANDOM = np.random.default_rng(3)
SIZES = [(20, 31), None, (17, 40), (24, 24), None, (33, 18)]
IMAGES = [None if s is None else RANDOM.integers(0, 256, s).astype(np.uint8) for s in SIZES]
NUMBERS = [str(number) for number, size in enumerate(SIZES, 1) if size]


@pytest.mark.parametrize(
    ("name", "new", "header"),
    [
        (NAME, True, ""),
        (NAME, True, None),
        ("IFCB5_2010_264_134735", False, ""),
        ("IFCB1_2006_158_000036", False, None),
        ("I20130526T095207_IFCB013", True, "softwareVersion: Imaging FlowCytobot"),
        ("any name", True, f"ADCFileFormat: {IFCB_NEW.lower().replace('_', ' ')}"),
    ],
)
def test_regions_are_read_in_both_layouts(
    tmp_path: Path, name: str, new: bool, header: str | None
) -> None:
    write_ifcb(tmp_path / "Cruise 1", name, IMAGES, new, header)
    source = only(tmp_path)
    assert (source.folder, source.stem, source.channels) == (("Cruise 1",), name, (1,))
    assert list(source.objects) == NUMBERS
    assert source.keys[1] == f"Cruise 1/{name}.adc#3"
    assert source.channel_names == {1: "Brightfield"}
    assert source.details == {"Triggers without an image": "2"}
    images = [image for image in IMAGES if image is not None]
    for cell, image in zip(cells_of(source), images, strict=True):
        assert np.array_equal(cell.pixels[:, :, 0], image)
    widths = [image.shape[1] for image in images]
    features = {key.casefold(): values.tolist() for key, values in source.features.items()}
    assert features["roiwidth"] == widths


def test_parse_keeps_numbers_and_columns(tmp_path: Path) -> None:
    run = ParseRun(tmp_path)
    write_ifcb(run.input, NAME, IMAGES)
    run(frame=40)
    rows = table(tmp_path / "out" / f"{NAME}.csv")
    assert [row["object"] for row in rows] == NUMBERS
    assert [row["trigger#"] for row in rows] == NUMBERS
    assert [row["PMTA"] for row in rows] == ["1.125", "3.125", "4.125", "6.125"]
    assert [row["ROIheight"] for row in rows] == ["20", "17", "24", "33"]
    pixels = np.load(tmp_path / "out" / f"{NAME}.npy")
    assert np.array_equal(pixels[2, 8:32, 8:32, 0], IMAGES[3])


def test_info_counts_samples_not_files(tmp_path: Path) -> None:
    write_ifcb(tmp_path, NAME, IMAGES)
    (tmp_path / "notes.hdr").touch()
    result = info(InfoOptions(input=tmp_path))
    assert (result.cells, result.files) == (4, {".adc": 1})
    assert result.left_out == "1 file of another kind was left out, such as notes.hdr."
    for end in (".adc", ".roi", ".hdr"):
        assert isinstance(open_cells(tmp_path / f"{NAME}{end}"), IfcbSource)


def test_endings_may_be_in_capitals(tmp_path: Path) -> None:
    path = write_ifcb(tmp_path, NAME, IMAGES)
    for file in (path, path.with_suffix(".roi"), path.with_suffix(".hdr")):
        file.rename(file.with_suffix(file.suffix.upper()))
    assert len(cells_of(only(tmp_path))) == 4


@pytest.mark.parametrize("missing", [".adc", ".roi"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_ifcb(tmp_path, NAME, IMAGES).with_suffix(missing).unlink()
    with pytest.raises(DeepometryError, match=rf"expected the \{missing} file of this sample"):
        find_sources(tmp_path)


def test_a_region_of_imagej_is_no_sample(tmp_path: Path) -> None:
    (tmp_path / "0001-0002.roi").write_bytes(b"Iout\x00\xe4" + bytes(60))
    with pytest.raises(DeepometryError, match=r"found 1 other file, such as 0001-0002\.roi"):
        find_sources(tmp_path)


def empty(path: Path) -> None:
    path.write_text("")


def no_regions(path: Path) -> None:
    write_ifcb(path.parent, NAME, [None, None])


def words(path: Path) -> None:
    path.write_text("cell,class\none,diatom\ntwo,ciliate\n")


def numbers(path: Path) -> None:
    path.write_text("1,2,3\n4,5,6\n")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (empty, "expected a table of an Imaging FlowCytobot"),
        (no_regions, "has 2 triggers but not one region"),
        (words, "expected a table of an Imaging FlowCytobot"),
        (numbers, "expected a table of an Imaging FlowCytobot"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, damage: Any, reason: str
) -> None:
    damage(write_ifcb(tmp_path, NAME, IMAGES))
    with pytest.raises(DeepometryError, match=reason) as caught:
        find_sources(tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_lines_and_lost_pixels_are_problems(tmp_path: Path) -> None:
    path = write_ifcb(tmp_path, NAME, IMAGES)
    lines = path.read_text().splitlines()
    lines[0] = "torn,"
    lines[2] = lines[2].replace(",40,17,", ",-40,17,")
    path.write_text("\n".join(lines))
    roi = path.with_suffix(".roi")
    roi.write_bytes(roi.read_bytes()[:-9])
    fourth, sixth, first, third = open_cells(path).read((1,))
    assert not isinstance(fourth, Problem)
    assert np.array_equal(fourth.pixels[:, :, 0], IMAGES[3])
    problems = [cell for cell in (sixth, first, third) if isinstance(cell, Problem)]
    assert [problem.object for problem in problems] == ["6", "1", "3"]
    assert "ends before its pixels do" in problems[0].reason
    assert problems[1].reason.startswith("Line 1 of ")


def test_absurd_sizes_are_problems(tmp_path: Path) -> None:
    path = write_ifcb(tmp_path, NAME, IMAGES)
    lines = path.read_text().splitlines()
    lines[0] = lines[0].replace(",31,20,", f",{10**9},{10**9},")
    lines[2] = lines[2].replace(",40,17,", ",1e400,17,")
    path.write_text("\n".join(lines))
    cells = list(open_cells(path).read((1,)))
    reasons = {cell.object: cell.reason for cell in cells if isinstance(cell, Problem)}
    assert "found 1,000,000,000 x 1,000,000,000 pixels" in reasons["1"]
    assert sorted(reasons) == ["1", "3"]


def test_all_pixels_lost_are_problems_and_no_other_layout(tmp_path: Path) -> None:
    path = write_ifcb(tmp_path, NAME, IMAGES)
    path.with_suffix(".roi").write_bytes(b"")
    cells = list(open_cells(path).read((1,)))
    assert [cell.object for cell in cells if isinstance(cell, Problem)] == NUMBERS

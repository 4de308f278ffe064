"""What a parse writes: stacks, tables, montages and a record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cells.parse import parse
from deepometry.core.errors import OptionsError
from deepometry.core.options.parse import ParseOptions
from tests.builders import REAL_CIF, random_cells
from tests.parsing import CifInput, ParseRun, TiffInput, record, table, tree


@pytest.fixture
def run(tmp_path: Path) -> ParseRun:
    return ParseRun(tmp_path)


def test_folders_of_the_input_are_kept(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("Day 1/Class A"), CifInput("Day 2/Class B", 3, stem="x"), montage=0)
    assert set(tree(tmp_path / "out")) == {
        "Day 1/Class A/cells.npy",
        "Day 1/Class A/cells.csv",
        "Day 2/Class B/x.npy",
        "Day 2/Class B/x.csv",
        "parse.json",
    }
    assert (result.cells, result.problems, result.sides) == (8, 0, {})
    assert result.stacks == ("Day 1/Class A/cells.npy", "Day 2/Class B/x.npy")


def test_pixels_and_rows_are_those_of_the_cells_in_order(run: ParseRun, tmp_path: Path) -> None:
    source = CifInput("Class A", 7, size=(18, 30))
    run(source, channels="3,1")
    stack = np.load(tmp_path / "out/Class A/cells.npy", mmap_mode="r")
    assert (stack.shape, stack.dtype) == ((7, 24, 24, 2), np.uint16)
    for number, cell in enumerate(stack):
        expected = source.pixels(number)[:, 3:27][..., [2, 0]]
        np.testing.assert_array_equal(cell[3:21], expected)
        assert abs(cell[:3, :, 0].mean() - 300) < 5
    rows = table(tmp_path / "out/Class A/cells.csv")
    assert [row["object"] for row in rows] == list("1234567")
    assert rows[0]["source"] == "Class A/cells.cif"
    assert (rows[0]["height"], rows[0]["width"]) == ("18", "30")
    assert {row["note"] for row in rows} == {"cropped from 18 x 30"}


def test_a_cell_that_fits_has_no_note(run: ParseRun, tmp_path: Path) -> None:
    run(CifInput("Class A"), montage=0)
    row = table(tmp_path / "out/Class A/cells.csv")[0]
    assert list(row) == ["source", "object", "height", "width", "centre_x", "centre_y", "note"]
    assert row["note"] == row["centre_x"] == row["centre_y"] == ""


def test_channels_are_by_default_all_in_numeric_order(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("Class A", names={10: "Ch10", 2: "Brightfield"}))
    assert result.channels == (1, 2, 3, 10)
    assert record(tmp_path / "out")["channel_names"] == {"2": "Brightfield", "10": "Ch10"}


@pytest.mark.parametrize(
    ("cells", "chosen"), [((4, 4, 9), (1, 3)), ((5, 5, 1), (1, 2, 3)), ((2, 8, 6), (1, 2, 3))]
)
def test_channels_by_default_are_those_that_most_cells_have(
    run: ParseRun, cells: tuple[int, int, int], chosen: tuple[int, ...]
) -> None:
    two, three, other = cells
    sources = CifInput("A", two, channels=(1, 2)), CifInput("B", three, channels=(1, 2, 3))
    result = run(*sources, CifInput("C", other, channels=(1, 3)))
    assert result.channels == chosen
    assert result.cells + result.problems == sum(cells)


def test_a_channel_that_no_image_has_is_one_sentence(run: ParseRun) -> None:
    with pytest.raises(OptionsError) as caught:
        run(CifInput("A"), channels="1,7,12")
    assert caught.value.fields == {
        "channels": "Channels: expected channels that the images have (1,2,3,10), found 7,12; "
        "choose among those."
    }


def test_montages_show_the_cells_where_the_table_says(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("Day 1/Class A", 9), channels="3,1")
    folder = tmp_path / "out/Day 1/Class A"
    stack = np.load(folder / "cells.npy")
    for cell, row in zip(stack, table(folder / "cells.csv"), strict=True):
        y, x = ((int(row[f"montage_{axis}"]) - 1) * 24 for axis in ("row", "column"))
        for position, channel in enumerate((3, 1)):
            name = f"Day 1_Class A_ch{channel}_{row['montage_sheet']}.tif"
            sheet = tifffile.imread(folder / name)
            np.testing.assert_array_equal(sheet[y : y + 24, x : x + 24], cell[..., position])
    assert len(result.montages) == 6


def test_montages_of_the_root_are_named_after_the_stack(run: ParseRun) -> None:
    result = run(CifInput("", 2, stem="sample 7"), channels="10")
    assert result.montages == ("sample 7_ch10_1.tif",)


def test_montages_of_several_sources_in_a_folder_do_not_meet(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("A", 3, stem="x"), CifInput("A", 3, stem="y"), channels="1")
    assert result.montages == ("A/A_x_ch1_1.tif", "A/A_y_ch1_1.tif")
    stack = np.load(tmp_path / "out/A/y.npy")
    sheet = tifffile.imread(tmp_path / "out/A/A_y_ch1_1.tif")
    np.testing.assert_array_equal(sheet[:24, :24], stack[0, ..., 0])


def test_names_that_differ_in_case_alone_are_kept_apart(run: ParseRun) -> None:
    upper = CifInput("A", 2, stem="X", suffix=".rif")
    result = run(CifInput("A", 2, stem="x"), upper, CifInput("B", 2, stem="x"))
    assert result.stacks == ("A/x.npy", "A/X_2.npy", "B/x.npy")


def test_the_record_says_how_it_was_made_and_lists_every_file(
    run: ParseRun, tmp_path: Path
) -> None:
    small = TiffInput("B", [np.full((20, 20, 4), 7, dtype) for dtype in ("uint8", "complex64")])
    run(CifInput("A", 3), small, channels="1,3", seed=4)
    content = record(tmp_path / "out")
    assert (content["step"], content["options"]["seed"]) == ("parse", 4)
    assert (content["cells"], content["problems"]) == (4, 1)
    assert (content["channels"], content["frame"]) == ([1, 3], 24)
    assert content["dtypes"] == ["uint16", "uint8"]
    assert content["stacks"] == [
        {"path": "A/cells.npy", "cells": 3, "dtype": "uint16"},
        {"path": "B/B.npy", "cells": 1, "dtype": "uint8"},
    ]
    assert set(content["files"]) == set(tree(tmp_path / "out"))
    assert content["notices"] == {}


@pytest.mark.parametrize("single", [False, True])
def test_a_second_parse_gives_the_same_bytes(run: ParseRun, tmp_path: Path, single: bool) -> None:
    sources = CifInput("A", 9), CifInput("B", 4, size=(30, 11))
    options = {"split": "70/30", "one_file_per_cell": single}
    run(*sources, **options)
    run(*sources[::-1], output=tmp_path / "again", **options)
    assert tree(tmp_path / "out") == tree(tmp_path / "again")
    run(*sources, seed=1, output=tmp_path / "other", **options)
    assert tree(tmp_path / "out") != tree(tmp_path / "other")


def test_unicode_names_are_kept(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("Tag 1/Klasse Größe µ", 2, stem="Zellen 細胞"), channels="1")
    assert result.stacks == ("Tag 1/Klasse Größe µ/Zellen 細胞.npy",)
    row = table(tmp_path / "out/Tag 1/Klasse Größe µ/Zellen 細胞.csv")[0]
    assert row["source"] == "Tag 1/Klasse Größe µ/Zellen 細胞.cif"
    assert set(record(tmp_path / "out")["files"]) == set(tree(tmp_path / "out"))


def test_one_file_per_cell(run: ParseRun, tmp_path: Path) -> None:
    run(CifInput("A", 3), channels="2", one_file_per_cell=True, montage=0)
    files = set(tree(tmp_path / "out"))
    assert files == {"A/cells.csv", "parse.json", *(f"A/cells_{n}.npy" for n in (1, 2, 3))}
    run(CifInput("A", 3), channels="2", output=tmp_path / "stacked")
    stack = np.load(tmp_path / "stacked/A/cells.npy")
    for cell, row in zip(stack, table(tmp_path / "out/A/cells.csv"), strict=True):
        np.testing.assert_array_equal(cell, np.load(tmp_path / "out/A" / row["file"]))


def test_two_sources_of_a_folder_share_its_names(run: ParseRun, tmp_path: Path) -> None:
    upper = CifInput("A", 2, stem="X", suffix=".rif")
    run(CifInput("A", 2, stem="x"), upper, one_file_per_cell=True, montage=0)
    assert len(list((tmp_path / "out/A").glob("*.npy"))) == 4


def test_progress_counts_cells_and_ends_full(run: ParseRun) -> None:
    reports: list[tuple[int, int, str]] = []
    run(
        CifInput("A", 400),
        CifInput("B", 3, damaged=(0,)),
        progress=lambda *report: reports.append(report),
    )
    reports = [report for report in reports if not report[2].startswith("Looking for images")]
    assert reports[0] == (0, 403, "Parsing A/cells")
    assert reports[-1] == (403, 403, "402 cells parsed, 1 with problems")
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    assert len(reports) < 100


def test_tiffs_of_one_cell_and_channel_become_stacks(run: ParseRun, tmp_path: Path) -> None:
    cells = random_cells([(20, 30)] * 5, 3, top=4096)
    sources = [
        TiffInput("Day 1/Class A", cells, (3, 4, 11)),
        TiffInput("Day 1/Class B", random_cells([(24, 24)] * 3, 3, top=4096), (3, 4, 11)),
    ]
    options = {"frame": "24", "channels": "11,3", "montage": "2"}
    result = run(*sources, **options)
    assert (result.cells, result.problems, result.channels) == (8, 0, (11, 3))
    (path,) = (tmp_path / "out/Day 1/Class A").glob("*.npy")
    rows = table(path.with_suffix(".csv"))
    assert [row["object"] for row in rows] == [f"cell_{number:03}" for number in range(1, 6)]
    for framed, cell in zip(np.load(path), cells, strict=True):
        np.testing.assert_array_equal(framed[2:22], cell[:, 3:27, [2, 0]])
    before = tree(tmp_path / "out")
    run(**options)
    assert tree(tmp_path / "out") == before
    assert "Day 1/Class A/Day 1_Class A_ch11_2.tif" in before


@pytest.mark.skipif(not REAL_CIF.exists(), reason="the real .cif is not here")
@pytest.mark.parametrize("single", [False, True])
def test_a_real_cif_given_as_a_file(tmp_path: Path, single: bool) -> None:
    options = {"input": REAL_CIF, "channels": "5,1", "montage": 10, "one_file_per_cell": single}
    result = parse(ParseOptions(output=tmp_path / "out", **options))
    assert result.cells + result.problems == 111
    rows = table(tmp_path / "out/imagestream_example.csv")
    if single:
        arrays = np.stack([np.load(tmp_path / "out" / row["file"]) for row in rows])
        assert rows[0]["file"] == f"imagestream_example_{rows[0]['object']}.npy"
    else:
        arrays = np.load(tmp_path / "out/imagestream_example.npy")
    assert arrays.shape == (result.cells, 48, 48, 2)
    # brightfield is bright everywhere, noise at the border included
    assert arrays[..., 0].min() > 100
    assert len(result.montages) == 4

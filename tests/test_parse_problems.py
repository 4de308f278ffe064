"""Cells and files that a parse cannot use: each is listed, with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.images.readers.base import Cell, unusable
from tests.builders import random_cells
from tests.parsing import CHANNELS, CifInput, ParseRun, TiffInput, sides_of, table, tree

DAMAGED = "the strip holds a number that does not end"
NO_CIF = "it is not an Amnis file: it has 6 bytes"
NO_CELLS = "it holds no cells"


@pytest.fixture
def run(tmp_path: Path) -> ParseRun:
    return ParseRun(tmp_path)


def test_cells_with_problems_are_listed_with_the_reason(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("A", 4, damaged=(0, 2)), CifInput("B", 2, damaged=(0, 1)), CifInput("C"))
    assert (result.cells, result.problems) == (7, 4)
    rows = table(tmp_path / "out/problems.csv")
    assert [row["object"] for row in rows] == ["1", "3", "1", "2"]
    assert rows[0]["source"] == "A/cells.cif"
    assert rows[0]["reason"] == f"cells.cif, object 1: {DAMAGED}."
    assert [row["object"] for row in table(tmp_path / "out/A/cells.csv")] == ["2", "4"]
    assert not (tmp_path / "out/B").exists()


def test_a_folder_that_is_lost_as_a_whole_is_a_warning(run: ParseRun) -> None:
    warnings = run(CifInput("A"), CifInput("B", 2, damaged=(0, 1))).warnings
    assert len(warnings) == 1
    assert "Not one cell of B could be used" in warnings[0]
    assert DAMAGED in warnings[0]
    assert not run(CifInput("C", 4, damaged=(0,))).warnings


def test_a_channel_with_several_names_is_a_warning(run: ParseRun) -> None:
    one = CifInput("A", names={1: "BF", 2: "DAPI"})
    warnings = run(one, CifInput("B", names={1: "bf", 2: "PE"})).warnings
    assert len(warnings) == 1
    assert "Channel 2 is called DAPI in A, PE in B." in warnings[0]


def test_channels_that_many_cells_lack_are_named(run: ParseRun) -> None:
    more = CifInput("B", 2, channels=(*CHANNELS, 11), names={11: "APC"})
    left = "Left out: channel 11 (APC), which many cells lack."
    assert left in run(CifInput("A"), more).remarks
    assert left not in run(channels=CHANNELS).remarks


def test_no_problems_make_no_table(run: ParseRun, tmp_path: Path) -> None:
    run(CifInput("A"))
    assert not (tmp_path / "out/problems.csv").exists()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.ones((20, 20, 4), "uint8"), ["uint8", "uint16"]),
        (np.ones((20, 20, 4), "complex64"), ["complex64"]),
    ],
)
def test_a_cell_that_does_not_fit_its_stack_is_a_problem(
    run: ParseRun, tmp_path: Path, pixels: np.ndarray, words: list[str]
) -> None:
    cells = random_cells([(20, 20)] * 4, 4)
    assert run(TiffInput("A", [*cells[:2], pixels, cells[3]])).problems == 1
    (row,) = table(tmp_path / "out/problems.csv")
    assert row["object"] == "cell_003"
    assert all(word in row["reason"] for word in words)
    assert np.load(tmp_path / "out/A/A.npy").dtype == np.uint16


def test_a_cell_without_pixels_is_a_problem() -> None:
    assert "0 x 20" in unusable(Cell("a.tif", "1", np.ones((0, 20, 4), "uint16")))


def test_pixels_that_are_no_numbers_are_a_problem(run: ParseRun, tmp_path: Path) -> None:
    cells = [pixels.astype("float32") for pixels in random_cells([(20, 20)] * 4, 4)]
    cells[0][:] = np.nan
    assert run(TiffInput("A", cells)).cells == 3
    assert "NaN" in table(tmp_path / "out/problems.csv")[0]["reason"]


def test_byte_order_is_no_difference(run: ParseRun, tmp_path: Path) -> None:
    cells = random_cells([(20, 20)] * 3, 4)
    assert run(TiffInput("A", [cells[0], cells[1].astype(">u2"), cells[2]]), frame=20).problems == 0
    stack = np.load(tmp_path / "out/A/A.npy")
    np.testing.assert_array_equal(stack[1], cells[1])


def test_not_one_good_cell_is_an_error_with_the_first_reason(run: ParseRun, tmp_path: Path) -> None:
    with pytest.raises(DeepometryError) as caught:
        run(CifInput("A", 2, damaged=(0, 1)), CifInput("B", 1, damaged=(0,)))
    assert str(caught.value) == (
        f"Input location {tmp_path / 'in'}: none of 3 cells can be used; the first, "
        f"1 of A/cells.cif: cells.cif, object 1: {DAMAGED}."
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split_by", [None, "Sample"])
def test_a_file_that_cannot_be_opened_is_one_problem_and_moves_no_cell(
    run: ParseRun, tmp_path: Path, split_by: str | None
) -> None:
    sources = CifInput("Sample A", 10), CifInput("Sample B", 10)
    run(*sources, split="80/20", split_by=split_by, output=tmp_path / "before")
    for folder in (run.input, run.input / "Sample A"):
        (folder / "b.cif").write_bytes(b"no cif")
    result = run(split="80/20", split_by=split_by)
    assert (result.cells, result.problems) == (20, 2)
    rows = table(tmp_path / "out/problems.csv")
    reason = f"{run.input / 'b.cif'}: {NO_CIF}."
    assert rows[0] == {"source": "b.cif", "object": "", "reason": reason}
    assert sides_of(tmp_path / "before") == sides_of(tmp_path / "out")


@pytest.mark.parametrize("channels", [None, "3"])
def test_an_input_of_unreadable_files_says_the_first_reason(
    run: ParseRun, channels: str | None
) -> None:
    empty = CifInput("A", 0, stem="b"), CifInput("B", 0)
    with pytest.raises(DeepometryError, match=rf"first, A/b\.cif: .*{NO_CELLS}"):
        run(*empty, channels=channels, split="80/20")


def test_an_input_without_cells_is_one_sentence(run: ParseRun) -> None:
    with pytest.raises(DeepometryError, match=NO_CELLS):
        run(CifInput("A", 0))


def test_an_empty_source_is_passed_over(run: ParseRun) -> None:
    assert run(CifInput("A", 0), CifInput("B", 2)).stacks == ("B/cells.npy",)


def test_a_source_called_problems_does_not_meet_the_table(run: ParseRun, tmp_path: Path) -> None:
    run(CifInput("", 2, stem="Problems", damaged=(0,)), montage=0)
    assert set(tree(tmp_path / "out")) == {
        "Problems_2.npy",
        "Problems_2.csv",
        "problems.csv",
        "parse.json",
    }


def test_one_odd_file_at_the_start_does_not_decide_the_dtype(run: ParseRun, tmp_path: Path) -> None:
    odd = np.full((20, 20, 4), 0.5, np.float32)
    result = run(TiffInput("A", [odd, *random_cells([(20, 20)] * 7, 4)]))
    assert (result.cells, result.problems) == (7, 1)
    assert np.load(tmp_path / "out/A/A.npy").dtype == np.uint16
    assert "1 cell could not be used" in str(result)


def test_a_damaged_tiff_is_a_problem_of_its_cell_alone(run: ParseRun, tmp_path: Path) -> None:
    run.write(TiffInput("Class A", random_cells([(20, 20)] * 4, 4)))
    (run.input / "Class A/cell_002_Ch3.ome.tif").write_bytes(b"II*\0")
    result = run()
    assert (result.cells, result.problems) == (3, 1)
    assert table(tmp_path / "out/problems.csv")[0]["object"] == "cell_002"

"""What a parse changes in cells is written beside each cell, and counted where the user looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from deepometry.cells.frame_fit import FrameFit, SizeCount
from deepometry.cells.parse import ParseResult
from deepometry.cells.parse_result import inexact_split, separating_dtypes
from deepometry.cells.stack_writer import StackWriter
from deepometry.core.errors import DeepometryError
from deepometry.core.options.parse import ParseOptions
from deepometry.core.text import percent
from deepometry.images.framed_blocks import Block, Framing, read_blocks
from deepometry.images.image_sizes import sizes_of
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.base import Cell, Problem, WithoutMetadata
from deepometry.images.readers.find import find_sources
from tests.builders import random_cells, write_cif
from tests.parsing import CifInput, ParseRun, TiffInput, record, table

GREY = "grey, since red, green and blue are equal"


class Noted(WithoutMetadata):
    """Cells of 16 x 16 pixels with these notes; one in the middle is unusable."""

    folder, stem, channels = (), "cells", (1,)

    def __init__(self, notes: Sequence[str]) -> None:
        self._notes = notes
        self.objects = self.keys = [str(number) for number in range(len(notes))]

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        for name, note in zip(self.objects, self._notes, strict=True):
            dtype = np.complex64 if note == "unusable" else np.uint8
            yield Cell("a.tif", name, np.ones((16, 20, 1), dtype), note=note)


def blocks_of(notes: Sequence[str]) -> list[Block]:
    return list(read_blocks(Noted(notes), Framing(16, (1,), Noise(0, (1,)))))


def test_notes_of_the_reader_reach_the_block_by_the_place_of_the_cell() -> None:
    notes = [""] * 60 + [GREY, "unusable", "", "turned", GREY] + [GREY] * 5
    first, second = blocks_of(notes)
    assert first.notes == {60: GREY, 63: "turned"}
    assert second.notes == dict.fromkeys(range(64, 70), GREY)
    assert blocks_of(["", ""])[0].notes == {}


def test_blocks_keep_the_notes_of_chosen_and_of_joined_cells() -> None:
    block = blocks_of(["a", "", "b", "c"])[0]
    odd = block.chosen(block.places % 2 == 1)
    even = block.chosen(block.places % 2 == 0)
    assert (odd.notes, even.notes) == ({3: "c"}, {0: "a", 2: "b"})
    assert odd.joined(even).notes == block.notes == block.chosen(block.places >= 0).notes


def test_the_table_has_the_note_of_the_reader_before_that_of_the_frame(tmp_path: Path) -> None:
    block = blocks_of(["", GREY, "", GREY])[0]
    block.sizes[2:] = 16
    with StackWriter(tmp_path, "s", (16, 16, 1), np.dtype("uint8")) as writer:
        writer.add(block.chosen(block.places > 0))
    notes = [row["note"] for row in table(tmp_path / "s.csv")]
    assert notes == [f"{GREY}; cropped from 16 x 20", "", GREY]


@pytest.fixture
def result(tmp_path: Path) -> ParseResult:
    return ParseResult(
        output=tmp_path,
        cells=1300,
        problems=0,
        channels=(1,),
        sides={},
        stacks=("a.npy",),
        montages=(),
        notices={GREY: 1200, "turned": 1},
    )


def test_the_summary_counts_what_was_changed(result: ParseResult) -> None:
    lines = str(result).splitlines()
    assert lines[1:3] == [f"1,200 cells: {GREY}", "1 cell: turned"]
    assert list(result.notebook_view().notes) == lines[1:3]
    assert len(str(replace(result, notices={})).splitlines()) == len(lines) - 2


# --- how cells fit into the frame ------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> ParseRun:
    return ParseRun(tmp_path)


def fit_of(frame: int, *sizes: tuple[int, int, int]) -> FrameFit:
    """Fit cells: how many, height, width."""
    count = SizeCount()
    for cells, height, width in sizes:
        count.add(np.full((cells, 2), (height, width)))
    return count.fit(frame)


def test_the_fit_has_the_shares_of_pixels_that_are_lost_and_added() -> None:
    fit = fit_of(20, (3, 40, 40), (1, 10, 10), (2, 20, 20), (1, 10, 80))
    assert asdict(fit) == {
        "cells": 7,
        "frame": 20,
        "cropped": 4,
        "lost_median": 0.75,
        "lost_most": 0.75,
        "much": 4,
        "padded": 2,
        "added_median": 0.5,
        "suggested": 80,
    }


@pytest.mark.parametrize(
    ("frame", "sizes", "words"),
    [
        (
            48,
            [(300, 300, 304)],
            [
                "300 of 300 cells were larger than the frame of 48 pixels and cropped: a typical "
                "one lost 97 % of its pixels, the worst 97 %; a frame size of auto takes 304."
            ],
        ),
        (
            40,
            [(99, 40, 40), (1, 40, 80)],
            [
                "1 of 100 cells was larger than the frame of 40 pixels and cropped: a typical one "
                "lost 50 % of its pixels, the worst 50 %."
            ],
        ),
        (
            40,
            [(1, 20, 40)],
            [
                "1 of 1 cell was smaller than the frame of 40 pixels and padded with noise of "
                "their own background: 50 % of a typical one."
            ],
        ),
        (40, [(9, 40, 40)], []),
        (40, [], []),
    ],
)
def test_what_was_cropped_and_padded_is_a_sentence(
    frame: int, sizes: list[tuple[int, int, int]], words: list[str]
) -> None:
    assert fit_of(frame, *sizes).sentences() == words


@pytest.mark.parametrize(
    ("sizes", "heavy"),
    [
        ([(10, 60, 60)], True),
        ([(10, 58, 58)], False),
        ([(6, 99, 99), (94, 40, 40)], True),
        ([(5, 99, 99), (95, 40, 40)], False),
    ],
)
def test_a_third_of_the_pixels_of_many_cells_deserves_a_warning(
    sizes: list[tuple[int, int, int]], heavy: bool
) -> None:
    assert fit_of(48, *sizes).heavy is heavy


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.999, "99 %"), (1, "100 %")],
)
def test_no_percent_means_none_and_a_hundred_all(share: float, text: str) -> None:
    assert percent(share) == text


def test_heavy_cropping_comes_first_and_stands_in_the_record(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("A", 4, size=(48, 96)), montage=0)
    first, second = str(result).splitlines()[:2]
    assert first.startswith("Warning: 4 of 4 cells were larger than the frame of 24 pixels")
    assert second.startswith("Parsed 4 cells")
    content = record(tmp_path / "out")
    assert [f"Warning: {text}" for text in content["warnings"]] == [first]
    assert (content["sizes"]["cropped"], content["sizes"]["lost_median"]) == (4, 0.875)
    assert (content["sizes"]["padded"], content["sizes"]["suggested"]) == (0, 96)


def test_light_cropping_and_padding_are_remarks(run: ParseRun, tmp_path: Path) -> None:
    result = run(CifInput("A", 4, size=(20, 26)), montage=0)
    assert (result.warnings, len(result.remarks)) == ((), 2)
    assert record(tmp_path / "out")["remarks"] == list(result.remarks)
    assert str(result).splitlines()[1:3] == list(result.remarks)


# --- the frame that the sizes suggest --------------------------------------------------------


def test_auto_takes_the_frame_that_the_list_of_a_cif_suggests(
    run: ParseRun, tmp_path: Path
) -> None:
    result = run(CifInput("A", 19, size=(20, 37)), CifInput("B", 1, size=(90, 90)), frame="AUTO")
    assert result.frame == record(tmp_path / "out")["frame"] == 40
    assert record(tmp_path / "out")["options"]["frame"] == "auto"
    assert result.remarks[0] == "Frame of 40 pixels, chosen by the sizes of all 20 cells."
    assert np.load(tmp_path / "out/A/cells.npy").shape[1:3] == (40, 40)


def test_auto_looks_at_the_first_images_where_there_is_no_list(run: ParseRun) -> None:
    cells = [np.zeros((30, 20, 1), np.uint8)] * 200 + [np.zeros((99, 99, 1), np.uint8)]
    result = run(TiffInput("A", cells, (1,)), frame="auto", montage=0)
    assert result.frame == 32
    assert result.remarks[0] == (
        "Frame of 32 pixels, chosen by the sizes of 200 cells, the first ones of each stack."
    )


def test_auto_without_a_cell_that_can_be_read_is_one_sentence(run: ParseRun) -> None:
    (run.input / "a_Ch1.tif").write_bytes(b"II*\0")
    with pytest.raises(DeepometryError, match="expected cells whose size can be read"):
        run(frame="auto")


def test_the_list_of_a_cif_has_the_sizes_of_all_its_cells(tmp_path: Path) -> None:
    shapes = [(20, 13), (13, 20), (16, 16), (30, 30), (5, 7)]
    write_cif(tmp_path / "a.cif", random_cells(shapes, 3))
    sizes = sizes_of(find_sources(tmp_path)[0], 1)
    assert sizes.tolist() == [list(shape) for shape in shapes]


@pytest.mark.parametrize("given", ["auto", " Auto ", 48, "48"])
def test_a_frame_is_a_number_or_auto(given: str | int, tmp_path: Path) -> None:
    options = ParseOptions(input=tmp_path, output=tmp_path / "out", frame=given)
    assert options.frame == (48 if "48" in str(given) else "auto")


# --- splits and types ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sides", "by", "words"),
    [
        (
            (11, 5),
            None,
            [
                "80/20 of 16 cells can only be approximated, since each folder is split for "
                "itself: it is 69/31."
            ],
        ),
        (
            (60, 40),
            "Sample",
            [
                "80/20 of 100 cells can only be approximated, since all cells of a Sample stay "
                "together: it is 60/40."
            ],
        ),
        ((79, 21), None, []),
    ],
)
def test_a_split_that_is_far_from_the_one_asked_for_is_told(
    sides: tuple[int, int], by: str | None, words: list[str]
) -> None:
    named = dict(zip(("Train", "Hold-out"), sides, strict=True))
    assert inexact_split(named, 0.2, by) == words
    assert inexact_split({}, None, None) == []


def test_few_cells_in_many_folders_are_told(run: ParseRun) -> None:
    result = run(*(CifInput(f"Class {n}", 4) for n in range(4)), split="90/10", montage=0)
    assert result.sides == {"Train": 12, "Hold-out": 4}
    assert "it is 75/25." in str(result)


def test_types_of_pixels_that_go_with_a_label_are_a_warning(run: ParseRun) -> None:
    eight = [np.zeros((24, 24, 1), np.uint8)] * 2
    sixteen = [np.zeros((24, 24, 1), np.uint16)] * 2
    folders = [
        (f"Day {day}/Class {name}", cells)
        for day in (1, 2)
        for name, cells in (("A", eight), ("B", sixteen))
    ]
    result = run(*(TiffInput(path, cells, (1,)) for path, cells in folders), montage=0)
    assert result.warnings == (
        "The type of the pixels differs between the labels of Class: A is uint8, B is uint16. A "
        "model may learn that instead of the cells, and its score does not show it. Export all "
        "images alike, and parse again.",
    )


@pytest.mark.parametrize(
    ("types", "told"),
    [
        ({("Class A",): {"uint8"}, ("Class B",): {"uint8"}}, 0),
        ({("Class A",): {"uint8", "uint16"}, ("Class B",): {"uint8"}}, 1),
        ({("Class A",): {"uint8", "uint16"}, ("Class B",): {"uint8", "uint16"}}, 0),
        ({("only",): {"uint8", "uint16"}}, 0),
        ({}, 0),
    ],
)
def test_types_that_all_labels_share_are_no_warning(
    types: dict[tuple[str, ...], set[str]], told: int
) -> None:
    assert len(separating_dtypes(types)) == told

"""Names of several images of one cell: they are asked about, and told where a split parts them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cells.parse import parse
from deepometry.core.errors import Question
from deepometry.core.options.parse import ParseOptions
from deepometry.images.file_names.cell_counts import count_cells
from deepometry.images.file_names.choose_naming import choose_naming
from deepometry.images.file_names.variants import find_variants

Folders = dict[tuple[str, ...], list[str]]
APART = "Every file is a cell by itself"

# What stands behind the name of a cell in its images, and the pattern of the first of them
ENDS = {
    "times": (("_t0", "_t1", "_t2"), "{cell}_t0.tif"),
    "hours": (("_t0h", "_t24h"), "{cell}_t0h.tif"),
    "time points": (("_timepoint1", "_timepoint2"), "{cell}_timepoint1.tif"),
    "frames": (("_frame1", "_frame2"), "{cell}_frame1.tif"),
    "turned": (("_rot0", "_rot90", "_rot180"), "{cell}_rot0.tif"),
    "augmented": (("", "_aug1", "_aug2"), "{cell}_aug1.tif"),
    "repeated": (("_rep1", "_rep2"), "{cell}_rep1.tif"),
    "sides": (("_left", "_right"), "{cell}_left.tif"),
    "top and bottom": (("_top", "_bottom"), "{cell}_bottom.tif"),
    "before and after": (("_before", "_after"), "{cell}_after.tif"),
    "copies": (("", " - Copy"), "{cell} - Copy.tif"),
    "previews": (("", "_thumb"), "{cell}_thumb.tif"),
    "mirrored": (("", "_flipped"), "{cell}_flipped.tif"),
}


def files(stems: list[str], ends: tuple[str, ...], channels: tuple[str, ...]) -> list[str]:
    return [f"{''.join(each)}.tif" for each in itertools.product(stems, ends, channels)]


def asked(names: list[str]) -> Question:
    with pytest.raises(Question, match="may be several images of one cell") as error:
        choose_naming({("A",): names, ("B",): names})
    for choice in error.value.choices:  # what is said of an answer is what comes of it
        folders: Folders = {("A",): names, ("B",): names}
        assert count_cells(choose_naming(folders, choice.value), folders) == choice.detail
    return error.value


@pytest.mark.parametrize(("ends", "pattern"), ENDS.values(), ids=ENDS)
def test_images_of_one_cell_are_asked_about(ends: tuple[str, ...], pattern: str) -> None:
    names = files([f"cell_{n}" for n in range(6)], ends, ("",))
    question = asked(names)
    assert question.option == "pattern"
    first, last = question.choices[0], question.choices[-1]
    assert first.value == pattern
    others = 12 * (len(ends) - 1)
    assert first.detail == f"12 files, each by itself; {others} files do not match the pattern"
    assert (last.value, last.label) == ("{cell}", APART)
    assert last.detail == f"{12 * len(ends)} files, each by itself"


@pytest.mark.parametrize(("ends", "pattern"), ENDS.values(), ids=ENDS)
def test_they_are_asked_about_where_the_channels_are_known(
    ends: tuple[str, ...], pattern: str
) -> None:
    question = asked(files([str(n) for n in range(6)], ends, ("_Ch1", "_Ch2")))
    first, last = question.choices[0], question.choices[-1]
    assert first.value == pattern.replace(".tif", "_{channel}.tif")
    assert first.detail.startswith("24 files = 12 cells x channels 1,2; ")
    assert last.value == "{cell}_{channel}.tif"
    assert last.label == "Every image is a cell by itself"
    assert last.detail == f"{24 * len(ends)} files = {12 * len(ends)} cells x channels 1,2"


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        (("{n}_raw_Ch{c}", "{n}_corrected_Ch{c}"), "{cell}_corrected_{channel} "
         "{cell}_raw_{channel} {cell}_{channel}"),
        (("raw_{n}_Ch{c}", "corrected_{n}_Ch{c}"), "corrected_{cell}_{channel} "
         "raw_{cell}_{channel} {cell}_{channel}"),
        (("{n}_Ch{c}", "{n}_Ch{c}_corrected"),
         "{cell}_{channel}_corrected {cell}_Ch{channel} {cell}"),
        (("C{c}-cell{n}_t0", "C{c}-cell{n}_t1"), "{channel}-{cell}_t0 "
         "{channel}-{cell}_t1 {channel}-{cell}"),
    ],
)  # fmt: skip
def test_words_beside_known_channels_are_asked_about(parts: tuple[str, ...], values: str) -> None:
    names = [f"{p}.tif".format(n=n, c=c) for p in parts for n in range(6) for c in (1, 2)]
    found = [choice.value.removesuffix(".tif") for choice in asked(names).choices]
    assert found == values.split(" ")


@pytest.mark.parametrize(
    "cells",
    [
        ["1_left", "1_right", "2_left", "2_top", "3_right", "3_top"],  # not the same of all
        ["1_t0", "1_t1", "2", "3", "4", "5"],
        ["A01_left", "A01_right", "B02_left", "B02_right"],  # of wells
        ["donor1_left", "donor1_right", "donor2_left", "donor2_right"],
        ["discocyte_1", "echinocyte_1"],
        [f"{n}_{t}" for n in range(6) for t in ("ctrl", "treated")],
    ],
)
def test_names_without_a_clear_sign_are_not_asked_about(cells: list[str]) -> None:
    assert find_variants([cells], joined=True) == []


def test_series_of_times_may_differ_in_length() -> None:
    cells = [f"{n}_t{t}" for n in range(6) for t in range(2 + n)]
    assert [each.value for each in find_variants([cells])][:2] == ["t0", "t1"]
    assert find_variants([["a_t0", "a_t1"], ["b_t0", "b_t1"]]) == []  # a video in each folder


def test_images_that_the_user_calls_cells_are_told_beside_the_split(tmp_path: Path) -> None:
    for kind, name in itertools.product(
        "AB", files([str(n) for n in range(6)], ("_t0", "_t1"), ("",))
    ):
        place = tmp_path / "in" / f"Class {kind}"
        place.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(place / name, np.full((16, 16), 7, np.uint8))
    options = ParseOptions(input=tmp_path / "in", output=tmp_path / "out", frame=16, split=0.5)
    with pytest.raises(Question, match="such as 0_t0, 0_t1 may be several images of one cell"):
        parse(options)
    split = ParseOptions(
        input=tmp_path / "in", output=tmp_path / "out", frame=16, split=0.5, pattern="{cell}"
    )
    result = parse(split)
    assert result.cells == 24
    told = "Images such as 0_t0 and 0_t1 are cells of their own, and stand on both sides"
    assert any(remark.startswith(told) for remark in result.remarks)
    one = ParseOptions(
        input=tmp_path / "in", output=tmp_path / "one", frame=16, split=0.5, pattern="{cell}_t0.tif"
    )
    taken = parse(one)
    assert taken.cells == 12
    assert not any(remark.startswith("Images such as") for remark in taken.remarks)

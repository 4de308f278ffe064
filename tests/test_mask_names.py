"""Masks beside their images, by their names: left out and counted, never cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepometry.cells.parse import parse
from deepometry.core.name_pattern import parse_pattern
from deepometry.core.options.parse import ParseOptions
from deepometry.images.file_names.cell_counts import count_cells
from deepometry.images.file_names.choose_naming import choose_naming
from deepometry.images.file_names.masks import masks_left_out, split_masks
from deepometry.images.readers.find import find_sources

Folders = dict[tuple[str, ...], list[str]]
TWO = ("{}_Ch1.tif", "{}_Ch2.tif")
CHANNELS = "16 files = 8 cells x channels 1,2"
DYES = "16 files = 8 cells x DAPI, PE (channels 1,2)"
ALONE = "8 files, each by itself"

MASKS = {
    "behind the channel": (TWO, ("{}_Ch1_mask.tif", "{}_Ch2_mask.tif"), CHANNELS),
    "in place of the channel": (TWO, ("{}_mask.tif",), CHANNELS),
    "of a marker": (("{}_DAPI.tif", "{}_PE.tif"), ("{}_DAPI_mask.tif",), DYES),
    "in front": (TWO, ("mask_{}_Ch1.tif",), CHANNELS),
    "another case and suffix": (TWO, ("{}_Ch1_Mask.ome.tif",), CHANNELS),
    "a change of case": (("cell{}.tif",), ("cell{}Mask.tif",), ALONE),
    "IDEAS": (TWO, ("{}_M1.tif", "{}_M02.tif"), CHANNELS),
    "beside whole cells": (("cell_{}.tif",), ("cell_{}_mask.tif",), ALONE),
    "beside another word": (("{}_img.png",), ("{}_mask.png",), ALONE),
    "Cellpose": (("{}.tif",), ("{}_cp_masks.tif", "{}_cp_outlines.png"), ALONE),
    "labels": (("{}.tif",), ("{}_labels.tif", "{}_seg.tif", "{}_segmentation.tif"), ALONE),
    "of a structure": (("{}_DAPI.tif", "{}_PE.tif"), ("{}_nuclei_mask.tif",), DYES),
    "beside one marker": (("{}_DAPI.tif",), ("{}_DAPI_label.tif",), ALONE),
}


def both(images: tuple[str, ...], masks: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Name the images and the masks of 8 cells."""
    named = [[each.format(n) for each in group for n in range(8)] for group in (images, masks)]
    return named[0], named[1]


@pytest.mark.parametrize(("images", "masks", "expected"), MASKS.values(), ids=MASKS)
def test_masks_are_no_cells(images: tuple[str, ...], masks: tuple[str, ...], expected: str) -> None:
    shown, hidden = both(images, masks)
    left, out = split_masks({("A",): [*hidden, *shown], ("B",): shown})
    assert left == {("A",): shown, ("B",): shown}
    assert out == [f"A/{name}" for name in hidden]
    assert count_cells(choose_naming({("A",): shown}), {("A",): shown}) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["0_mask.tif", "1_mask.tif"],
        ["label_1_01.tif", "label_2_01.tif"],
        ["seg_01.tif", "band_01.tif"],
        ["01_seg.tif", "01_band.tif"],
        ["M1_01_Ch1.tif", "M2_01_Ch1.tif"],
        ["M1.tif", "M2.tif"],
        ["masked_1.tif", "1.tif"],
        ["unlabelled_1.tif", "1.tif"],
    ],
)
def test_words_of_masks_without_their_images_are_cells(names: list[str]) -> None:
    assert split_masks({(): names}) == ({(): names}, [])


def test_a_folder_of_masks_beside_that_of_the_images_is_left_out() -> None:
    names = ["0.tif", "1.tif"]
    folders: Folders = {("A", "images"): names, ("A", "masks"): names, ("B", "masks"): names}
    left, out = split_masks(folders)
    assert left == {("A", "images"): names, ("B", "masks"): names}  # those of B have no images
    assert out == ["A/masks/0.tif", "A/masks/1.tif"]
    assert split_masks({("A",): names, ("A", "masks"): ["0_mask.tif", "9_mask.tif"]}) == (
        {("A",): names, ("A", "masks"): ["9_mask.tif"]},
        ["A/masks/0_mask.tif"],
    )
    classes: Folders = {("seg",): names, ("band",): names}  # segmented and band neutrophils
    assert split_masks(classes) == (classes, [])


@pytest.mark.parametrize(
    ("pattern", "masks", "stay"),
    [
        ("{cell}_{channel}.tif", ["0_mask.tif"], True),  # asked for as a channel of its cell
        ("{cell}.tif", ["0_mask.tif"], False),
        ("{cell}_{channel}.tif", ["0_Ch1_mask.tif"], False),
        ("{cell}_Ch{channel}.tif", ["0_Ch1_mask.tif"], True),
    ],
)
def test_a_pattern_may_make_masks_channels_but_no_cells(
    pattern: str, masks: list[str], stay: bool
) -> None:
    images = ["0_Ch1.tif", "0_Ch2.tif"]
    left, out = split_masks({(): [*images, *masks]}, parse_pattern(pattern))
    assert (left[()], out) == ([*images, *masks] if stay else images, [] if stay else masks)


def test_a_pattern_of_folders_may_make_masks_a_channel() -> None:
    folders: Folders = {("images",): ["0.tif"], ("masks",): ["0.tif"]}
    assert split_masks(folders, parse_pattern("{channel}/{cell}.tif")) == (folders, [])


def test_the_sentence_counts_them() -> None:
    assert masks_left_out([]) == ""
    one = masks_left_out(["a_mask.tif"])
    assert one.startswith("1 mask beside its image was left out, such as a_mask.tif")
    assert masks_left_out(["a_mask.tif"] * 1200).startswith("1,200 masks beside their images were")


def test_masks_of_another_type_do_not_cost_the_cells_and_are_told(tmp_path: Path) -> None:
    for cell in range(8):
        pixels = np.full((16, 16), 100 + cell, np.uint16)
        for folder in ("A", "B"):
            place = tmp_path / "in" / f"Class {folder}"
            place.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(place / f"cell_{cell}.tif", pixels)
            tifffile.imwrite(place / f"cell_{cell}_mask.tif", np.ones((16, 16), np.uint8))
    assert [list(each.objects) for each in find_sources(tmp_path / "in")] == 2 * [
        [f"cell_{cell}" for cell in range(8)]
    ]
    result = parse(ParseOptions(input=tmp_path / "in", output=tmp_path / "out", frame=16))
    assert result.cells == 16
    told = "16 masks beside their images were left out, such as Class A/cell_0_mask.tif"
    assert any(told in remark for remark in result.remarks), result.remarks
    assert told in (tmp_path / "out" / "parse.json").read_text(encoding="utf-8")

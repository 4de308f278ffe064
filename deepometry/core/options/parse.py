"""Options of the steps that read image files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import TRAIN
from deepometry.core.options.fields import (
    LARGEST_FRAME,
    SMALLEST_FRAME,
    Options,
    one_of,
    option,
    output_folder,
    overwrite_option,
    overwrite_picture_option,
    pages_option,
    parsed_cells,
    pattern_option,
    read_channels,
    read_flag,
    read_path,
    read_split,
    read_text,
    reader_option,
    seed_option,
    tiles_option,
    whole,
    whole_or_auto,
)

LARGE_IMAGES = ("ask", "crop", "whole")


@dataclass(frozen=True, kw_only=True)
class InfoOptions(Options):
    """Options of `deepometry.images.info.info`; every field also accepts text."""

    input: Path = option(
        "Input location",
        "A file of cells (.cif, .tif, .rtdc, .npy, .zip ...), a folder that holds such files, or "
        "an analysis of IDEAS (.daf).",
        read_path,
    )
    gallery: Path | None = option(
        "Gallery",
        "Write a picture (.png) of the first cells in every channel, with the suggested frame.",
        read_path,
        None,
        metavar="FILE.png",
    )
    quick: bool = option(
        "Quick look",
        "Look at the first 200 cells of every .cif file, or folder of .tif files, only.",
        read_flag,
        False,
    )
    tiles: int | None = tiles_option()
    pattern: str | None = pattern_option()
    reader: str = reader_option()
    pages: str | None = pages_option()
    overwrite: bool = overwrite_picture_option()


@dataclass(frozen=True, kw_only=True)
class TargetsOptions(Options):
    """Options of `deepometry.cells.targets.targets`; every field also accepts text."""

    input: Path = parsed_cells(TRAIN)
    remove: str | None = option(
        "Remove",
        "Labels to take away first, by their name: those of a table, an analysis, a stain or of "
        "hands. Their files are kept in labels/removed; folder names stay as they are.",
        read_text,
        None,
        metavar="NAME",
        example="Gate",
    )


@dataclass(frozen=True, kw_only=True)
class ParseOptions(Options):
    """Options of `deepometry.cells.parse.parse`; every field also accepts text."""

    input: Path = option(
        "Input location",
        "Folder of the images (.cif, .tif, .png, .rtdc, .npy, .zip ...), in sub-folders whose "
        "names describe the cells, such as 'Day 1/Sample A/Class Smooth_Disc'.",
        read_path,
        kind="raw",
    )
    output: Path = output_folder("Folder for the parsed arrays.")
    frame: int | Literal["auto"] = option(
        "Frame size",
        "Side of the square, in pixels, to which every cell is cropped or padded. auto: the "
        "smallest multiple of 8 that holds 95 % of the cells whole.",
        whole_or_auto(SMALLEST_FRAME, LARGEST_FRAME),
        48,
        metavar="NUMBER|auto",
        example="48, or auto",
        group="images",
    )
    channels: tuple[int, ...] | None = option(
        "Channels",
        "Channels to keep, numbered as in IDEAS, such as 1,9,12. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
        example="1,9,12; left blank: all",
        group="images",
    )
    montage: int | None = option(
        "Montage size",
        "Cells along each side of a montage sheet, such as 15. No montages by default.",
        whole(0, 100),
        None,
        metavar="NUMBER",
        example="15; left blank: no montages",
        group="results",
    )
    split: float | None = option(
        "Train/Hold-out split",
        "Percentages of cells for training and for the final test (hold-out), such as 80/20. No "
        "split by default.",
        read_split,
        None,
        metavar="TRAIN/HOLD-OUT",
        example="80/20; left blank: no split",
        group="validation",
    )
    split_by: str | None = option(
        "Split by",
        "Keep all cells of a folder value, such as Sample, on one side of the split, so that the "
        "final test is on samples that training never saw.",
        read_text,
        None,
        metavar="PREFIX",
        example="Sample; left blank: cell by cell",
        group="validation",
    )
    seed: int = seed_option("Number that fixes the split and the padding noise.", "images")
    masked: bool = option(
        "Masked",
        "Replace every pixel outside the mask of its channel, as the file has it, by background.",
        read_flag,
        False,
        group="images",
    )
    tiles: int | None = tiles_option()
    large_images: str = option(
        "Large images",
        "What to do with images that look like whole fields of view: ask; crop them around their "
        "middle, where the one cell is; or take each whole as one cell, in the frame that auto "
        "chooses.",
        one_of(LARGE_IMAGES),
        LARGE_IMAGES[0],
        choices=LARGE_IMAGES,
        group="images",
    )
    pattern: str | None = pattern_option()
    reader: str = reader_option()
    pages: str | None = pages_option()
    analyses: bool = option(
        "Analyses of IDEAS",
        "Where an analysis (.daf) lies beside its .cif file: take the populations that were tagged "
        "by hand as labels, and its features for maps, sorting and exports.",
        read_flag,
        True,
        group="labels",
    )
    one_file_per_cell: bool = option(
        "One file per cell",
        "Write one .npy file a cell, the layout of the original program, instead of stacks.",
        read_flag,
        False,
        group="results",
    )
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split_by and self.split is None:
            message = (
                "Split by: expected a Train/Hold-out split beside it, such as 80/20, found none."
            )
            raise OptionsError({"split_by": message})

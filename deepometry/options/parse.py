"""Options of the steps that read image files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.errors import OptionsError
from deepometry.options.settings import (
    LARGEST_FRAME,
    SMALLEST_FRAME,
    Options,
    option,
    read_channels,
    read_flag,
    read_path,
    read_split,
    read_text,
    reader_option,
    whole,
)


@dataclass(frozen=True, kw_only=True)
class InfoOptions(Options):
    """Options of `deepometry.info.info`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option(
        "Input location", "A .cif, .rif or .tif file, or a folder that holds such files.", read_path
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
    reader: str = reader_option()


@dataclass(frozen=True, kw_only=True)
class ParseOptions(Options):
    """Options of `deepometry.parse.parse`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option(
        "Input location",
        "Folder that holds the .cif or .tif images, in sub-folders whose names say what the "
        "cells are, such as 'Day 1/Sample A/Class Smooth_Disc'.",
        read_path,
    )
    output: Path = option("Output location", "Folder for the parsed arrays.", read_path)
    frame: int = option(
        "Frame size",
        "Side of the square, in pixels, to which every cell is cropped or padded.",
        whole(SMALLEST_FRAME, LARGEST_FRAME),
        48,
    )
    channels: tuple[int, ...] | None = option(
        "Channels",
        "Channels to keep, numbered as in IDEAS, such as 1,9,12. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
    )
    montage: int = option(
        "Montage size",
        "Cells along each side of a montage sheet; 0 writes no montages.",
        whole(0, 100),
        15,
    )
    split: float | None = option(
        "Train/Hold-out split",
        "Percentages of cells for training and held out for the final test, such as 80/20. "
        "No split by default.",
        read_split,
        None,
        metavar="TRAIN/HOLD-OUT",
    )
    split_by: str | None = option(
        "Split by",
        "Keep all cells of a folder value on one side of the split, such as Sample, so that "
        "the test is on samples that training never saw.",
        read_text,
        None,
        metavar="PREFIX",
    )
    seed: int = option("Seed", "Number that fixes the split and the padding noise.", whole(0), 0)
    masked: bool = option(
        "Masked",
        "Turn every pixel outside the mask of its channel, as the .cif file has it, into "
        "background.",
        read_flag,
        False,
    )
    reader: str = reader_option()
    one_file_per_cell: bool = option(
        "One file per cell",
        "Write one .npy a cell, the layout of the original program, in place of stacks.",
        read_flag,
        False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split_by and self.split is None:
            message = (
                "Split by: expected a Train/Hold-out split beside it, such as 80/20, found none."
            )
            raise OptionsError({"split_by": message})

"""Options of the steps that apply a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.options.settings import (
    Options,
    as_in,
    one_of,
    option,
    read_flag,
    read_path,
    read_text,
    read_views,
    real,
    whole,
)

LAYERS = ("pool5", "res5a_relu", "res4a_relu")


@dataclass(frozen=True, kw_only=True)
class PredictOptions(Options):
    """Options of `deepometry.predict.predict`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option("Output location", "Folder for the predictions.", read_path)
    model: Path = option(
        "Model location",
        "Model file, or the folder that training wrote.",
        read_path,
        metavar="PATH",
    )
    unannotated: bool = option(
        "Unannotated data?",
        "The folders name no classes: write a label for every cell, no confusion matrix.",
        read_flag,
        False,
    )
    batch_size: int = option("Batch size", "Cells predicted at once.", whole(1, 65536), 256)
    views: int | None = option(
        "Views",
        "Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1 is "
        "eight times as fast. Left blank: as the model was validated.",
        read_views,
        None,
        metavar="NUMBER",
    )
    unsure_below: float | None = option(
        "Unsure below",
        "Cells whose class has a lower probability than this, from 0 to 1, are labelled unsure. "
        "Left blank: every cell is labelled.",
        real(0, 1),
        None,
        metavar="NUMBER",
    )
    group_by: str | None = option(
        "Group by",
        "Folder level, such as Sample or Day, whose cells belong together: intervals of the "
        "scores then tell what other samples or days may give. Left blank: cell by cell.",
        read_text,
        None,
        metavar="LEVEL",
    )


@dataclass(frozen=True, kw_only=True)
class ExtractOptions(Options):
    """Options of `deepometry.extract.extract`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option("Output location", "Folder for the features.", read_path)
    model: Path = as_in(PredictOptions, "model")
    layer: str = option(
        "Layer",
        "Layer whose activations are the features, deepest first.",
        one_of(LAYERS),
        "pool5",
        choices=LAYERS,
    )
    batch_size: int = option("Batch size", "Cells processed at once.", whole(1, 65536), 256)
    views: int | None = as_in(PredictOptions, "views")

"""Options of the step that previews intensity scalings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.folder_names import TRAIN
from deepometry.core.options.fields import (
    Options,
    as_in,
    option,
    overwrite_picture_option,
    parsed_cells,
    read_path,
    read_text,
)
from deepometry.core.options.train import TrainOptions


@dataclass(frozen=True, kw_only=True)
class ScalingsOptions(Options):
    """Options of `deepometry.training.scalings.scalings`; every field also accepts text."""

    input: Path = parsed_cells(TRAIN)
    target: str | None = option(
        "Target classification",
        "Target whose labels some cells are shown of, such as Class. Left blank: cells from all "
        "over the folder.",
        read_text,
        None,
        metavar="TARGET",
        example="Class; left blank: from all folders",
    )
    channels: tuple[int, ...] | None = as_in(TrainOptions, "channels")
    gallery: Path | None = option(
        "Gallery",
        "Write a picture (.png) of some cells of every label under each scaling.",
        read_path,
        None,
        metavar="FILE.png",
    )
    overwrite: bool = overwrite_picture_option()

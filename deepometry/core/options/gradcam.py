"""Options of the heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.fields import (
    Options,
    as_in,
    one_of,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    read_text,
)
from deepometry.core.options.predict import PredictOptions

STAGES = ("res5", "res4", "res3")
SHOWN = "12"


@dataclass(frozen=True, kw_only=True)
class GradcamOptions(Options):
    """Options of `deepometry.inference.gradcam.gradcam`; every field also accepts text."""

    input: Path = parsed_cells()
    output: Path = output_folder("Folder for the heat maps.")
    model: Path = as_in(PredictOptions, "model")
    cells: str = option(
        "Cells",
        "Number of cells, evenly from all folders; or which ones: file:object as in "
        "predicted.csv, separated by semicolons.",
        read_text,
        SHOWN,
    )
    label: str | None = option(
        "Label",
        "Class for which the heat map is drawn. Left blank: the predicted class of each cell, "
        "or, where a number is predicted, what makes it larger.",
        read_text,
        None,
        metavar="LABEL",
    )
    layer: str = option(
        "Layer",
        "Stage of the network: res5 is most specific to the classes; res4 and res3 locate more "
        "exactly.",
        one_of(STAGES),
        "res4",
        choices=STAGES,
    )
    rescale: float | str | None = as_in(PredictOptions, "rescale")
    despite_scale: bool = as_in(PredictOptions, "despite_scale")
    overwrite: bool = overwrite_option()

"""Options of the heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.options.predict import PredictOptions
from deepometry.options.settings import Options, as_in, one_of, option, read_path, read_text

STAGES = ("res5", "res4", "res3")
SHOWN = "12"


@dataclass(frozen=True, kw_only=True)
class GradcamOptions(Options):
    """Options of `deepometry.gradcam.gradcam`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option("Output location", "Folder for the heat maps.", read_path)
    model: Path = as_in(PredictOptions, "model")
    cells: str = option(
        "Cells",
        "How many cells, evenly from all folders; or which: file:object, as predicted.csv has "
        "them, more than one with ; between.",
        read_text,
        SHOWN,
    )
    label: str | None = option(
        "Label",
        "Class for which the heat is drawn. Left blank: the one that the model gives each cell.",
        read_text,
        None,
        metavar="LABEL",
    )
    layer: str = option(
        "Layer",
        "Stage of the network that is looked at: res5 knows the classes best, res3 and res4 show "
        "more exactly where.",
        one_of(STAGES),
        "res4",
        choices=STAGES,
    )

"""Options of the steps that apply a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import OptionsError
from deepometry.core.options.fields import (
    AUTO,
    Options,
    as_in,
    one_of,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    read_flag,
    read_path,
    read_rescale,
    read_text,
    read_views,
    real,
    whole,
)

PRECISIONS = ("float32", "bfloat16")
# The page shows them as the protocol does, in its order
LAYER_NAMES = {"res4a_relu": "Res4a_ReLU", "res5a_relu": "Res5a_ReLU", "pool5": "pool5"}
PARTS = (AUTO, "both", "network", "classical")
LAYERS = ("pool5", "res5a_relu", "res4a_relu")


@dataclass(frozen=True, kw_only=True)
class PredictOptions(Options):
    """Options of `deepometry.inference.predict.predict`; every field also accepts text."""

    input: Path = parsed_cells()
    output: Path = output_folder("Folder for the predictions.")
    model: Path = option(
        "Model location",
        "Model file, or the folder that training wrote.",
        read_path,
        metavar="PATH",
        kind="model",
    )
    unannotated: bool = option(
        "Unannotated data?",
        "The folders name no classes: predict a class for every cell, without a confusion matrix.",
        read_flag,
        False,
        group="validation",
    )
    batch_size: int = option(
        "Batch size",
        "Cells processed at once. A smaller number needs less memory; the result is the same.",
        whole(1, 65536),
        256,
        example="256",
        group="speed",
    )
    views: int | None = option(
        "Views",
        "Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1 is "
        "eight times as fast. Left blank: as the model was validated.",
        read_views,
        None,
        metavar="NUMBER",
        example="8; left blank: as the model has it",
        group="speed",
    )
    precision: str = option(
        "Precision",
        "Numbers to compute with: float32 gives the same probabilities on every computer. bfloat16 "
        "is twice as fast where the processor or graphics card supports it, and changes "
        "probabilities by up to 0.01.",
        one_of(PRECISIONS),
        "float32",
        choices=PRECISIONS,
        group="speed",
    )
    parts: str = option(
        "Parts of the model",
        "Which parts of a model of network and classical features predict: both, the network "
        "alone, or the decision trees on classical features alone. auto: all that the model has.",
        one_of(PARTS),
        AUTO,
        choices=PARTS,
        group="network",
    )
    unsure_below: float | None = option(
        "Unsure below",
        "Cells whose highest probability is below this number, from 0 to 1, are labelled unsure. "
        "Left blank: every cell gets a class.",
        real(0, 1),
        None,
        metavar="NUMBER",
        example="0.8; left blank: every cell is labelled",
        group="results",
    )
    unknown_above: float | None = option(
        "Unknown above",
        "Cells whose novelty is above this number, from 0 to 1, are labelled unknown: they are "
        "unlike all that the model learnt from. Novelty is the share of validation cells that are "
        "less novel, so 0.99 withholds the label of about 1 % of ordinary cells. Left blank: every "
        "cell gets a class.",
        real(0, 1),
        None,
        metavar="NUMBER",
        example="0.99; left blank: every cell is labelled",
        group="results",
    )
    rescale: float | str | None = option(
        "Rescale",
        "Number that every pixel is multiplied by, where cells are on another intensity scale than "
        "those that the model learnt from, such as 8 bits instead of 12; auto finds it; 1 leaves "
        "them as they are. Left blank: such cells are refused.",
        read_rescale,
        None,
        metavar="FACTOR",
        example="auto; left blank: cells of another scale are refused",
        group="images",
    )
    despite_scale: bool = option(
        "Despite scale",
        "Use cells although they are on another intensity scale than those that the model learnt "
        "from, or inverted: their predictions may mean nothing.",
        read_flag,
        False,
        group="images",
    )
    group_by: str | None = option(
        "Group by",
        "Folder level, such as Sample or Day, whose cells belong together; the intervals of the "
        "scores then hold for new samples or days. Left blank: cell by cell.",
        read_text,
        None,
        metavar="LEVEL",
        example="Sample; left blank: cell by cell",
        group="validation",
    )
    audit: bool = option(
        "Shortcut audit",
        "Find out whether the model goes by the cells or by their background, on up to 500 cells "
        "with a true label that it has not learnt from: they are shown to it with parts replaced. "
        "That takes as long as predicting up to 4,000 cells over one view.",
        read_flag,
        True,
        group="validation",
    )
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.group_by and self.unannotated:
            message = (
                "Group by: expected annotated cells, whose scores it is for, found unannotated "
                "ones; leave it blank."
            )
            raise OptionsError({"group_by": message})


@dataclass(frozen=True, kw_only=True)
class ExtractOptions(Options):
    """Options of `deepometry.inference.extract.extract`; every field also accepts text."""

    input: Path = parsed_cells()
    output: Path = output_folder("Folder for the features.")
    model: Path = as_in(PredictOptions, "model")
    layer: str = option(
        "Layer",
        "Layer whose activations are saved as features, deepest first.",
        one_of(LAYERS),
        "pool5",
        choices=LAYERS,
        names=LAYER_NAMES,
        group="network",
    )
    batch_size: int = as_in(PredictOptions, "batch_size")
    views: int | None = as_in(PredictOptions, "views")
    precision: str = as_in(PredictOptions, "precision")
    rescale: float | str | None = as_in(PredictOptions, "rescale")
    despite_scale: bool = as_in(PredictOptions, "despite_scale")
    overwrite: bool = overwrite_option()

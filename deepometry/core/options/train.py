"""Options of the steps that learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER, TRAIN
from deepometry.core.options.fields import (
    AUTO,
    Options,
    as_in,
    one_of,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    read_channels,
    read_flag,
    read_minutes,
    read_path,
    read_text,
    read_views,
    read_weights,
    real,
    whole,
)
from deepometry.core.task_names import ORDERED

RECIPES = ("standard", "protocol")
NETWORKS = (
    AUTO,
    "small10",
    "small18",
    "equivariant15",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
)
EQUIVARIANT = ("equivariant15",)
"""Those with the same outputs for all mirror images and quarter turns of a cell."""

SCALINGS = (AUTO, "background", "channel", "image", "8bit", "none")
BALANCES = (AUTO, "adjust", "weights", "sampling", "none")
SCHEDULES = (AUTO, "cycle", "plateau")
PRECISIONS = (AUTO, "float32", "bfloat16")
LEARN_AS = (AUTO, CLASSES, ORDERED, NUMBER)
FREEZES = (AUTO, "two-phase", "all-but-head", "stem", "none")
PARTS = (AUTO, "both", "network")
METHODS = ("boosting", "rusboost")
MOST_FOLDS = 20


def read_folds(value: Any) -> int | None:
    return whole(2, MOST_FOLDS)(value) if str(value).strip() != "0" else None


def check_across(across: str | None, group_by: str | None) -> None:
    """Check that groups are named once."""
    if across and group_by and across.casefold() != group_by.casefold():
        message = (
            f"Group by: expected none, or {across} as Across has it, found {group_by}; groups that "
            "are left out whole are kept together in the validation share, too."
        )
        raise OptionsError({"group_by": message})


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Options):
    """Options of `deepometry.training.train.train`; every field also accepts text."""

    input: Path = parsed_cells(TRAIN)
    output: Path = output_folder("Folder for the model and its curves.")
    target: str = option(
        "Target classification",
        "Target to classify by: a prefix of the folder names, such as Class or Day.",
        read_text,
        metavar="TARGET",
        example="Class",
        group="training",
    )
    learn_as: str = option(
        "Learn as",
        "classes: one class or another; ordered: classes whose labels are numbers, such as Day 1 "
        "and Day 15, where a near miss counts less than a far one; number: the number itself, "
        "with a 90 % interval. auto: classes for folder names, a number for measured labels.",
        one_of(LEARN_AS),
        AUTO,
        choices=LEARN_AS,
        group="training",
    )
    epochs: int | None = option(
        "Learning iterations",
        "Passes over the training cells. Left blank: chosen from the number of cells, or 512 with "
        "the recipe of the protocol.",
        whole(1, 100_000),
        None,
        metavar="NUMBER",
        example="60; left blank: chosen from the number of cells",
        group="training",
    )
    budget: float | None = option(
        "Time budget",
        "Time for the whole training, cross-validation included, such as 10min or 1h 30min; a "
        "number alone is minutes. As many epochs are trained as fit into it on this computer, up "
        "to three times as many as without a budget.",
        read_minutes,
        None,
        metavar="TIME",
        example="10min; left blank: chosen from the number of cells",
        group="training",
    )
    recipe: str = option(
        "Recipe",
        "standard: the most accurate that was measured for the same time; protocol: as published, "
        "ResNet50 from scratch, for comparison. It sets every option that is left blank or auto.",
        one_of(RECIPES),
        "standard",
        choices=RECIPES,
        group="training",
    )
    batch_size: int | None = option(
        "Batch size",
        "Cells in one training step. A larger number is faster on a graphics card and needs more "
        "memory; enter a smaller one if memory runs out. Left blank: as the recipe has it.",
        whole(1, 4096),
        None,
        metavar="NUMBER",
        example="32; left blank: as the recipe has it",
        group="speed",
    )
    parts: str = option(
        "Parts of the model",
        "both: the network and decision trees on classical features, weighed by what each is worth "
        "on the validation cells: the most accurate; network: the network alone. auto: both, or "
        "the network alone with the recipe of the protocol. The trees alone: see the classical "
        "analysis.",
        one_of(PARTS),
        AUTO,
        choices=PARTS,
        group="network",
    )
    network: str = option(
        "Network",
        "small18: a residual network of 18 layers for images as small as cells; small10: one of "
        "10 layers, for a quick try or a slow computer; equivariant15: one of 15 layers for which "
        "a cell has no up, so that a single view of it is enough in predictions; resnet18 to "
        "resnet152: those for large images, as in the protocol.",
        one_of(NETWORKS),
        AUTO,
        choices=NETWORKS,
        group="network",
    )
    channels: tuple[int, ...] | None = option(
        "Channels",
        "Channels to train on, out of the parsed ones, such as 1,9. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
        example="1,9,12; left blank: all",
        group="images",
    )
    scaling: str = option(
        "Intensity scaling",
        "background: less the background of each image, over the spread of the channel in the "
        "training cells; channel: mean and spread of each channel over the training cells; image: "
        "darkest to brightest pixel of each image; 8bit: the same, in 256 levels, as in the "
        "protocol; none: raw counts.",
        one_of(SCALINGS),
        AUTO,
        choices=SCALINGS,
        group="images",
    )
    learning_rate: float | None = option(
        "Learning rate",
        "Maximum learning rate of the Adam optimiser.",
        real(1e-8, 1.0),
        None,
        metavar="NUMBER",
        example="0.001; left blank: as the recipe has it",
        group="training",
    )
    schedule: str = option(
        "Schedule",
        "cycle: the learning rate rises, then falls to zero at the last epoch; plateau: it is "
        "halved whenever the validation loss stops improving.",
        one_of(SCHEDULES),
        AUTO,
        choices=SCHEDULES,
        group="training",
    )
    weight_decay: float | None = option(
        "Weight decay",
        "Strength of weight decay, which pulls the weights of the filters towards zero.",
        real(0.0, 1.0),
        None,
        metavar="NUMBER",
        example="0.05; left blank: as the recipe has it",
        group="training",
    )
    smoothing: float | None = option(
        "Label smoothing",
        "Label smoothing: the share of every label that is spread over all classes.",
        real(0.0, 0.5),
        None,
        metavar="NUMBER",
        example="0.1; left blank: as the recipe has it",
        group="training",
    )
    balance: str = option(
        "Class balance",
        "How rare classes are compensated: adjust: logit adjustment for the class frequencies; "
        "weights: rare classes count more in the loss; sampling: every class is drawn equally "
        "often; none.",
        one_of(BALANCES),
        AUTO,
        choices=BALANCES,
        group="training",
    )
    flips: bool = option(
        "Flips", "Mirror training images at random.", read_flag, True, group="training"
    )
    rotation: bool = option(
        "Rotation", "Rotate training images by a random angle.", read_flag, True, group="training"
    )
    shifts: float | None = option(
        "Shifts",
        "Maximum random shift of training images, as a share of the frame; 0 for none.",
        real(0.0, 0.5),
        None,
        metavar="NUMBER",
        example="0.05; left blank: as the recipe has it",
        group="training",
    )
    views: int | None = option(
        "Views",
        "Mirror images and quarter turns of a cell over which the model averages its "
        "probabilities, 1 or 8.",
        read_views,
        None,
        metavar="NUMBER",
        example="8; left blank: as the recipe has it",
        group="network",
    )
    validation: float | None = option(
        "Validation share",
        "Share of the cells of each class that is kept for validation, to choose the best epoch.",
        real(0.01, 0.9),
        None,
        metavar="NUMBER",
        example="0.2; left blank: as the recipe has it",
        group="validation",
    )
    patience: int | None = option(
        "Patience",
        "Stop early when the validation loss has not improved for this many epochs; 0 never stops "
        "early.",
        whole(0),
        None,
        metavar="NUMBER",
        example="40; left blank: as the recipe has it",
        group="training",
    )
    plateau: int | None = option(
        "Plateau",
        "With the schedule plateau: halve the learning rate after this many epochs without "
        "improvement of the validation loss; 0 never.",
        whole(0),
        None,
        metavar="NUMBER",
        example="10; left blank: as the recipe has it",
        group="training",
    )
    precision: str = option(
        "Precision",
        "Numbers that training steps compute with: auto takes bfloat16, which is faster, where the "
        "processor or graphics card supports it. Scores and the model file are always float32.",
        one_of(PRECISIONS),
        AUTO,
        choices=PRECISIONS,
        group="speed",
    )
    seed: int = option(
        "Seed",
        "Number that fixes the split, the start and the augmentation.",
        whole(0),
        0,
        example="0",
        group="training",
    )
    start_from: Path | None = option(
        "From model",
        "Start from an earlier model, a file or the folder of a training, instead of from "
        "scratch. Other classes, channels and frames are allowed. ResNet50 weights of the "
        "original program (.h5) are accepted, too.",
        read_path,
        None,
        metavar="PATH",
        kind="start",
        group="network",
    )
    weights: str | None = option(
        "Weights",
        "Start ResNet50 from weights of keras.applications: imagenet, trained on photographs and "
        "downloaded once; or a file that holds such weights.",
        read_weights,
        None,
        metavar="imagenet|FILE",
        example="imagenet; left blank: from scratch",
        group="network",
    )
    freeze: str = option(
        "Freeze",
        "Layers whose weights stay fixed. two-phase: all but the last layer in the first tenth of "
        "the epochs, then none; all-but-head: all but the last layer; stem: the first layers; "
        "none. auto: two-phase.",
        one_of(FREEZES),
        AUTO,
        choices=FREEZES,
        group="network",
    )
    resume: bool = option(
        "Resume",
        "Continue from the last epoch of a training in the output folder.",
        read_flag,
        False,
        group="training",
    )
    folds: int | None = option(
        "Folds",
        "Cross-validation: the cells are divided into this many folds; each fold is predicted by "
        "a model trained on the others, and a final model is trained on all cells. Blank or 0 for "
        "none; 5 is usual and takes six times as long.",
        read_folds,
        None,
        metavar="NUMBER",
        example="5; left blank: none",
        group="validation",
    )
    group_by: str | None = option(
        "Group by",
        "Keep all cells of a folder value together, such as Sample, in folds and in the "
        "validation share, so that models are tested on samples that they never saw.",
        read_text,
        None,
        metavar="PREFIX",
        example="Sample; left blank: cell by cell",
        group="validation",
    )
    across: str | None = option(
        "Across",
        "Cross-validation across groups: each value of this folder level, such as Day or Donor, is "
        "left out once and predicted by a model that saw none of its cells; of more than 10 "
        "values, or than Folds, several together. Shows scores by group, and what a new one costs.",
        read_text,
        None,
        metavar="PREFIX",
        example="Day; left blank: none",
        group="validation",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_across(self.across, self.group_by)
        if self.start_from and self.weights:
            raise OptionsError(
                {"weights": "Weights: expected these or an earlier model, found both; choose one."}
            )
        if self.budget is not None and self.epochs is not None:
            message = (
                "Time budget: expected this or Learning iterations, found both; leave one of them "
                "blank."
            )
            raise OptionsError({"budget": message})
        if not (self.start_from or self.weights) and self.freeze not in (AUTO, "none"):
            message = (
                "Freeze: expected an earlier model or weights to start from, found none; from "
                "scratch, all layers have to learn."
            )
            raise OptionsError({"freeze": message})


@dataclass(frozen=True, kw_only=True)
class BaselineOptions(Options):
    """Options of `deepometry.training.baseline.baseline`; every field also accepts text."""

    input: Path = parsed_cells(TRAIN)
    output: Path = option(
        "Output location",
        "Folder for the tables and the model. Where it holds a trained network, both are compared "
        "on the same cells.",
        read_path,
        kind="folder",
    )
    target: str = as_in(TrainOptions, "target")
    learn_as: str = as_in(TrainOptions, "learn_as")
    method: str = option(
        "Method",
        "boosting: gradient boosting with class weights; rusboost: boosting on equally many cells "
        "of every class, as many as the rarest has.",
        one_of(METHODS),
        "boosting",
        choices=METHODS,
        group="training",
    )
    channels: tuple[int, ...] | None = option(
        "Channels",
        "Channels to measure, out of the parsed ones, such as 1,9. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
        group="images",
    )
    model: Path | None = option(
        "Model location",
        "Network to compare with; by default the newest one in the output folder, if any.",
        read_path,
        None,
        metavar="PATH",
    )
    validation: float = option(
        "Validation share",
        "Share of the cells of each class that is kept for validation; as in the training to "
        "compare with.",
        real(0.01, 0.9),
        0.1,
        group="validation",
    )
    seed: int = option(
        "Seed",
        "Number that fixes the split and the trees; as in the training to compare with.",
        whole(0),
        0,
        group="training",
    )
    folds: int | None = as_in(TrainOptions, "folds")
    group_by: str | None = as_in(TrainOptions, "group_by")
    across: str | None = as_in(TrainOptions, "across")
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_across(self.across, self.group_by)

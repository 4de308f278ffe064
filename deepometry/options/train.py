"""Options of the steps that learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.errors import OptionsError
from deepometry.options.settings import (
    AUTO,
    Options,
    as_in,
    one_of,
    option,
    read_channels,
    read_flag,
    read_path,
    read_text,
    read_views,
    read_weights,
    real,
    whole,
)

RECIPES = ("standard", "protocol")
NETWORKS = (AUTO, "small18", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
SCALINGS = (AUTO, "background", "channel", "image", "8bit", "none")
BALANCES = (AUTO, "adjust", "weights", "sampling", "none")
SCHEDULES = (AUTO, "cycle", "plateau")
PRECISIONS = (AUTO, "float32", "bfloat16")
FREEZES = (AUTO, "two-phase", "all-but-head", "stem", "none")
METHODS = ("boosting", "rusboost")
MOST_FOLDS = 20


def read_folds(value: Any) -> int | None:
    return whole(2, MOST_FOLDS)(value) if str(value).strip() != "0" else None


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Options):
    """Options of `deepometry.train.train`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option("Output location", "Folder for the model and its curves.", read_path)
    target: str = option(
        "Target classification",
        "What to learn: a folder prefix, such as Class or Day, out of those that the folders have.",
        read_text,
        metavar="TARGET",
    )
    epochs: int | None = option(
        "Learning iterations",
        "Passes over the training cells. Left blank: chosen from the number of cells, or 512 with "
        "the recipe of the protocol.",
        whole(1, 100_000),
        None,
        metavar="NUMBER",
    )
    recipe: str = option(
        "Recipe",
        "standard: the best that was measured for a given time; protocol: as published, ResNet50 "
        "from scratch, for comparison. It fills in every option that is left blank or auto.",
        one_of(RECIPES),
        "standard",
        choices=RECIPES,
    )
    batch_size: int | None = option(
        "Batch size",
        "Cells in one training step.",
        whole(1, 4096),
        None,
        metavar="NUMBER",
    )
    network: str = option(
        "Network",
        "small18: a residual network of 18 layers for images as small as cells; resnet18 to "
        "resnet152: those for large images, as in the protocol.",
        one_of(NETWORKS),
        AUTO,
        choices=NETWORKS,
    )
    channels: tuple[int, ...] | None = option(
        "Channels",
        "Channels to learn from, out of the parsed ones, such as 1,9. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
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
    )
    learning_rate: float | None = option(
        "Learning rate",
        "Largest step size of the Adam optimiser.",
        real(1e-8, 1.0),
        None,
        metavar="NUMBER",
    )
    schedule: str = option(
        "Schedule",
        "cycle: the learning rate rises, then falls to nothing at the last epoch; plateau: it is "
        "halved whenever nothing improves.",
        one_of(SCHEDULES),
        AUTO,
        choices=SCHEDULES,
    )
    weight_decay: float | None = option(
        "Weight decay",
        "How strongly filters are pulled towards zero.",
        real(0.0, 1.0),
        None,
        metavar="NUMBER",
    )
    smoothing: float | None = option(
        "Label smoothing",
        "Share of every label that is spread over all classes in training.",
        real(0.0, 0.5),
        None,
        metavar="NUMBER",
    )
    balance: str = option(
        "Class balance",
        "How rare classes are given more say: adjust, which tells the network to expect them more "
        "often than they come; weights in the loss; sampling every class equally often; or none.",
        one_of(BALANCES),
        AUTO,
        choices=BALANCES,
    )
    flips: bool = option("Flips", "Mirror training images at random.", read_flag, True)
    rotation: bool = option("Rotation", "Turn training images by any angle.", read_flag, True)
    shifts: float | None = option(
        "Shifts",
        "Farthest that training images are shifted, as a share of the frame; 0 for none.",
        real(0.0, 0.5),
        None,
        metavar="NUMBER",
    )
    views: int | None = option(
        "Views",
        "Mirror images and quarter turns of a cell over which the model averages when it "
        "predicts: 1 or 8.",
        read_views,
        None,
        metavar="NUMBER",
    )
    validation: float | None = option(
        "Validation share",
        "Share of the cells of each class kept from training to choose the best epoch.",
        real(0.01, 0.9),
        None,
        metavar="NUMBER",
    )
    patience: int | None = option(
        "Patience",
        "Stop when the validation loss has not improved for so many epochs; 0 never stops early.",
        whole(0),
        None,
        metavar="NUMBER",
    )
    plateau: int | None = option(
        "Plateau",
        "With the schedule plateau: epochs without improvement of the validation loss after which "
        "the learning rate is halved; 0 never.",
        whole(0),
        None,
        metavar="NUMBER",
    )
    precision: str = option(
        "Precision",
        "Numbers to compute with: bfloat16 is as exact and faster where the processor or graphics "
        "card has it; auto looks for that.",
        one_of(PRECISIONS),
        AUTO,
        choices=PRECISIONS,
    )
    seed: int = option(
        "Seed", "Number that fixes the split, the start and the augmentation.", whole(0), 0
    )
    start_from: Path | None = option(
        "From model",
        "Start from an earlier model, a file or the folder of a training, in place of from "
        "scratch: other classes, channels and frames are allowed. ResNet50 weights of the "
        "original program (.h5) are taken too.",
        read_path,
        None,
        metavar="PATH",
    )
    weights: str | None = option(
        "Weights",
        "Start ResNet50 from weights of keras.applications: imagenet, learnt on photographs, which "
        "are downloaded once; or a file that holds such weights.",
        read_weights,
        None,
        metavar="imagenet|FILE",
    )
    freeze: str = option(
        "Freeze",
        "Layers that keep what they start with. two-phase: in the first tenth of the epochs all "
        "but the last layer, then none; all-but-head: all but the last layer; stem: the first "
        "layers; none. auto: two-phase.",
        one_of(FREEZES),
        AUTO,
        choices=FREEZES,
    )
    resume: bool = option(
        "Resume", "Go on from the last epoch of a training in the output folder.", read_flag, False
    )
    folds: int | None = option(
        "Folds",
        "Cross-validation: the cells are dealt out to so many folds, each is judged by a model "
        "that learnt from the others, and one model of all cells is trained at the end. Blank or "
        "0 for none; 5 is usual, and takes six times as long.",
        read_folds,
        None,
        metavar="NUMBER",
    )
    group_by: str | None = option(
        "Group by",
        "Keep all cells of a folder value on one side, such as Sample, in folds and in the "
        "validation share, so that models are judged on samples that they never saw.",
        read_text,
        None,
        metavar="PREFIX",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start_from and self.weights:
            raise OptionsError(
                {"weights": "Weights: expected these or an earlier model, found both; choose one."}
            )
        if not (self.start_from or self.weights) and self.freeze not in (AUTO, "none"):
            message = (
                "Freeze: expected an earlier model or weights to start from, found none; from "
                "scratch, all layers have to learn."
            )
            raise OptionsError({"freeze": message})


@dataclass(frozen=True, kw_only=True)
class BaselineOptions(Options):
    """Options of `deepometry.baseline.baseline`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option(
        "Output location",
        "Folder for the tables and the model; where a training wrote its network there, both are "
        "compared on the same cells.",
        read_path,
    )
    target: str = as_in(TrainOptions, "target")
    method: str = option(
        "Method",
        "boosting: gradient boosting with weighted classes; rusboost: boosting on as many cells of "
        "every class as the rarest has.",
        one_of(METHODS),
        "boosting",
        choices=METHODS,
    )
    channels: tuple[int, ...] | None = option(
        "Channels",
        "Channels to measure, out of the parsed ones, such as 1,9. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
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
        "Share of the cells of each class kept from training; as in the training to compare with.",
        real(0.01, 0.9),
        0.1,
    )
    seed: int = option(
        "Seed",
        "Number that fixes the split and the trees; as in the training to compare with.",
        whole(0),
        0,
    )
    folds: int | None = as_in(TrainOptions, "folds")
    group_by: str | None = as_in(TrainOptions, "group_by")

"""One frozen dataclass of options a step: the only configuration there is.

The command line, the page and Python all build these classes, from text or from values; each
field carries its label, its help and the function that reads it. All fields are checked at
once, and `OptionsError` says for each what was expected and what was found.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from deepometry.errors import OptionsError

AUTO = "auto"
"""What leaves the choice to the recipe."""

RECIPES = ("standard", "protocol")
NETWORKS = (AUTO, "small18", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
SCALINGS = (AUTO, "background", "channel", "image", "none")
BALANCES = (AUTO, "adjust", "weights", "sampling", "none")
SCHEDULES = (AUTO, "cycle", "plateau")
PRECISIONS = (AUTO, "float32", "bfloat16")
METHODS = ("boosting", "rusboost")
READERS = ("own", "bioformats")
LAYERS = ("pool5", "res5a_relu", "res4a_relu")
SMALLEST_FRAME = 16
LARGEST_FRAME = 1024
MOST_CHANNELS = 64


@dataclass(frozen=True)
class Setting:
    """What a field tells its users: a label, a help text, and how its text is read."""

    label: str
    help: str
    read: Callable[[Any], Any]
    metavar: str | None = None
    choices: tuple[str, ...] | None = None


def settings(options: type) -> dict[str, tuple[Setting, Any]]:
    """Give every option of a class: its name, its `Setting` and its default.

    Returns
    -------
    dict of str to (Setting, default)
        `dataclasses.MISSING` is the default of a required option.
    """
    return {f.name: (f.metadata["setting"], f.default) for f in fields(options)}


def _option(
    label: str,
    help: str,
    read: Callable[[Any], Any],
    default: Any = MISSING,
    **more: Any,
) -> Any:
    setting = Setting(label, help, read, **more)
    if default is MISSING:
        return field(metadata={"setting": setting})
    return field(default=default, metadata={"setting": setting})


class _Options:
    """Reads and checks every field when an instance is made."""

    def __post_init__(self) -> None:
        wrong = {}
        for item in fields(self):  # type: ignore[arg-type]
            try:
                object.__setattr__(self, item.name, _read(item, getattr(self, item.name)))
            except ValueError as error:
                wrong[item.name] = f"{item.metadata['setting'].label}: {error}"
        if wrong:
            raise OptionsError(wrong)


def _read(item: Field[Any], value: Any) -> Any:
    blank = value is None or (isinstance(value, str) and not value.strip())
    if blank and item.default is not MISSING:
        return item.default
    if blank:
        raise ValueError("expected a value, found nothing; please fill it in.")
    return item.metadata["setting"].read(value)


# --- readers of values -----------------------------------------------------------------------


# Around pasted paths: quotes, the curly ones of texts too, and the marks of direction that Windows
# copies with a path
_QUOTES = "\"'\u201c\u201d\u2018\u2019"
_UNSEEN = dict.fromkeys([0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F)])


def _path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    text = str(value).translate(_UNSEEN).strip().strip(_QUOTES)
    if text.lower().startswith("file://"):
        text = url2pathname(urlsplit(text).path)
    if "\0" in text:
        raise ValueError(
            f"expected a path, found {text[:40]!r}, with a character that no path has."
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"expected a path, found {value!r}, of a user unknown here.") from error


def _text(value: Any) -> str:
    return str(value).strip()


_MOST = 2**31 - 1


def _whole(least: int, most: int = _MOST) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        found = str(value).strip()
        number = int(found) if re.fullmatch(r"[+-]?\d{1,99}", found) else None
        if isinstance(value, bool) or number is None:
            raise ValueError(f"expected a whole number {span}, found {_short(found)!r}.")
        if not least <= number <= most:
            told = f"{span}, at most {most}" if number > most == _MOST else span
            raise ValueError(f"expected a whole number {told}, found {_short(found)}.")
        return number

    span = f"from {least} to {most}" if most < _MOST else f"of {least} or more"
    return read


def _short(found: str) -> str:
    return found if len(found) <= 40 else f"{found[:37]}..."


def _number(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, bool) or not least <= number <= most:
            raise ValueError(
                f"expected a number from {least:g} to {most:g}, found {_short(str(value))!r}."
            )
        return number

    return read


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        found = str(value).strip().lower()
        if found not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, found {value!r}.")
        return found

    return read


def _flag(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    found = words.get(str(value).strip().lower())
    if found is None:
        raise ValueError(f"expected yes or no, found {value!r}.")
    return found


def read_channels(value: Any) -> tuple[int, ...]:
    """Read channel numbers, counted from 1 as IDEAS does, in the user's order.

    Parameters
    ----------
    value : str, int or sequence of int
        `"1,9,12"`, `"[1, 9, 12]"`, `"1 9 12"`, `9` and `(1, 9, 12)` are all accepted.

    Raises
    ------
    ValueError
        Not numbers of 1 and more, or one of them twice.
    """
    whole = isinstance(value, Sequence) and not isinstance(value, str)
    text = ",".join(map(str, value)) if whole else str(value)
    parts = re.split(r"[,;\s]+", text.strip().strip("[]()").strip())
    if not all(re.fullmatch(r"\d{1,4}", part) and int(part) > 0 for part in parts):
        raise ValueError(
            f"expected channel numbers from 1 up, such as 1,9,12, found {text!r}; "
            "use the numbers that IDEAS shows."
        )
    numbers = tuple(int(part) for part in parts)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"expected each channel once, found {text!r}; remove the repetition.")
    if len(numbers) > MOST_CHANNELS:
        raise ValueError(f"expected at most {MOST_CHANNELS} channels, found {len(numbers)}.")
    return numbers


def _held_out(value: Any) -> float:
    """Read `80/20` as the share held out, 0.2."""
    if isinstance(value, float):
        value = f"{100 * (1 - value):g}/{100 * value:g}"
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[/:]\s*(\d+(?:\.\d+)?)", str(value).strip())
    train, held = map(float, parts.groups()) if parts else (0.0, 0.0)
    if min(train, held) <= 0 or not math.isclose(train + held, 100):
        raise ValueError(
            f"expected two percentages of training and hold-out that add up to 100, such as "
            f"80/20, found {str(value)!r}."
        )
    return held / 100


def _views(value: Any) -> int:
    if str(value).strip() not in ("1", "8"):
        raise ValueError(f"expected 1 or 8, found {value!r}.")
    return int(value)


def _reader() -> Any:
    return _option(
        "Reader",
        "own: Deepometry's readers of .cif and .tif files, without Java; bioformats: Bio-Formats, "
        "for .cif and many other kinds of files, where it and Java are installed.",
        _one_of(READERS),
        "own",
        choices=READERS,
    )


# --- the steps -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class InfoOptions(_Options):
    """Options of `deepometry.info.info`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = _option(
        "Input location", "A .cif, .rif or .tif file, or a folder that holds such files.", _path
    )
    gallery: Path | None = _option(
        "Gallery",
        "Write a picture (.png) of the first cells in every channel, with the suggested frame.",
        _path,
        None,
        metavar="FILE.png",
    )
    quick: bool = _option(
        "Quick look",
        "Look at the first 200 cells of every .cif file, or folder of .tif files, only.",
        _flag,
        False,
    )
    reader: str = _reader()


@dataclass(frozen=True, kw_only=True)
class ParseOptions(_Options):
    """Options of `deepometry.parse.parse`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = _option(
        "Input location",
        "Folder that holds the .cif or .tif images, in sub-folders whose names say what the "
        "cells are, such as 'Day 1/Sample A/Class Smooth_Disc'.",
        _path,
    )
    output: Path = _option("Output location", "Folder for the parsed arrays.", _path)
    frame: int = _option(
        "Frame size",
        "Side of the square, in pixels, to which every cell is cropped or padded.",
        _whole(SMALLEST_FRAME, LARGEST_FRAME),
        48,
    )
    channels: tuple[int, ...] | None = _option(
        "Channels",
        "Channels to keep, numbered as in IDEAS, such as 1,9,12. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
    )
    montage: int = _option(
        "Montage size",
        "Cells along each side of a montage sheet; 0 writes no montages.",
        _whole(0, 100),
        15,
    )
    split: float | None = _option(
        "Train/Hold-out split",
        "Percentages of cells for training and held out for the final test, such as 80/20. "
        "No split by default.",
        _held_out,
        None,
        metavar="TRAIN/HOLD-OUT",
    )
    split_by: str | None = _option(
        "Split by",
        "Keep all cells of a folder value on one side of the split, such as Sample, so that "
        "the test is on samples that training never saw.",
        _text,
        None,
        metavar="PREFIX",
    )
    seed: int = _option("Seed", "Number that fixes the split and the padding noise.", _whole(0), 0)
    masked: bool = _option(
        "Masked",
        "Turn every pixel outside the mask of its channel, as the .cif file has it, into "
        "background.",
        _flag,
        False,
    )
    reader: str = _reader()
    one_file_per_cell: bool = _option(
        "One file per cell",
        "Write one .npy a cell, the layout of the original program, in place of stacks.",
        _flag,
        False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split_by and self.split is None:
            message = (
                "Split by: expected a Train/Hold-out split beside it, such as 80/20, found none."
            )
            raise OptionsError({"split_by": message})


@dataclass(frozen=True, kw_only=True)
class TrainOptions(_Options):
    """Options of `deepometry.train.train`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = _option("Input location", "Folder of parsed cells, as Parse wrote it.", _path)
    output: Path = _option("Output location", "Folder for the model and its curves.", _path)
    target: str = _option(
        "Target classification",
        "What to learn: a folder prefix, such as Class or Day, out of those that the folders have.",
        _text,
        metavar="TARGET",
    )
    epochs: int | None = _option(
        "Learning iterations",
        "Passes over the training cells. Left blank: chosen from the number of cells, or 512 with "
        "the recipe of the protocol.",
        _whole(1, 100_000),
        None,
        metavar="NUMBER",
    )
    recipe: str = _option(
        "Recipe",
        "standard: the best that was measured for a given time; protocol: as published, ResNet50 "
        "from scratch, for comparison. It fills in every option that is left blank or auto.",
        _one_of(RECIPES),
        "standard",
        choices=RECIPES,
    )
    batch_size: int | None = _option(
        "Batch size",
        "Cells in one training step.",
        _whole(1, 4096),
        None,
        metavar="NUMBER",
    )
    network: str = _option(
        "Network",
        "small18: a residual network of 18 layers for images as small as cells; resnet18 to "
        "resnet152: those for large images, as in the protocol.",
        _one_of(NETWORKS),
        AUTO,
        choices=NETWORKS,
    )
    channels: tuple[int, ...] | None = _option(
        "Channels",
        "Channels to learn from, out of the parsed ones, such as 1,9. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
    )
    scaling: str = _option(
        "Intensity scaling",
        "background: less the background of each image, over the spread of the channel in the "
        "training cells; channel: mean and spread of each channel over the training cells; image: "
        "darkest to brightest pixel of each image, as in the protocol; none: raw counts.",
        _one_of(SCALINGS),
        AUTO,
        choices=SCALINGS,
    )
    learning_rate: float | None = _option(
        "Learning rate",
        "Largest step size of the Adam optimiser.",
        _number(1e-8, 1.0),
        None,
        metavar="NUMBER",
    )
    schedule: str = _option(
        "Schedule",
        "cycle: the learning rate rises, then falls to nothing at the last epoch; plateau: it is "
        "halved whenever nothing improves.",
        _one_of(SCHEDULES),
        AUTO,
        choices=SCHEDULES,
    )
    weight_decay: float | None = _option(
        "Weight decay",
        "How strongly filters are pulled towards zero.",
        _number(0.0, 1.0),
        None,
        metavar="NUMBER",
    )
    smoothing: float | None = _option(
        "Label smoothing",
        "Share of every label that is spread over all classes in training.",
        _number(0.0, 0.5),
        None,
        metavar="NUMBER",
    )
    balance: str = _option(
        "Class balance",
        "How rare classes are given more say: adjust, which tells the network to expect them more "
        "often than they come; weights in the loss; sampling every class equally often; or none.",
        _one_of(BALANCES),
        AUTO,
        choices=BALANCES,
    )
    flips: bool = _option("Flips", "Mirror training images at random.", _flag, True)
    rotation: bool = _option("Rotation", "Turn training images by any angle.", _flag, True)
    shifts: float | None = _option(
        "Shifts",
        "Farthest that training images are shifted, as a share of the frame; 0 for none.",
        _number(0.0, 0.5),
        None,
        metavar="NUMBER",
    )
    views: int | None = _option(
        "Views",
        "Mirror images and quarter turns of a cell over which the model averages when it "
        "predicts: 1 or 8.",
        _views,
        None,
        metavar="NUMBER",
    )
    validation: float | None = _option(
        "Validation share",
        "Share of the cells of each class kept from training to choose the best epoch.",
        _number(0.01, 0.9),
        None,
        metavar="NUMBER",
    )
    patience: int | None = _option(
        "Patience",
        "Stop when the validation loss has not improved for so many epochs; 0 never stops early.",
        _whole(0),
        None,
        metavar="NUMBER",
    )
    plateau: int | None = _option(
        "Plateau",
        "With the schedule plateau: epochs without improvement of the validation loss after which "
        "the learning rate is halved; 0 never.",
        _whole(0),
        None,
        metavar="NUMBER",
    )
    precision: str = _option(
        "Precision",
        "Numbers to compute with: bfloat16 is as exact and faster where the processor or graphics "
        "card has it; auto looks for that.",
        _one_of(PRECISIONS),
        AUTO,
        choices=PRECISIONS,
    )
    seed: int = _option(
        "Seed", "Number that fixes the split, the start and the augmentation.", _whole(0), 0
    )
    resume: bool = _option(
        "Resume", "Go on from the last epoch of a training in the output folder.", _flag, False
    )


@dataclass(frozen=True, kw_only=True)
class PredictOptions(_Options):
    """Options of `deepometry.predict.predict`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = _option("Input location", "Folder of parsed cells, as Parse wrote it.", _path)
    output: Path = _option("Output location", "Folder for the predictions.", _path)
    model: Path = _option(
        "Model location", "Model file, or the folder that training wrote.", _path, metavar="PATH"
    )
    unannotated: bool = _option(
        "Unannotated data?",
        "The folders name no classes: write a label for every cell, no confusion matrix.",
        _flag,
        False,
    )
    batch_size: int = _option("Batch size", "Cells predicted at once.", _whole(1, 65536), 256)
    views: int | None = _option(
        "Views",
        "Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1 is "
        "eight times as fast. Left blank: as the model was validated.",
        _views,
        None,
        metavar="NUMBER",
    )


@dataclass(frozen=True, kw_only=True)
class ExtractOptions(_Options):
    """Options of `deepometry.extract.extract`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = _option("Input location", "Folder of parsed cells, as Parse wrote it.", _path)
    output: Path = _option("Output location", "Folder for the features.", _path)
    model: Path = _option(
        "Model location", "Model file, or the folder that training wrote.", _path, metavar="PATH"
    )
    layer: str = _option(
        "Layer",
        "Layer whose activations are the features, deepest first.",
        _one_of(LAYERS),
        "pool5",
        choices=LAYERS,
    )
    batch_size: int = _option("Batch size", "Cells processed at once.", _whole(1, 65536), 256)
    views: int | None = _option(
        "Views",
        "Mirror images and quarter turns of a cell over which outputs are averaged, 1 or 8; 1 is "
        "eight times as fast. Left blank: as the model was validated.",
        _views,
        None,
        metavar="NUMBER",
    )


DEMO_TARGET = "Class"
"""What a first try learns, here and on the page."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions(_Options):
    """Options of `deepometry.demo.demo`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    output: Path = _option(
        "Output location",
        "New folder for the example cells and all results.",
        _path,
        Path("deepometry_demo"),
        metavar="FOLDER",
    )
    cells: int = _option("Cells", "Number of example cells to draw.", _whole(70, 1_000_000), 1400)
    epochs: int = _option("Learning iterations", "Passes over the training cells.", _whole(1), 12)
    seed: int = _option("Seed", "Number that fixes everything drawn by chance.", _whole(0), 0)


@dataclass(frozen=True, kw_only=True)
class ExampleOptions(_Options):
    """Options of `deepometry.example.example`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    output: Path = _option(
        "Output location", "New or empty folder for the example images.", _path, metavar="FOLDER"
    )
    cells: int = _option("Cells", "Number of example cells to draw.", _whole(70, 1_000_000), 1400)
    seed: int = _option("Seed", "Number that fixes everything drawn by chance.", _whole(0), 0)


@dataclass(frozen=True, kw_only=True)
class BaselineOptions(_Options):
    """Options of `deepometry.baseline.baseline`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = _option("Input location", "Folder of parsed cells, as Parse wrote it.", _path)
    output: Path = _option(
        "Output location",
        "Folder for the tables and the model; where a training wrote its network there, both are "
        "compared on the same cells.",
        _path,
    )
    target: str = _option(
        "Target classification",
        "What to learn: a folder prefix, such as Class or Day, out of those that the folders have.",
        _text,
        metavar="TARGET",
    )
    method: str = _option(
        "Method",
        "boosting: gradient boosting with weighted classes; rusboost: boosting on as many cells of "
        "every class as the rarest has.",
        _one_of(METHODS),
        "boosting",
        choices=METHODS,
    )
    channels: tuple[int, ...] | None = _option(
        "Channels",
        "Channels to measure, out of the parsed ones, such as 1,9. All of them by default.",
        read_channels,
        None,
        metavar="NUMBERS",
    )
    model: Path | None = _option(
        "Model location",
        "Network to compare with; by default the newest one in the output folder, if any.",
        _path,
        None,
        metavar="PATH",
    )
    validation: float = _option(
        "Validation share",
        "Share of the cells of each class kept from training; as in the training to compare with.",
        _number(0.01, 0.9),
        0.1,
    )
    seed: int = _option(
        "Seed",
        "Number that fixes the split and the trees; as in the training to compare with.",
        _whole(0),
        0,
    )

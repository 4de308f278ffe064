"""What options are made of: a label, a help text, and how the text of a field is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import HOLD_OUT
from deepometry.core.name_pattern import EXAMPLE as PATTERN
from deepometry.core.name_pattern import read_pattern

AUTO = "auto"
"""What leaves a choice to the program."""

SMALLEST_FRAME = 16
LARGEST_FRAME = 1024
MOST_CHANNELS = 64
READERS = ("own", "bioformats")
Z_PAGES = ("z-max", "z-mean")
PAGES = ("channels", "cells", *Z_PAGES)
GROUPS = {
    "": "Input and output",
    "images": "Images",
    "labels": "Labels",
    "gate": "Gate",
    "network": "Network",
    "training": "Training",
    "validation": "Validation",
    "maps": "Map",
    "results": "Results",
    "speed": "Speed and memory",
}
"""What options are about, in the order of the page, the commands' help and the reference."""

FEW_OPTIONS = 8
"""So many are listed without groups."""

POSITIONAL = ("runs", "input", "output", "source", "object")
"""Options that the command line takes without their names, where they are required."""


@dataclass(frozen=True)
class Setting:
    """What a field is called, how its text is read, and how the page helps to fill it in.

    Attributes
    ----------
    label, help : str
        As the page shows them; the help is that of the command line, too.
    read : callable
        Reads text, or checks a value; raises ValueError.
    metavar : str or None
        What stands for the value in the help of the command line.
    choices : tuple of str or None
        All values there are.
    names : dict of str to str
        How the page spells the choices, in its order, where that differs.
    kind : str
        Of a path: "raw" images, "parsed" cells, a "model", one to "start" from, "features",
        "predictions", or a "folder" to write to.
    part : str
        Of a path: the folder inside that a split made for this use.
    example : str
        What to enter; paths make their own.
    several : bool
        Whether the command line takes any number of values, one word each.
    positional : bool
        Whether the command takes it without its name, although it is none of `POSITIONAL`.
    group : str
        What it is about, of `GROUPS`.
    """

    label: str
    help: str
    read: Callable[[Any], Any]
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    part: str = ""
    example: str = ""
    several: bool = False
    positional: bool = False
    group: str = ""


_FLAGS = {"start_from": "from"}  # words that are no names in Python


def flag_of(name: str) -> str:
    """Spell the name of an option as the command line does, without its dashes in front."""
    return _FLAGS.get(name, name).replace("_", "-")


def is_place(name: str, setting: Setting, default: Any) -> bool:
    """Return whether the command takes an option as an argument, without its name."""
    return default is MISSING and (setting.positional or name in POSITIONAL)


def settings(options: type) -> dict[str, tuple[Setting, Any]]:
    """Return name, `Setting` and default (`MISSING` if required) of every option of a class."""
    return {f.name: (f.metadata["setting"], f.default) for f in fields(options)}


def by_group(settings: Mapping[str, Setting]) -> dict[str, list[str]]:
    """Return the names of options by the title of their group, in the order of `GROUPS`."""
    titles = {
        title: [name for name, setting in settings.items() if setting.group == group]
        for group, title in GROUPS.items()
    }
    return {title: names for title, names in titles.items() if names}


def option(
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


def parsed_cells(part: str = HOLD_OUT) -> Any:
    """Make the option for parsed cells: all of them, or a part where they were split."""
    help = "Folder of parsed cells, as Parse wrote it."
    return option("Input location", help, read_path, kind="parsed", part=part)


def output_folder(help: str) -> Any:
    """Make the option for the folder that a step writes to."""
    return option("Output location", help, read_path, kind="folder")


def overwrite_option(
    help: str = "Replace the earlier results of this step in the output, which are then deleted. "
    "Without it, the step refuses to.",
) -> Any:
    """Make the option that lets a step replace its earlier results."""
    return option("Overwrite", help, read_flag, False, group="results")


def overwrite_picture_option() -> Any:
    """Make the option that lets a step replace a file by its picture."""
    return overwrite_option("Replace a file that has the name of the picture already.")


def seed_option(help: str = "Number that fixes every random choice.", group: str = "") -> Any:
    """Make the option for the seed of everything random."""
    return option("Seed", help, whole(0), 0, example="0", group=group)


def as_in(options: type, name: str) -> Any:
    """Make a field as another class of options has it: label, help, checks and default."""
    original = next(each for each in fields(options) if each.name == name)
    return field(default=original.default, metadata=original.metadata)


class Options:
    """Reads and checks every field when an instance is made.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

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
        raise ValueError("Please fill this in.")
    return item.metadata["setting"].read(value)


# --- readers of values -----------------------------------------------------------------------


# Around pasted paths: quotes, the curly ones of texts too, and the marks of direction that Windows
# copies with a path
_QUOTES = "\"'\u201c\u201d\u2018\u2019"
_UNSEEN = dict.fromkeys([0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F)])


def read_path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    text = str(value).translate(_UNSEEN).strip().strip(_QUOTES)
    if text.lower().startswith("file://"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname  # a fifth of the start of the command line

        text = url2pathname(urlsplit(text).path)
    if "\0" in text:
        raise ValueError(
            f"expected a path, found {text[:40]!r}, with a character that no path has."
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"expected a path, found {value!r}, of a user unknown here.") from error


def read_text(value: Any) -> str:
    return str(value).strip()


_MOST = 2**31 - 1


def whole(least: int, most: int = _MOST) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        text = str(value).strip()
        number = int(text) if re.fullmatch(r"[+-]?\d{1,99}", text) else None
        if isinstance(value, bool) or number is None:
            raise ValueError(f"expected a whole number {span}, found {_short(text)!r}.")
        if not least <= number <= most:
            limits = f"{span}, at most {most}" if number > most == _MOST else span
            raise ValueError(f"expected a whole number {limits}, found {_short(text)}.")
        return number

    span = f"from {least} to {most}" if most < _MOST else f"of {least} or more"
    return read


def whole_or_auto(least: int, most: int) -> Callable[[Any], int | str]:
    number = whole(least, most)

    def read(value: Any) -> int | str:
        if str(value).strip().lower() == AUTO:
            return AUTO
        try:
            return number(value)
        except ValueError as error:
            raise ValueError(f"{str(error).rstrip('.')}; {AUTO} chooses it.") from error

    return read


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def real(least: float, most: float) -> Callable[[Any], float]:
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


def one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        choice = str(value).strip().lower()
        if choice not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, found {value!r}.")
        return choice

    return read


def read_flag(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    flag = words.get(str(value).strip().lower())
    if flag is None:
        raise ValueError(f"expected yes or no, found {value!r}.")
    return flag


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


def read_split(value: Any) -> float:
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


def read_views(value: Any) -> int:
    if str(value).strip() not in ("1", "8"):
        raise ValueError(f"expected 1 or 8, found {value!r}.")
    return int(value)


_MINUTES = {"h": 60.0, "m": 1.0, "s": 1 / 60}
_UNITS = r"(h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)?"
_TIME = re.compile(rf"(\d+(?:\.\d+)?)\s*{_UNITS}(?![a-z.])\s*", re.IGNORECASE)
_MOST_MINUTES = 60.0 * 24 * 30


def read_minutes(value: Any) -> float:
    """Read a time such as `10min`, `1h 30min` or `90s` as minutes; a number alone is minutes."""
    text = str(value).strip()
    parts = [] if isinstance(value, bool) else _TIME.findall(text)
    minutes = sum(float(n) * _MINUTES[(unit or "m")[0].lower()] for n, unit in parts)
    bare = sum(not unit for _, unit in parts)
    if _TIME.sub("", text) or (bare and len(parts) > 1) or not 0 < minutes <= _MOST_MINUTES:
        raise ValueError(
            f"expected a time of up to 30 days, such as 10min, 1h 30min or 90s, found "
            f"{_short(text)!r}."
        )
    return float(minutes)


_LARGEST_FACTOR = 1e6


def read_rescale(value: Any) -> float | str:
    """Read a factor for pixels, or `auto`, which leaves it to the cells."""
    text = str(value).strip().lower()
    if text == AUTO:
        return AUTO
    try:
        return real(1 / _LARGEST_FACTOR, _LARGEST_FACTOR)(text)
    except ValueError:
        raise ValueError(
            f"expected a number above 0, such as 12 or 0.0625, or {AUTO}, found {_short(text)!r}."
        ) from None


def read_weights(value: Any) -> str:
    """Read `imagenet`, or the path of a file."""
    text = str(value).strip()
    return text.lower() if text.lower() == "imagenet" else str(read_path(value))


def pattern_option() -> Any:
    return option(
        "File name pattern",
        "Which part of the name of an image file is the cell, and which the channel; * is anything "
        "else. {cell} alone makes every file a cell by itself. Names such as 001_DAPI.tif or "
        "cell_1_Ch3.tif are recognised when this is left blank.",
        read_pattern,
        None,
        metavar="PATTERN",
        example=f"{PATTERN}; left blank: recognised",
        group="images",
    )


def reader_option() -> Any:
    return option(
        "Reader",
        "own: Deepometry's readers of .cif and .tif files, without Java; bioformats: Bio-Formats, "
        "for .cif and many other kinds of files, where it and Java are installed.",
        one_of(READERS),
        "own",
        choices=READERS,
        group="images",
    )


def pages_option() -> Any:
    return option(
        "Pages",
        "What the pages of an image file are where the file does not say that they are channels. "
        "channels: the channels of one cell; cells: every page is a cell; z-max, z-mean: z planes "
        "of one cell, of which the highest value or the mean of each pixel is taken. Left blank, "
        "the program asks where a file does not say it.",
        one_of(PAGES),
        None,
        choices=PAGES,
        names={"": "what the file says"} | {name: name for name in PAGES},
        group="images",
    )


def tiles_option() -> Any:
    return option(
        "Tiles",
        "Square pictures that every image shows side by side, each of which is a channel of its "
        "cell, such as 5; 1 where every image is one picture. By default, it is asked where images "
        "look like that.",
        whole(1, 16),
        None,
        metavar="NUMBER",
        example="5; left blank: asked where images look like it",
        group="images",
    )

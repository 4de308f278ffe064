"""What options are made of: a label, a help text, and how the text of a field is read."""

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

SMALLEST_FRAME = 16
LARGEST_FRAME = 1024
MOST_CHANNELS = 64
READERS = ("own", "bioformats")


@dataclass(frozen=True)
class Setting:
    """What a field tells its users: a label, a help text, and how its text is read."""

    label: str
    help: str
    read: Callable[[Any], Any]
    metavar: str | None = None
    choices: tuple[str, ...] | None = None


_FLAGS = {"start_from": "from"}  # words that are no names in Python


def flag_of(name: str) -> str:
    """Spell the name of an option as the command line does, without its dashes in front."""
    return _FLAGS.get(name, name).replace("_", "-")


def settings(options: type) -> dict[str, tuple[Setting, Any]]:
    """Give every option of a class: its name, its `Setting` and its default.

    Returns
    -------
    dict of str to (Setting, default)
        `dataclasses.MISSING` is the default of a required option.
    """
    return {f.name: (f.metadata["setting"], f.default) for f in fields(options)}


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


def as_in(options: type, name: str) -> Any:
    """Give a field as another class of options has it: label, help, checks and default."""
    known = next(each for each in fields(options) if each.name == name)
    return field(default=known.default, metadata=known.metadata)


class Options:
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


def read_path(value: Any) -> Path:
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


def read_text(value: Any) -> str:
    return str(value).strip()


_MOST = 2**31 - 1


def whole(least: int, most: int = _MOST) -> Callable[[Any], int]:
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
        found = str(value).strip().lower()
        if found not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, found {value!r}.")
        return found

    return read


def read_flag(value: Any) -> bool:
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


def read_weights(value: Any) -> str:
    """Read `imagenet`, or the path of a file."""
    found = str(value).strip()
    return found.lower() if found.lower() == "imagenet" else str(read_path(value))


def reader_option() -> Any:
    return option(
        "Reader",
        "own: Deepometry's readers of .cif and .tif files, without Java; bioformats: Bio-Formats, "
        "for .cif and many other kinds of files, where it and Java are installed.",
        one_of(READERS),
        "own",
        choices=READERS,
    )

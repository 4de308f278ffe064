"""Options of the step that leaves bad images of cells out of learning and of scores."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import (
    Options,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    read_flag,
    read_path,
    read_text,
    whole,
)

LIMITS = "Area Ch1 = 50..900; Gradient RMS Ch1 = 8.."
NO_LIMITS = "none"
_LONGEST = 60
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read_gate_name(value: Any) -> str:
    """Read the name of a gate, which becomes the name of its file."""
    name = " ".join(read_text(value).split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise ValueError(
            f"expected a name of 1 to {_LONGEST} characters, found {name[:70]!r}; choose another, "
            "such as Good cells."
        )
    return name


Range = tuple[str, float, float]
"""Feature, least and largest value, which may be infinite."""


def read_limits(value: Any) -> str:
    """Check limits, such as `Area Ch1 = 50..900; Gradient RMS Ch1 = 8..`; `none` has none.

    Raises
    ------
    ValueError
        The text is none of that.
    """
    text = read_text(value)
    if text.casefold() == NO_LIMITS:
        return NO_LIMITS
    if not ranges_of(text):
        raise ValueError(f"expected limits, such as {LIMITS}, found {text[:60]!r}.")
    return text


def ranges_of(text: str) -> tuple[Range, ...]:
    """Return the ranges that a text says; none for `none`."""
    parts = [part for part in text.split(";") if part.strip()]
    return () if text == NO_LIMITS else tuple(map(_range, parts))


def _range(text: str) -> Range:
    feature, _, ends = (part.strip() for part in text.rpartition("="))
    found = re.fullmatch(rf"({_NUMBER})?\s*\.\.\s*({_NUMBER})?", ends)
    low, high = (float(found[1] or -math.inf), float(found[2] or math.inf)) if found else (1.0, 0.0)
    if not feature or low > high or (low == -math.inf and high == math.inf):
        raise ValueError(
            f"expected features with the least and the largest value, such as {LIMITS}, found "
            f"{text.strip()[:60]!r}."
        )
    return feature, low, high


@dataclass(frozen=True, kw_only=True)
class GateOptions(Options):
    """Options of `deepometry.classical.cleaning.gate.gate`; every field also accepts text."""

    input: Path = parsed_cells(part="")
    output: Path = output_folder("Folder for histograms, pictures and counts of the gate.")
    limits: str | None = option(
        "Limits",
        "What the features of a good cell lie between. Left blank, limits are proposed from the "
        "data. none: removes the gate.",
        read_limits,
        None,
        metavar="TEXT",
        example=f"{LIMITS}; left blank: proposed",
        group="gate",
    )
    like: Path | None = option(
        "Like",
        "Take the limits from there: other parsed cells that have a gate, the results of this "
        "step, the .json file of a gate, or a model that learnt from gated cells.",
        read_path,
        None,
        kind="gate",
        example="a model, or other parsed cells; left blank: none",
        group="gate",
    )
    channel: int | None = option(
        "Channel",
        "Number of the channel in which size, shape and focus are judged for a proposal. Left "
        "blank: brightfield, or else the first one.",
        whole(1, 9999),
        None,
        metavar="NUMBER",
        example="1; left blank: brightfield",
        group="gate",
    )
    gate: str = option(
        "Gate",
        "What the gate is called. Cells may have several gates: a cell must lie inside of all.",
        read_gate_name,
        "Good cells",
        example="Good cells",
        group="gate",
    )
    preview: bool = option(
        "Preview",
        "Show what the gate would leave out, and keep no gate.",
        read_flag,
        False,
        group="gate",
    )
    overwrite: bool = overwrite_option(
        "Replace a gate of the same name, and earlier results of this step in the output. Without "
        "it, the step refuses to."
    )

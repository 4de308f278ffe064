"""Options of the step that makes labels of the intensity of a stain."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from deepometry.core.errors import OptionsError
from deepometry.core.options.fields import (
    Options,
    one_of,
    option,
    overwrite_option,
    parsed_cells,
    whole,
)
from deepometry.core.options.label import read_target_name

METHODS = ("none", "otsu", "mixture")
_MOST = 20  # thresholds


def read_thresholds(value: Any) -> tuple[float, ...]:
    """Read rising numbers, as `250, 900`."""
    parts = re.split(r"[,;\s]+", str(value).strip().strip("[]()").strip())
    if isinstance(value, tuple | list):
        parts = [str(each) for each in value]
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError:
        numbers = (math.nan,)
    rising = all(a < b for a, b in pairwise(numbers))
    if not all(map(math.isfinite, numbers)) or not rising or len(numbers) > _MOST:
        raise ValueError(
            f"expected rising numbers with commas between them, such as 250,900, found {value!r}."
        )
    return numbers


def read_class_names(value: Any) -> tuple[str, ...]:
    """Read names with commas between them."""
    parts = value if isinstance(value, tuple | list) else str(value).split(",")
    names = tuple(" ".join(str(part).split()) for part in parts)
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        raise ValueError(
            "expected two names or more, each once, with commas between them, such as low,high, "
            f"found {value!r}."
        )
    return names


@dataclass(frozen=True, kw_only=True)
class StainOptions(Options):
    """Options of `deepometry.classical.stain.stain`; every field also accepts text."""

    input: Path = parsed_cells(part="")
    channel: int = option(
        "Channel",
        "Number of the channel of the stain, as IDEAS numbers it. Its background is subtracted, "
        "and what is left is summed inside the cell. Trainings leave this channel out by "
        "themselves.",
        whole(1, 9999),
        positional=True,
        example="4",
    )
    thresholds: tuple[float, ...] | None = option(
        "Thresholds",
        "Intensities that divide the cells into classes, such as 250,900 for three. Left blank, "
        "the intensity itself is the label, a number to predict, unless Classes by finds "
        "thresholds.",
        read_thresholds,
        None,
        metavar="NUMBERS",
        example="250,900; left blank: a number",
        group="labels",
    )
    classes: str = option(
        "Classes by",
        "How thresholds are found: otsu divides where the spread inside of classes is least; "
        "mixture where fitted normal distributions cross; none.",
        one_of(METHODS),
        METHODS[0],
        choices=METHODS,
        group="labels",
    )
    class_names: tuple[str, ...] | None = option(
        "Class names",
        "Names of the classes, from the lowest intensity to the highest, such as G1,S,G2. Otsu "
        "and mixture make as many; two by default.",
        read_class_names,
        None,
        metavar="NAMES",
        example="low,high",
        group="labels",
    )
    name: str | None = option(
        "Name",
        "What the labels are called as a target. By default the name of the channel with "
        "intensity or level.",
        read_target_name,
        None,
        example="DNA content; left blank: as the channel",
        group="labels",
    )
    overwrite: bool = overwrite_option(
        "Replace labels of the same name. Without it, the step refuses to."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.thresholds and self.classes != METHODS[0]:
            raise OptionsError(
                {"classes": "Classes by: expected none beside Thresholds, found "
                 f"{self.classes}; leave one of them out."}
            )  # fmt: skip
        names = self.class_names
        if names and self.thresholds and len(names) != len(self.thresholds) + 1:
            raise OptionsError(
                {"class_names": f"Class names: expected {len(self.thresholds) + 1}, one more than "
                 f"there are thresholds, found {len(names)}; add or remove some."}
            )  # fmt: skip
        if names and not self.thresholds and self.classes == METHODS[0]:
            raise OptionsError(
                {"class_names": "Class names: expected thresholds, or a way to find them, beside "
                 "them, found none; enter Thresholds or choose Classes by."}
            )  # fmt: skip

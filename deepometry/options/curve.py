"""Options of the learning curve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from deepometry.options.settings import Options, option, read_path, real, whole
from deepometry.options.train import TrainOptions

SHARES = (0.125, 0.25, 0.5, 1.0)
_FEWEST, _MOST = 2, 12


def read_shares(value: Any) -> tuple[float, ...]:
    """Read shares of the cells, as fractions, decimal numbers or percentages, smallest first.

    Parameters
    ----------
    value : str or sequence of float
        `"1/8, 1/4, 1/2, 1"`, `"0.125 0.5 1"`, `"25% 50% 100%"` and `(0.5, 1.0)` are accepted.

    Raises
    ------
    ValueError
        Not two to twelve different shares above 0 and up to 1.
    """
    whole_value = isinstance(value, Sequence) and not isinstance(value, str)
    text = ",".join(map(str, value)) if whole_value else str(value)
    try:
        found = sorted({_share(part) for part in re.split(r"[,;\s]+", text.strip(" ,;[]()"))})
    except (ValueError, ZeroDivisionError):
        found = []
    if not _FEWEST <= len(found) <= _MOST or not (found[0] > 0 and found[-1] <= 1):
        raise ValueError(
            f"expected {_FEWEST} to {_MOST} different shares above 0 and up to 1, such as "
            f"1/8,1/4,1/2,1, found {text!r}."
        )
    return tuple(found)


def _share(text: str) -> float:
    if text.endswith("%"):
        return float(text[:-1]) / 100
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def _as_in_training(name: str) -> Any:
    """Give a field as `TrainOptions` has it: default, label, help and checks."""
    known = next(each for each in fields(TrainOptions) if each.name == name)
    return field(default=known.default, metadata=known.metadata)


@dataclass(frozen=True, kw_only=True)
class LearningCurveOptions(Options):
    """Options of `deepometry.learning_curve.learning_curve`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option("Output location", "Folder for the learning curve.", read_path)
    target: str = field(
        metadata=next(f.metadata for f in fields(TrainOptions) if f.name == "target")
    )
    shares: tuple[float, ...] = option(
        "Curve shares",
        "Learning curve: parts of the training cells to learn from, one after the other.",
        read_shares,
        SHARES,
        metavar="SHARES",
    )
    repeats: int = option(
        "Curve repeats",
        "Learning curve: how often it is measured, each time with other cells of the same number; "
        "more of them make the forecast surer.",
        whole(1, 20),
        1,
    )
    left_out: float = option(
        "Left-out share",
        "Learning curve: share of the cells of each class that no training sees, by which all of "
        "them are judged.",
        real(0.05, 0.9),
        0.2,
    )
    epochs: int | None = _as_in_training("epochs")
    recipe: str = _as_in_training("recipe")
    batch_size: int | None = _as_in_training("batch_size")
    network: str = _as_in_training("network")
    channels: tuple[int, ...] | None = _as_in_training("channels")
    scaling: str = _as_in_training("scaling")
    learning_rate: float | None = _as_in_training("learning_rate")
    schedule: str = _as_in_training("schedule")
    weight_decay: float | None = _as_in_training("weight_decay")
    smoothing: float | None = _as_in_training("smoothing")
    balance: str = _as_in_training("balance")
    flips: bool = _as_in_training("flips")
    rotation: bool = _as_in_training("rotation")
    shifts: float | None = _as_in_training("shifts")
    views: int | None = _as_in_training("views")
    validation: float | None = _as_in_training("validation")
    patience: int | None = _as_in_training("patience")
    plateau: int | None = _as_in_training("plateau")
    precision: str = _as_in_training("precision")
    group_by: str | None = _as_in_training("group_by")
    seed: int = _as_in_training("seed")

    def training(self, **changed: Any) -> TrainOptions:
        """Give the options of one of its trainings."""
        known = {each.name for each in fields(TrainOptions)}
        same = {f.name: getattr(self, f.name) for f in fields(self) if f.name in known}
        return TrainOptions(**(same | changed))

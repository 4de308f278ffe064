"""Options of the learning curve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from deepometry.core.folder_names import TRAIN
from deepometry.core.options.fields import (
    Options,
    as_in,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    real,
    whole,
)
from deepometry.core.options.train import TrainOptions

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
        shares = sorted({_share(part) for part in re.split(r"[,;\s]+", text.strip(" ,;[]()"))})
    except (ValueError, ZeroDivisionError):
        shares = []
    if not _FEWEST <= len(shares) <= _MOST or not (shares[0] > 0 and shares[-1] <= 1):
        raise ValueError(
            f"expected {_FEWEST} to {_MOST} different shares above 0 and up to 1, such as "
            f"1/8,1/4,1/2,1, found {text!r}."
        )
    return tuple(shares)


def _share(text: str) -> float:
    if text.endswith("%"):
        return float(text[:-1]) / 100
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


@dataclass(frozen=True, kw_only=True)
class LearningCurveOptions(Options):
    """Options of `deepometry.training.learning_curve`; every field also accepts text."""

    input: Path = parsed_cells(TRAIN)
    output: Path = output_folder("Folder for the learning curve.")
    target: str = as_in(TrainOptions, "target")
    learn_as: str = as_in(TrainOptions, "learn_as")
    shares: tuple[float, ...] = option(
        "Curve shares",
        "Learning curve: shares of the training cells to train on, one after the other.",
        read_shares,
        SHARES,
        metavar="SHARES",
        example="1/8,1/4,1/2,1",
        group="validation",
    )
    repeats: int = option(
        "Curve repeats",
        "Learning curve: how often it is measured, each time with other cells of the same number; "
        "more of them make the forecast more precise.",
        whole(1, 20),
        1,
        example="3; left blank: 1",
        group="validation",
    )
    left_out: float = option(
        "Left-out share",
        "Learning curve: share of the cells of each class that no training uses and on which "
        "every model is tested.",
        real(0.05, 0.9),
        0.2,
        group="validation",
    )
    epochs: int | None = as_in(TrainOptions, "epochs")
    recipe: str = as_in(TrainOptions, "recipe")
    batch_size: int | None = as_in(TrainOptions, "batch_size")
    network: str = as_in(TrainOptions, "network")
    channels: tuple[int, ...] | None = as_in(TrainOptions, "channels")
    scaling: str = as_in(TrainOptions, "scaling")
    learning_rate: float | None = as_in(TrainOptions, "learning_rate")
    schedule: str = as_in(TrainOptions, "schedule")
    weight_decay: float | None = as_in(TrainOptions, "weight_decay")
    smoothing: float | None = as_in(TrainOptions, "smoothing")
    balance: str = as_in(TrainOptions, "balance")
    flips: bool = as_in(TrainOptions, "flips")
    rotation: bool = as_in(TrainOptions, "rotation")
    shifts: float | None = as_in(TrainOptions, "shifts")
    views: int | None = as_in(TrainOptions, "views")
    validation: float | None = as_in(TrainOptions, "validation")
    patience: int | None = as_in(TrainOptions, "patience")
    plateau: int | None = as_in(TrainOptions, "plateau")
    precision: str = as_in(TrainOptions, "precision")
    group_by: str | None = as_in(TrainOptions, "group_by")
    seed: int = as_in(TrainOptions, "seed")
    overwrite: bool = overwrite_option()

    def training(self, **changed: Any) -> TrainOptions:
        """Return the options of one of its trainings."""
        shared = {each.name for each in fields(TrainOptions)}
        same = {f.name: getattr(self, f.name) for f in fields(self) if f.name in shared}
        return TrainOptions(**(same | changed))

"""What a training says of itself: facts that a resumed one must share, checks, files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import TrainOptions
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row

_CHANGEABLE = {
    *("input", "output", "epochs", "budget", "patience", "plateau", "resume"),
    "parts",  # which are put together at the end
}
_OF_A_START = ("start_from", "weights", "freeze")


@dataclass(frozen=True)
class Role:
    """What a training is a part of; by default it stands for itself.

    Attributes
    ----------
    replaces : Path or None
        Folder whose earlier training is moved aside when the first epoch is whole; by default
        the output folder.
    keeps : bool
        Whether nothing is moved aside, because what is there belongs to this one.
    scores : dict of str to float
        Scores of the model in a cross-validation before.
    record : dict
        Further entries of train.json.
    steps_after : int
        Steps of the trainings that follow, for the expected time.
    errors : ndarray of float, shape (cells,), or None
        Of the numbers that a cross-validation before predicted.
    described : dict
        Further fields of the model's description.
    """

    replaces: Path | None = None
    keeps: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    steps_after: int = 0
    errors: np.ndarray | None = None
    described: Mapping[str, Any] = field(default_factory=dict)


def check_finite(row: Row) -> None:
    """Stop a training whose loss is no number any more."""
    if not (math.isfinite(row["loss"]) and math.isfinite(row["val_loss"])):
        raise DeepometryError(
            f"Epoch {row['epoch']:.0f}: expected a loss that is a number, found "
            f"{row['loss']:g} in training and {row['val_loss']:g} in validation; use a lower "
            "--learning-rate. The best model so far, if any, is kept."
        )


def facts_of(options: TrainOptions, cells: Cells) -> dict[str, Any]:
    """Return all that a resumed training must share with the one it continues."""
    facts = {n: v for n, v in asdict(options).items() if n not in _CHANGEABLE}
    facts |= {"target": cells.target, "channels": options.channels and list(options.channels)}
    facts |= _start_of(options)
    shape = {"frame": cells.dataset.frame, "labels": list(cells.labels)}
    return facts | shape | {"cells": cells.fingerprint}


def _start_of(options: TrainOptions) -> dict[str, Any]:
    """Name what the training starts from; nothing stands there where it starts from scratch."""
    if not (options.start_from or options.weights):
        return dict.fromkeys(_OF_A_START)
    place = options.start_from and str(options.start_from.absolute())
    return {"start_from": place, "weights": options.weights, "freeze": options.freeze}


def check_facts(earlier: Mapping[str, Any], wanted: Mapping[str, Any], place: Path) -> None:
    """Check that the training in a folder has the facts of the one that is to continue it."""
    for name, value in wanted.items():
        if earlier.get(name) != value:
            raise DeepometryError(
                f"{name}: expected {earlier.get(name)!r}, with which the training in {place} "
                f"began, found {value!r}; use the same, or train without resuming."
            )


def less_earlier(clocks: tuple[float, float], history: Sequence[Row]) -> tuple[float, float]:
    """Put the start of a resumed training back by the epochs that it had before."""
    names = ("seconds", "cpu_seconds")
    wall, work = (
        clock - sum(row[name] for row in history) for clock, name in zip(clocks, names, strict=True)
    )
    return wall, work

"""What a training says of itself: facts that a resumed one must share, checks, files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deepometry.checkpoint import STATE, Row
from deepometry.errors import DeepometryError
from deepometry.files import earlier_files
from deepometry.names import CROSS_VALIDATION
from deepometry.options import TrainOptions
from deepometry.progress import Progress
from deepometry.training_cells import Cells

HISTORY, CURVE, RECORD = "training.csv", "train_val_loss.png", "train.json"
FOLDS = "folds.csv"
_KEPT = ("model_*.keras", HISTORY, CURVE, RECORD, STATE, "fold_[0-9]*")
_CHANGEABLE = {"input", "output", "epochs", "patience", "plateau", "resume"}
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
        What is known of the model before: its scores in a cross-validation.
    record : dict
        What train.json tells besides.
    steps_after : int
        Steps of the trainings that follow, told with the time that this one will take.
    """

    replaces: Path | None = None
    keeps: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    steps_after: int = 0


def check_finite(row: Row) -> None:
    """Stop a training whose loss is no number any more.

    Raises
    ------
    DeepometryError
        It is not.
    """
    if not (math.isfinite(row["loss"]) and math.isfinite(row["val_loss"])):
        raise DeepometryError(
            f"Epoch {row['epoch']:.0f}: expected a loss that is a number, found "
            f"{row['loss']:g} in training and {row['val_loss']:g} in validation; use a lower "
            "--learning-rate. The best model so far, if any, is kept."
        )


def facts_of(options: TrainOptions, cells: Cells) -> dict[str, Any]:
    """Name all that a resumed training must share with the one it goes on with."""
    told = {n: v for n, v in asdict(options).items() if n not in _CHANGEABLE}
    told |= {"target": cells.target, "channels": options.channels and list(options.channels)}
    told |= _start_of(options)
    shape = {"frame": cells.dataset.frame, "labels": list(cells.labels)}
    return told | shape | {"cells": cells.fingerprint}


def _start_of(options: TrainOptions) -> dict[str, Any]:
    """Name what the training starts from; nothing stands there where it starts from scratch."""
    if not (options.start_from or options.weights):
        return dict.fromkeys(_OF_A_START)
    place = options.start_from and str(options.start_from.absolute())
    return {"start_from": place, "weights": options.weights, "freeze": options.freeze}


def check_facts(found: Mapping[str, Any], wanted: Mapping[str, Any], place: Path) -> None:
    """Check that a training that is to go on is of the same kind.

    Parameters
    ----------
    found : dict
        Facts of the training in the folder.
    wanted : dict
        Those of the one that is to go on with it.
    place : Path
        The folder.

    Raises
    ------
    DeepometryError
        They differ.
    """
    for name, value in wanted.items():
        if found.get(name) != value:
            raise DeepometryError(
                f"{name}: expected {found.get(name)!r}, with which the training in {place} began, "
                f"found {value!r}; use the same, or train without resuming."
            )


def fold_folder(output: Path, number: int) -> Path:
    """Give the folder of a fold, numbered from 1."""
    return output / f"fold_{number}"


def less_earlier(clocks: tuple[float, float], history: Sequence[Row]) -> tuple[float, float]:
    """Put the start of a resumed training back by the epochs that it had before."""
    names = ("seconds", "cpu_seconds")
    wall, work = (
        clock - sum(row.get(name, 0.0) for row in history)
        for clock, name in zip(clocks, names, strict=True)
    )
    return wall, work


def set_aside(output: Path, progress: Progress) -> None:
    """Move what an earlier training left in the output folder out of the way, whole."""
    found = [path for pattern in _KEPT for path in output.glob(pattern)]
    pooled = earlier_files(output / CROSS_VALIDATION, "cross-validation")
    found += [output / name for name in pooled if (output / name).is_file()]
    if not found:
        return
    number = 1
    while (place := output / f"earlier_{number}").exists():
        number += 1
    place.mkdir()
    for path in found:
        path.replace(place / path.name)
    progress.say(f"The earlier training in {output} was moved to {place}.")

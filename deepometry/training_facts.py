"""What a training says of itself: facts that a resumed one must share, checks, files."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepometry.checkpoint import STATE, Row
from deepometry.errors import DeepometryError
from deepometry.options import TrainOptions
from deepometry.progress import Progress
from deepometry.training_cells import Cells

HISTORY, CURVE, RECORD = "training.csv", "train_val_loss.png", "train.json"
_KEPT = ("model_*.keras", HISTORY, CURVE, RECORD, STATE)
_CHANGEABLE = {"input", "output", "epochs", "patience", "plateau", "resume"}
_OF_A_START = ("start_from", "weights", "freeze")


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


def set_aside(output: Path, progress: Progress) -> None:
    """Move what an earlier training left in the output folder out of the way, whole."""
    found = [path for pattern in _KEPT for path in output.glob(pattern)]
    if not found:
        return
    number = 1
    while (place := output / f"earlier_{number}").exists():
        number += 1
    place.mkdir()
    for path in found:
        path.replace(place / path.name)
    progress.say(f"The earlier training in {output} was moved to {place}.")

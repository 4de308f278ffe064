"""The state of a training after its last whole epoch, from which it can go on."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.backend import keras
from deepometry.errors import DeepometryError
from deepometry.files import writing
from deepometry.names import LAST_EPOCH

STATE = LAST_EPOCH
Row = dict[str, float]


@dataclass(frozen=True)
class Checkpoint:
    """A training after a whole number of epochs.

    Attributes
    ----------
    facts : dict
        What must be the same when it goes on: data, labels, network and so on.
    history : list of dict
        One row an epoch.
    arrays : list of ndarray
        Weights of the model, then the variables of its optimiser.
    """

    facts: dict[str, Any]
    history: list[Row]
    arrays: list[np.ndarray]


def save_checkpoint(folder: Path, model: Any, facts: dict[str, Any], history: list[Row]) -> None:
    """Write weights, optimiser and history, whole or not at all.

    Raises
    ------
    DeepometryError
        The file cannot be written.
    """
    arrays = {f"v{n}": keras().ops.convert_to_numpy(v) for n, v in enumerate(variables_of(model))}
    told = json.dumps({"facts": facts, "history": history})
    with writing(folder / STATE) as part, part.open("wb") as file:
        np.savez(file, told=np.array(told), **arrays)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    DeepometryError
        There is nothing to go on from, or it is damaged.
    """
    told, arrays = _read(folder, with_arrays=True)
    return Checkpoint(told["facts"], told["history"], arrays)


def read_facts(folder: Path) -> dict[str, Any]:
    """Read of a checkpoint only what it knows of its training.

    Raises
    ------
    DeepometryError
        There is none, or it is damaged.
    """
    facts: dict[str, Any] = _read(folder, with_arrays=False)[0]["facts"]
    return facts


def _read(folder: Path, with_arrays: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    path = folder / STATE
    if not path.is_file():
        raise DeepometryError(
            f"Output location {folder}: expected {STATE} of an earlier training to go on from, "
            "found none; train without resuming."
        )
    try:
        with path.open("rb") as file, np.load(file) as content:
            told = json.loads(str(content["told"]))
            count = len(content.files) - 1 if with_arrays else 0
            return told, [content[f"v{n}"] for n in range(count)]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DeepometryError(
            f"{path} is damaged ({error}); delete it and train without resuming."
        ) from error


def restore(model: Any, checkpoint: Checkpoint, path: Path) -> None:
    """Put a checkpoint's weights and optimiser into a freshly compiled model.

    Raises
    ------
    DeepometryError
        It is of another network.
    """
    variables = variables_of(model)
    shapes = [tuple(v.shape) for v in variables]
    if shapes != [array.shape for array in checkpoint.arrays]:
        raise DeepometryError(f"{path / STATE} is of another network; train without resuming.")
    for variable, array in zip(variables, checkpoint.arrays, strict=True):
        variable.assign(array)


def variables_of(model: Any) -> list[Any]:
    """List all that a step of training changes: the model's weights and its optimiser's."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]

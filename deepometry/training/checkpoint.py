"""The state of a training after its last whole epoch, from which it can go on."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing
from deepometry.core.result_files import LAST_EPOCH
from deepometry.core.run_records import FORMAT_VERSION, check_format
from deepometry.network.backend import keras

Row = dict[str, float]
_DAMAGE = (OSError, EOFError, ValueError, LookupError, TypeError, MemoryError, RecursionError)


@dataclass(frozen=True)
class Checkpoint:
    """A training after a whole number of epochs.

    Attributes
    ----------
    facts : dict
        What must be the same when it continues: data, labels, network and so on.
    history : list of dict
        One row an epoch.
    arrays : list of ndarray
        Weights of the model, then the variables of its optimiser.
    """

    facts: dict[str, Any]
    history: list[Row]
    arrays: list[np.ndarray]


def save_checkpoint(folder: Path, model: Any, facts: dict[str, Any], history: list[Row]) -> None:
    """Write weights, optimiser and history, whole or not at all."""
    arrays = {f"v{n}": keras().ops.convert_to_numpy(v) for n, v in enumerate(variables_of(model))}
    state = {"format_version": FORMAT_VERSION, "facts": facts, "history": history}
    with writing(folder / LAST_EPOCH) as part, part.open("wb") as file:
        np.savez(file, state=np.array(json.dumps(state)), **arrays)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote."""
    state, arrays = _read(folder, with_arrays=True)
    return Checkpoint(state["facts"], state["history"], arrays)


def read_facts(folder: Path) -> dict[str, Any]:
    """Read only the facts in a checkpoint."""
    facts: dict[str, Any] = _read(folder, with_arrays=False)[0]["facts"]
    return facts


def _read(folder: Path, with_arrays: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    path = folder / LAST_EPOCH
    if not path.is_file():
        raise DeepometryError(
            f"Output location {folder}: expected {LAST_EPOCH} of an earlier training to go on "
            "from, found none; train without resuming."
        )
    try:
        with path.open("rb") as file, np.load(file) as content:
            state = json.loads(str(content["state"]))
            check_format(path, state)
            count = len(content.files) - 1 if with_arrays else 0
            return state, [content[f"v{n}"] for n in range(count)]
    except DeepometryError:  # of a later version
        raise
    except (*_DAMAGE, zipfile.BadZipFile, zlib.error) as error:
        raise DeepometryError(
            f"{path} is damaged ({error}); delete it and train without resuming."
        ) from error


def restore(model: Any, checkpoint: Checkpoint, path: Path) -> None:
    """Put a checkpoint's weights and optimiser into a freshly compiled model of the same kind."""
    variables = variables_of(model)
    shapes = [tuple(v.shape) for v in variables]
    if shapes != [array.shape for array in checkpoint.arrays]:
        raise DeepometryError(f"{path / LAST_EPOCH} is of another network; train without resuming.")
    for variable, array in zip(variables, checkpoint.arrays, strict=True):
        variable.assign(array)


def variables_of(model: Any) -> list[Any]:
    """List all that a step of training changes: the model's weights and its optimiser's."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]

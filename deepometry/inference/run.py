"""A model run over all cells of a folder, in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.batches import ahead
from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.dataset_parts import Part
from deepometry.cells.model_description import (
    Description,
    find_model,
    is_baseline,
    read_description,
)
from deepometry.classical.model_file import BaselineModel, load_baseline
from deepometry.core.errors import OptionsError
from deepometry.core.numba_cache import compile_message
from deepometry.core.options.fields import AUTO
from deepometry.core.progress import Progress
from deepometry.core.text import counted, joined
from deepometry.evaluation.part_scores import BOTH
from deepometry.network.backend import device, prepare
from deepometry.network.fused_ops import fold
from deepometry.network.model_file import load_model
from deepometry.network.precision import FLOAT32, set_precision
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.combined import Combination, read_combination


@dataclass(frozen=True)
class Outcome:
    """The outputs of a model for some cells.

    Attributes
    ----------
    cells : list of (Part, str, str)
        Part of the data set, source and object of each.
    images : ndarray, shape (n, frame, frame, channels)
        Counts of the model's channels.
    outputs : tuple of ndarray
        What is predicted, (n, outputs), last; features before it where they are asked for.
    parts : dict of str to ndarray
        What the parts of a combined model predict, (n, outputs), by name; empty for other models.
    ordinariness : ndarray of float64, shape (n,), or None
        Share of ordinary cells that are as novel as each cell; None where it is not measured.
    """

    cells: list[tuple[Part, str, str]]
    images: np.ndarray
    outputs: tuple[np.ndarray, ...]
    ordinariness: np.ndarray | None = None
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Inference:
    """A model beside the cells that it is to see.

    Attributes
    ----------
    model : keras.Model or BaselineModel
    description : Description
        With temperature, confusion and interval only where they hold for as many views as here.
    path : Path
        Of the model file.
    dataset : Dataset
    combination : Combination or None
        What a combined model adds to the network; None for other models.
    columns : list of int
        Positions of the model's channels in the images of the data set.
    precision : str or None
        `float32` or `bfloat16`, which the network computes with; None for a baseline.
    views : int
        Mirror images and quarter turns of a cell over which outputs are averaged.
    other_views : int or None
        Views for which the temperature and the confusion of the model hold, where these are others
        and were left out for that reason.
    factor : float
        What pixels are multiplied by.
    warnings : tuple of str
        In what the cells differ from those that the model learnt from.
    likeness : str
        The same in short, for records.
    """

    model: Any
    description: Description
    path: Path
    dataset: Dataset
    columns: list[int]
    precision: str | None
    combination: Combination | None = None
    views: int = 1
    other_views: int | None = None
    factor: float = 1.0
    warnings: tuple[str, ...] = ()
    likeness: str = ""

    def over(
        self, dataset: Dataset, model: Any, size: int, progress: Progress, text: str
    ) -> Iterator[Outcome]:
        """Run a model with the same input over a data set, `size` cells at a time, in order.

        A network is changed into one that can only predict, see `fused_ops.fold`.
        """
        if not isinstance(model, BaselineModel):
            fold(model)
        identities = dataset.identities()
        done = 0
        for images in ahead(self._images(dataset, size)):
            outputs, parts = self._outputs(model, images)
            done += len(images)
            yield Outcome(list(islice(identities, len(images))), images, outputs, parts=parts)
            progress.report(done, len(dataset), text, "cells")
        for _ in identities:
            pass  # a table with rows too many says so at its end

    def _outputs(
        self, model: Any, images: np.ndarray
    ) -> tuple[tuple[np.ndarray, ...], Mapping[str, np.ndarray]]:
        """Run a model over images; return its outputs and what its parts predict."""
        outputs = predict_views(model, images, self.views)
        if self.combination is None:
            return outputs, {}
        parts = self.combination.together(outputs[-1], images)
        return (*outputs[:-1], parts.pop(BOTH)), parts

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Predict images of the model's channels: outputs, (n, outputs)."""
        return self._outputs(self.model, images)[0][-1]

    def record(self) -> dict[str, Any]:
        """Return what a record says about how the cells compare with those of the training."""
        gates = list(self.description.gates)
        return {
            "factor": self.factor,
            "likeness": self.likeness,
            "warnings": list(self.warnings),
            **({"model_gates": gates} if gates else {}),
        }

    def _images(self, dataset: Dataset, size: int) -> Iterator[np.ndarray]:
        for first in range(0, len(dataset), size):
            indices = np.arange(first, min(first + size, len(dataset)))
            yield self.read(dataset, indices)

    def read(self, dataset: Dataset, indices: np.ndarray) -> np.ndarray:
        """Read cells as the model is to see them: its channels, each pixel a number, rescaled."""
        images = dataset.read_numbers(indices, self.columns)
        return images if self.factor == 1 else images.astype(np.float32) * np.float32(self.factor)


def open_inference(
    cells: Path,
    location: Path,
    progress: Progress,
    views: int | None = None,
    precision: str = FLOAT32,
    parts: str = AUTO,
) -> Inference:
    """Load a model and open the cells that it is to see.

    `location` is a model file or folder. `views` of each cell are averaged, 1 or 8, by default as
    many as the model was validated with. `precision` is `float32` or `bfloat16`; a baseline has no
    such choice. `parts` are those of a combined model: `both`, `network`, `classical`, or `auto`,
    which means all that there are. Raises DeepometryError where cells or model cannot be used, or
    they differ in frame or channels.
    """
    dataset = open_dataset(cells, progress)
    loaded = load(location, precision, progress, parts)
    return inference_over(dataset, loaded, progress, views)


@dataclass(frozen=True)
class Loaded:
    """A model, its description, its file, and the precision of a network; None for a baseline.

    `combination` is what a combined model adds to the network.
    """

    model: Any
    description: Description
    path: Path
    precision: str | None
    combination: Combination | None = None


def load(location: Path, precision: str, progress: Progress, parts: str = AUTO) -> Loaded:
    """Load the model at a location, a file or a folder.

    `precision` and `parts` are as in `open_inference`.
    """
    progress.report(0, 0, "Loading the model")
    path = find_model(location)
    description = read_description(path)
    _check_parts(path, description, parts)
    if is_baseline(path):
        baseline = load_baseline(path)
        return Loaded(baseline, baseline.description, path, None)
    combination = read_combination(path, description)
    if combination and parts == "classical":
        own = combination.alone(parts, description)
        return Loaded(replace(combination.classical, description=own), own, path, None)
    prepare()  # before the first weight lies on a GPU
    model, description, path = load_model(path)
    if combination and parts == "network":
        description, combination = combination.alone(parts, description), None
    return Loaded(set_precision(model, precision), description, path, precision, combination)


def _check_parts(path: Path, description: Description, parts: str) -> None:
    """Refuse parts that a model does not have."""
    if description.combination or parts == AUTO:
        return
    only = "classical" if is_baseline(path) else "network"
    if parts != only:
        message = (
            f"Parts of the model: expected {only}, which is all that {path.name} holds, found "
            f"{parts}; leave the option out, or train with parts both."
        )
        raise OptionsError({"parts": message})


def inference_over(
    dataset: Dataset, loaded: Loaded, progress: Progress, views: int | None = None
) -> Inference:
    """Put a model beside the cells that it is to see; `views` is as in `open_inference`.

    Raises DeepometryError where they differ in frame or channels.
    """
    model, description, path = loaded.model, loaded.description, loaded.path
    columns, used = description.columns(dataset, path), loaded.precision
    gates = f" (learnt inside of {description.about_gates})" if description.gates else ""
    progress.say(f"{path.name}: {description.about_outputs}{gates}. Device: {_device(used)}.")
    measures = loaded.combination or isinstance(model, BaselineModel)
    if measures and (message := compile_message("features")):
        progress.say(message)
    if (dataset.channels is None) != (description.channels is None):
        numbers = joined(description.channels or dataset.channels or ())
        progress.say(
            f"Only the model or only the cells have channel numbers: {numbers} assumed, in order."
        )
    views = views or description.views
    used_description = _holding(description, views)
    other_views = None if used_description is description else description.views
    if other_views:
        progress.say(
            f"{path.name} was validated over {counted(other_views, 'view')} of each cell, and "
            f"is used over {views}: its {_measured(description)} not apply and "
            f"{'is' if description.task.is_number else 'are'} left out."
        )
    how = (used, loaded.combination, views, other_views)
    return Inference(model, used_description, path, dataset, columns, *how)


def _holding(description: Description, views: int) -> Description:
    """Leave out what was measured over other views, which change confidence and accuracy."""
    task = description.task
    measured = description.temperature != 1 or description.confusion or task.half_width is not None
    if views == description.views or not measured:
        return description
    return replace(description, temperature=1.0, confusion=(), task=task.without_interval())


def _measured(description: Description) -> str:
    """Name what was measured over other views, with its verb."""
    if description.task.is_number:
        return "interval does"
    return "temperature and confusion matrix do"


def _device(precision: str | None) -> str:
    """Name the device and the precision of a network; a baseline always uses the CPU."""
    return "CPU" if precision is None else f"{device()}, {precision}"

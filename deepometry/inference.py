"""A model run over all cells of a folder, in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.backend import device, prepare
from deepometry.baseline_model import is_baseline, load_baseline
from deepometry.compiled import first_word
from deepometry.dataset import Dataset, Part, open_dataset
from deepometry.fused import fold
from deepometry.loading import ahead
from deepometry.model import Description, find_model, load_model
from deepometry.progress import Progress
from deepometry.views import predict_views
from deepometry.words import counted, joined, shortened


@dataclass(frozen=True)
class Outcome:
    """What a model says of some cells.

    Attributes
    ----------
    cells : list of (Part, str, str)
        Part of the data set, source and object of each.
    images : ndarray, shape (n, frame, frame, channels)
        Counts of the model's channels.
    outputs : tuple of ndarray
        What the model gives: (n, classes) probabilities, or features before them.
    """

    cells: list[tuple[Part, str, str]]
    images: np.ndarray
    outputs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Inference:
    """A model beside the cells that it is to see.

    Attributes
    ----------
    model : keras.Model or BaselineModel
    description : Description
        With temperature and confusion only where they hold for as many views as there are here.
    path : Path
        Of the model file.
    dataset : Dataset
    columns : list of int
        Positions of the model's channels in the images of the data set.
    views : int
        Mirror images and quarter turns of a cell over which outputs are averaged.
    other_views : int or None
        Views for which the temperature and the confusion of the model hold, where these are others
        and were left out for that reason.
    """

    model: Any
    description: Description
    path: Path
    dataset: Dataset
    columns: list[int]
    views: int = 1
    other_views: int | None = None

    def over(
        self, dataset: Dataset, model: Any, size: int, progress: Progress, text: str
    ) -> Iterator[Outcome]:
        """Run a model with the same input over a data set, `size` cells at a time, in order.

        A network is changed into one that can only predict, see `deepometry.fused.fold`.
        """
        if not is_baseline(self.path):
            fold(model)
        identities = dataset.identities()
        done = 0
        for images in ahead(self._images(dataset, size)):
            outputs = predict_views(model, images, self.views)
            done += len(images)
            yield Outcome(list(islice(identities, len(images))), images, outputs)
            progress.report(done, len(dataset), text)
        for _ in identities:
            pass  # a table with rows too many says so at its end

    def _images(self, dataset: Dataset, size: int) -> Iterator[np.ndarray]:
        for first in range(0, len(dataset), size):
            indices = np.arange(first, min(first + size, len(dataset)))
            yield dataset.read(indices, self.columns)


def open_inference(
    cells: Path, location: Path, progress: Progress, views: int | None = None
) -> Inference:
    """Load a model and open the cells that it is to see.

    Parameters
    ----------
    cells : Path
        Folder of parsed cells.
    location : Path
        Model file or folder.
    progress : Progress
        Told about it.
    views : int, optional
        Views of each cell, 1 or 8; by default as many as the model was validated with.

    Raises
    ------
    DeepometryError
        One of them cannot be used, or they differ in frame or channels.
    """
    dataset = open_dataset(cells, progress)
    progress.report(0, 0, "Loading the model")
    model, description, path = _load(location)
    columns = description.columns(dataset, path)
    progress.say(f"{path.name}: {_about(description)}. Device: {_device(path)}.")
    if is_baseline(path) and (word := first_word("features")):
        progress.say(word)
    if (dataset.channels is None) != (description.channels is None):
        numbers = joined(description.channels or dataset.channels or ())
        progress.say(f"Channel numbers are told on one side only: taken as {numbers}, in order.")
    views = views or description.views
    described = _holding(description, views)
    other = None if described is description else description.views
    if other:
        progress.say(
            f"{path.name} was validated over {counted(other, 'view')} of each cell, and is used "
            f"over {views}: its temperature and its known confusion do not hold, and are left out."
        )
    return Inference(model, described, path, dataset, columns, views, other)


def _holding(description: Description, views: int) -> Description:
    """Leave out what was measured over other views: more views make a model surer and better."""
    measured = description.temperature != 1 or description.confusion
    if views == description.views or not measured:
        return description
    return replace(description, temperature=1.0, confusion=())


def _load(location: Path) -> tuple[Any, Description, Path]:
    path = find_model(location)
    if not is_baseline(path):
        prepare()  # before the first weight lies on a GPU
        return load_model(path)
    model = load_baseline(path)
    return model, model.description, path


def _device(path: Path) -> str:
    """Name the device that will compute; trees need no other than the CPU."""
    return "CPU" if is_baseline(path) else device()


def _about(description: Description) -> str:
    listed = shortened(description.labels)
    return f"{description.target} of {len(description.labels)} labels ({listed})"

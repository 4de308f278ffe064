"""The network of a training, and how it learns from a batch."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from deepometry.augment import augment
from deepometry.forecast import check_memory
from deepometry.loading import Batch, batches, channel_statistics, class_weights, training_order
from deepometry.model import Description
from deepometry.network import build_network, compile_network
from deepometry.options import TrainOptions
from deepometry.parallel import Devices
from deepometry.phases import Phase, freeze
from deepometry.precision import chosen_precision
from deepometry.recipe import Recipe
from deepometry.scaling import less_background
from deepometry.training_cells import Cells
from deepometry.transfer import Start, sample_of, take_over


class Learner:
    """A network that learns from augmented batches of its training cells.

    Parameters
    ----------
    options : TrainOptions
        Of the training.
    recipe : Recipe
        With all that the options leave open.
    cells : Cells
        What it learns from.

    Attributes
    ----------
    model : keras.Model
        The network, without an optimiser until `enter`.
    devices : Devices
        What it computes with; `with devices.scope():` stands around all work.
    """

    def __init__(self, options: TrainOptions, recipe: Recipe, cells: Cells) -> None:
        self._options, self._recipe, self._cells = options, recipe, cells
        self.devices = Devices(min(recipe.batch_size, len(cells.training)))
        self._weights = class_weights(
            cells.codes[cells.training], len(cells.labels), recipe.balance
        )
        with self.devices.scope():
            self.model = self._network()

    def _network(self) -> Any:
        cells, recipe = self._cells, self._recipe
        change = less_background if recipe.scaling == "background" else None
        means, deviations = channel_statistics(cells.dataset, cells.training, cells.columns, change)
        model = build_network(
            recipe.network,
            cells.dataset.frame,
            len(cells.labels),
            recipe.scaling,
            means.tolist(),
            deviations.tolist(),
            self._options.seed,
            chosen_precision(self._options.precision),
        )
        check_memory(model, recipe.batch_size)
        return model

    def take_over(self, start: Start, description: Description) -> str:
        """Begin with what an earlier model has learnt; say in words what that is."""
        cells = self._cells
        images = cells.dataset.read(sample_of(cells.training), cells.columns)
        return take_over(start, self.model, description, images)

    def enter(self, phase: Phase) -> None:
        """Choose the layers that learn, with a new optimiser."""
        cells, recipe = self._cells, self._recipe
        freeze(self.model, phase.frozen)
        counts = np.bincount(cells.codes[cells.training], minlength=len(cells.labels))
        shares = counts / counts.sum() if recipe.balance == "adjust" else None
        compile_network(
            self.model, recipe.learning_rate, recipe.weight_decay, recipe.smoothing, shares
        )

    def step(self, batch: Batch) -> tuple[float, float]:
        """Learn from a batch; give loss and accuracy."""
        wanted = np.eye(len(self._cells.labels), dtype=np.float32)[batch.labels]
        logs = self.devices.train(self.model, batch.images, wanted, batch.weights)
        return float(logs["loss"]), float(logs["accuracy"])

    def batches(self, rng: np.random.Generator) -> Generator[Batch]:
        """Give the augmented batches of an epoch."""
        cells, recipe, options = self._cells, self._recipe, self._options
        order = training_order(cells.training, cells.codes, recipe.batch_size, recipe.balance, rng)

        def change(images: np.ndarray) -> np.ndarray:
            moves = (options.flips, options.rotation, recipe.shifts)
            return augment(images, rng, *moves, mirror=options.recipe != "protocol")

        return batches(
            cells.dataset,
            order,
            cells.codes,
            recipe.batch_size,
            cells.columns,
            self._weights,
            change,
        )

"""The network of a training, and how it learns from a batch."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np

from deepometry.cells.batches import Batch, batches
from deepometry.cells.model_description import Description
from deepometry.cells.sampling import channel_statistics, class_weights, training_order
from deepometry.core.options.train import TrainOptions
from deepometry.network.build import build_network, compile_network
from deepometry.network.multi_gpu import Devices
from deepometry.network.precision import chosen_precision
from deepometry.network.scaling import less_background
from deepometry.training.augmentation import augment
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import variables_of
from deepometry.training.cost_estimate import (
    about_time,
    check_memory,
    memory_needed,
    seconds_a_step,
)
from deepometry.training.fine_tuning import Phase, freeze
from deepometry.training.objective import objective_of
from deepometry.training.recipes import Recipe
from deepometry.training.transfer import Start, sample_of, take_over


class Learner:
    """A network that learns from augmented batches of its training cells.

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
        self._objective = objective_of(cells)
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
            self._objective.outputs,
            recipe.scaling,
            means.tolist(),
            deviations.tolist(),
            self._options.seed,
            chosen_precision(self._options.precision),
            self._objective.activation,
        )
        check_memory(model, recipe.batch_size)
        return model

    def take_over(self, start: Start, description: Description) -> str:
        """Begin with what an earlier model has learnt; return in words what that is."""
        cells = self._cells
        images = cells.dataset.read(sample_of(cells.training), cells.columns)
        return take_over(start, self.model, description, images)

    def enter(self, phase: Phase) -> None:
        """Choose the layers that learn, with a new optimiser."""
        recipe = self._recipe
        freeze(self.model, phase.frozen)
        how = self._objective.compiling(recipe)
        compile_network(self.model, recipe.learning_rate, recipe.weight_decay, **how)

    def step(self, batch: Batch) -> tuple[float, float]:
        """Learn from a batch; return the loss and the measure of the task."""
        wanted, measure = self._objective.wanted(batch), self._cells.task.measure
        logs = self.devices.train(self.model, batch.images, wanted, batch.weights)
        return float(logs["loss"]), self._objective.measured(float(logs[measure]))

    def batches(self, rng: np.random.Generator) -> Generator[Batch]:
        """Yield the augmented batches of an epoch."""
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

    def seconds_a_step(self) -> float:
        """Return the time of a step, from a few that are undone."""
        batches = self.batches(np.random.default_rng([self._options.seed, 2]))
        batch = next(batches)
        batches.close()
        return seconds_a_step(variables_of(self.model), lambda: self.step(batch))

    def expected_cost(self, epochs: int, steps_after: int) -> str:
        """Return in words the time and memory of some epochs, from a few steps that are undone."""
        cells, recipe = self._cells, self._recipe
        seconds = self.seconds_a_step()
        share = len(cells.validation) / len(cells.training)
        steps, memory = steps_an_epoch(cells, recipe), memory_needed(self.model, recipe.batch_size)
        duration = about_time(epochs, steps, seconds, share, steps_after)
        return f"Expected: {duration}, {memory / 2**20:,.0f} MiB of memory."


def steps_an_epoch(cells: Cells, recipe: Recipe) -> int:
    """Count the steps of one epoch."""
    return math.ceil(len(cells.training) / recipe.batch_size)

"""As many epochs as fit into a time budget, chosen before a training starts."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import FOLD_RECORD, LAST_EPOCH
from deepometry.core.run_records import own_record
from deepometry.core.text import counted, in_words
from deepometry.network.backend import forget_models
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import read_facts
from deepometry.training.cost_estimate import FORWARD
from deepometry.training.fine_tuning import Phase
from deepometry.training.output_folder import fold_folder
from deepometry.training.recipes import Recipe, most_epochs, recipe_for
from deepometry.training.split import fold_cells
from deepometry.training.trainer import Learner, steps_an_epoch

_MARGIN = 0.9  # of the budget: an epoch writes its files, too, and computers have other work


@dataclass(frozen=True)
class Budget:
    """What a time budget allows.

    Attributes
    ----------
    minutes : float
        The budget of the whole work, cross-validation included.
    epochs : int
        Of every training.
    seconds_a_step : float or None
        As timed; None where the epochs were chosen at an earlier start.
    alone : int
        Epochs that the recipe would have chosen.
    """

    minutes: float
    epochs: int
    seconds_a_step: float | None
    alone: int

    def __str__(self) -> str:
        budget = f"Time budget {in_words(60 * self.minutes)}"
        if self.seconds_a_step is None:
            return f"{budget}: {counted(self.epochs, 'epoch')}, as chosen when the training began."
        return (
            f"{budget}: {counted(self.epochs, 'epoch')} "
            f"({self.seconds_a_step:.2g} s a step; without a budget: {self.alone})."
        )

    @property
    def record(self) -> dict[str, Any]:
        """The entry of the record of the training."""
        return {"budget": dict(vars(self))}


def budget_of(
    options: TrainOptions, cells: Cells, progress: Progress, started: float
) -> Budget | None:
    """Choose the epochs of every training, so that all of them end within the time budget.

    Parameters
    ----------
    options : TrainOptions
    cells : Cells
        All of them; with folds, each fold learns from a part.
    progress : Progress
    started : float
        When the work began, on the monotonic clock: reading and checking cells counts, too.

    Returns
    -------
    Budget or None
        None where there is no budget. A training that is resumed keeps its epochs.

    Raises
    ------
    DeepometryError
        The budget is too short for a single epoch.
    """
    if options.budget is None:
        return None
    alone = recipe_for(options, cells.labelled).epochs
    if epochs := _earlier_epochs(options):
        return Budget(options.budget, epochs, None, alone)
    progress.report(0, 0, "Timing a few steps")
    parts = [*_fold_parts(options, cells), cells]
    step, start = _timed(options, cells)
    left = _MARGIN * 60 * options.budget - (time.monotonic() - started)
    once = sum(_seconds_around(options, part, step, start) for part in parts)
    each = sum(_seconds_an_epoch(options, part, step) for part in parts)
    if left < once + each:
        least = (once + each + time.monotonic() - started) / _MARGIN
        raise DeepometryError(
            f"Time budget: expected at least {in_words(least)} for a single epoch of "
            f"{counted(len(parts), 'training')}, found {in_words(60 * options.budget)}; allow "
            "more time, or use fewer folds or a smaller --network."
        )
    most = most_epochs(cells.labelled)
    return Budget(options.budget, min(most, int((left - once) / each)), step, alone)


def within(options: TrainOptions, budget: Budget | None) -> TrainOptions:
    """Return the options with the epochs that a budget allows."""
    return replace(options, epochs=budget.epochs, budget=None) if budget else options


def _earlier_epochs(options: TrainOptions) -> int | None:
    """Return the epochs of the training that is to be resumed, if it is there and names them."""
    if not options.resume:
        return None
    folders = [fold_folder(options.output, n + 1) for n in range(options.folds or 0)]
    for folder in [*folders, options.output]:
        if facts := own_record(folder / FOLD_RECORD, "fold").get("facts"):
            return int(facts["epochs"])
        if (folder / LAST_EPOCH).is_file():
            return read_facts(folder).get("epochs")
    return None


def _fold_parts(options: TrainOptions, cells: Cells) -> list[Cells]:
    silent = Progress()  # what is to be said of a fold is said when it is trained
    return [fold_cells(cells, n, options, silent) for n in range(options.folds or 0)]


def _timed(options: TrainOptions, cells: Cells) -> tuple[float, float]:
    """Return the seconds of a step, and those until the first one of a training."""
    began = time.monotonic()
    learner = Learner(options, recipe_for(options, cells.labelled), cells)
    with learner.devices.scope():
        learner.enter(Phase(1, 1, "none"))
        seconds = learner.seconds_a_step()
    forget_models()
    return seconds, time.monotonic() - began


def _seconds_an_epoch(options: TrainOptions, cells: Cells, step: float) -> float:
    recipe = recipe_for(options, cells.labelled)
    share = len(cells.validation) / len(cells.training)
    return steps_an_epoch(cells, recipe) * step * (1 + FORWARD * share)


def _seconds_around(options: TrainOptions, cells: Cells, step: float, start: float) -> float:
    """Return the seconds of a training beside its epochs: it starts, and judges all views."""
    recipe: Recipe = recipe_for(options, cells.labelled)
    folds = np.asarray(cells.folds if options.folds else [])
    learnt = np.union1d(cells.training, cells.validation)
    left_out = np.count_nonzero(folds >= 0) - len(learnt) if options.folds else 0
    judged = (len(cells.validation) + left_out) * recipe.views
    return start + FORWARD * step * judged / recipe.batch_size

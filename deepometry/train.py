"""Training: a residual network learns a target that the folder names define."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.backend import device, prepare
from deepometry.checkpoint import Row
from deepometry.model import Description
from deepometry.options import TrainOptions
from deepometry.precision import chosen_precision
from deepometry.progress import Cancelled, Progress, Report, as_progress
from deepometry.training_cells import about, check_output, gather_cells
from deepometry.training_run import Run
from deepometry.transfer import begin


@dataclass(frozen=True)
class TrainResult:
    """What a training gave.

    Attributes
    ----------
    model : Path
        The model file: the last epoch of a whole cycle, otherwise that with the lowest validation
        loss.
    description : Description
        What it says of itself, scores included.
    history : list of dict
        One row an epoch.
    best_epoch : int
        The epoch that was kept, from 1.
    stopped : bool
        Whether the user stopped it.
    """

    model: Path
    description: Description
    history: list[Row]
    best_epoch: int
    stopped: bool

    def __str__(self) -> str:
        found = self.description.scores
        return (
            f"Kept epoch {self.best_epoch} of {len(self.history)}: validation accuracy "
            f"{found['val_accuracy']:.3f}, balanced {found['val_balanced_accuracy']:.3f}.\n"
            f"Model: {self.model}"
        )


def train(options: TrainOptions, progress: Progress | Report | None = None) -> TrainResult:
    """Train a residual network on a target that the folder names define.

    Parameters
    ----------
    options : TrainOptions
        Where the cells are, what to learn, and how.
    progress : Progress or callable, optional
        Told (steps done, steps in all, text), and by `measure` the row of every epoch, those
        before a resumed training too; its `cancel` stops the training, which keeps the best
        model so far.

    Returns
    -------
    TrainResult
        The model file and its scores. `training.csv`, `train_val_loss.png` and `train.json` lie
        beside it.

    Raises
    ------
    DeepometryError
        The cells, the target or the output folder cannot be used.
    Cancelled
        Stopped before the first epoch was whole: there is no model.
    """
    progress = as_progress(progress)
    check_output(options.output)
    begin(options)  # what it starts from is looked at before long work
    cells = gather_cells(options, progress)
    prepare()
    precision = chosen_precision(options.precision)
    progress.say(f"Training on the {about(cells)}. Device: {device()}, {precision}.")
    run = Run(options, cells, progress)
    try:
        run.go()
        run.finish()
    except (Cancelled, KeyboardInterrupt):
        if not run.history:
            raise Cancelled("Stopped before the first epoch was whole; no model.") from None
        return _result(run, stopped=True)
    return _result(run, stopped=False)


def _result(run: Run, stopped: bool) -> TrainResult:
    path, description, best = run.kept
    return TrainResult(path, description, run.history, best, stopped)

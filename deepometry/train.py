"""Training: a residual network learns a target that the folder names define."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from deepometry.backend import device, prepare
from deepometry.checkpoint import Row
from deepometry.cross_validation import CrossValidation, Folds, plain
from deepometry.errors import DeepometryError
from deepometry.files import lies_in, own_record
from deepometry.known_cells import known_cells
from deepometry.model import Description
from deepometry.names import PREDICT_RECORD
from deepometry.options import TrainOptions
from deepometry.precision import chosen_precision
from deepometry.progress import Cancelled, Progress, Report, as_progress
from deepometry.training_cells import about, check_output, gather_cells
from deepometry.training_facts import Role
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
    cross_validation : CrossValidation or None
        How well cells were told that no training saw, where folds were asked for.
    caveats : tuple of str
        What makes the scores say less than they seem to.
    """

    model: Path
    description: Description
    history: list[Row]
    best_epoch: int
    stopped: bool
    cross_validation: CrossValidation | None = None
    caveats: tuple[str, ...] = ()

    def __str__(self) -> str:
        found, crossed = self.description.scores, self.cross_validation
        first = f"{crossed}\nThe model of all cells: kept" if crossed else "Kept"
        return (
            f"{first} epoch {self.best_epoch} of {len(self.history)}: validation accuracy "
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
        model so far. With folds, all trainings are one piece of work, and the row of every epoch
        but those of the final model has its `fold`.

    Returns
    -------
    TrainResult
        The model file and its scores. `training.csv`, `train_val_loss.png` and `train.json` lie
        beside it. With `folds`, each is trained first, in a folder of its own, and
        `folds.csv`, `predicted.csv`, `cross_validation.json`, the confusion matrix, the scores
        with intervals, curves, calibration and `report.html` tell how every cell was named by the
        model that did not see it.

    Raises
    ------
    DeepometryError
        The cells, the target or the output folder cannot be used.
    Cancelled
        Stopped before the first epoch was whole: there is no model.
    """
    progress = as_progress(progress)
    check_output(options.output)
    _look_at_start(options)
    cells = gather_cells(options, progress)
    told = known_cells(options, cells)
    for sentence in told:
        progress.say(f"Beware: {sentence}")
    cells = replace(cells, caveats=(*cells.caveats, *told))
    prepare()
    precision = chosen_precision(options.precision)
    progress.say(f"Training on the {about(cells)}. Device: {device()}, {precision}.")
    crossed, role = None, Role()
    if options.folds:
        folds = Folds(options, cells, progress)
        crossed = _cross_validated(folds)
        options, progress = folds.final()
        role = _after(crossed)
    run = Run(options, cells, progress, role)
    try:
        run.go()
        run.finish()
    except (Cancelled, KeyboardInterrupt):
        if not run.history:
            raise Cancelled(_NOTHING if crossed is None else _FOLDS_ONLY) from None
        return _result(run, crossed, stopped=True)
    return _result(run, crossed, stopped=False)


def _look_at_start(options: TrainOptions) -> None:
    """Look at what a training starts from before long work."""
    if options.folds and options.start_from and lies_in(options.start_from, options.output):
        raise DeepometryError(
            f"From model: expected a model outside the output {options.output}, from where the "
            f"first fold would move it, found {options.start_from}; choose another output."
        )
    if options.folds and own_record(options.output / PREDICT_RECORD, "predict"):
        raise DeepometryError(
            f"Output location {options.output}: expected no prediction, which the "
            f"cross-validation would write over, found {PREDICT_RECORD}; choose another folder."
        )
    # folds that are gone on with are looked at one by one: each has a checkpoint of its own
    begin(replace(options, resume=False) if options.folds else options)


_NOTHING = "Stopped before the first epoch was whole; no model."
_GO_ON = "go on with the same command and --resume."
_FOLDS_ONLY = f"Stopped before the first epoch of the final model; the folds are kept: {_GO_ON}"


def _cross_validated(folds: Folds) -> CrossValidation:
    """Go through the folds; say how to go on if they are stopped."""
    try:
        return folds.go()
    except (Cancelled, KeyboardInterrupt):
        if not folds.begun:
            raise Cancelled(_NOTHING) from None
        raise Cancelled(
            f"Stopped in the cross-validation; whole folds and epochs are kept: {_GO_ON}"
        ) from None


def _after(crossed: CrossValidation) -> Role:
    """Say what the training of all cells is to tell of the cross-validation before it."""
    known = {f"cv_{name}": value for name, value in crossed.scores.items()}
    known |= {"cv_folds": len(crossed.folds)}
    return Role(keeps=True, scores=known, record={"cross_validation": plain(crossed)})


def _result(run: Run, crossed: CrossValidation | None, stopped: bool) -> TrainResult:
    path, description, best = run.kept
    caveats = tuple(run.caveats)
    for told in caveats[len(run.cells.caveats) :]:
        run.progress.say(f"Beware: {told}")
    return TrainResult(path, description, run.history, best, stopped, crossed, caveats)

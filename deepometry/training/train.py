"""Training: a residual network learns a target that the folder names define."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deepometry.cells.model_description import Description
from deepometry.core.errors import DeepometryError
from deepometry.core.files import lies_in
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Cancelled, Progress, Report, as_progress
from deepometry.core.result_files import LOSS_PLOT, PREDICTED_TABLE
from deepometry.core.run_records import own_record
from deepometry.core.steps import WITH_TABLES
from deepometry.evaluation.evaluate_numbers import NumberEvaluation
from deepometry.evaluation.score_names import named_pair, told
from deepometry.network.backend import device, prepare
from deepometry.network.precision import chosen_precision
from deepometry.training.across import settled
from deepometry.training.budget import Budget, budget_of, within
from deepometry.training.checkpoint import Row
from deepometry.training.cross_validation import Folds
from deepometry.training.cross_validation_result import CrossValidation, plain
from deepometry.training.gather import gather_cells
from deepometry.training.group_price import price_beside_network
from deepometry.training.leakage import leakage_warnings
from deepometry.training.output_folder import check_output
from deepometry.training.run import Run
from deepometry.training.run_record import Role
from deepometry.training.transfer import begin


@dataclass(frozen=True)
class TrainResult(ShowsInNotebook):
    """The results of a training.

    Attributes
    ----------
    model : Path
        The model file: the last epoch of a whole cycle, otherwise that with the lowest validation
        loss.
    description : Description
        Its description, scores included.
    history : list of dict
        One row an epoch.
    best_epoch : int
        The epoch that was kept, from 1.
    stopped : bool
        Whether the user stopped it.
    cross_validation : CrossValidation or None
        Scores of cells that no training saw, where there are folds.
    warnings : tuple of str
        Reasons why the scores may be misleading.
    budget : Budget or None
        The epochs that a time budget allowed, where there was one.
    """

    model: Path
    description: Description
    history: list[Row]
    best_epoch: int
    stopped: bool
    cross_validation: CrossValidation | None = None
    warnings: tuple[str, ...] = ()
    budget: Budget | None = None

    def __str__(self) -> str:
        scores, cross_validation = self.description.scores, self.cross_validation
        first = f"{cross_validation}\nThe model of all cells: kept" if cross_validation else "Kept"
        kept = (
            f"{first} epoch {self.best_epoch} of {len(self.history)}: validation "
            f"{told(scores, 'val_')}."
        )
        lines = [kept, self.description.about_views, str(self.budget or "")]
        lines += [f"Model: {self.model}"]
        return "\n".join(filter(None, lines))

    def notebook_view(self) -> NotebookView:
        """Show the scores of the model, with its curves of loss and accuracy."""
        scores, crossed = self.description.scores, self.cross_validation
        rows: dict[str, object] = named_pair(scores, "val_", "Validation")
        rows |= {"Epoch": f"{self.best_epoch} of {len(self.history)}", "Model": self.model}
        rows = {**(crossed.notebook_view().rows if crossed else {}), **rows}
        about = filter(None, [self.description.about_views, str(self.budget or "")])
        notes = (*about, *self.warnings)
        title = f"Network of {self.description.about_outputs}"
        return NotebookView(title, rows, notes, self.model.with_name(LOSS_PLOT))


def train(options: TrainOptions, progress: Progress | Report | None = None) -> TrainResult:
    """Train a residual network on a target that the folder names define.

    Parameters
    ----------
    options : TrainOptions
        Where the cells are, what to learn, and how.
    progress : Progress or callable, optional
        Called with (steps done, steps in all, text), and by `measure` the row of every epoch, those
        before a resumed training too; its `cancel` stops the training, which keeps the best
        model so far. With folds, all trainings are one piece of work, and the row of every epoch
        but those of the final model has its `fold`.

    Returns
    -------
    TrainResult
        The model file and its scores. `training.csv`, `train_val_loss.png`, `train.json`, and
        `validation_cells.csv` with what the model predicts for its validation cells lie beside
        it. With `folds`, each is trained first, in a folder of its own, and `folds.csv`,
        `predicted.csv`, `cross_validation.json`, the confusion matrix, the scores with intervals,
        curves, calibration and `report.html` have the predictions of every cell by the model that
        did not see it.

    Raises
    ------
    DeepometryError
        The cells, the target or the output folder cannot be used.
    Cancelled
        Stopped before the end of the first epoch: there is no model.
    """
    progress, started = as_progress(progress), time.monotonic()
    check_output(options.output, options.input)
    _look_at_start(options)
    cells = gather_cells(options, progress)
    options = settled(options, cells)
    leaks = leakage_warnings(options, cells, progress)
    for sentence in leaks:
        progress.say(f"Warning: {sentence}")
    cells = replace(cells, warnings=(*cells.warnings, *leaks))
    prepare()
    precision = chosen_precision(options.precision)
    progress.say(
        f"Training on the {cells.counts}, validation on {len(cells.validation):,}. Device: "
        f"{device()}, {precision}."
    )
    price = price_beside_network(options, cells, progress) if options.across else None
    budget = budget_of(options, cells, progress, started)  # what the price took counts, too
    if budget:
        progress.say(str(budget))
    options = within(options, budget)
    cross_validation, record = None, budget.record if budget else {}
    role = Role(record=record)
    if options.folds:
        folds = Folds(options, cells, progress, price)
        cross_validation = _cross_validated(folds)
        options, progress = folds.final()
        role = _after(cross_validation, record)
    run = Run(options, cells, progress, role)
    try:
        run.go()
        run.finish()
    except (Cancelled, KeyboardInterrupt):
        if not run.history:
            raise Cancelled(_NOTHING if cross_validation is None else _FOLDS_ONLY) from None
        return replace(_result(run, cross_validation, True, progress), budget=budget)
    return replace(_result(run, cross_validation, False, progress), budget=budget)


def _look_at_start(options: TrainOptions) -> None:
    """Look at what a training starts from before long work."""
    crossed = bool(options.folds or options.across)
    if crossed and options.start_from and lies_in(options.start_from, options.output):
        raise DeepometryError(
            f"From model: expected a model outside the output {options.output}, from where the "
            f"first fold would move it, found {options.start_from}; choose another output."
        )
    for step in WITH_TABLES if crossed else ():
        written = step.table == PREDICTED_TABLE
        if written and own_record(options.output / step.record, step.name):
            raise DeepometryError(
                f"Output location {options.output}: expected no prediction, which the "
                f"cross-validation would write over, found {step.record}; choose another folder."
            )
    # folds that are gone on with are looked at one by one: each has a checkpoint of its own
    begin(replace(options, resume=False) if crossed else options)


_NOTHING = "Stopped before the end of the first epoch; there is no model."
_GO_ON = "continue with the same command and --resume."
_FOLDS_ONLY = f"Stopped before the first epoch of the final model; the folds are kept: {_GO_ON}"


def _cross_validated(folds: Folds) -> CrossValidation:
    """Go through the folds; say how to go on if they are stopped."""
    try:
        return folds.go()
    except (Cancelled, KeyboardInterrupt):
        if not folds.begun:
            raise Cancelled(_NOTHING) from None
        raise Cancelled(
            f"Stopped during the cross-validation; finished folds and epochs are kept: {_GO_ON}"
        ) from None


def _after(cross_validation: CrossValidation, record: dict[str, Any]) -> Role:
    """Return the scores and the record of the cross-validation before the final training."""
    scores = {f"cv_{name}": value for name, value in cross_validation.scores.items()}
    scores |= {"cv_folds": len(cross_validation.folds)}
    evaluation = cross_validation.evaluation
    record = {**record, "cross_validation": plain(cross_validation)}
    errors = evaluation.errors if isinstance(evaluation, NumberEvaluation) else None
    facts = (True, scores, record)
    groups = cross_validation.groups
    return Role(None, *facts, errors=errors, described=groups.described if groups else {})


def _result(
    run: Run, cross_validation: CrossValidation | None, stopped: bool, progress: Progress
) -> TrainResult:
    path, description, best = run.best
    warnings = tuple(run.files.warnings)
    for warning in warnings:  # those of the data were told before; here they stand by the score
        progress.say(f"Warning: {warning}")
    return TrainResult(path, description, run.history, best, stopped, cross_validation, warnings)

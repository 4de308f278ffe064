"""Cross-validation: every cell is judged once, by a model that never saw it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.backend import forget_models
from deepometry.checkpoint import STATE, Row
from deepometry.errors import DeepometryError
from deepometry.evaluation.evaluate import Evaluation
from deepometry.files import earlier_files, own_record, provenance, staged, write_json
from deepometry.fold_report import FoldReport
from deepometry.model import load_model
from deepometry.names import CROSS_VALIDATION, FOLD_RECORD
from deepometry.options import TrainOptions
from deepometry.out_of_fold import PREDICTED, judge, merge_predictions
from deepometry.progress import Part, Progress
from deepometry.recipe import recipe_for, written_out
from deepometry.report import write_scores, write_table
from deepometry.training_cells import Cells, fold_cells
from deepometry.training_facts import (
    CURVE,
    FOLDS,
    HISTORY,
    RECORD,
    Role,
    check_facts,
    facts_of,
    fold_folder,
    less_earlier,
)
from deepometry.training_run import Run, steps_an_epoch
from deepometry.words import counted

STEP, _FOLD_STEP = "cross-validation", "fold"
POOLED = "pooled"
_SCORES = ("accuracy", "balanced_accuracy", "loss")


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation gave.

    Attributes
    ----------
    labels : tuple of str
        The classes.
    confusion : ndarray of int64, shape (classes, classes)
        Of all cells, each as the model named it that never saw it; rows are the true classes.
    scores : dict of str to float
        Of all cells: `accuracy`, `balanced_accuracy`, `loss`, and `chance` as `chance_of` has it.
    folds : list of dict
        A row a fold: `fold`, from 1, `cells`, the scores, `training_cells`, `epochs`, `seconds`
        and `cpu_seconds`.
    group_by : str
        What was left out whole, such as Sample; blank for single cells.
    output : Path
        Folder with `folds.csv`, `predicted.csv`, the confusion matrix and `report.html`.
    evaluation : Evaluation or None
        Of all cells: scores with intervals, curves, calibration; None for classical features.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    scores: dict[str, float]
    folds: list[Row]
    group_by: str
    output: Path
    evaluation: Evaluation | None = field(default=None, repr=False, metadata={"told": False})

    def __str__(self) -> str:
        each = [row["accuracy"] for row in self.folds]
        parted = f", whole values of {self.group_by} left out" if self.group_by else ""
        return (
            f"Cross-validation in {len(each)} folds of {counted(int(self.confusion.sum()), 'cell')}"
            f"{parted}: accuracy {self.scores['accuracy']:.3f} ({self._between()}"
            f"{min(each):.3f} to {max(each):.3f} in the folds), balanced "
            f"{self.scores['balanced_accuracy']:.3f}, loss {self.scores['loss']:.3f}.{self._how()}"
        )

    def _between(self) -> str:
        if self.evaluation is None:
            return ""
        score = self.evaluation.score("accuracy")
        return f"95 % interval {score.low:.3f} to {score.high:.3f}; "

    def _how(self) -> str:
        """Say how whole groups were drawn, and whether they are too few for that."""
        told = self.evaluation
        return f"\n{told.how}" if told and told.group_by else ""


class Folds:
    """The trainings of a cross-validation, and the final one after them, in one progress.

    Parameters
    ----------
    options : TrainOptions
        With folds.
    cells : Cells
        All of them.
    progress : Progress
        Told about all trainings as one piece of work.
    """

    def __init__(self, options: TrainOptions, cells: Cells, progress: Progress) -> None:
        self.options, self.cells, self.progress = options, cells, progress
        self.count, self._begun = int(options.folds or 0), False
        self.parts = [fold_cells(cells, n, options, progress) for n in range(self.count)]
        self.steps = [self._steps_of(part) for part in [*self.parts, cells]]
        if options.resume:
            self._check_resumable()

    def _steps_of(self, part: Cells) -> int:
        recipe = recipe_for(self.options, part.labelled)
        return steps_an_epoch(part, recipe) * recipe.epochs

    def _check_resumable(self) -> None:
        """Check that there is something to go on from.

        Raises
        ------
        DeepometryError
            There is not.
        """
        first = fold_folder(self.options.output, 1)
        if not any((first / name).is_file() for name in (STATE, FOLD_RECORD)):
            raise DeepometryError(
                f"Output location {self.options.output}: expected {first.name} of an earlier "
                "cross-validation to go on from, found none; train without resuming."
            )

    @property
    def begun(self) -> bool:
        """Whether an epoch of this cross-validation is whole."""
        return self._begun or self.options.resume

    def go(self) -> CrossValidation:
        """Train and judge every fold that is not done, then pool them all.

        Raises
        ------
        Cancelled
            Stopped: what is whole is kept.
        """
        self.progress.say(f"Cross-validation: {self.count} trainings, then one of all cells.")
        for number in range(1, self.count + 1):
            if not self._is_done(number):
                self._train(number)
        return self._pool()

    def final(self) -> tuple[TrainOptions, Progress]:
        """Give options and progress of the training of all cells."""
        resume = self.options.resume and (self.options.output / STATE).is_file()
        return replace(self.options, resume=resume), self._part(self.count, "Final model", None)

    def _part(self, place: int, title: str, fold: int | None) -> Progress:
        before = sum(self.steps[:place])
        marks = {} if fold is None else {"fold": float(fold)}
        return Part(self.progress, before, sum(self.steps), f"{title}: ", marks)

    # --- one fold ----------------------------------------------------------------------------

    def _facts(self, number: int) -> dict[str, Any]:
        part = self.parts[number - 1]
        recipe = recipe_for(self.options, part.labelled)
        told = facts_of(written_out(self.options, recipe), part)
        return told | {"epochs": recipe.epochs}

    def _is_done(self, number: int) -> bool:
        """Tell whether an earlier run finished a fold; check that it was of the same kind."""
        folder = fold_folder(self.options.output, number)
        record = own_record(folder / FOLD_RECORD, _FOLD_STEP)
        if not self.options.resume or not record or not (folder / PREDICTED).is_file():
            return False
        check_facts(dict(record.get("facts") or {}), self._facts(number), folder)
        self.progress.say(f"Fold {number} of {self.count} is done already.")
        return True

    def _train(self, number: int) -> None:
        """Train a fold, let it name the cells that it left out, and only then call it done."""
        folder = fold_folder(self.options.output, number)
        resume = self.options.resume and (folder / STATE).is_file()
        told = replace(self.options, output=folder, resume=resume)
        progress = self._part(number - 1, f"Fold {number} of {self.count}", number)
        first = number == 1 and not self.options.resume
        after = sum(self.steps[number:])
        role = Role(self.options.output if first else None, steps_after=after)
        clocks = time.monotonic(), time.process_time()
        run = Run(told, self.parts[number - 1], progress, role)
        clocks = less_earlier(clocks, run.history)
        try:
            run.go()
        finally:
            self._begun |= bool(run.history)
        run.finish()
        row = self._judge(run, number, folder, progress, clocks)
        with suppress(OSError):  # it only takes space; on Windows somebody may look at it
            (folder / STATE).unlink()
        progress.say(
            f"{counted(int(row['cells']), 'cell')} left out: accuracy {row['accuracy']:.3f}, "
            f"balanced {row['balanced_accuracy']:.3f}, loss {row['loss']:.3f}."
        )
        forget_models()

    def _judge(
        self, run: Run, number: int, folder: Path, progress: Progress, clocks: tuple[float, float]
    ) -> Row:
        path, said, best = run.kept
        model = run.model if best == len(run.history) else load_model(path)[0]
        progress.report(0, 0, "Naming the cells left out")
        how = (run.recipe.views, said.temperature)
        found = judge(model, self.cells, number, *how, folder / PREDICTED, progress)
        row: Row = {"fold": number, "cells": int(found.confusion.sum()), **found.scores}
        row |= {"training_cells": len(run.cells.training), "epochs": len(run.history)}
        row |= {"seconds": time.monotonic() - clocks[0]}
        row |= {"cpu_seconds": time.process_time() - clocks[1]}
        record = {"facts": self._facts(number), "row": row, "confusion": found.confusion.tolist()}
        write_json(folder / FOLD_RECORD, provenance(_FOLD_STEP, run.told) | record)
        return row

    # --- all of them -------------------------------------------------------------------------

    def _pool(self) -> CrossValidation:
        """Write what all folds say together."""
        output, cells = self.options.output, self.cells
        folders = [fold_folder(output, n) for n in range(1, self.count + 1)]
        records = [own_record(folder / FOLD_RECORD, _FOLD_STEP) for folder in folders]
        matrix = np.sum([record["confusion"] for record in records], axis=0).astype(np.int64)
        rows: list[Row] = [record["row"] for record in records]
        scored = pooled_scores(matrix, rows)
        report = FoldReport(self.options, cells, records[0]["options"], self.progress)
        with staged(output, earlier_files(output / CROSS_VALIDATION, STEP)) as stage:
            write_scores(stage, matrix, cells.labels, cells.target)
            merge_predictions(cells, [f / PREDICTED for f in folders], stage / PREDICTED)
            told = report.write(stage, matrix, rows, scored)
            found = CrossValidation(
                cells.labels, matrix, scored, rows, cells.group_by, output, told
            )
            write_folds(stage / FOLDS, found)
            files = sorted([*(path.name for path in stage.iterdir()), CROSS_VALIDATION])
            record = provenance(STEP, self.options) | plain(found) | {"files": files}
            record |= {"fingerprint": cells.fingerprint, "fold_files": self._fold_files()}
            write_json(stage / CROSS_VALIDATION, record)
        self.progress.say(str(found))
        return found

    def _fold_files(self) -> list[str]:
        kept = ("model_*.keras", HISTORY, CURVE, RECORD, PREDICTED, FOLD_RECORD)
        output = self.options.output
        folders = [fold_folder(output, n) for n in range(1, self.count + 1)]
        found = (path for f in folders for name in kept for path in sorted(f.glob(name)))
        return [path.relative_to(output).as_posix() for path in found]


def plain(found: CrossValidation) -> dict[str, Any]:
    """Give a cross-validation for a record."""
    told = found.evaluation
    return {
        "folds": len(found.folds),
        "group_by": found.group_by,
        "cells": int(found.confusion.sum()),
        "counts": dict(zip(found.labels, found.confusion.sum(0).tolist(), strict=True)),
        "scores": found.scores,
        "each": found.folds,
    } | ({"evaluation": told.plain()} if told else {})


def pooled_scores(matrix: np.ndarray, rows: Sequence[Row]) -> dict[str, float]:
    """Sum all folds up; the loss is the mean over the cells."""
    from deepometry.chance import chance_of
    from deepometry.report import scores

    loss = sum(row["loss"] * row["cells"] for row in rows) / max(int(matrix.sum()), 1)
    return {**scores(matrix), "loss": float(loss), "chance": chance_of(matrix)}


def write_folds(path: Path, found: CrossValidation) -> None:
    """Write a row a fold, and one of all of them."""
    import pandas as pd

    summed = ("cells", "seconds", "cpu_seconds")
    total = {name: sum(row[name] for row in found.folds) for name in summed}
    pooled = {"fold": POOLED, **{name: found.scores[name] for name in _SCORES}, **total}
    rows = [{**row, "fold": int(row["fold"])} for row in found.folds]
    table = pd.DataFrame([*rows, pooled]).drop(columns="chance", errors="ignore")
    whole = [name for name in ("cells", "training_cells", "epochs") if name in table]
    write_table(path, table.astype(dict.fromkeys(whole, "Int64")))

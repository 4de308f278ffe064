"""Cross-validation: every cell is judged once, by a model that never saw it."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.files import staged
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Part, Progress
from deepometry.core.result_files import (
    CROSS_VALIDATION_RECORD,
    FOLD_RECORD,
    FOLDS_TABLE,
    LAST_EPOCH,
    PREDICTED_TABLE,
)
from deepometry.core.run_records import earlier_files, own_record, provenance, write_json
from deepometry.core.text import counted
from deepometry.evaluation.group_cost import Price
from deepometry.evaluation.part_scores import BOTH
from deepometry.evaluation.score_names import told
from deepometry.network.backend import forget_models
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row
from deepometry.training.cross_validation_report import report_of
from deepometry.training.cross_validation_result import CrossValidation, plain, write_folds
from deepometry.training.fold_predictions import merge_predictions
from deepometry.training.objective import pooled_parts
from deepometry.training.output_folder import OF_TRAINING, check_there, fold_folder
from deepometry.training.recipes import recipe_for, written_out
from deepometry.training.run import Run
from deepometry.training.run_record import Role, check_facts, facts_of, less_earlier
from deepometry.training.split import fold_cells
from deepometry.training.trainer import steps_an_epoch

STEP, _FOLD_STEP = "cross-validation", "fold"
_FOLD_FILES = (*OF_TRAINING, PREDICTED_TABLE, FOLD_RECORD)


class Folds:
    """The trainings of a cross-validation, and the final one after them, in one progress."""

    def __init__(
        self, options: TrainOptions, cells: Cells, progress: Progress, price: Price | None = None
    ) -> None:
        self.options, self.cells, self.progress, self._price = options, cells, progress, price
        self.count, self._begun = int(options.folds or 0), False
        self._folders = [fold_folder(options.output, n + 1) for n in range(self.count)]
        self.parts = [fold_cells(cells, n, options, progress) for n in range(self.count)]
        self.steps = [self._steps_of(part) for part in [*self.parts, cells]]
        if options.resume:
            self._check_resumable()

    def _steps_of(self, part: Cells) -> int:
        recipe = recipe_for(self.options, part.labelled)
        return steps_an_epoch(part, recipe) * recipe.epochs

    def _check_resumable(self) -> None:
        """Check that there is something to go on from."""
        first = self._folders[0]
        if not any((first / name).is_file() for name in (LAST_EPOCH, FOLD_RECORD)):
            raise DeepometryError(
                f"Output location {self.options.output}: expected {first.name} of an earlier "
                "cross-validation to go on from, found none; train without resuming."
            )

    @property
    def begun(self) -> bool:
        """Whether an epoch of this cross-validation is whole."""
        return self._begun or self.options.resume

    def go(self) -> CrossValidation:
        """Train and evaluate every fold that is not done, then pool them all.

        A stop raises Cancelled; finished folds and epochs stay.
        """
        self.progress.say(f"Cross-validation: {self.count} trainings, then one of all cells.")
        for number in range(1, self.count + 1):
            if not self._is_done(number):
                self._train(number)
        return self._pool()

    def final(self) -> tuple[TrainOptions, Progress]:
        """Return options and progress of the training of all cells."""
        resume = self.options.resume and (self.options.output / LAST_EPOCH).is_file()
        return replace(self.options, resume=resume), self._part(self.count, "Final model", None)

    def _part(self, place: int, title: str, fold: int | None) -> Progress:
        before = sum(self.steps[:place])
        marks = {} if fold is None else {"fold": float(fold)}
        return Part(self.progress, before, sum(self.steps), f"{title}: ", marks)

    # --- one fold ----------------------------------------------------------------------------

    def _facts(self, number: int) -> dict[str, Any]:
        part = self.parts[number - 1]
        recipe = recipe_for(self.options, part.labelled)
        facts = facts_of(written_out(self.options, recipe), part)
        return facts | {"epochs": recipe.epochs, "parts": recipe.parts}

    def _is_done(self, number: int) -> bool:
        """Return whether an earlier run finished a fold; check that it was of the same kind."""
        folder = self._folders[number - 1]
        record = own_record(folder / FOLD_RECORD, _FOLD_STEP)
        if not self.options.resume or not record or not (folder / PREDICTED_TABLE).is_file():
            return False
        check_facts(dict(record.get("facts") or {}), self._facts(number), folder)
        self.progress.say(f"Fold {number} of {self.count} is done already.")
        return True

    def _train(self, number: int) -> None:
        """Train a fold, predict the cells that it left out, and only then record it as done."""
        folder = self._folders[number - 1]
        resume = self.options.resume and (folder / LAST_EPOCH).is_file()
        options = replace(self.options, output=folder, resume=resume)
        progress = self._part(number - 1, f"Fold {number} of {self.count}", number)
        first = number == 1 and not self.options.resume
        after = sum(self.steps[number:])
        role = Role(self.options.output if first else None, steps_after=after)
        clocks = time.monotonic(), time.process_time()
        run = Run(options, self.parts[number - 1], progress, role)
        clocks = less_earlier(clocks, run.history)
        try:
            run.go()
        finally:
            self._begun |= bool(run.history)
        run.finish()
        self._judge(run, number, folder, progress, clocks)
        with suppress(OSError):  # it only takes space; on Windows somebody may look at it
            (folder / LAST_EPOCH).unlink()
        forget_models()

    def _judge(
        self, run: Run, number: int, folder: Path, progress: Progress, clocks: tuple[float, float]
    ) -> None:
        """Predict the cells that a fold left out, and write that it is done."""
        cells, left_out = self.cells, np.flatnonzero(np.asarray(self.cells.folds) == number - 1)
        progress.report(0, 0, "Predicting the cells left out")
        parts = run.outputs(left_out)
        objective = run.objective
        predictions = objective.finished(parts[BOTH], run.best[1])
        objective.write(folder / PREDICTED_TABLE, left_out, predictions, cells.folds)
        scores = objective.score(left_out, predictions)
        row: Row = {"fold": number, "cells": len(left_out), **scores}
        row |= {"training_cells": len(run.cells.training), "epochs": len(run.history)}
        row |= {"seconds": time.monotonic() - clocks[0]}
        row |= {"cpu_seconds": time.process_time() - clocks[1]}
        record = {"facts": self._facts(number), "row": row}
        record |= objective.by_part(left_out, {**parts, BOTH: predictions})
        write_json(folder / FOLD_RECORD, provenance(_FOLD_STEP, run.options_used) | record)
        progress.say(f"{counted(len(left_out), 'cell')} left out: {told(scores)}.")

    # --- all of them -------------------------------------------------------------------------

    def _pool(self) -> CrossValidation:
        """Write the results of all folds together."""
        output, cells = self.options.output, self.cells
        folders = self._folders
        for folder in folders:
            check_there(folder)
        records = [own_record(folder / FOLD_RECORD, _FOLD_STEP) for folder in folders]
        if not all(records):
            raise DeepometryError(
                f"Output location {output}: expected {FOLD_RECORD} in the folder of every fold, "
                f"found none in {folders[records.index({})]}; train with --resume, which trains "
                "that fold again."
            )
        rows: list[Row] = [  # what is null is not defined
            {n: math.nan if v is None else v for n, v in record["row"].items()}
            for record in records
        ]
        facts = (records[0]["options"], self.progress, self._price)
        report = report_of(self.options, cells, *facts)
        earlier = earlier_files(output / CROSS_VALIDATION_RECORD, STEP)
        with staged(output, earlier, self.progress.say) as stage:
            tables = [folder / PREDICTED_TABLE for folder in folders]
            merge_predictions(cells, tables, stage / PREDICTED_TABLE)
            result = report.write(stage, rows, pooled_parts(cells, records))
            write_folds(stage / FOLDS_TABLE, result)
            files = sorted([*(path.name for path in stage.iterdir()), CROSS_VALIDATION_RECORD])
            record = provenance(STEP, self.options) | plain(result) | {"files": files}
            record |= {"fingerprint": cells.fingerprint, "fold_files": self._fold_files()}
            write_json(stage / CROSS_VALIDATION_RECORD, record)
        self.progress.say(str(result))
        return result

    def _fold_files(self) -> list[str]:
        paths = (path for f in self._folders for n in _FOLD_FILES for path in sorted(f.glob(n)))
        return [path.relative_to(self.options.output).as_posix() for path in paths]

"""The files that a training writes after every epoch: checkpoint, model, table, plot, record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deepometry.cells.model_description import Description, read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress, unbroken
from deepometry.core.result_files import (
    LOSS_PLOT,
    TRAIN_RECORD,
    TRAINING_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.run_records import own_record, provenance, write_json
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.confusion_plots import plot_history
from deepometry.network.model_file import save_model
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row, save_checkpoint
from deepometry.training.leakage import all_known
from deepometry.training.objective import Validated, objective_of
from deepometry.training.output_folder import check_there, set_aside
from deepometry.training.run_record import Role

_BETWEEN_PLOTS = 20.0  # seconds at least


class TrainingFiles:
    """The files of a training in its output folder.

    `facts` are what a resumed training must share; `description` is that of the model before its
    first epoch.
    """

    def __init__(
        self,
        options: TrainOptions,
        facts: dict[str, Any],
        cells: Cells,
        description: Description,
        role: Role,
        progress: Progress,
    ) -> None:
        self._options, self._facts, self._cells = options, facts, cells
        self.description, self._role, self._progress = description, role, progress
        self._output = options.output
        self.model_path = options.output / description.file_name
        self._draw_at = 0.0  # of the monotonic clock
        self._known = all_known(options, cells, self.model_path)

    @property
    def saved(self) -> Description:
        """The description in the model file."""
        check_there(self._output)
        return read_description(self.model_path)

    @property
    def finished(self) -> bool:
        """Whether the model and the record have the scores of the model as it will predict."""
        record, saved = own_record(self._output / TRAIN_RECORD, "train"), self.saved
        complete = bool(saved.combination) == (self._options.parts == "both")
        return "val_views" in saved.scores and "scores" in record and complete

    @property
    def warnings(self) -> list[str]:
        """Reasons why the scores of the saved model may be misleading."""
        return [*self._cells.warnings, *self._cells.guessing(self.saved.scores)]

    def keep(self, model: Any, history: Sequence[Row], best: int) -> None:
        """Write the state after an epoch, and the model if the epoch is the best so far.

        Raises
        ------
        DeepometryError
            The output cannot be written, or is not there any more.
        """
        if len(history) > 1:
            check_there(self._output)
        if len(history) == 1 and not self._role.keeps:
            set_aside(self._role.replaces or self._output, self._progress)
        save_checkpoint(self._output, model, self._facts, list(history))
        if best == len(history):
            self._save(model, history[-1], {})
        self._show(history, best)

    def finish(
        self,
        model: Any,
        row: Row,
        validated: Validated,
        history: Sequence[Row],
        members: Mapping[str, bytes],
    ) -> None:
        """Write the scores of the model that was kept, and the cells that they are of.

        `members` are further members of the model file.
        """
        validation = self._write_validation(validated)
        with unbroken():
            self._save(model, row, members, **validated.measured)
            scores = {"scores": _scores(row), "temperature": self.saved.temperature, **validation}
            self._show(history, int(row["epoch"]), scores)

    def _write_validation(self, validated: Validated) -> dict[str, Any]:
        """Write what the model says of every validation cell; return what the record says of it."""
        objective, predictions = objective_of(self._cells), validated.predictions
        try:
            objective.write(self._output / VALIDATION_TABLE, self._cells.validation, predictions)
        except DeepometryError as error:
            self._progress.say(f"There is no table of the validation cells: {error}")
            return {}
        return {"validation": objective.facts(predictions)}

    def mend(self, model: Any, history: Sequence[Row], best: int) -> None:
        """Write the model of the last epoch where the program ended before it could."""
        epoch = self.saved.scores.get("epoch") if self.model_path.is_file() else None
        if best == len(history) != epoch:
            self._save(model, history[-1], {})
        elif epoch != best:
            raise DeepometryError(
                f"{self.model_path}: expected the model of epoch {best}, the best so far, found "
                f"{'none' if epoch is None else f'that of epoch {epoch}'}; train without resuming."
            )

    def _save(self, model: Any, row: Row, members: Mapping[str, bytes], **measured: Any) -> None:
        scores = {**self.description.scores, **_scores(row)}
        description = replace(self.description, scores=scores, **measured)
        save_model(model, description, self._output, self._known, members)

    def _show(
        self, history: Sequence[Row], best: int, scores: dict[str, Any] | None = None
    ) -> None:
        """Write table, plot and record; one that is open in a spreadsheet may wait.

        The plot takes longer than an epoch of few cells: it is drawn anew only now and then.
        """
        import pandas as pd

        record = {"best_epoch": best, "model": self.model_path.name, "warnings": self.warnings}
        so_far = {"so_far": _scores(history[best - 1])}  # until the model is as it will predict
        record |= {"task": self._cells.task.brief(), **self._cells.dataset.gated_out.facts()}
        record |= {**self._role.record, **(scores or so_far)}
        try:
            write_table(self._output / TRAINING_TABLE, pd.DataFrame(history))
            if scores is not None or time.monotonic() >= self._draw_at:
                measure = self._cells.task.measure
                plot_history(self._output / LOSS_PLOT, history, best, measure)
                self._draw_at = time.monotonic() + _BETWEEN_PLOTS
            write_json(self._output / TRAIN_RECORD, provenance("train", self._options) | record)
        except DeepometryError as error:
            self._progress.say(f"Training continues, but {error}")


def _scores(row: Row) -> Row:
    return {"epoch": row["epoch"]} | {n: v for n, v in row.items() if n.startswith("val_")}

"""What is told of a cross-validation beside its tables: scores, plots, mistakes, the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import LABEL_ERRORS_TABLE, PREDICTED_TABLE
from deepometry.core.run_records import provenance
from deepometry.evaluation.evaluate import Evaluation, evaluate
from deepometry.evaluation.report.provenance import Made, Pairs, commands_of, option_pairs
from deepometry.evaluation.report.render import Facts, write_page
from deepometry.evaluation.top_mistakes import MOST, Mistake, Mistakes
from deepometry.evaluation.write import write_evaluation, write_mistakes
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row
from deepometry.training.fold_predictions import FoldPredictions, read_predictions
from deepometry.training.gather import describe
from deepometry.training.label_error_table import LabelCheck, write_label_errors


@dataclass(frozen=True, kw_only=True)
class FoldFacts(Facts):
    """The contents of the report of a cross-validation.

    Attributes
    ----------
    folds : sequence of dict
        As in `CrossValidation`.
    pooled : dict of str to float
        `accuracy`, `balanced_accuracy` and `loss` of all cells together.
    group_by : str
        What was left out whole, such as Sample; blank for single cells.
    """

    template: ClassVar[str] = "report_folds.html"

    folds: Sequence[Mapping[str, float]]
    pooled: Mapping[str, float]
    group_by: str


class FoldReport:
    """Evaluates the pooled predictions of all folds, and writes the report.

    `trained` are the options of the training of a fold, as its record lists them.
    """

    def __init__(
        self, options: TrainOptions, cells: Cells, trained: Mapping[str, Any], progress: Progress
    ) -> None:
        self.options, self.cells, self.progress = replace(options, resume=False), cells, progress
        self.trained, self._indices = trained, np.flatnonzero(np.asarray(cells.folds) >= 0)
        how = {name: str(trained.get(name, "")) for name in ("network", "scaling")}
        self._description = describe(cells, options.channels, **how)

    def write(
        self, stage: Path, matrix: np.ndarray, rows: Sequence[Row], scores: Mapping[str, float]
    ) -> tuple[Evaluation, LabelCheck]:
        """Write tables, plots, the most confident errors, the doubtful labels and the report.

        `stage` is the folder to write to, which holds the predictions of all folds; `matrix` and
        `scores` are of all cells; `rows` has a row for every fold.
        """
        self.progress.report(0, 0, "Summing up the folds")
        pooled = read_predictions(stage / PREDICTED_TABLE, self.cells.labels, len(self._indices))
        evaluation = self._evaluated(pooled)
        plots = write_evaluation(stage, evaluation)
        self.progress.check()
        table = stage / LABEL_ERRORS_TABLE
        check = write_label_errors(table, self.cells, self._indices, pooled.probabilities)
        mistakes = self._top_errors(pooled)
        write_mistakes(stage, mistakes, self._description.channel_labels)
        results = {"evaluation": evaluation, "matrix": matrix, "mistakes": mistakes, "plots": plots}
        write_page(stage, self._facts(rows, scores, results))
        return evaluation, check

    def _facts(
        self, rows: Sequence[Row], scores: Mapping[str, float], results: dict[str, Any]
    ) -> FoldFacts:
        return FoldFacts(
            place=self.options.input,
            cells=len(self._indices),
            target=self.cells.target,
            labels=self.cells.labels,
            task=self.cells.task,
            channels=self._description.channel_labels,
            made=self._made(scores),
            folds=rows,
            pooled=scores,
            group_by=self.cells.group_by,
            **results,
        )

    def _evaluated(self, pooled: FoldPredictions) -> Evaluation:
        cells, groups = self.cells, None
        if cells.groups is not None:  # cells without a label may be a group of their own
            groups = np.unique(cells.groups[self._indices], return_inverse=True)[1]
        predictions = (pooled.true, pooled.chosen, pooled.probabilities, cells.labels)
        return evaluate(*predictions, groups, cells.group_by, temperature=None)

    def _top_errors(self, pooled: FoldPredictions) -> list[Mistake]:
        """Find the most confident errors, with their pictures."""
        wrong = np.flatnonzero(pooled.true != pooled.chosen)
        order = np.argsort(-pooled.confidence[wrong], kind="stable")
        some = np.sort(wrong[order[:MOST]])
        if not len(some):
            return []
        indices, mistakes = self._indices[some], Mistakes(self.cells.labels)
        images = self.cells.dataset.read(indices, self.cells.columns)
        names = [(None, *each) for each in self.cells.dataset.identities_of(indices)]
        mistakes.look(
            names, images, pooled.true[some], pooled.chosen[some], pooled.confidence[some]
        )
        return mistakes.top

    # --- how it was made ---------------------------------------------------------------------

    def _made(self, scores: Mapping[str, float]) -> Made:
        options = self.options
        cross_validated = {f"cv_{name}": value for name, value in scores.items()}
        trained = {name: value for name, value in self.trained.items() if name != "resume"}
        trained |= {"output": str(options.output.absolute())}
        return Made.of(
            provenance("train", options),
            {"Training of a fold": option_pairs(type(options), trained), "Cells": self._about()},
            commands_of(options, self.cells.dataset.parse_record),
            [*self.cells.warnings, *self.cells.guessing(cross_validated)],
        )

    def _about(self) -> Pairs:
        cells, groups = self.cells, []
        if cells.groups is not None:
            left = np.unique(cells.groups[self._indices])
            groups = [("Left out whole", f"{len(left):,} values of {cells.group_by}")]
        counts = np.bincount(cells.codes[self._indices], minlength=len(cells.labels))
        each = zip(cells.labels, counts.tolist(), strict=True)
        return [
            ("Target classification", cells.target),
            ("Cells of the classes", ", ".join(f"{label} {count:,}" for label, count in each)),
            *groups,
            ("Channels", ", ".join(self._description.channel_labels)),
            ("Frame", f"{cells.dataset.frame} pixels"),
            ("Fingerprint of the cells", cells.fingerprint),
        ]

"""What is told of a cross-validation beside its tables: scores, plots, mistakes, the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import LABEL_ERRORS_TABLE, PREDICTED_TABLE
from deepometry.core.run_records import provenance
from deepometry.evaluation.confusion import confusion, write_scores
from deepometry.evaluation.evaluate import Evaluation, evaluate
from deepometry.evaluation.evaluate_numbers import NumberEvaluation, evaluate_numbers
from deepometry.evaluation.group_cost import Price
from deepometry.evaluation.group_scores import GroupScores
from deepometry.evaluation.part_scores import PartScores
from deepometry.evaluation.report.provenance import Made, Pairs, commands_of, option_pairs
from deepometry.evaluation.report.render import Facts, write_page
from deepometry.evaluation.top_mistakes import MOST, Mistake, Mistakes, NumberMistakes
from deepometry.evaluation.write import write_evaluation, write_mistakes, write_numbers
from deepometry.training.across import group_scores, write_groups
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row
from deepometry.training.cross_validation_result import CrossValidation
from deepometry.training.fold_predictions import (
    FoldNumbers,
    FoldPredictions,
    read_numbers,
    read_predictions,
)
from deepometry.training.gather import describe
from deepometry.training.label_error_table import LabelCheck, write_label_errors
from deepometry.training.objective import objective_of


@dataclass(frozen=True)
class Pooled:
    """What all folds together predicted, and how good that is.

    Attributes
    ----------
    predictions : FoldPredictions or FoldNumbers
    scores : dict of str to float
    matrix : ndarray of int64, shape (classes, classes), or None
        None for numbers.
    evaluation : Evaluation or NumberEvaluation
    plots : dict of str to str
        Pieces of a page.
    label_check : LabelCheck or None
        Of the labels that are likely wrong; None for numbers.
    groups : GroupScores or None
        By group, where whole groups were left out.
    """

    predictions: FoldPredictions | FoldNumbers
    scores: dict[str, float]
    matrix: np.ndarray | None
    evaluation: Evaluation | NumberEvaluation
    plots: Mapping[str, str]
    label_check: LabelCheck | None = None
    groups: GroupScores | None = None


@dataclass(frozen=True, kw_only=True)
class FoldFacts(Facts):
    """The contents of the report of a cross-validation.

    Attributes
    ----------
    folds : sequence of dict
        As in `CrossValidation`.
    pooled : dict of str to float
        Scores of all cells together, as in `CrossValidation`.
    group_by : str
        What was left out whole, such as Sample; blank for single cells.
    groups : GroupScores or None
        By group, where whole groups were left out.
    """

    template: ClassVar[str] = "report_folds.html"

    folds: Sequence[Mapping[str, float]]
    pooled: Mapping[str, float]
    group_by: str
    groups: GroupScores | None


class FoldReport(ABC):
    """Evaluates the pooled predictions of all folds, and writes the report.

    `trained` are the options of the training of a fold, as its record lists them.
    """

    def __init__(
        self,
        options: TrainOptions,
        cells: Cells,
        trained: Mapping[str, Any],
        progress: Progress,
        price: Price | None = None,
    ) -> None:
        self._price = price
        self.options, self.cells, self.progress = replace(options, resume=False), cells, progress
        self.trained, self._indices = trained, np.flatnonzero(np.asarray(cells.folds) >= 0)
        how = {name: str(trained.get(name, "")) for name in ("network", "scaling")}
        self._description = describe(cells, options.channels, **how)

    def write(
        self, stage: Path, rows: Sequence[Row], parts: PartScores | None = None
    ) -> CrossValidation:
        """Write tables, plots, the worst errors, the doubtful labels and the report.

        `stage` is the folder to write to, which holds the predictions of all folds; `rows` has a
        row for every fold; `parts` are the scores of the parts of a combined model.
        """
        self.progress.report(0, 0, "Summing up the folds")
        pooled = self._with_groups(self._pooled(stage), stage)
        mistakes = self._top_errors(pooled)
        numbers = self.cells.task.is_number
        write_mistakes(stage, mistakes, self._description.channel_labels, numbers)
        write_page(stage, replace(self._facts(rows, pooled, mistakes), parts=parts))
        cells = self.cells
        labels = () if pooled.matrix is None else cells.labels
        facts = (labels, pooled.matrix, pooled.scores, list(rows), cells.group_by)
        results = (self.options.output, pooled.evaluation, pooled.label_check, pooled.groups)
        return CrossValidation(*facts, *results, parts)

    def _with_groups(self, pooled: Pooled, stage: Path) -> Pooled:
        """Score every group, where whole groups were left out; write table and plot."""
        groups = group_scores(self.cells, self._indices, pooled.predictions.outputs)
        if groups is None:
            return pooled
        groups = groups.with_price(self._price)
        plots = {**pooled.plots, **write_groups(stage, groups)}
        return replace(pooled, groups=groups, plots=plots)

    @abstractmethod
    def _pooled(self, stage: Path) -> Pooled:
        """Evaluate the predictions of all folds, and write tables and plots."""

    @abstractmethod
    def _top_errors(self, pooled: Pooled) -> list[Mistake]:
        """Find the worst errors, with their pictures."""

    def _facts(self, rows: Sequence[Row], pooled: Pooled, mistakes: Sequence[Mistake]) -> FoldFacts:
        return FoldFacts(
            place=self.options.input,
            cells=len(self._indices),
            target=self.cells.target,
            labels=self._description.labels,
            task=self._description.task,
            channels=self._description.channel_labels,
            made=self._made(pooled.scores),
            folds=rows,
            pooled=pooled.scores,
            group_by=self.cells.group_by,
            groups=pooled.groups,
            evaluation=pooled.evaluation,
            matrix=pooled.matrix,
            mistakes=mistakes,
            plots=pooled.plots,
        )

    def _groups(self) -> np.ndarray | None:
        """Return the group of every cell, numbered from 0."""
        if self.cells.groups is None:
            return None
        # cells without a label may be a group of their own
        return np.unique(self.cells.groups[self._indices], return_inverse=True)[1]

    def _pictured(self, some: np.ndarray) -> tuple[list[tuple[None, str, str]], np.ndarray]:
        """Return names and images of some of the pooled cells, whose places rise."""
        indices = self._indices[some]
        images = self.cells.dataset.read(indices, self.cells.columns)
        return [(None, *each) for each in self.cells.dataset.identities_of(indices)], images

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
            (self._named_counts, ", ".join(f"{label} {count:,}" for label, count in each)),
            *groups,
            ("Channels", ", ".join(self._description.channel_labels)),
            ("Frame", f"{cells.dataset.frame} pixels"),
            ("Fingerprint of the cells", cells.fingerprint),
        ]

    @property
    def _named_counts(self) -> str:
        return "Cells by number" if self.cells.task.is_number else "Cells of the classes"


class ClassReport(FoldReport):
    """The report of classes."""

    def _pooled(self, stage: Path) -> Pooled:
        """Score the classes of all folds, and write confusion matrix, curves and calibration."""
        labels = self.cells.labels
        found = read_predictions(stage / PREDICTED_TABLE, labels, len(self._indices))
        scores = objective_of(self.cells).score(self._indices, found.probabilities)
        matrix = confusion(found.true, found.chosen, len(labels))
        write_scores(stage, matrix, labels, self.cells.target)
        predictions = (found.true, found.chosen, found.probabilities, labels)
        by, ordered = self.cells.group_by, self.cells.task.is_ordered
        evaluation = evaluate(*predictions, self._groups(), by, temperature=None, ordered=ordered)
        plots = write_evaluation(stage, evaluation)
        self.progress.check()
        table = stage / LABEL_ERRORS_TABLE
        check = write_label_errors(table, self.cells, self._indices, found.probabilities)
        return Pooled(found, scores, matrix, evaluation, plots, check)

    def _top_errors(self, pooled: Pooled) -> list[Mistake]:
        """Find the most confident errors."""
        found, mistakes = pooled.predictions, Mistakes(self.cells.labels)
        assert isinstance(found, FoldPredictions)
        wrong = np.flatnonzero(found.true != found.chosen)
        order = np.argsort(-found.confidence[wrong], kind="stable")
        some = np.sort(wrong[order[:MOST]])
        if len(some):
            values = (found.true[some], found.chosen[some], found.confidence[some])
            mistakes.look(*self._pictured(some), *values)
        return mistakes.top


class NumberReport(FoldReport):
    """The report of numbers."""

    def _pooled(self, stage: Path) -> Pooled:
        """Score the numbers of all folds, and write tables and plot."""
        found = read_numbers(stage / PREDICTED_TABLE, len(self._indices))
        predictions = found.outputs
        scores = objective_of(self.cells).score(self._indices, predictions)
        true, task = self.cells.numbers(self._indices), self.cells.task
        grouped = (self._groups(), self.cells.group_by)
        evaluation = evaluate_numbers(true, predictions, *grouped, unit=task.unit)
        plots = write_numbers(stage, evaluation, self.cells.target)
        return Pooled(found, scores, None, evaluation, plots)

    def _top_errors(self, pooled: Pooled) -> list[Mistake]:
        """Find the largest errors."""
        found, mistakes = pooled.predictions, NumberMistakes()
        assert isinstance(found, FoldNumbers)
        some = np.sort(np.argsort(-np.abs(found.predicted - found.true), kind="stable")[:MOST])
        mistakes.look(*self._pictured(some), found.true[some], found.predicted[some])
        return mistakes.top


def report_of(
    options: TrainOptions,
    cells: Cells,
    trained: Mapping[str, Any],
    progress: Progress,
    price: Price | None = None,
) -> FoldReport:
    """Return what evaluates the folds of a cross-validation of classes, or of numbers."""
    kind = NumberReport if cells.task.is_number else ClassReport
    return kind(options, cells, trained, progress, price)

"""The result of a cross-validation, and its table of folds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.result_files import AGAINST_TRUE_PLOT, CONFUSION_PLOT
from deepometry.core.text import counted
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.evaluate_numbers import NumberEvaluation
from deepometry.evaluation.group_scores import GroupScores
from deepometry.evaluation.part_scores import PartScores
from deepometry.evaluation.score_names import (
    CLASS_PAIR,
    IN_UNITS,
    main_pair,
    named_pair,
    told_pair,
)
from deepometry.training.checkpoint import Row
from deepometry.training.label_error_table import LabelCheck

POOLED = "pooled"
_OF_NUMBERS = ("mae", "rmse", "r2", "pearson", "spearman")
_SCORES = (*CLASS_PAIR, "mae_steps", "quadratic_kappa", *_OF_NUMBERS, "loss")
_COLUMNS = ("fold", "cells", *_SCORES, "training_cells", "epochs", "seconds", "cpu_seconds")


@dataclass(frozen=True)
class CrossValidation(ShowsInNotebook):
    """The results of a cross-validation.

    Attributes
    ----------
    labels : tuple of str
        The classes; empty for numbers.
    confusion : ndarray of int64, shape (classes, classes), or None
        Of all cells, each predicted by the model that never saw it; rows are the true classes. None
        for numbers.
    scores : dict of str to float
        Of all cells: `accuracy`, `balanced_accuracy`, `loss`, and `p_value` as `p_value_of` has it;
        or those of `judge_numbers`.
    folds : list of dict
        A row a fold: `fold`, from 1, `cells`, the scores, `training_cells`, `epochs`, `seconds`
        and `cpu_seconds`.
    group_by : str
        What was left out whole, such as Sample; blank for single cells.
    output : Path
        Folder with `folds.csv`, `predicted.csv`, the confusion matrix and `report.html`.
    evaluation : Evaluation or NumberEvaluation or None
        Of all cells: scores with intervals, curves, calibration; None for classical features.
    label_check : LabelCheck or None
        How many labels are likely wrong, and the table of them in `output`.
    groups : GroupScores or None
        Scores by group, where whole groups were left out; `groups.csv` in `output`.
    parts : PartScores or None
        Of network and classical features alone, and of both together; None where a model had one
        part only.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray | None
    scores: dict[str, float]
    folds: list[Row]
    group_by: str
    output: Path
    evaluation: Evaluation | NumberEvaluation | None = field(
        default=None, repr=False, metadata={"told": False}
    )
    label_check: LabelCheck | None = None
    groups: GroupScores | None = None
    parts: PartScores | None = field(default=None, repr=False, metadata={"told": False})

    @property
    def cells(self) -> int:
        """Number of cells, each left out once."""
        return int(sum(row["cells"] for row in self.folds))

    def __str__(self) -> str:
        parted = f", whole values of {self.group_by} left out" if self.group_by else ""
        first, second = told_pair(self.scores)
        return (
            f"Cross-validation in {len(self.folds)} folds of {counted(self.cells, 'cell')}"
            f"{parted}: {first} ({self._between()}{self._in_folds()}), {second}, "
            f"loss {self.scores['loss']:.3f}.{self._notes()}"
        )

    def notebook_view(self) -> NotebookView:
        """Show the scores of all cells, with the confusion matrix."""
        rows = named_pair(self.scores, "", "Cross-validated")
        picture = CONFUSION_PLOT if self.confusion is not None else f"{AGAINST_TRUE_PLOT}.png"
        return NotebookView(
            f"Cross-validation of {counted(self.cells, 'cell')}",
            rows | {"Folds": len(self.folds), "Folder": self.output},
            picture=self.output / picture,
        )

    def _in_folds(self) -> str:
        name, digits = self._first
        each = [row[name] for row in self.folds]
        return f"{min(each):{digits}} to {max(each):{digits}} in the folds"

    @property
    def _first(self) -> tuple[str, str]:
        """The score that stands for all, and how it is written."""
        name = main_pair(self.scores)[0]
        return name, ".4g" if name in IN_UNITS else ".3f"

    def _between(self) -> str:
        if self.evaluation is None:
            return ""
        name, digits = self._first
        score = self.evaluation.score(name)
        return f"95 % interval {score.low:{digits}} to {score.high:{digits}}; "

    def _notes(self) -> str:
        """Return how whole groups were drawn, if they were, and how many labels are doubtful."""
        evaluation, check = self.evaluation, self.label_check
        how = [evaluation.how] if evaluation and evaluation.group_by else []
        how += self.groups.sentences if self.groups else []
        parts = self.parts.sentences if self.parts else []
        return "".join(f"\n{note}" for note in [*how, *parts, *([check] if check else [])])


def plain(result: CrossValidation) -> dict[str, Any]:
    """Return a cross-validation as plain values for a record."""
    evaluation, matrix = result.evaluation, result.confusion
    counts = [] if matrix is None else matrix.sum(0).tolist()
    told = {
        "folds": len(result.folds),
        "group_by": result.group_by,
        "cells": result.cells,
        "kind": NUMBER if matrix is None else CLASSES,
        "counts": dict(zip(result.labels, counts, strict=True)),
        "scores": result.scores,
        "each": result.folds,
    }
    if evaluation:
        told["evaluation"] = evaluation.plain()
    if result.groups:
        told["groups"] = result.groups.plain()
    if result.parts:
        told["parts"] = result.parts.plain()
    if result.label_check:
        told["likely_mislabelled"] = result.label_check.plain()
    return told


def write_folds(path: Path, result: CrossValidation) -> None:
    """Write a row a fold, and one of all of them."""
    import pandas as pd

    summed = ("cells", "seconds", "cpu_seconds")
    total = {name: sum(row[name] for row in result.folds) for name in summed}
    pooled = {"fold": POOLED, **{n: v for n, v in result.scores.items() if n in _SCORES}, **total}
    rows = [{**row, "fold": int(row["fold"])} for row in result.folds]
    table = pd.DataFrame([*rows, pooled])
    table = table[[name for name in _COLUMNS if name in table]]
    whole = [name for name in ("cells", "training_cells", "epochs") if name in table]
    write_table(path, table.astype(dict.fromkeys(whole, "Int64")))

"""The result of a cross-validation, and its table of folds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.result_files import CONFUSION_PLOT
from deepometry.core.text import counted
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.evaluate import Evaluation
from deepometry.training.checkpoint import Row
from deepometry.training.label_error_table import LabelCheck

POOLED = "pooled"
_SCORES = ("accuracy", "balanced_accuracy", "loss")
_COLUMNS = ("fold", "cells", *_SCORES, "training_cells", "epochs", "seconds", "cpu_seconds")


@dataclass(frozen=True)
class CrossValidation(ShowsInNotebook):
    """The results of a cross-validation.

    Attributes
    ----------
    labels : tuple of str
        The classes.
    confusion : ndarray of int64, shape (classes, classes)
        Of all cells, each predicted by the model that never saw it; rows are the true classes.
    scores : dict of str to float
        Of all cells: `accuracy`, `balanced_accuracy`, `loss`, and `p_value` as `p_value_of` has it.
    folds : list of dict
        A row a fold: `fold`, from 1, `cells`, the scores, `training_cells`, `epochs`, `seconds`
        and `cpu_seconds`.
    group_by : str
        What was left out whole, such as Sample; blank for single cells.
    output : Path
        Folder with `folds.csv`, `predicted.csv`, the confusion matrix and `report.html`.
    evaluation : Evaluation or None
        Of all cells: scores with intervals, curves, calibration; None for classical features.
    label_check : LabelCheck or None
        How many labels are likely wrong, and the table of them in `output`.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    scores: dict[str, float]
    folds: list[Row]
    group_by: str
    output: Path
    evaluation: Evaluation | None = field(default=None, repr=False, metadata={"told": False})
    label_check: LabelCheck | None = None

    def __str__(self) -> str:
        each = [row["accuracy"] for row in self.folds]
        parted = f", whole values of {self.group_by} left out" if self.group_by else ""
        return (
            f"Cross-validation in {len(each)} folds of {counted(int(self.confusion.sum()), 'cell')}"
            f"{parted}: accuracy {self.scores['accuracy']:.3f} ({self._between()}"
            f"{min(each):.3f} to {max(each):.3f} in the folds), balanced "
            f"{self.scores['balanced_accuracy']:.3f}, loss {self.scores['loss']:.3f}."
            f"{self._notes()}"
        )

    def notebook_view(self) -> NotebookView:
        """Show the scores of all cells, with the confusion matrix."""
        rows: dict[str, object] = {
            "Cross-validated accuracy": self.scores["accuracy"],
            "Cross-validated balanced accuracy": self.scores["balanced_accuracy"],
            "Folds": len(self.folds),
        }
        return NotebookView(
            f"Cross-validation of {counted(int(self.confusion.sum()), 'cell')}",
            rows | {"Folder": self.output},
            picture=self.output / CONFUSION_PLOT,
        )

    def _between(self) -> str:
        if self.evaluation is None:
            return ""
        score = self.evaluation.score("accuracy")
        return f"95 % interval {score.low:.3f} to {score.high:.3f}; "

    def _notes(self) -> str:
        """Return how whole groups were drawn, if they were, and how many labels are doubtful."""
        evaluation, check = self.evaluation, self.label_check
        how = [evaluation.how] if evaluation and evaluation.group_by else []
        return "".join(f"\n{note}" for note in [*how, *([check] if check else [])])


def plain(result: CrossValidation) -> dict[str, Any]:
    """Return a cross-validation as plain values for a record."""
    evaluation = result.evaluation
    told = {
        "folds": len(result.folds),
        "group_by": result.group_by,
        "cells": int(result.confusion.sum()),
        "counts": dict(zip(result.labels, result.confusion.sum(0).tolist(), strict=True)),
        "scores": result.scores,
        "each": result.folds,
    }
    if evaluation:
        told["evaluation"] = evaluation.plain()
    if result.label_check:
        told["likely_mislabelled"] = result.label_check.plain()
    return told


def write_folds(path: Path, result: CrossValidation) -> None:
    """Write a row a fold, and one of all of them."""
    import pandas as pd

    summed = ("cells", "seconds", "cpu_seconds")
    total = {name: sum(row[name] for row in result.folds) for name in summed}
    pooled = {"fold": POOLED, **{name: result.scores[name] for name in _SCORES}, **total}
    rows = [{**row, "fold": int(row["fold"])} for row in result.folds]
    table = pd.DataFrame([*rows, pooled])
    table = table[[name for name in _COLUMNS if name in table]]
    whole = [name for name in ("cells", "training_cells", "epochs") if name in table]
    write_table(path, table.astype(dict.fromkeys(whole, "Int64")))

"""The results of a prediction, for people and for its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.result_files import CONFUSION_PLOT, COUNT_PLOT
from deepometry.core.run_records import provenance, write_json
from deepometry.core.steps import step_of
from deepometry.core.text import counted
from deepometry.evaluation.confusion import scores
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.sample_composition import Sample
from deepometry.evaluation.score_names import NAMES
from deepometry.evaluation.selective import UNSURE
from deepometry.inference.evaluate_prediction import PredictionScores
from deepometry.inference.prediction_table import Prediction
from deepometry.inference.recognition import Recognition

_LONG = {"told": False}  # in files, not in the list of jobs


@dataclass(frozen=True)
class PredictResult(ShowsInNotebook):
    """The results of a prediction.

    Attributes
    ----------
    cells : int
        Number of cells predicted.
    counts : dict of str to int
        For every class of the model, the cells predicted as it; the unsure ones included.
    labels : tuple of str
        The classes, in the order of the matrix.
    confusion : ndarray of int64, shape (classes, classes), or None
        Rows are the true classes; None for unannotated data.
    scores : dict of str to float
        `accuracy` and `balanced_accuracy`; empty for unannotated data.
    output : Path
        Folder with the tables and plots.
    unsure : int or None
        Cells labelled unsure; None where every cell was to be labelled.
    evaluation : Evaluation or None
        All scores with intervals, curves and calibration; None for unannotated data.
    samples : list of Sample
        How all cells, and those of every value of every folder level, divide by class.
    warnings : tuple of str
        Reasons why the predictions may be wrong.
    recognition : Recognition or None
        Which cells the model has seen in its training: scores leave them out, or are marked.
    """

    cells: int
    counts: dict[str, int]
    labels: tuple[str, ...]
    confusion: np.ndarray | None
    scores: dict[str, float]
    output: Path
    unsure: int | None = None
    evaluation: Evaluation | None = field(default=None, repr=False, metadata=_LONG)
    samples: list[Sample] = field(default_factory=list, repr=False, metadata=_LONG)
    warnings: tuple[str, ...] = ()
    recognition: Recognition | None = field(default=None, repr=False, metadata=_LONG)

    def __str__(self) -> str:
        lines = [self._scored()]
        if self.recognition is not None and self.recognition.sentence:
            lines.append(self.recognition.sentence)
        if self.evaluation is not None:
            lines.append(self.evaluation.how)
        if self.unsure is not None:
            lines.append(f"{self.unsure:,} of {self.cells:,} cells are labelled {UNSURE}.")
        return "\n".join([*lines, f"Results: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show the scores, or the cells of each class, with the picture of them."""
        rows: dict[str, object] = {}
        if self.evaluation is not None:
            rows = {NAMES[score.name]: str(score) for score in self.evaluation.whole}
        rows |= {f"Predicted as {label}": cells for label, cells in self.counts.items()}
        annotated = self.confusion is not None
        picture = self.output / (CONFUSION_PLOT if annotated else COUNT_PLOT)
        title = f"Predicted {counted(self.cells, 'cell')}"
        seen = [self.recognition.sentence] if self.recognition else []
        notes = (*filter(None, seen), *self.warnings)
        return NotebookView(title, rows | {"Folder": self.output}, notes, picture)

    def _scored(self) -> str:
        if self.evaluation is None:
            each = ", ".join(f"{label} {n:,}" for label, n in self.counts.items())
            return f"Predicted {counted(self.cells, 'cell')}: {each}."
        scores = {score.name: score for score in self.evaluation.whole}
        training = "training " * self.evaluation.of_training
        if self.recognition is not None and self.recognition.perhaps_of_training:
            training = "possibly training "
        return (
            f"Predicted {counted(self.cells, 'cell')}: {training}accuracy {scores['accuracy']}, "
            f"balanced {scores['balanced_accuracy']}, expected calibration error "
            f"{scores['calibration_error']}."
        )


def results_of(prediction: Prediction, scored: PredictionScores) -> dict[str, Any]:
    """Return the values of a `PredictResult`, by their names."""
    seen, matrix = prediction.seen, scored.confusion
    labels = prediction.inference.description.labels
    counts = np.bincount(seen.chosen, minlength=len(labels))
    return {
        "cells": len(seen.chosen),
        "counts": dict(zip(labels, counts.tolist(), strict=True)),
        "labels": labels,
        "confusion": matrix,
        "scores": {} if matrix is None else scores(matrix),
        "output": prediction.options.output,
        "unsure": int(seen.unsure.sum()) if prediction.with_unsure else None,
        "evaluation": scored.evaluation,
        "samples": scored.samples,
        "warnings": prediction.inference.warnings,
        "recognition": prediction.recognition,
    }


def write_record(
    prediction: Prediction,
    result: PredictResult,
    stage: Path,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the record of a prediction, beside its files in the folder `stage`."""
    inference, options = prediction.inference, prediction.options
    step = step_of(options)
    facts = {
        "model": str(inference.path),
        "target": inference.description.target,
        "temperature": inference.description.temperature,
        "precision": inference.precision,
        "cells": result.cells,
        "counts": result.counts,
        **inference.record(),
        "unsure": result.unsure,
        "scores": result.scores,
        "seen": result.recognition.plain() if result.recognition else None,
        **(more or {}),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / step.record, provenance(step.name, options) | facts)

"""The results of a prediction, for people and for its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.result_files import AGAINST_TRUE_PLOT, CONFUSION_PLOT, COUNT_PLOT
from deepometry.core.run_records import provenance, write_json
from deepometry.core.steps import step_of
from deepometry.core.text import counted
from deepometry.evaluation.confusion import scores
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.evaluate_numbers import NumberEvaluation
from deepometry.evaluation.novelty_tally import NoveltyTally
from deepometry.evaluation.number_samples import NumberSample
from deepometry.evaluation.part_scores import PartScores
from deepometry.evaluation.sample_composition import Sample
from deepometry.evaluation.score_names import NAMES, lowered, score_text
from deepometry.evaluation.selective import UNSURE
from deepometry.inference.audit.result import Audit
from deepometry.inference.evaluate_prediction import PredictionScores
from deepometry.inference.number_table import SeenNumbers
from deepometry.inference.part_tables import told
from deepometry.inference.prediction_table import Prediction
from deepometry.inference.recognition import Recognition

_MARGIN = 0.05  # of the range of numbers, beyond which one lies outside
_LONG = {"told": False}  # in files, not in the list of jobs


@dataclass(frozen=True)
class PredictResult(ShowsInNotebook):
    """The results of a prediction.

    Attributes
    ----------
    cells : int
        Number of cells predicted.
    counts : dict of str to int
        For every class of the model, the cells predicted as it; the unsure ones included, those
        that are gated out not.
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
    novelty : NoveltyTally or None
        How many cells are unlike those that the model learnt from; None where it cannot tell.
    evaluation : Evaluation or NumberEvaluation or None
        All scores with intervals, curves and calibration; None for unannotated data.
    samples : list of Sample or NumberSample
        How all cells, and those of every value of every folder level, divide by class, or which
        numbers they have.
    warnings : tuple of str
        Reasons why the predictions may be wrong.
    recognition : Recognition or None
        Which cells the model has seen in its training: scores leave them out, or are marked.
    numbers : dict of str to float
        Of predicted numbers `mean`, `median`, `lowest`, `highest`, and `outside`, how many lie
        outside the range that the model learnt from by more than 5 % of it; empty where classes
        are predicted. Cells that are gated out are in none of them.
    gated_out : int or None
        Cells that gates leave out: predicted, but neither counted nor scored; None where there are
        no gates.
    audit : Audit or None
        What the model goes by, the cell or its background, with a verdict in words; None where
        that was not asked for, or the data are unannotated.
    parts : PartScores or None
        What the network and the classical features of a combined model are worth by themselves,
        and which of them decided; None for other models.
    """

    cells: int
    counts: dict[str, int]
    labels: tuple[str, ...]
    confusion: np.ndarray | None
    scores: dict[str, float]
    output: Path
    unsure: int | None = None
    evaluation: Evaluation | NumberEvaluation | None = field(
        default=None, repr=False, metadata=_LONG
    )
    samples: Sequence[Sample | NumberSample] = field(default=(), repr=False, metadata=_LONG)
    warnings: tuple[str, ...] = ()
    recognition: Recognition | None = field(default=None, repr=False, metadata=_LONG)
    numbers: Mapping[str, float] = field(default_factory=dict)
    gated_out: int | None = None
    novelty: NoveltyTally | None = field(default=None, metadata=_LONG)
    audit: Audit | None = field(default=None, repr=False, metadata=_LONG)
    parts: PartScores | None = field(default=None, repr=False, metadata=_LONG)

    def __str__(self) -> str:
        lines = [self._scored()]
        if self.gated_out:
            verb = "is" if self.gated_out == 1 else "are"
            lines.append(
                f"{counted(self.gated_out, 'cell')} {verb} gated out: neither counted nor scored."
            )
        if self.recognition is not None and self.recognition.sentence:
            lines.append(self.recognition.sentence)
        if self.evaluation is not None:
            lines.append(self.evaluation.how)
        if self.parts is not None:
            lines += self.parts.sentences
        if self.unsure is not None:
            lines.append(f"{self.unsure:,} of {self._counted:,} cells are labelled {UNSURE}.")
        if self.novelty is not None and (self.novelty.unknown or self.novelty.too_many):
            lines.append(self.novelty.sentence)
        if outside := int(self.numbers.get("outside", 0)):
            lines.append(
                f"{outside:,} of {self._counted:,} predicted numbers lie outside the range of "
                "those that the model learnt from."
            )
        if self.audit is not None and self.audit.rows:
            lines.append(self.audit.verdict)
        return "\n".join([*lines, f"Results: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show the scores, or the cells of each class, with the picture of them."""
        rows: dict[str, object] = {}
        if self.evaluation is not None:
            rows = {NAMES[score.name]: score_text(score) for score in self.evaluation.whole}
        rows |= {f"Predicted as {label}": cells for label, cells in self.counts.items()}
        rows |= {f"{name.capitalize()} number": value for name, value in self._told.items()}
        rows |= {} if self.gated_out is None else {"Gated out": self.gated_out}
        annotated = CONFUSION_PLOT if not self.numbers else f"{AGAINST_TRUE_PLOT}.png"
        picture = self.output / (annotated if self.evaluation is not None else COUNT_PLOT)
        title = f"Predicted {counted(self.cells, 'cell')}"
        seen = [self.recognition.sentence] if self.recognition else []
        audit = [self.audit.verdict] if self.audit and not self.audit.doubtful else []
        notes = (*filter(None, seen), *self.warnings, *audit)
        return NotebookView(title, rows | {"Folder": self.output}, notes, picture)

    def _scored(self) -> str:
        if self.evaluation is None:
            each = [f"{label} {n:,}" for label, n in self.counts.items()]
            each += [f"{name} {value:.4g}" for name, value in self._told.items()]
            return f"Predicted {counted(self.cells, 'cell')}: {', '.join(each)}."
        scores = {score.name: score for score in self.evaluation.whole}
        training = "training " * self.evaluation.of_training
        if self.recognition is not None and self.recognition.perhaps_of_training:
            training = "possibly training "
        if self.numbers:
            names = ("mae", "r2", "spearman", "coverage")
            each = [f"{_named(n)} {score_text(scores[n])}" for n in names if n in scores]
            return f"Predicted {counted(self.cells, 'cell')}: {training}{', '.join(each)}."
        return (
            f"Predicted {counted(self.cells, 'cell')}: {training}accuracy {scores['accuracy']}, "
            f"balanced {scores['balanced_accuracy']}, expected calibration error "
            f"{scores['calibration_error']}."
        )

    @property
    def _counted(self) -> int:
        """Number of cells that are not gated out."""
        return self.cells - (self.gated_out or 0)

    @property
    def _told(self) -> dict[str, float]:
        """The predicted numbers in short."""
        return {name: value for name, value in self.numbers.items() if name != "outside"}


def results_of(prediction: Prediction, scored: PredictionScores) -> dict[str, Any]:
    """Return the values of a `PredictResult`, by their names."""
    return _predicted(prediction, scored) | {
        "cells": len(prediction.dataset),
        "labels": prediction.inference.description.labels,
        "confusion": scored.confusion,
        "output": prediction.options.output,
        "evaluation": scored.evaluation,
        "samples": scored.samples,
        "warnings": prediction.inference.warnings,
        "recognition": prediction.recognition,
        "gated_out": prediction.dataset.gated_out.told,
        "novelty": prediction.seen.novelties.tally(),
        "audit": prediction.audit,
        "parts": prediction.seen.parts.scores,
    }


def _predicted(prediction: Prediction, scored: PredictionScores) -> dict[str, Any]:
    """Return what was predicted in short, and its main scores."""
    seen, matrix = prediction.seen, scored.confusion
    inside = prediction.dataset.gated_out.inside
    if isinstance(seen, SeenNumbers):
        evaluation = scored.evaluation
        each = {score.name: score.value for score in evaluation.whole} if evaluation else {}
        return {"counts": {}, "scores": each, "numbers": _in_short(seen, inside)}
    labels = prediction.inference.description.labels
    counts = np.bincount(seen.chosen[inside], minlength=len(labels))
    return {
        "counts": dict(zip(labels, counts.tolist(), strict=True)),
        "scores": {} if matrix is None else scores(matrix),
        "unsure": int(seen.unsure[inside].sum()) if prediction.with_unsure else None,
    }


def _in_short(seen: SeenNumbers, inside: np.ndarray) -> dict[str, float]:
    numbers, task = seen.predictions[inside, 0], seen.task
    margin = _MARGIN * (task.highest - task.lowest)
    outside = (numbers < task.lowest - margin) | (numbers > task.highest + margin)
    return {
        "mean": float(numbers.mean()),
        "median": float(np.median(numbers)),
        "lowest": float(numbers.min()),
        "highest": float(numbers.max()),
        "outside": int(outside.sum()),
    }


def _named(name: str) -> str:
    return lowered(NAMES[name])


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
        "task": inference.description.task.brief(),
        **({"numbers": result.numbers} if result.numbers else {}),
        **inference.record(),
        **prediction.dataset.gated_out.facts(),
        **told(result.parts),
        "unsure": result.unsure,
        "novelty": result.novelty.plain() if result.novelty else None,
        "unknown": result.novelty.novel if result.novelty and result.novelty.unknown else None,
        "scores": result.scores,
        "seen": result.recognition.plain() if result.recognition else None,
        **({"audit": result.audit.plain()} if result.audit else {}),
        **(more or {}),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / step.record, provenance(step.name, options) | facts)

"""Prediction: a label for every cell, and where labels are known, how often it is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError
from deepometry.evaluation.evaluate import Evaluation
from deepometry.evaluation.levels import Level, groups_of
from deepometry.evaluation.samples import Sample
from deepometry.evaluation.tradeoff import UNSURE
from deepometry.files import earlier_files, provenance, staged, write_json
from deepometry.inference import Inference, open_inference
from deepometry.judgement import Judgement, judged
from deepometry.model import Description
from deepometry.names import (
    CROSS_VALIDATION,
    FOLD_RECORD,
    HOLD_OUT,
    LAST_EPOCH,
    PREDICT_RECORD,
    TRAIN,
)
from deepometry.options import PredictOptions
from deepometry.predicted import Seen
from deepometry.progress import Progress, Report, as_progress
from deepometry.report import confusion, scores
from deepometry.words import shortened

PREDICTED, RECORD = "predicted.csv", PREDICT_RECORD
_LONG = {"told": False}  # in files, not in the list of jobs


@dataclass(frozen=True)
class PredictResult:
    """What a prediction gave.

    Attributes
    ----------
    cells : int
        Number of cells predicted.
    counts : dict of str to int
        For every class of the model, the number of cells given it; the unsure ones included.
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

    def __str__(self) -> str:
        return "\n".join([*self._told(), f"Results: {self.output}"])

    def _told(self) -> list[str]:
        lines = []
        if self.evaluation is None:
            each = ", ".join(f"{label} {n:,}" for label, n in self.counts.items())
            lines.append(f"Predicted {self.cells:,} cells: {each}.")
        else:
            lines += [self._scored(), self.evaluation.how]
        if self.unsure is not None:
            lines.append(f"{self.unsure:,} of {self.cells:,} cells are labelled {UNSURE}.")
        return lines

    def _scored(self) -> str:
        found = {score.name: score for score in self.evaluation.whole} if self.evaluation else {}
        whole, balanced = found["accuracy"], found["balanced_accuracy"]
        return (
            f"Predicted {self.cells:,} cells: accuracy {whole}, balanced {balanced}, expected "
            f"calibration error {found['calibration_error']}."
        )


def predict(options: PredictOptions, progress: Progress | Report | None = None) -> PredictResult:
    """Give every cell a label, and compare it with the one its folders say.

    Parameters
    ----------
    options : PredictOptions
        Where the cells and the model are.
    progress : Progress or callable, optional
        Told (cells done, cells in all, text).

    Returns
    -------
    PredictResult
        `predicted.csv`, `count_plot.png`, `sample_summary.csv` and `report.html` lie in the output
        folder, and for annotated data the confusion matrix, the classification report, scores
        with intervals, curves, calibration and the surest mistakes, as tables and plots.

    Raises
    ------
    DeepometryError
        Cells, model or output folder cannot be used; the cells have another frame or lack a
        channel; the folders name no class of the model, or one it does not know, or no groups;
        the output folder holds a cross-validation.
    """
    progress = as_progress(progress)
    _check_output(options.output)
    inference = open_inference(options.input, options.model, progress, options.views)
    description = inference.description
    _check_name(description, options)
    dataset, true, groups = inference.dataset, None, None
    if not options.unannotated:
        dataset = _held_out(dataset, progress)
        true = _true_classes(dataset, description)
        if options.group_by:
            groups = groups_of(dataset, options.group_by, description.target)
    with staged(options.output, earlier_files(options.output / RECORD, "predict")) as stage:
        seen = _label(inference, dataset, true, options, stage / PREDICTED, progress)
        result = _result(options, inference, dataset, seen, groups, stage, progress)
        _record(options, result, inference, stage)
    return result


def _check_output(output: Path) -> None:
    """Refuse to write over the predictions of a cross-validation, whole or not, or of a fold."""
    begun = (f"fold_1/{name}" for name in (LAST_EPOCH, FOLD_RECORD))
    held = (CROSS_VALIDATION, FOLD_RECORD, *begun)
    if found := next((name for name in held if (output / name).exists()), None):
        raise DeepometryError(
            f"Output location {output}: expected no results of a cross-validation, which the "
            f"prediction would write over, found {found}; choose another folder."
        )


def _check_name(description: Description, options: PredictOptions) -> None:
    """Refuse a class that could not be told from cells without a label."""
    taken = [label for label in description.labels if label.casefold() == UNSURE]
    if taken and options.unsure_below is not None:
        raise DeepometryError(
            f"Unsure below: the model has a class {taken[0]!r}, which could not be told from "
            "cells that are unsure; leave the option out, or train with another folder name."
        )


def _held_out(dataset: Dataset, progress: Progress) -> Dataset:
    """Leave the training cells out, which would make the model look better than it is."""
    if not {TRAIN, HOLD_OUT} <= dataset.sides:
        return dataset
    progress.say(f"{dataset.root} has {TRAIN} and {HOLD_OUT}: {TRAIN} is left out.")
    return dataset.without(TRAIN)


def _true_classes(dataset: Dataset, description: Description) -> np.ndarray:
    """Read the class of every cell from its folders.

    Raises
    ------
    DeepometryError
        Some cells have no label, or one that the model does not know.
    """
    known = shortened(description.labels, 5)
    for part, label in zip(dataset.parts, dataset.labels(description.target), strict=True):
        if label not in description.labels:
            found = "no such folder name" if label is None else f"{label!r}"
            raise DeepometryError(
                f"{part.stored.path}: expected a {description.target} that the model knows "
                f"({known}), found {found}; remove these cells, or predict them as unannotated."
            )
    return dataset.codes(description.target, description.labels)


def _label(
    inference: Inference,
    dataset: Dataset,
    true: np.ndarray | None,
    options: PredictOptions,
    table: Path,
    progress: Progress,
) -> Seen:
    """Write a row a cell, and keep what the evaluation needs."""
    with table.open("w", encoding="utf-8", newline="") as file:
        seen = Seen(file, inference.description, true, options.unsure_below)
        for outcome in inference.over(
            dataset, inference.model, options.batch_size, progress, "Predicting"
        ):
            seen.add(outcome)
    return seen


def _result(
    options: PredictOptions,
    inference: Inference,
    dataset: Dataset,
    seen: Seen,
    groups: Level | None,
    stage: Path,
    progress: Progress,
) -> PredictResult:
    """Judge the predictions, write all but the table of cells, and sum up."""
    description = inference.description
    found: Judgement = judged(options, inference, dataset, seen, groups, stage, progress)
    chosen, labels, matrix = seen.chosen, description.labels, None
    counts = np.bincount(chosen, minlength=len(labels))
    if seen.true is not None:
        matrix = confusion(seen.true, chosen, len(labels))
    return PredictResult(
        cells=len(chosen),
        counts=dict(zip(labels, counts.tolist(), strict=True)),
        labels=labels,
        confusion=matrix,
        scores={} if matrix is None else scores(matrix),
        output=options.output,
        unsure=None if options.unsure_below is None else int(seen.unsure.sum()),
        evaluation=found.evaluation,
        samples=found.samples,
    )


def _record(
    options: PredictOptions, result: PredictResult, inference: Inference, stage: Path
) -> None:
    facts = {
        "model": str(inference.path),
        "target": inference.description.target,
        "temperature": inference.description.temperature,
        "cells": result.cells,
        "counts": result.counts,
        "unsure": result.unsure,
        "scores": result.scores,
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / RECORD, provenance("predict", options) | facts)

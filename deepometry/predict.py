"""Prediction: a label for every cell, and where labels are known, how often it is right."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError
from deepometry.files import earlier_files, provenance, staged, write_json
from deepometry.inference import Inference, Outcome, open_inference
from deepometry.model import Description
from deepometry.names import HOLD_OUT, TRAIN
from deepometry.options import PredictOptions
from deepometry.progress import Progress, Report, as_progress
from deepometry.report import confusion, plot_counts, scores, write_scores
from deepometry.stored import IDENTITY
from deepometry.words import shortened

PREDICTED, RECORD = "predicted.csv", "predict.json"


@dataclass(frozen=True)
class PredictResult:
    """What a prediction gave.

    Attributes
    ----------
    cells : int
        Number of cells predicted.
    counts : dict of str to int
        For every class of the model, the number of cells given that label.
    labels : tuple of str
        The classes, in the order of the matrix.
    confusion : ndarray of int64, shape (classes, classes), or None
        Rows are the true classes; None for unannotated data.
    scores : dict of str to float
        `accuracy` and `balanced_accuracy`; empty for unannotated data.
    output : Path
        Folder with the tables and plots.
    """

    cells: int
    counts: dict[str, int]
    labels: tuple[str, ...]
    confusion: np.ndarray | None
    scores: dict[str, float]
    output: Path

    def __str__(self) -> str:
        if self.confusion is None:
            each = ", ".join(f"{label} {n:,}" for label, n in self.counts.items())
            return f"Predicted {self.cells:,} cells: {each}.\nResults: {self.output}"
        return (
            f"Predicted {self.cells:,} cells: accuracy {self.scores['accuracy']:.3f}, balanced "
            f"{self.scores['balanced_accuracy']:.3f}.\nResults: {self.output}"
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
        `predicted.csv` and `count_plot.png` lie in the output folder, and for annotated data
        `confusion_matrix.csv`, `confusion_matrix_normalized.csv`, `confusion_matrix_plot.png`
        and `classification_report.csv`.

    Raises
    ------
    DeepometryError
        Cells, model or output folder cannot be used; the cells have another frame or lack a
        channel; the folders name no class of the model, or one it does not know.
    """
    progress = as_progress(progress)
    inference = open_inference(options.input, options.model, progress, options.views)
    description = inference.description
    dataset, true = inference.dataset, None
    if not options.unannotated:
        dataset = _held_out(dataset, progress)
        true = _true_classes(dataset, description)
    with staged(options.output, earlier_files(options.output / RECORD, "predict")) as stage:
        counts, matrix = _label(inference, dataset, true, options, stage / PREDICTED, progress)
        result = _result(options, description, counts, matrix if true is not None else None)
        _write(result, description.target, stage)
        _record(options, result, inference, stage)
    return result


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
) -> tuple[np.ndarray, np.ndarray]:
    """Write a row a cell; count predicted classes, and pairs of true and predicted ones."""
    labels = inference.description.labels
    counts = np.zeros(len(labels), np.int64)
    matrix, done = np.zeros((len(labels),) * 2, np.int64), 0
    with table.open("w", encoding="utf-8", newline="") as file:
        write = _row_writer(file, labels, annotated=true is not None)
        for outcome in inference.over(
            dataset, inference.model, options.batch_size, progress, "Predicting"
        ):
            chosen = outcome.outputs[0].argmax(1)
            known = None if true is None else true[done : done + len(chosen)]
            write(outcome, chosen, known)
            counts += np.bincount(chosen, minlength=len(labels))
            if known is not None:
                matrix += confusion(known, chosen, len(labels))
            done += len(chosen)
    return counts, matrix


def _row_writer(
    file: object, labels: Sequence[str], annotated: bool
) -> Callable[[Outcome, np.ndarray, np.ndarray | None], None]:
    """Write the header; give a function that writes the rows of some cells."""
    writer = csv.writer(file, lineterminator="\n")  # type: ignore[arg-type]
    told = ["true_label"] if annotated else []
    writer.writerow([*IDENTITY, *told, "label", *(f"probability_{label}" for label in labels)])

    def write(outcome: Outcome, chosen: np.ndarray, known: np.ndarray | None) -> None:
        true = [[]] * len(chosen) if known is None else [[labels[code]] for code in known]
        chances = outcome.outputs[0].tolist()
        writer.writerows(
            [source, name, *real, labels[code], *(f"{chance:.6g}" for chance in row)]
            for (_, source, name), real, code, row in zip(
                outcome.cells, true, chosen, chances, strict=True
            )
        )

    return write


def _result(
    options: PredictOptions,
    description: Description,
    counts: np.ndarray,
    matrix: np.ndarray | None,
) -> PredictResult:
    return PredictResult(
        cells=int(counts.sum()),
        counts=dict(zip(description.labels, counts.tolist(), strict=True)),
        labels=description.labels,
        confusion=matrix,
        scores={} if matrix is None else scores(matrix),
        output=options.output,
    )


def _write(result: PredictResult, target: str, stage: Path) -> None:
    plot_counts(stage / "count_plot.png", result.counts, f"Predicted {target}")
    if result.confusion is None:
        return
    write_scores(stage, result.confusion, result.labels, target)


def _record(
    options: PredictOptions, result: PredictResult, inference: Inference, stage: Path
) -> None:
    facts = {
        "model": str(inference.path),
        "cells": result.cells,
        "counts": result.counts,
        "scores": result.scores,
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / RECORD, provenance("predict", options) | facts)

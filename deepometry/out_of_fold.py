"""Predictions of cells by the models that did not see them, fold by fold and all together."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.chance import chance_of
from deepometry.errors import DeepometryError
from deepometry.evaluation.temperature import scaled
from deepometry.files import writing
from deepometry.loading import Batch, batches
from deepometry.progress import Progress
from deepometry.report import confusion, scores
from deepometry.stored import IDENTITY
from deepometry.training_cells import Cells
from deepometry.views import predict_views

PREDICTED = "predicted.csv"
_AT_ONCE = 128


@dataclass(frozen=True)
class Judged:
    """How a model does on cells that it did not see: confusion matrix and scores."""

    confusion: np.ndarray
    scores: dict[str, float]


def outcomes(
    model: Any, cells: Cells, indices: np.ndarray, views: int, progress: Progress
) -> Iterator[tuple[Batch, np.ndarray]]:
    """Give batches of some cells with the probabilities that a model gives them."""
    for batch in batches(cells.dataset, indices, cells.codes, _AT_ONCE, cells.columns):
        progress.check()
        (chances,) = predict_views(model, batch.images, views)
        yield batch, chances


def log_loss(chances: np.ndarray, codes: np.ndarray) -> float:
    """Sum the cross-entropy of some cells up."""
    right = np.take_along_axis(chances, codes[:, None], 1)
    return -float(np.log(np.maximum(right, 1e-7)).sum())


def judge(
    model: Any,
    cells: Cells,
    number: int,
    views: int,
    temperature: float,
    table: Path,
    progress: Progress,
) -> Judged:
    """Let a model name the cells of its fold, and write a row for each.

    Parameters
    ----------
    model : keras.Model
    cells : Cells
        All, with folds.
    number : int
        The fold, from 1.
    views : int
        Mirror images and turns of each cell to average over.
    temperature : float
        Of the model, as `predict` applies it.
    table : Path
        Where the rows go.
    progress : Progress
        Asked whether to stop.
    """
    left_out, classes = np.flatnonzero(np.asarray(cells.folds) == number - 1), len(cells.labels)
    matrix, loss = np.zeros((classes, classes), np.int64), 0.0
    identities = cell_names(cells, left_out)
    with writing(table) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header(cells.labels))
        for batch, raw in outcomes(model, cells, left_out, views, progress):
            chosen, chances = raw.argmax(1), scaled(raw, temperature)
            matrix += confusion(batch.labels, chosen, classes)
            loss += log_loss(chances, batch.labels)
            for code, named, row in zip(batch.labels, chosen, chances.tolist(), strict=True):
                told = [*next(identities), cells.labels[code], cells.labels[named]]
                writer.writerow([*told, *(f"{chance:.6g}" for chance in row), number])
    found = {**scores(matrix), "loss": loss / max(len(left_out), 1), "chance": chance_of(matrix)}
    return Judged(matrix, found)


def header(labels: Sequence[str]) -> list[str]:
    """Name the columns of a table of predictions out of fold."""
    chances = [f"probability_{label}" for label in labels]
    return [*IDENTITY, "true_label", "label", *chances, "fold"]


def cell_names(cells: Cells, indices: np.ndarray) -> Iterator[tuple[str, str]]:
    """Give source and object of some cells, whose indices rise."""
    wanted = np.zeros(len(cells.dataset), bool)
    wanted[indices] = True
    for here, (_, source, name) in zip(wanted, cells.dataset.identities(), strict=True):
        if here:
            yield source, name


def merge_predictions(cells: Cells, tables: Sequence[Path], path: Path) -> None:
    """Put the tables of all folds into one, in the order of the cells.

    Raises
    ------
    DeepometryError
        A table has too few rows.
    """
    with ExitStack() as stack, path.open("w", encoding="utf-8", newline="") as target:
        files = [stack.enter_context(t.open(encoding="utf-8", newline="")) for t in tables]
        readers = [csv.reader(file) for file in files]
        writer = csv.writer(target, lineterminator="\n")
        headers = [next(reader, []) for reader in readers]
        writer.writerow(headers[0])
        folds = np.asarray(cells.folds)
        for fold in folds[folds >= 0].tolist():
            row = next(readers[fold], None)
            if row is None:
                raise DeepometryError(
                    f"{tables[fold]}: expected a row for every cell that the fold left out, found "
                    "fewer; delete the folder of the fold and resume."
                )
            writer.writerow(row)

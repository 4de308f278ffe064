"""The learning curve: accuracy against the number of cells, and what twice as many would give."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.backend import device, forget_models, prepare
from deepometry.checkpoint import Row
from deepometry.files import earlier_files, provenance, staged, write_json
from deepometry.model import load_model
from deepometry.options import LearningCurveOptions
from deepometry.out_of_fold import log_loss, outcomes
from deepometry.power_law import Forecast, binomial_errors, forecast
from deepometry.precision import chosen_precision
from deepometry.progress import Part, Progress, Report, as_progress
from deepometry.recipe import Recipe, recipe_for
from deepometry.report import confusion, plot_learning_curve, scores, write_table
from deepometry.training_cells import Cells, about, check_output, gather_cells, with_sides
from deepometry.training_facts import Role
from deepometry.training_run import Run, steps_an_epoch
from deepometry.words import counted

STEP, TABLE = "learning-curve", "learning_curve.csv"
RECORD, PICTURE = "learning_curve.json", "learning_curve.png"
_FEWEST = 2  # different cells of a class in every subset: to learn from, and to validate with


@dataclass(frozen=True)
class LearningCurveResult:
    """What a learning curve gave.

    Attributes
    ----------
    rows : list of dict
        A row a training: `share`, `repeat`, `cells`, `accuracy`, `balanced_accuracy`, `loss`,
        `standard_error` of the accuracy, `seconds` and `cpu_seconds`.
    forecast : Forecast
        What twice as many cells would give.
    judged : int
        Number of left-out cells, by which all trainings are judged.
    output : Path
        Folder with `learning_curve.csv`, `.json` and `.png`.
    """

    rows: list[Row]
    forecast: Forecast
    judged: int
    output: Path

    def __str__(self) -> str:
        lines = [
            f"{row['cells']:9,.0f} cells: accuracy {row['accuracy']:.3f}, balanced "
            f"{row['balanced_accuracy']:.3f}"
            for row in self.rows
        ]
        return "\n".join([*lines, self.forecast.told, f"Results: {self.output}"])


@dataclass(frozen=True)
class _Training:
    """One of the trainings: which share of the cells, which repeat, and its cells."""

    share: float
    repeat: int
    cells: Cells
    recipe: Recipe

    @property
    def steps(self) -> int:
        return steps_an_epoch(self.cells, self.recipe) * self.recipe.epochs


def learning_curve(
    options: LearningCurveOptions, progress: Progress | Report | None = None
) -> LearningCurveResult:
    """Train on more and more of the cells, and foretell what twice as many would give.

    Parameters
    ----------
    options : LearningCurveOptions
        Where the cells are, what to learn, on which shares of them and how often.
    progress : Progress or callable, optional
        Told (steps done, steps in all, text), of all trainings together.

    Returns
    -------
    LearningCurveResult
        The subsets of one repeat lie within each other, have the classes in the same shares, and
        are all judged by the same cells, which no training saw. No model is kept.

    Raises
    ------
    DeepometryError
        The cells, the target or the output folder cannot be used, or there are too few cells.
    Cancelled
        Stopped; nothing is written.
    """
    progress = as_progress(progress)
    check_output(options.output)
    asked = options.training()
    # all of them are divided as a training divides them; its validation cells judge
    cells = gather_cells(replace(asked, validation=options.left_out), progress)
    prepare()
    precision = chosen_precision(options.precision)
    progress.say(
        f"Learning from parts of the {about(cells).split(', validation')[0]}, judged by "
        f"{len(cells.validation):,} others. Device: {device()}, {precision}."
    )
    trainings = list(_trainings(options, cells, progress))
    with staged(options.output, earlier_files(options.output / RECORD, STEP)) as stage:
        rows, hits = _train_all(options, trainings, cells.validation, stage / "run", progress)
        sizes = np.array([int(row["cells"]) for row in rows])
        found = forecast(sizes, hits, np.random.default_rng([options.seed, 4]))
        result = LearningCurveResult(rows, found, len(cells.validation), options.output)
        _write(options, result, cells, stage)
    return result


def _trainings(
    options: LearningCurveOptions, cells: Cells, progress: Progress
) -> Iterator[_Training]:
    """Choose the cells of every training."""
    for repeat in range(options.repeats):
        rng = np.random.default_rng([options.seed, 5, repeat])
        ranks = nested_ranks(cells, rng)
        for share in options.shares:
            kept = ranks < share
            recipe = recipe_for(options.training(), int(kept.sum()))
            seed = [options.seed, 6, repeat]
            part = with_sides(cells, kept, recipe.validation, seed, progress)
            yield _Training(share, repeat + 1, part, recipe)


def nested_ranks(cells: Cells, rng: np.random.Generator) -> np.ndarray:
    """Order the training cells of every class at random, so that every share is within the larger.

    Parameters
    ----------
    cells : Cells
        Its training cells are ordered.
    rng : numpy.random.Generator
        Where the chance comes from.

    Returns
    -------
    ndarray of float, shape (cells of the data set,)
        From 0 to 1: cells below a share belong to it. Equal images have one rank; of every class
        the first two images are in every share; cells that are not of the training have 2.
    """
    ranks = np.full(len(cells.codes), 2.0)
    for code in range(len(cells.labels)):
        own = cells.training[cells.codes[cells.training] == code]
        images, which = np.unique(cells.images[own], return_inverse=True)
        order = np.argsort(rng.permutation(len(images)))
        places = np.where(order < _FEWEST, 0.0, order / len(images))
        ranks[own] = places[which]
    return ranks


def _train_all(
    options: LearningCurveOptions,
    trainings: Sequence[_Training],
    judged: np.ndarray,
    folder: Path,
    progress: Progress,
) -> tuple[list[Row], np.ndarray]:
    """Train and judge one after the other; give a row of each, and which cells it named rightly."""
    rows, hits, steps = [], [], [each.steps for each in trainings]
    for number, each in enumerate(trainings):
        title = f"Training {number + 1} of {len(trainings)}: "
        part = Part(progress, sum(steps[:number]), sum(steps), title, {"fold": number + 1.0})
        row, right = _train_one(options, each, judged, folder, part, sum(steps[number + 1 :]))
        part.say(
            f"{counted(int(row['cells']), 'cell')}: accuracy {row['accuracy']:.3f}, balanced "
            f"{row['balanced_accuracy']:.3f}, loss {row['loss']:.3f}."
        )
        rows.append(row)
        hits.append(right)
        shutil.rmtree(folder, ignore_errors=True)
        forget_models()
    return rows, np.stack(hits)


def _train_one(
    options: LearningCurveOptions,
    each: _Training,
    judged: np.ndarray,
    folder: Path,
    progress: Progress,
    after: int,
) -> tuple[Row, np.ndarray]:
    start, worked = time.monotonic(), time.process_time()
    seed = options.seed + each.repeat - 1
    told = options.training(output=folder, seed=seed, group_by=None)
    run = Run(told, each.cells, progress, Role(keeps=True, steps_after=after))
    run.go()
    path, _, best = run.kept
    model = run.model if best == len(run.history) else load_model(path)[0]
    progress.report(0, 0, "Naming the cells left out")
    found, right = _judge(model, each, judged, progress)
    row: Row = {"share": each.share, "repeat": each.repeat, "cells": each.cells.labelled, **found}
    row |= {"epochs": len(run.history), "seconds": time.monotonic() - start}
    return row | {"cpu_seconds": time.process_time() - worked}, right


def _judge(
    model: Any, each: _Training, judged: np.ndarray, progress: Progress
) -> tuple[Row, np.ndarray]:
    cells, classes = each.cells, len(each.cells.labels)
    matrix, loss, right = np.zeros((classes, classes), np.int64), 0.0, []
    for batch, chances in outcomes(model, cells, judged, each.recipe.views, progress):
        chosen = chances.argmax(1)
        matrix += confusion(batch.labels, chosen, classes)
        loss += log_loss(chances, batch.labels)
        right.append(chosen == batch.labels)
    found = {**scores(matrix), "loss": loss / len(judged)}
    error = binomial_errors(np.array([found["accuracy"]]), len(judged))
    return found | {"standard_error": float(error[0])}, np.concatenate(right)


def _write(
    options: LearningCurveOptions, result: LearningCurveResult, cells: Cells, stage: Path
) -> None:
    import pandas as pd

    found = result.forecast
    table = pd.DataFrame(result.rows).astype({"repeat": int, "cells": int, "epochs": int})
    write_table(stage / TABLE, table)
    plot_learning_curve(stage / PICTURE, result.rows, found, cells.target)
    facts = {
        "judged": result.judged,
        "labels": list(cells.labels),
        "rows": result.rows,
        "forecast": {**asdict(found)},
        "caveats": list(cells.caveats),
        "files": [TABLE, PICTURE, RECORD],
    }
    write_json(stage / RECORD, provenance(STEP, options) | facts)

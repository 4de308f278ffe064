"""The learning curve: accuracy against the number of cells, and what twice as many would give."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.earlier_results import earlier_results
from deepometry.core.figure_style import ACCENT, OTHER, make_figure, save_figure
from deepometry.core.files import staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.learning_curve import LearningCurveOptions
from deepometry.core.progress import Part, Progress, Report, as_progress
from deepometry.core.result_files import (
    LEARNING_CURVE_PLOT,
    LEARNING_CURVE_RECORD,
    LEARNING_CURVE_TABLE,
)
from deepometry.core.run_records import provenance, write_json
from deepometry.core.task import check_classes
from deepometry.core.text import counted
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.judge import judge
from deepometry.evaluation.part_scores import BOTH
from deepometry.network.backend import device, forget_models, prepare
from deepometry.network.precision import chosen_precision
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row
from deepometry.training.gather import gather_cells
from deepometry.training.output_folder import check_output
from deepometry.training.power_law import Forecast, binomial_errors, forecast
from deepometry.training.recipes import Recipe, recipe_for
from deepometry.training.run import Run
from deepometry.training.run_record import Role
from deepometry.training.split import with_sides
from deepometry.training.trainer import steps_an_epoch

STEP = "learning-curve"
_FEWEST = 2  # different cells of a class in every subset: to learn from, and to validate with


@dataclass(frozen=True)
class LearningCurveResult(ShowsInNotebook):
    """The results of a learning curve.

    Attributes
    ----------
    rows : list of dict
        A row a training: `share`, `repeat`, `cells`, `accuracy`, `balanced_accuracy`, `loss`,
        `standard_error` of the accuracy, `seconds` and `cpu_seconds`.
    forecast : Forecast
        The accuracy expected with twice as many cells.
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
        return "\n".join([*lines, self.forecast.summary, f"Results: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show the accuracy of every training, with the curve."""
        name = "Accuracy with {cells:,.0f} cells, repeat {repeat:.0f}"
        rows = {name.format(**row): row["accuracy"] for row in self.rows}
        notes = [self.forecast.summary]
        return NotebookView("Learning curve", rows, notes, self.output / LEARNING_CURVE_PLOT)


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
    """Train on more and more of the cells, and predict the accuracy with twice as many.

    Parameters
    ----------
    options : LearningCurveOptions
        Where the cells are, what to learn, on which shares of them and how often.
    progress : Progress or callable, optional
        Called with (steps done, steps in all, text), of all trainings together.

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
    check_output(options.output, options.input)
    earlier = earlier_results(options)
    asked = options.training()
    # all of them are divided as a training divides them; its validation cells judge
    cells = gather_cells(replace(asked, validation=options.left_out), progress)
    check_classes(cells.task, "the learning curve, which predicts an accuracy,")
    prepare()
    precision = chosen_precision(options.precision)
    progress.say(
        f"Learning from parts of the {cells.counts}, judged by "
        f"{len(cells.validation):,} others. Device: {device()}, {precision}."
    )
    trainings = list(_trainings(options, cells, progress))
    with staged(options.output, earlier, progress.say) as stage:
        rows, hits = _train_all(options, trainings, cells.validation, stage / "run", progress)
        sizes = np.array([int(row["cells"]) for row in rows])
        predicted = forecast(sizes, hits, np.random.default_rng([options.seed, 4]))
        result = LearningCurveResult(rows, predicted, len(cells.validation), options.output)
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
            wanted = ranks < share
            recipe = recipe_for(options.training(), int(wanted.sum()))
            seed = [options.seed, 6, repeat]
            part = with_sides(cells, wanted, recipe.validation, seed, progress)
            yield _Training(share, repeat + 1, part, recipe)


def nested_ranks(cells: Cells, rng: np.random.Generator) -> np.ndarray:
    """Order the training cells of every class at random, so that every share is within the larger.

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
    left_out: np.ndarray,
    folder: Path,
    progress: Progress,
) -> tuple[list[Row], np.ndarray]:
    """Train one after the other; return a row of each, and which cells it classified correctly."""
    rows, hits, steps = [], [], [each.steps for each in trainings]
    for number, each in enumerate(trainings):
        title = f"Training {number + 1} of {len(trainings)}: "
        part = Part(progress, sum(steps[:number]), sum(steps), title, {"fold": number + 1.0})
        row, right = _train_one(options, each, left_out, folder, part, sum(steps[number + 1 :]))
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
    left_out: np.ndarray,
    folder: Path,
    progress: Progress,
    after: int,
) -> tuple[Row, np.ndarray]:
    start, worked = time.monotonic(), time.process_time()
    seed = options.seed + each.repeat - 1
    training_options = options.training(output=folder, seed=seed, group_by=None)
    run = Run(training_options, each.cells, progress, Role(keeps=True, steps_after=after))
    run.go()
    run.finish()
    progress.report(0, 0, "Predicting the cells left out")
    cells = each.cells
    probabilities = run.outputs(left_out)[BOTH]
    true = cells.codes[left_out]
    scores = judge(true, probabilities).scores
    error = binomial_errors(np.array([scores["accuracy"]]), len(left_out))
    row: Row = {"share": each.share, "repeat": each.repeat, "cells": cells.labelled}
    row |= {name: scores[name] for name in ("accuracy", "balanced_accuracy", "loss")}
    row |= {"standard_error": float(error[0]), "epochs": len(run.history)}
    row |= {"seconds": time.monotonic() - start, "cpu_seconds": time.process_time() - worked}
    return row, probabilities.argmax(1) == true


def _write(
    options: LearningCurveOptions, result: LearningCurveResult, cells: Cells, stage: Path
) -> None:
    import pandas as pd

    predicted = result.forecast
    table = pd.DataFrame(result.rows).astype({"repeat": int, "cells": int, "epochs": int})
    write_table(stage / LEARNING_CURVE_TABLE, table)
    _plot(stage / LEARNING_CURVE_PLOT, result.rows, predicted, cells.target)
    facts = {
        "judged": result.judged,
        "labels": list(cells.labels),
        "rows": result.rows,
        "forecast": asdict(predicted),
        "warnings": list(cells.warnings),
        **cells.dataset.gated_out.facts(),
        "files": [LEARNING_CURVE_TABLE, LEARNING_CURVE_PLOT, LEARNING_CURVE_RECORD],
    }
    write_json(stage / LEARNING_CURVE_RECORD, provenance(STEP, options) | facts)


# --- its picture -------------------------------------------------------------------------------


def _plot(
    path: Path, rows: Sequence[Mapping[str, float]], predicted: Forecast, target: str
) -> None:
    """Draw accuracy against the number of cells, the law fitted to it, and its forecast."""
    figure, ((axes,),) = make_figure((6.4, 4.4))
    cells = np.array([row["cells"] for row in rows])
    shown = np.array([row["accuracy"] for row in rows])
    errors = 1.96 * np.array([row["standard_error"] for row in rows])
    both = [np.minimum(errors, shown), np.minimum(errors, 1 - shown)]  # shares end at 0 and 1
    axes.errorbar(cells, shown, both, fmt="o", color=ACCENT, capsize=3, label="measured")
    between = np.geomspace(cells.min(), max(predicted.cells, cells.max()), 200)
    learnt = between <= cells.max()
    axes.plot(between[learnt], predicted.law.at(between[learnt]), color=ACCENT, label="a - b / n^c")
    if predicted.reliable:
        _draw_forecast(axes, predicted, between[~learnt])
    axes.set_xscale("log")
    ticks = sorted({int(n) for n in cells} | ({predicted.cells} if predicted.reliable else set()))
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks], rotation=30, ha="right")
    axes.minorticks_off()
    axes.set(xlabel="Cells to learn from", ylabel="Accuracy on cells left out")
    axes.set_title(f"{target}: accuracy against the number of cells", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    save_figure(figure, path)


def _draw_forecast(axes: Any, predicted: Forecast, between: np.ndarray) -> None:
    axes.plot(between, predicted.law.at(between), color=OTHER, linestyle="--")
    spread = np.maximum(
        [[predicted.accuracy - predicted.low], [predicted.high - predicted.accuracy]], 0
    )
    style = {"fmt": "s", "color": OTHER, "capsize": 3, "label": "expected, 95 %"}
    axes.errorbar([predicted.cells], [predicted.accuracy], spread, **style)

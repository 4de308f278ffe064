"""The classical analysis: features by formulas, decision trees, what separates the classes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.description_checks import BASELINE
from deepometry.cells.model_description import Description
from deepometry.classical.feature_table import FeatureTable
from deepometry.classical.features import family_of, feature_names
from deepometry.classical.model_file import baseline_name, save_baseline
from deepometry.classical.permutation_importance import Importance, weigh
from deepometry.classical.tree_file import Trees
from deepometry.classical.tree_task import TreeTask, tree_task
from deepometry.core.earlier_results import earlier_results
from deepometry.core.files import staged
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import (
    BASELINE_PREFIX,
    BASELINE_RECORD,
    COMPARISON_TABLE,
    FEATURES_TABLE,
    FOLDS_TABLE,
    IMPORTANCE_PLOT,
    IMPORTANCE_TABLE,
    LABEL_ERRORS_TABLE,
    PREDICTED_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.run_records import provenance, write_json
from deepometry.core.spreadsheet import table_file
from deepometry.evaluation.confusion import confusion, write_scores, write_table
from deepometry.evaluation.evaluate_numbers import NumberEvaluation, evaluate_numbers
from deepometry.evaluation.score_names import CLASS_PAIR
from deepometry.evaluation.write import write_numbers
from deepometry.training.across import settled, write_groups
from deepometry.training.baseline_folds import OutOfFold, features_on_disk
from deepometry.training.baseline_result import BaselineResult
from deepometry.training.cells import Cells
from deepometry.training.compare_models import compare
from deepometry.training.cross_validation_result import CrossValidation, plain, write_folds
from deepometry.training.gather import describe, gather_cells
from deepometry.training.group_price import price_beside
from deepometry.training.label_error_table import write_label_errors
from deepometry.training.objective import Objective, objective_of
from deepometry.training.output_folder import check_output

__all__ = ["BaselineResult", "baseline"]

_COUNTED = (*CLASS_PAIR, "mae_steps", "quadratic_kappa")  # scores of a confusion matrix
_TOP = 20  # features in the picture and the record


def baseline(options: BaselineOptions, progress: Progress | Report | None = None) -> BaselineResult:
    """Learn from classical features, with the training and validation cells of `train`.

    Parameters
    ----------
    options : BaselineOptions
        Where the cells are, and what to learn.
    progress : Progress or callable, optional
        Called with (done, total, text).

    Returns
    -------
    BaselineResult
        In the output folder lie the model, `baseline_features.csv` with a row a cell,
        `baseline_importance.csv` and its picture, the confusion matrix, the classification report
        and the predictions of the validation cells (with folds, of all cells), and
        `comparison.csv` where there is a network.

    Raises
    ------
    DeepometryError
        The cells, the target, the network or the output folder cannot be used.
    """
    progress, start = as_progress(progress), time.monotonic()
    check_output(options.output, options.input)
    earlier = earlier_results(options)
    cells = gather_cells(options, progress)
    options = settled(options, cells)
    progress.say(
        f"Measuring the {cells.counts}, validation on {len(cells.validation):,}. Masks: found from "
        "the pixels."
    )
    with staged(options.output, earlier, progress.say) as stage:
        result = _Run(options, cells, stage, progress).go()
        _record(options, result, cells, stage, time.monotonic() - start)
    return result


# --- the work ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """The cells that scores are of, with what was predicted of them."""

    matrix: np.ndarray | None
    scores: dict[str, float]
    predictions: np.ndarray
    indices: np.ndarray


@dataclass
class _Run:
    options: BaselineOptions
    cells: Cells
    stage: Path
    progress: Progress
    names: list[str] = field(init=False)
    description: Description = field(init=False)
    objective: Objective = field(init=False)
    task: TreeTask = field(init=False)

    def __post_init__(self) -> None:
        self.description = describe(
            self.cells,
            self.options.channels,
            network=BASELINE,
            scaling="none",
            record=provenance("baseline", self.options),
        )
        dataset, depth = self.cells.dataset, len(self.cells.columns)
        self.names = feature_names(depth, self.description.channels, dataset.channel_names)
        self.objective, self.task = objective_of(self.cells), tree_task(self.cells)

    def go(self) -> BaselineResult:
        """Measure, learn, evaluate, explain, compare."""
        if not self.options.folds:
            return self._whole(None)
        with features_on_disk(self.stage, self.cells.labelled, len(self.names)) as features:
            return self._whole(features)

    def _whole(self, features: np.ndarray | None) -> BaselineResult:
        """Do all of it; `features` takes those of all cells, for the folds."""
        cells, options = self.cells, self.options
        with table_file(self.stage / FEATURES_TABLE) as file:
            table = FeatureTable(file, cells, self.task, self.names, self.progress, features)
            training = table.training()
            trees = self.task.learn(*training, options.method, options.seed, self.progress)
            outputs, seen = table.validation(trees)
        judged = self._judged(outputs)
        folds, crossed = None, None
        if features is not None:
            folds = OutOfFold(options, cells, self.description, features, self.progress)
            crossed = self._folds(folds)
            judged = self._as_crossed(judged, folds, crossed)
        else:
            table_of_cells = self.stage / f"{BASELINE_PREFIX}{VALIDATION_TABLE}"
            self.objective.write(table_of_cells, cells.validation, judged.predictions)
        self._write_scores(judged)
        save_baseline(trees, self.description, self.stage, cells.known)
        importance = self._explain(trees, training, seen)
        validated = self.objective.finished(outputs, self.description)
        compared = (folds.compare() if folds else None) or compare(
            options, cells, validated, self.progress
        )
        if compared:
            write_table(self.stage / COMPARISON_TABLE, compared.table())
        model = options.output / baseline_name(self.description)
        results = (model, self.description, judged.matrix, judged.scores, importance, compared)
        return BaselineResult(*results, options.output, crossed)

    def _judged(self, outputs: np.ndarray) -> _Judged:
        """Score the validation cells, and describe the model by them."""
        cells, classes = self.cells, len(self.cells.labels)
        matrix = None
        if cells.task.is_number:
            validated = self.objective.validate(outputs)
            self.description = replace(self.description, **validated.measured)
        predictions = self.objective.finished(outputs, self.description)
        scored = self.objective.score(cells.validation, predictions)
        if not cells.task.is_number:
            matrix = confusion(cells.codes[cells.validation], predictions.argmax(1), classes)
            own = tuple(map(tuple, matrix.tolist()))  # of these trees, not of those of the folds
            scored = {name: value for name, value in scored.items() if name in _COUNTED}
            self.description = replace(self.description, confusion=own)
        described = {f"val_{name}": value for name, value in scored.items()}
        self.description = replace(self.description, scores=described)
        return _Judged(matrix, scored, predictions, cells.validation)

    def _as_crossed(self, judged: _Judged, folds: OutOfFold, crossed: CrossValidation) -> _Judged:
        """Put the cells of all folds in place of the validation cells."""
        of_all = {f"cv_{name}": value for name, value in crossed.scores.items()}
        self.description = replace(self.description, scores={**self.description.scores, **of_all})
        if crossed.groups:
            self.description = replace(self.description, **crossed.groups.described)
        if isinstance(crossed.evaluation, NumberEvaluation):
            task = self.description.task.with_interval(crossed.evaluation.errors)
            self.description = replace(self.description, task=task)
        scored = crossed.scores
        if crossed.confusion is not None:
            scored = {name: value for name, value in scored.items() if name in _COUNTED}
        return _Judged(crossed.confusion, scored, folds.predictions[folds.indices], folds.indices)

    def _write_scores(self, judged: _Judged) -> None:
        """Write the confusion matrix and what belongs to it, or the scores of numbers."""
        cells = self.cells
        if judged.matrix is not None:
            how = (cells.labels, cells.target, BASELINE_PREFIX)
            write_scores(self.stage, judged.matrix, *how)
            return
        groups = None
        if cells.groups is not None:
            groups = np.unique(cells.groups[judged.indices], return_inverse=True)[1]
        true, by = cells.numbers(judged.indices), cells.group_by
        evaluation = evaluate_numbers(true, judged.predictions, groups, by, unit=cells.task.unit)
        write_numbers(self.stage, evaluation, cells.target, BASELINE_PREFIX)

    def _folds(self, folds: OutOfFold) -> CrossValidation:
        crossed = folds.go()
        if self.options.across and crossed.groups:
            price = price_beside(folds, self.description)
            crossed = replace(crossed, groups=crossed.groups.with_price(price))
        if crossed.groups:
            write_groups(self.stage, crossed.groups, BASELINE_PREFIX)
        folds.write(self.stage / f"{BASELINE_PREFIX}{PREDICTED_TABLE}")
        write_folds(self.stage / f"{BASELINE_PREFIX}{FOLDS_TABLE}", crossed)
        if crossed.confusion is None:
            return crossed
        table = self.stage / f"{BASELINE_PREFIX}{LABEL_ERRORS_TABLE}"
        some = folds.indices
        check = write_label_errors(table, self.cells, some, folds.predictions[some])
        return replace(crossed, label_check=check)

    def _explain(
        self,
        trees: Trees,
        training: tuple[np.ndarray, np.ndarray],
        seen: tuple[np.ndarray, np.ndarray],
    ) -> Importance:
        families = [family_of(n, len(self.cells.columns)) for n in range(len(self.names))]
        rng = np.random.default_rng([self.options.seed, 2])
        labels, codes = _ranges(self.cells)
        shown, names = (training[0], codes[training[1]]), (self.names, families, labels)
        importance = weigh(trees, self.task, *names, shown, seen, rng, self.progress)
        write_table(self.stage / IMPORTANCE_TABLE, importance.table())
        importance.plot(self.stage / IMPORTANCE_PLOT, _TOP)
        return importance


def _ranges(cells: Cells) -> tuple[tuple[str, ...], np.ndarray]:
    """Return what features are compared between: classes, or at least two ranges of a number."""
    if cells.values is None or len(cells.labels) > 1:
        return cells.labels, cells.codes
    middle = float(np.median(cells.values[cells.training]))
    middle = min(middle, np.nextafter(np.nanmax(cells.values[cells.training]), -np.inf))
    return (f"up to {middle:.4g}", f"above {middle:.4g}"), (cells.values > middle).astype(np.int64)


def _validation(result: BaselineResult, cells: Cells) -> dict[str, Any]:
    """Return what the record says of the validation cells, as that of a training does."""
    labels, matrix = result.description.labels, result.confusion
    if matrix is None:
        return {"cells": len(cells.validation), "task": result.description.task.brief()}
    counts = dict(zip(labels, matrix.sum(0).tolist(), strict=True))
    return {"cells": int(matrix.sum()), "counts": counts, "confusion": matrix.tolist()}


def _record(
    options: BaselineOptions, result: BaselineResult, cells: Cells, stage: Path, seconds: float
) -> None:
    importance = result.importance
    top = zip(importance.names[:_TOP], importance.loss[:_TOP].tolist(), strict=False)
    facts = {
        "model": result.model.name,
        "cells": {"training": len(cells.training), "validation": len(cells.validation)},
        "fingerprint": cells.fingerprint,
        "task": result.description.task.brief(),
        "scores": result.scores,
        "validation": None if result.cross_validation else _validation(result, cells),
        "features": len(importance.names),
        "masks": "found from the pixels of each channel by what stands out from the background",
        "important": [
            {"feature": name, "importance": loss, "told": importance.sentence(place)}
            for place, (name, loss) in enumerate(top)
        ],
        "kinds": importance.kinds(),
        "cross_validation": plain(result.cross_validation) if result.cross_validation else None,
        "comparison": result.comparison.plain() if result.comparison else None,
        "warnings": list(cells.warnings),
        **cells.dataset.gated_out.facts(),
        "seconds": round(seconds, 1),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / BASELINE_RECORD, provenance("baseline", options) | facts)

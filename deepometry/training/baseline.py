"""The classical analysis: features by formulas, decision trees, what separates the classes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.description_checks import BASELINE
from deepometry.cells.model_description import Description
from deepometry.classical.boosting import learn
from deepometry.classical.feature_table import FeatureTable
from deepometry.classical.features import family_of, feature_names
from deepometry.classical.model_file import baseline_name, save_baseline
from deepometry.classical.permutation_importance import Importance, weigh
from deepometry.classical.tree_file import Trees
from deepometry.core.earlier_results import earlier_results
from deepometry.core.files import staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
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
from deepometry.evaluation.confusion import confusion, scores, write_scores, write_table
from deepometry.training.baseline_folds import OutOfFold, features_on_disk
from deepometry.training.cells import Cells
from deepometry.training.compare_models import Comparison, compare
from deepometry.training.cross_validation_result import CrossValidation, plain, write_folds
from deepometry.training.fold_predictions import write_predictions
from deepometry.training.gather import describe, gather_cells
from deepometry.training.label_error_table import write_label_errors
from deepometry.training.output_folder import check_output

_TOP = 20  # features in the picture and the record
_NAMED = 3  # features that the summary names


@dataclass(frozen=True)
class BaselineResult(ShowsInNotebook):
    """The results of a baseline.

    Attributes
    ----------
    model : Path
        The file, which `predict` takes as well.
    description : Description
        Its description, scores included.
    confusion : ndarray of int64, shape (classes, classes)
        On the validation cells, or with folds on all cells, each left out once; rows are the true
        classes.
    importance : Importance
        Every feature, the most important first.
    comparison : Comparison or None
        Beside the network, where there is one; of all cells, where both have the same folds.
    cross_validation : CrossValidation or None
        Scores of the cells that were left out, where there are folds.
    """

    model: Path
    description: Description
    confusion: np.ndarray
    importance: Importance
    comparison: Comparison | None
    output: Path
    cross_validation: CrossValidation | None = None

    def __str__(self) -> str:
        accuracies = scores(self.confusion)
        kind = "cross-validated" if self.cross_validation else "validation"
        lines = [
            f"Baseline of {len(self.importance.names)} features: {kind} accuracy "
            f"{accuracies['accuracy']:.3f}, balanced {accuracies['balanced_accuracy']:.3f}."
        ]
        if self.cross_validation:
            lines.append(str(self.cross_validation))
        if self.comparison:
            theirs = scores(self.comparison.network)
            lines.append(
                f"The network on the same cells: accuracy {theirs['accuracy']:.3f}, balanced "
                f"{theirs['balanced_accuracy']:.3f}; {self.comparison.verdict}"
            )
        lines.append("What separates the classes most:")
        lines += [f"  {self.importance.sentence(place)}" for place in range(_NAMED)]
        return "\n".join([*lines, f"Model: {self.model}", f"Results: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show the scores, with the features that separate the classes most."""
        values, crossed = scores(self.confusion), self.cross_validation
        kind = "Cross-validated" if crossed else "Validation"
        rows: dict[str, object] = {
            f"{kind} accuracy": values["accuracy"],
            f"{kind} balanced accuracy": values["balanced_accuracy"],
            "Features": len(self.importance.names),
            "Model": self.model,
        }
        notes = [self.comparison.verdict] if self.comparison else []
        title = f"Classical baseline of {self.description.target}"
        return NotebookView(title, rows, notes, self.output / IMPORTANCE_PLOT)


def baseline(options: BaselineOptions, progress: Progress | Report | None = None) -> BaselineResult:
    """Classify cells by classical features, with the training and validation cells of `train`.

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
    progress.say(
        f"Measuring the {cells.counts}, validation on {len(cells.validation):,}. Masks: found from "
        "the pixels."
    )
    with staged(options.output, earlier, progress.say) as stage:
        result = _Run(options, cells, stage, progress).go()
        _record(options, result, cells, stage, time.monotonic() - start)
    return result


# --- the work ---------------------------------------------------------------------------------


@dataclass
class _Run:
    options: BaselineOptions
    cells: Cells
    stage: Path
    progress: Progress
    names: list[str] = field(init=False)
    description: Description = field(init=False)

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
            table = FeatureTable(file, cells, self.names, self.progress, features)
            training = table.training()
            trees = learn(*training, len(cells.labels), options.method, options.seed, self.progress)
            probabilities, seen = table.validation(trees)
        chosen = probabilities.argmax(1)
        matrix = confusion(cells.codes[cells.validation], chosen, len(cells.labels))
        own = tuple(map(tuple, matrix.tolist()))  # of these trees, not of those of the folds
        scored = {f"val_{name}": value for name, value in scores(matrix).items()}
        folds, crossed = None, None
        if features is not None:
            folds = OutOfFold(options, cells, features, self.progress)
            crossed = self._folds(folds)
            matrix = crossed.confusion
            scored |= {f"cv_{name}": value for name, value in crossed.scores.items()}
        else:
            table_of_cells = self.stage / f"{BASELINE_PREFIX}{VALIDATION_TABLE}"
            write_predictions(table_of_cells, cells, cells.validation, probabilities)
        self.description = replace(self.description, scores=scored, confusion=own)
        write_scores(self.stage, matrix, cells.labels, cells.target, BASELINE_PREFIX)
        save_baseline(trees, self.description, self.stage, cells.known)
        importance = self._explain(trees, training, seen)
        compared = (folds.compare() if folds else None) or compare(
            options, cells, chosen, self.progress
        )
        if compared:
            write_table(self.stage / COMPARISON_TABLE, compared.table())
        model = options.output / baseline_name(self.description)
        results = (model, self.description, matrix, importance, compared, options.output)
        return BaselineResult(*results, crossed)

    def _folds(self, folds: OutOfFold) -> CrossValidation:
        crossed = folds.go()
        folds.write(self.stage / f"{BASELINE_PREFIX}{PREDICTED_TABLE}")
        write_folds(self.stage / f"{BASELINE_PREFIX}{FOLDS_TABLE}", crossed)
        table = self.stage / f"{BASELINE_PREFIX}{LABEL_ERRORS_TABLE}"
        some = folds.indices
        check = write_label_errors(table, self.cells, some, folds.probabilities[some])
        return replace(crossed, label_check=check)

    def _explain(
        self,
        trees: Trees,
        training: tuple[np.ndarray, np.ndarray],
        seen: tuple[np.ndarray, np.ndarray],
    ) -> Importance:
        families = [family_of(n, len(self.cells.columns)) for n in range(len(self.names))]
        rng = np.random.default_rng([self.options.seed, 2])
        labels = self.cells.labels
        importance = weigh(trees, self.names, families, labels, training, seen, rng, self.progress)
        write_table(self.stage / IMPORTANCE_TABLE, importance.table())
        importance.plot(self.stage / IMPORTANCE_PLOT, _TOP)
        return importance


def _validation(result: BaselineResult) -> dict[str, Any]:
    """Return what the record says of the validation cells, as that of a training does."""
    labels, matrix = result.description.labels, result.confusion
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
        "scores": scores(result.confusion),
        "validation": None if result.cross_validation else _validation(result),
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
        "seconds": round(seconds, 1),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / BASELINE_RECORD, provenance("baseline", options) | facts)

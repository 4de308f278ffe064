"""The classical road, for comparison: features by name, decision trees, what separates classes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from deepometry.baseline_folds import OutOfFold, features_on_disk
from deepometry.baseline_model import NETWORK, baseline_name, save_baseline
from deepometry.boosting import learn
from deepometry.comparison import Comparison, compare
from deepometry.cross_validation import CrossValidation, plain, write_folds
from deepometry.feature_table import FeatureTable
from deepometry.features import family_of, feature_names
from deepometry.files import earlier_files, provenance, staged, write_json
from deepometry.importance import Importance, weigh
from deepometry.model import Description
from deepometry.options import BaselineOptions
from deepometry.out_of_fold import PREDICTED
from deepometry.progress import Progress, Report, as_progress
from deepometry.report import confusion, plot_importance, scores, write_scores, write_table
from deepometry.training_cells import Cells, about, check_output, describe, gather_cells
from deepometry.training_facts import FOLDS
from deepometry.trees import Trees

PREFIX = "baseline_"
FEATURES, IMPORTANCE = f"{PREFIX}features.csv", f"{PREFIX}importance.csv"
PICTURE, COMPARISON, RECORD = f"{PREFIX}importance.png", "comparison.csv", "baseline.json"
_TOP = 20  # features in the picture and the record
_TOLD = 3  # features that the last words name


@dataclass(frozen=True)
class BaselineResult:
    """What a baseline gave.

    Attributes
    ----------
    model : Path
        The file, which `predict` takes as well.
    description : Description
        What it says of itself, scores included.
    confusion : ndarray of int64, shape (classes, classes)
        On the validation cells, or with folds on all cells, each left out once; rows are the true
        classes.
    importance : Importance
        Every feature, the most important first.
    comparison : Comparison or None
        Beside the network, where there is one; of all cells, where both have the same folds.
    cross_validation : CrossValidation or None
        How well cells were told that were left out, where folds were asked for.
    """

    model: Path
    description: Description
    confusion: np.ndarray
    importance: Importance
    comparison: Comparison | None
    output: Path
    cross_validation: CrossValidation | None = None

    def __str__(self) -> str:
        found = scores(self.confusion)
        kind = "cross-validated" if self.cross_validation else "validation"
        lines = [
            f"Baseline of {len(self.importance.names)} features: {kind} accuracy "
            f"{found['accuracy']:.3f}, balanced {found['balanced_accuracy']:.3f}."
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
        lines += [f"  {self.importance.sentence(place)}" for place in range(_TOLD)]
        return "\n".join([*lines, f"Model: {self.model}", f"Results: {self.output}"])


def baseline(options: BaselineOptions, progress: Progress | Report | None = None) -> BaselineResult:
    """Tell classes by classical features, with the training and validation cells of `train`.

    Parameters
    ----------
    options : BaselineOptions
        Where the cells are, and what to learn.
    progress : Progress or callable, optional
        Told (done, in all, text).

    Returns
    -------
    BaselineResult
        In the output folder lie the model, `baseline_features.csv` with a row a cell,
        `baseline_importance.csv` and its picture, the confusion matrix and the classification
        report of the validation cells, and `comparison.csv` where there is a network.

    Raises
    ------
    DeepometryError
        The cells, the target, the network or the output folder cannot be used.
    """
    progress, start = as_progress(progress), time.monotonic()
    check_output(options.output)
    cells = gather_cells(options, progress)
    progress.say(f"Measuring the {about(cells)}. Masks: found from the pixels.")
    with staged(options.output, earlier_files(options.output / RECORD, "baseline")) as stage:
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
    names: list[str] = field(default_factory=list)
    description: Description = field(init=False)

    def __post_init__(self) -> None:
        self.description = describe(
            self.cells,
            self.options.channels,
            network=NETWORK,
            scaling="none",
            record=provenance("baseline", self.options),
        )
        dataset, depth = self.cells.dataset, len(self.cells.columns)
        self.names = feature_names(depth, self.description.channels, dataset.channel_names)

    def go(self) -> BaselineResult:
        """Measure, learn, judge, explain, compare."""
        cells, options = self.cells, self.options
        if not options.folds:
            return self._whole(None)
        with features_on_disk(self.stage, cells.labelled, len(self.names)) as kept:
            return self._whole(kept)

    def _whole(self, kept: np.ndarray | None) -> BaselineResult:
        """Do all of it; `kept` takes the features of all cells, for the folds."""
        cells, options = self.cells, self.options
        with (self.stage / FEATURES).open("w", encoding="utf-8", newline="") as file:
            table = FeatureTable(file, cells, self.names, self.progress, kept)
            known = table.training()
            trees = learn(*known, len(cells.labels), options.method, options.seed, self.progress)
            chosen, seen = table.validation(trees)
        matrix = confusion(cells.codes[cells.validation], chosen, len(cells.labels))
        mistaken = tuple(map(tuple, matrix.tolist()))  # of these trees, not of those of the folds
        found = {f"val_{name}": value for name, value in scores(matrix).items()}
        folds, crossed = None, None
        if kept is not None:
            folds = OutOfFold(options, cells, kept, self.progress)
            crossed = self._folds(folds)
            matrix = crossed.confusion
            found |= {f"cv_{name}": value for name, value in crossed.scores.items()}
        self.description = replace(self.description, scores=found, confusion=mistaken)
        write_scores(self.stage, matrix, cells.labels, cells.target, PREFIX)
        save_baseline(trees, self.description, self.stage)
        importance = self._explain(trees, known, seen)
        compared = (folds.compare() if folds else None) or compare(
            options, cells, chosen, self.progress
        )
        if compared:
            write_table(self.stage / COMPARISON, compared.table())
        model, output = options.output / baseline_name(self.description), options.output
        told = (model, self.description, matrix, importance, compared, output, crossed)
        return BaselineResult(*told)

    def _folds(self, folds: OutOfFold) -> CrossValidation:
        crossed = folds.go()
        folds.write(self.stage / f"{PREFIX}{PREDICTED}")
        write_folds(self.stage / f"{PREFIX}{FOLDS}", crossed)
        return crossed

    def _explain(
        self,
        trees: Trees,
        known: tuple[np.ndarray, np.ndarray],
        seen: tuple[np.ndarray, np.ndarray],
    ) -> Importance:
        families = [family_of(n, len(self.cells.columns)) for n in range(len(self.names))]
        rng = np.random.default_rng([self.options.seed, 2])
        labels = self.cells.labels
        found = weigh(trees, self.names, families, labels, known, seen, rng, self.progress)
        write_table(self.stage / IMPORTANCE, found.table())
        top = (found.names[:_TOP], found.loss[:_TOP].tolist(), found.shifts[:_TOP])
        plot_importance(self.stage / PICTURE, *top, labels)
        return found


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
        "features": len(importance.names),
        "masks": "found from the pixels of each channel by what stands out from the background",
        "important": [
            {"feature": name, "importance": loss, "told": importance.sentence(place)}
            for place, (name, loss) in enumerate(top)
        ],
        "kinds": importance.kinds(),
        "cross_validation": plain(result.cross_validation) if result.cross_validation else None,
        "comparison": result.comparison.plain() if result.comparison else None,
        "caveats": list(cells.caveats),
        "seconds": round(seconds, 1),
        "files": sorted(path.name for path in stage.iterdir()),
    }
    write_json(stage / RECORD, provenance("baseline", options) | facts)

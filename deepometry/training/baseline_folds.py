"""The baseline in the folds of a cross-validation, beside the network in the same folds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepometry.cells.model_description import Description
from deepometry.classical.feature_table import most_learnt, spread_evenly
from deepometry.classical.tree_file import Trees
from deepometry.classical.tree_task import TreeTask, tree_task
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import CROSS_VALIDATION_RECORD, PREDICTED_TABLE
from deepometry.core.run_records import own_record
from deepometry.evaluation.confusion import confusion
from deepometry.evaluation.evaluate_numbers import evaluate_numbers
from deepometry.training.across import group_scores
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row
from deepometry.training.compare_models import COMBINED, NETWORK, AnyComparison, comparison_of
from deepometry.training.cross_validation import STEP
from deepometry.training.cross_validation_result import CrossValidation
from deepometry.training.fold_predictions import read_numbers, read_predictions
from deepometry.training.objective import objective_of
from deepometry.training.split import fold_cells

_AT_ONCE = 4096


@contextmanager
def features_on_disk(folder: Path, cells: int, width: int) -> Iterator[np.ndarray]:
    """Yield an array (cells, width) for the features of all cells, in a temporary file."""
    with tempfile.TemporaryFile(dir=folder) as file:
        features = np.memmap(file, np.float32, "w+", shape=(max(cells, 1), width))
        try:
            yield features
        finally:
            del features


class OutOfFold:
    """Trains on every fold's training cells, and predicts those that it leaves out.

    `description` is that of the baseline; `features` has a row for every labelled cell: training
    cells, then validation cells.
    """

    def __init__(
        self,
        options: BaselineOptions,
        cells: Cells,
        description: Description,
        features: np.ndarray,
        progress: Progress,
    ) -> None:
        self.options, self.cells, self.features, self.progress = options, cells, features, progress
        self._description = description
        self.indices = np.flatnonzero(cells.codes >= 0)
        self._places = np.full(len(cells.codes), -1)
        order = np.concatenate([cells.training, cells.validation])
        self._places[order] = np.arange(len(order))
        width = 3 if cells.task.is_number else len(cells.labels)
        self.predictions = np.zeros((len(cells.codes), width))

    def go(self) -> CrossValidation:
        """Go through the folds."""
        rows = [self._fold(fold) for fold in range(int(self.options.folds or 0))]
        cells, place = self.cells, self.options.output
        own = self.predictions[self.indices]
        pooled = objective_of(cells).score(self.indices, own)
        groups = group_scores(cells, self.indices, own)
        if cells.task.is_number:
            evaluation = evaluate_numbers(cells.numbers(self.indices), own, *self._groups())
            numbers = (pooled, rows, cells.group_by, place, evaluation, None, groups)
            return CrossValidation((), None, *numbers)
        matrix = confusion(cells.codes[self.indices], own.argmax(1), len(cells.labels))
        facts = (pooled, rows, cells.group_by, place, None, None, groups)
        return CrossValidation(cells.labels, matrix, *facts)

    def _groups(self) -> tuple[np.ndarray | None, str]:
        """Return the group of every cell, numbered from 0, and what groups are."""
        if self.cells.groups is None:
            return None, ""
        groups = np.unique(self.cells.groups[self.indices], return_inverse=True)[1]
        return groups, self.cells.group_by

    def _fold(self, fold: int) -> Row:
        start, worked = time.monotonic(), time.process_time()
        self.progress.say(f"Fold {fold + 1} of {self.options.folds}")
        part = fold_cells(self.cells, fold, self.options, self.progress)
        task, objective = tree_task(part), objective_of(part)
        trees = self._learnt(part, task)
        description = self._described(part, task, trees)
        left_out = np.flatnonzero(np.asarray(self.cells.folds) == fold)
        for first in range(0, len(left_out), _AT_ONCE):
            some = left_out[first : first + _AT_ONCE]
            raw = task.outputs(trees, self.features[self._places[some]])
            self.predictions[some] = objective.finished(raw, description)
            self.progress.report(
                first + len(some), len(left_out), "Predicting the cells left out", "cells"
            )
        scores = objective.score(left_out, self.predictions[left_out])
        row: Row = {"fold": fold + 1, "cells": len(left_out), **scores}
        row |= {"training_cells": len(part.training), "seconds": time.monotonic() - start}
        return row | {"cpu_seconds": time.process_time() - worked}

    def _described(self, part: Cells, task: TreeTask, trees: Trees) -> Description:
        """Return the description of a fold; of numbers with the interval of its validation."""
        description = replace(self._description, task=part.fitted_task)
        if not part.task.is_number:
            return description
        raw = task.outputs(trees, self.features[self._places[part.validation]])
        return replace(description, **objective_of(part).validate(raw).measured)

    def _learnt(self, part: Cells, task: TreeTask) -> Trees:
        codes = part.codes[part.training]
        chosen = spread_evenly(codes, most_learnt(self.features.shape[1]))
        indices = part.training[chosen]
        how = (self.options.method, self.options.seed, self.progress)
        return task.learn(self.features[self._places[indices]], indices, *how)

    def write(self, path: Path) -> None:
        """Write a row for every cell, as the network's table has them."""
        cells, indices = self.cells, self.indices
        objective_of(cells).write(path, indices, self.predictions[indices], cells.folds)

    def compare(self) -> AnyComparison | None:
        """Compare with the network's cross-validation in the output folder, cell by cell.

        Returns None where there is none of the same cells in the same folds.
        """
        options, cells = self.options, self.cells
        record = own_record(options.output / CROSS_VALIDATION_RECORD, STEP)
        if not record:
            return None
        asked = dict(record.get("options") or {})
        both = {name: (getattr(options, name), asked.get(name)) for name in _SHARED}
        both["cells"] = (cells.fingerprint, record.get("fingerprint"))
        labels = [] if cells.task.is_number else list(cells.labels)
        both["labels"] = (labels, list(record.get("counts") or {}))
        kind = NUMBER if cells.task.is_number else CLASSES
        both["learn_as"] = (kind, record.get("kind", CLASSES))
        if wrong := [name for name, (ours, theirs) in both.items() if ours != theirs]:
            self.progress.say(
                f"Not compared with the network's cross-validation in {options.output}: it "
                f"differs in {', '.join(wrong)}."
            )
            return None
        theirs = _read(options.output / PREDICTED_TABLE, cells, len(self.indices))
        ours = self.predictions[self.indices]
        who = COMBINED if record.get("parts") else NETWORK
        return comparison_of("the models of the folds", cells, self.indices, theirs, ours, who)


def _read(path: Path, cells: Cells, count: int) -> np.ndarray:
    """Read what a cross-validation of the network predicted: probabilities or numbers."""
    if cells.task.is_number:
        return read_numbers(path, count).predicted[:, None]
    return read_predictions(path, cells.labels, count).probabilities


_SHARED = ("folds", "group_by", "seed")

"""The baseline in the folds of a cross-validation, beside the network in the same folds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from deepometry.classical.boosting import learn
from deepometry.classical.feature_table import most_learnt, spread_evenly
from deepometry.classical.tree_file import Trees
from deepometry.core.options.train import BaselineOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import CROSS_VALIDATION_RECORD, PREDICTED_TABLE
from deepometry.core.run_records import own_record
from deepometry.evaluation.judge import judge
from deepometry.training.cells import Cells
from deepometry.training.checkpoint import Row
from deepometry.training.compare_models import Comparison
from deepometry.training.cross_validation import STEP
from deepometry.training.cross_validation_result import CrossValidation
from deepometry.training.fold_predictions import read_predictions, write_predictions
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

    `features` has a row for every labelled cell: training cells, then validation cells.
    """

    def __init__(
        self, options: BaselineOptions, cells: Cells, features: np.ndarray, progress: Progress
    ) -> None:
        self.options, self.cells, self.features, self.progress = options, cells, features, progress
        self.indices = np.flatnonzero(cells.codes >= 0)
        self._places = np.full(len(cells.codes), -1)
        order = np.concatenate([cells.training, cells.validation])
        self._places[order] = np.arange(len(order))
        self.probabilities = np.zeros((len(cells.codes), len(cells.labels)), np.float32)

    def go(self) -> CrossValidation:
        """Go through the folds."""
        rows = [self._fold(fold) for fold in range(int(self.options.folds or 0))]
        cells, place = self.cells, self.options.output
        pooled = judge(cells.codes[self.indices], self.probabilities[self.indices])
        facts = (cells.labels, pooled.confusion, pooled.scores, rows)
        return CrossValidation(*facts, cells.group_by, place)

    def _fold(self, fold: int) -> Row:
        start, worked = time.monotonic(), time.process_time()
        self.progress.say(f"Fold {fold + 1} of {self.options.folds}")
        part = fold_cells(self.cells, fold, self.options, self.progress)
        trees = self._learnt(part)
        left_out = np.flatnonzero(np.asarray(self.cells.folds) == fold)
        for first in range(0, len(left_out), _AT_ONCE):
            some = left_out[first : first + _AT_ONCE]
            self.probabilities[some] = trees.probabilities(self.features[self._places[some]])
            self.progress.report(
                first + len(some), len(left_out), "Predicting the cells left out", "cells"
            )
        judged = judge(self.cells.codes[left_out], self.probabilities[left_out])
        row: Row = {"fold": fold + 1, "cells": len(left_out), **judged.scores}
        row |= {"training_cells": len(part.training), "seconds": time.monotonic() - start}
        return row | {"cpu_seconds": time.process_time() - worked}

    def _learnt(self, part: Cells) -> Trees:
        codes = part.codes[part.training]
        chosen = spread_evenly(codes, most_learnt(self.features.shape[1]))
        features = self.features[self._places[part.training[chosen]]]
        how = (self.options.method, self.options.seed, self.progress)
        return learn(features, codes[chosen], len(part.labels), *how)

    def write(self, path: Path) -> None:
        """Write a row for every cell, as the network's table has them."""
        cells, indices = self.cells, self.indices
        write_predictions(path, cells, indices, self.probabilities[indices], cells.folds)

    def compare(self) -> Comparison | None:
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
        both["labels"] = (list(cells.labels), list(record.get("counts") or {}))
        if wrong := [name for name, (ours, theirs) in both.items() if ours != theirs]:
            self.progress.say(
                f"Not compared with the network's cross-validation in {options.output}: it "
                f"differs in {', '.join(wrong)}."
            )
            return None
        table, ours = options.output / PREDICTED_TABLE, self.probabilities[self.indices].argmax(1)
        theirs = read_predictions(table, cells.labels, len(self.indices)).chosen
        return Comparison.of("the networks of the folds", cells, self.indices, theirs, ours)


_SHARED = ("folds", "group_by", "seed")

"""The baseline in the folds of a cross-validation, beside the network in the same folds."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from deepometry.boosting import learn
from deepometry.chance import chance_of
from deepometry.checkpoint import Row
from deepometry.comparison import Comparison
from deepometry.cross_validation import STEP, CrossValidation, pooled_scores
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.feature_table import most_learnt, spread_evenly
from deepometry.files import own_record
from deepometry.names import CROSS_VALIDATION
from deepometry.options import BaselineOptions
from deepometry.out_of_fold import PREDICTED, cell_names, header, log_loss
from deepometry.progress import Progress
from deepometry.report import confusion, scores
from deepometry.training_cells import Cells, fold_cells
from deepometry.trees import Trees

_AT_ONCE = 4096


@contextmanager
def features_on_disk(folder: Path, cells: int, width: int) -> Iterator[np.ndarray]:
    """Give room for the features of all cells in a file that goes away by itself.

    Parameters
    ----------
    folder : Path
        Where the file lies.
    cells, width : int
        Rows and columns.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        kept = np.memmap(file, np.float32, "w+", shape=(max(cells, 1), width))
        try:
            yield kept
        finally:
            del kept


class OutOfFold:
    """Learns from every fold's training cells, and names those that it leaves out.

    Parameters
    ----------
    options : BaselineOptions
        With folds.
    cells : Cells
        With the folds in which the network was trained, too.
    features : ndarray of float32, shape (labelled cells, features)
        Of the training cells, then of the validation cells, as `Cells` has them.
    progress : Progress
        Told about the folds.
    """

    def __init__(
        self, options: BaselineOptions, cells: Cells, features: np.ndarray, progress: Progress
    ) -> None:
        self.options, self.cells, self.features, self.progress = options, cells, features, progress
        self.indices = np.flatnonzero(cells.codes >= 0)
        self._places = np.full(len(cells.codes), -1)
        order = np.concatenate([cells.training, cells.validation])
        self._places[order] = np.arange(len(order))
        self.chances = np.zeros((len(cells.codes), len(cells.labels)), np.float32)

    def go(self) -> CrossValidation:
        """Go through the folds."""
        rows = [self._fold(fold) for fold in range(int(self.options.folds or 0))]
        cells, matrix = self.cells, self._matrix(self.indices)
        found = pooled_scores(matrix, rows)
        place = self.options.output
        return CrossValidation(cells.labels, matrix, found, rows, cells.group_by, place)

    def _fold(self, fold: int) -> Row:
        start, worked = time.monotonic(), time.process_time()
        self.progress.say(f"Fold {fold + 1} of {self.options.folds}")
        part = fold_cells(self.cells, fold, self.options, self.progress)
        trees = self._learnt(part)
        left_out = np.flatnonzero(np.asarray(self.cells.folds) == fold)
        for first in range(0, len(left_out), _AT_ONCE):
            some = left_out[first : first + _AT_ONCE]
            self.chances[some] = trees.probabilities(self.features[self._places[some]])
            self.progress.report(first + len(some), len(left_out), "Naming the cells left out")
        matrix = self._matrix(left_out)
        loss = log_loss(self.chances[left_out], self.cells.codes[left_out]) / len(left_out)
        row: Row = {"fold": fold + 1, "cells": len(left_out), **scores(matrix), "loss": loss}
        row |= {"chance": chance_of(matrix), "training_cells": len(part.training)}
        row |= {"seconds": time.monotonic() - start}
        return row | {"cpu_seconds": time.process_time() - worked}

    def _learnt(self, part: Cells) -> Trees:
        codes = part.codes[part.training]
        chosen = spread_evenly(codes, most_learnt(self.features.shape[1]))
        known = self.features[self._places[part.training[chosen]]]
        told = (self.options.method, self.options.seed, self.progress)
        return learn(known, codes[chosen], len(part.labels), *told)

    def _matrix(self, indices: np.ndarray) -> np.ndarray:
        chosen = self.chances[indices].argmax(1)
        return confusion(self.cells.codes[indices], chosen, len(self.cells.labels))

    def write(self, path: Path) -> None:
        """Write a row for every cell, as the network's table has them."""
        cells, labels = self.cells, self.cells.labels
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header(labels))
            names = cell_names(cells, self.indices)
            for place, name in zip(self.indices.tolist(), names, strict=True):
                row, fold = self.chances[place], int(np.asarray(cells.folds)[place]) + 1
                told = [*name, labels[cells.codes[place]], labels[int(row.argmax())]]
                writer.writerow([*told, *(f"{chance:.6g}" for chance in row.tolist()), fold])

    def compare(self) -> Comparison | None:
        """Compare with the network's cross-validation in the output folder, cell by cell.

        Returns
        -------
        Comparison or None
            None where there is none of the same cells in the same folds.
        """
        options, cells = self.options, self.cells
        record = own_record(options.output / CROSS_VALIDATION, STEP)
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
        return self._beside(network_labels(options.output / PREDICTED, cells))

    def _beside(self, theirs: np.ndarray) -> Comparison:
        labels, true = self.cells.labels, self.cells.codes[self.indices]
        ours = self.chances[self.indices].argmax(1)
        return Comparison(
            "the networks of the folds",
            labels,
            confusion(true, theirs, len(labels)),
            confusion(true, ours, len(labels)),
            int(((theirs == true) & (ours != true)).sum()),
            int(((theirs != true) & (ours == true)).sum()),
        )


_SHARED = ("folds", "group_by", "seed")


def network_labels(path: Path, cells: Cells) -> np.ndarray:
    """Read the class that the network out of fold gave every labelled cell.

    Raises
    ------
    DeepometryError
        The table cannot be read, or is another one.
    """
    codes = {label: code for code, label in enumerate(cells.labels)}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = np.array([codes[row["label"]] for row in csv.DictReader(file)], np.int64)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (KeyError, csv.Error, UnicodeDecodeError) as error:
        raise _another(path) from error
    if len(found) != (cells.codes >= 0).sum():
        raise _another(path)
    return found


def _another(path: Path) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected the table of predictions that the cross-validation of train wrote, "
        "found another one; run train anew, or choose another output folder."
    )

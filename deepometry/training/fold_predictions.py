"""Tables of predictions of cells by the models that did not learn from them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import writing
from deepometry.core.spreadsheet import SafeWriter, safe_reader, table_file
from deepometry.evaluation.calibration import probability_of
from deepometry.training.cells import Cells


@dataclass(frozen=True)
class FoldPredictions:
    """Predictions of cells, each by a model that did not see it.

    Attributes
    ----------
    true, chosen : ndarray of int64, shape (cells,)
        Classes.
    probabilities : ndarray of float32, shape (cells, classes)
        Each at the temperature of its fold.
    """

    true: np.ndarray
    chosen: np.ndarray
    probabilities: np.ndarray

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted class, shape (cells,)."""
        return probability_of(self.probabilities, self.chosen)


def write_predictions(
    path: Path,
    cells: Cells,
    indices: np.ndarray,
    probabilities: np.ndarray,
    folds: np.ndarray | None = None,
) -> None:
    """Write a row for each of some cells, whole or not at all.

    `indices` (n,) are the cells, in rising order; `probabilities` has shape (n, classes); `folds`
    (cells,) are those of all cells, from 0, for a column of them.
    """
    labels, last = cells.labels, [] if folds is None else ["fold"]
    columns = [*IDENTITY, "true_label", "label", *(f"probability_{label}" for label in labels)]
    names, chosen = cells.dataset.identities_of(indices), probabilities.argmax(1).tolist()
    rows = zip(names, indices, chosen, probabilities, strict=True)
    with writing(path) as part, table_file(part) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow([*columns, *last])
        for name, index, code, row in rows:
            numbers = (f"{probability:.6g}" for probability in row.tolist())
            fold = [] if folds is None else [folds[index] + 1]
            writer.writerow([*name, labels[cells.codes[index]], labels[code], *numbers, *fold])


def merge_predictions(cells: Cells, tables: Sequence[Path], path: Path) -> None:
    """Merge the tables of all folds, in the order of the cells."""
    with ExitStack() as stack, table_file(path) as target:
        files = [stack.enter_context(t.open(encoding="utf-8-sig", newline="")) for t in tables]
        folds, rows = np.asarray(cells.folds), [safe_reader(file) for file in files]
        writer = SafeWriter(target, lineterminator="\n")
        headers = [next(each, []) for each in rows]
        writer.writerow(headers[0])
        for fold in folds[folds >= 0].tolist():
            row = next(rows[fold], None)
            if row is None:
                raise DeepometryError(
                    f"{tables[fold]}: expected a row for every cell that the fold left out, found "
                    "fewer; delete the folder of the fold and resume."
                )
            writer.writerow(row)


def read_predictions(path: Path, labels: Sequence[str], cells: int) -> FoldPredictions:
    """Read the predictions of all folds, row by row, from a table of `merge_predictions`.

    Memory holds the classes and a float32 for every class of every cell: 44 MB for a million
    cells of seven classes.
    """
    codes = {label: code for code, label in enumerate(labels)}
    true, chosen = np.empty(cells, np.int64), np.empty(cells, np.int64)
    probabilities = np.empty((cells, len(labels)), np.float32)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = safe_reader(file)
            next(rows)
            for place, row in zip(range(cells), rows, strict=True):
                true[place], chosen[place] = codes[row[2]], codes[row[3]]
                probabilities[place] = [float(text) for text in row[4:-1]]
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (StopIteration, LookupError, ValueError, csv.Error) as error:
        raise DeepometryError(
            f"{path}: expected the predictions that a cross-validation of the same cells wrote, "
            "found others; delete the folders of its folds and train without resuming."
        ) from error
    return FoldPredictions(true, chosen, probabilities)

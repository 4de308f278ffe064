"""Tables of predictions of cells by the models that did not learn from them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import writing
from deepometry.core.spreadsheet import SafeWriter, safe_reader, table_file
from deepometry.core.task_names import EXPECTED_VALUE, LOWER, PREDICTED_VALUE, TRUE_VALUE, UPPER
from deepometry.core.text import table_number
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
    def outputs(self) -> np.ndarray:
        """What the models predict: the probabilities."""
        return self.probabilities

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted class, shape (cells,)."""
        return probability_of(self.probabilities, self.chosen)


@dataclass(frozen=True)
class FoldNumbers:
    """Numbers of cells, each predicted by a model that did not see it.

    Attributes
    ----------
    true, predicted, lower, upper : ndarray of float64, shape (cells,)
        The ends of the intervals are NaN where there are none.
    """

    true: np.ndarray
    predicted: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def outputs(self) -> np.ndarray:
        """What the models predict: numbers and the ends of their intervals, (cells, 3)."""
        return np.stack([self.predicted, self.lower, self.upper], 1)


def write_predictions(
    path: Path,
    cells: Cells,
    indices: np.ndarray,
    probabilities: np.ndarray,
    folds: np.ndarray | None = None,
) -> None:
    """Write a row for each of some cells, whole or not at all.

    `indices` (n,) are the cells, in rising order; `probabilities` has shape (n, classes); `folds`
    (cells,) are those of all cells, from 0, for a column of them. Ordered classes have a column
    of the expected number, too.
    """
    labels, numbers = cells.labels, probabilities
    columns = ["true_label", "label", *(f"probability_{label}" for label in labels)]
    if cells.task.is_ordered:
        columns.append(EXPECTED_VALUE)
        numbers = np.column_stack([probabilities, cells.task.expected(probabilities)])
    chosen = probabilities.argmax(1).tolist()
    texts = ((labels[t], labels[c]) for t, c in zip(cells.codes[indices], chosen, strict=True))
    _write_rows(path, cells, indices, columns, zip(texts, numbers.tolist(), strict=True), folds)


def write_numbers(
    path: Path,
    cells: Cells,
    indices: np.ndarray,
    predictions: np.ndarray,
    folds: np.ndarray | None = None,
) -> None:
    """Write a row for each of some cells, as `write_predictions`.

    `predictions` (n, 3) are numbers and the lower and upper ends of their intervals.
    """
    columns = [TRUE_VALUE, PREDICTED_VALUE, LOWER, UPPER]
    numbers = np.column_stack([cells.numbers(indices), predictions]).tolist()
    _write_rows(path, cells, indices, columns, (((), row) for row in numbers), folds)


def _write_rows(
    path: Path,
    cells: Cells,
    indices: np.ndarray,
    columns: Sequence[str],
    rows: Iterable[tuple[Sequence[str], Sequence[float]]],
    folds: np.ndarray | None,
) -> None:
    """Write identities, texts and numbers of cells, and their folds."""
    last = [] if folds is None else ["fold"]
    names = cells.dataset.identities_of(indices)
    with writing(path) as part, table_file(part) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow([*IDENTITY, *columns, *last])
        for name, index, (texts, numbers) in zip(names, indices, rows, strict=True):
            fold = [] if folds is None else [folds[index] + 1]
            writer.writerow([*name, *texts, *map(table_number, numbers), *fold])


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
    last = 4 + len(labels)  # behind it stand the expected number, if any, and the fold
    with _rows_of(path) as rows:
        for place, row in zip(range(cells), rows, strict=True):
            true[place], chosen[place] = codes[row[2]], codes[row[3]]
            probabilities[place] = [float(text) for text in row[4:last]]
            _ = row[last]  # the fold, without which the row is cut off
    return FoldPredictions(true, chosen, probabilities)


def read_numbers(path: Path, cells: int) -> FoldNumbers:
    """Read the predicted numbers of all folds, as `read_predictions`."""
    numbers = np.empty((4, cells))
    with _rows_of(path) as rows:
        for place, row in zip(range(cells), rows, strict=True):
            numbers[:, place] = [float(text or "nan") for text in row[2:6]]
            _ = row[6]  # the fold, without which the row is cut off
    return FoldNumbers(*numbers)


@contextmanager
def _rows_of(path: Path) -> Iterator[Iterator[list[str]]]:
    """Open a table behind its header; turn errors of reading it into a `DeepometryError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = safe_reader(file)
            next(rows)
            yield rows
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (StopIteration, LookupError, ValueError, csv.Error) as error:
        raise DeepometryError(
            f"{path}: expected the predictions that a cross-validation of the same cells wrote, "
            "found others; delete the folders of its folds and train without resuming."
        ) from error

"""What a prediction gave: the confusion matrix, accuracies, counts, and the cells behind each."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.web.results_cells import Cells, Matching
from deepometry.web.results_output import Output, Unknown
from deepometry.web.results_table import COMMA, RowTable, index_table

if TYPE_CHECKING:
    import numpy as np

TABLE, MATRIX = "predicted.csv", "confusion_matrix.csv"
CELLS_A_PAGE = 24
ORDERS = {"sure": "surest first", "unsure": "least sure first", "file": "as in the files"}
_MOST_CLASSES = 40  # shown in the matrix and in the bars
_SHADES = 10


@dataclass(frozen=True)
class ClassRow:
    """A class as the page shows it: how many cells have it, are given it, and are right."""

    code: int
    label: str
    predicted: int
    true: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the cells of this class that are named rightly."""
        return self.right / self.true if self.true else 0.0


@dataclass(frozen=True)
class MatrixCell:
    """A cell of the confusion matrix: counts, share of the true class, and shade from 0 to 10."""

    true: int
    predicted: int
    count: int
    share: float

    @property
    def shade(self) -> int:
        """The step of colour; only 0 is blank."""
        return math.ceil(self.share * _SHADES)


@dataclass(frozen=True)
class Prediction:
    """What the page tells of a prediction.

    Attributes
    ----------
    cells : int
    labels : list of str
        Classes in the order of the model.
    classes : list of ClassRow
        Those shown, in the same order.
    matrix : list of list of MatrixCell
        Of the classes shown; empty for unannotated data.
    scores : dict of str to float
    unsure : int or None
        Cells labelled unsure; None where every cell was to be labelled.
    """

    cells: int
    labels: list[str]
    classes: list[ClassRow]
    matrix: list[list[MatrixCell]]
    scores: Mapping[str, float]
    unsure: int | None = None

    @property
    def hidden(self) -> int:
        """Number of classes that are not shown."""
        return len(self.labels) - len(self.classes)

    @property
    def most(self) -> int:
        """Cells of the class predicted most often."""
        return max((row.predicted for row in self.classes), default=0)


def prediction_of(output: Output) -> Prediction:
    """Gather what the page tells of a prediction.

    Raises
    ------
    DeepometryError
        Its tables are not there any more, or are others.
    """
    told = told_by(output)
    counts = {str(k): int(n) for k, n in told.get("counts", {}).items()}
    labels = list(counts)
    matrix = read_matrix(output, labels)
    rows = [_class_row(code, label, counts, matrix) for code, label in enumerate(labels)]
    shown = _most_frequent(rows)
    return Prediction(
        cells=int(told.get("cells", 0)),
        labels=labels,
        classes=shown,
        matrix=_matrix_cells(matrix, [row.code for row in shown]),
        scores=told.get("scores") or {},
        unsure=told.get("unsure"),
    )


def told_by(output: Output) -> Mapping[str, Any]:
    """Give what a record tells of predictions: those of Predict, or of a cross-validation."""
    known = output.record
    return known.get("cross_validation") or {} if output.verb == "train" else known


def _class_row(
    code: int, label: str, counts: Mapping[str, int], matrix: Sequence[Sequence[int]]
) -> ClassRow:
    true, right = (sum(matrix[code]), matrix[code][code]) if matrix else (0, 0)
    return ClassRow(code, label, counts[label], true, right)


def _most_frequent(rows: list[ClassRow]) -> list[ClassRow]:
    chosen = sorted(rows, key=lambda row: -max(row.true, row.predicted))[:_MOST_CLASSES]
    return sorted(chosen, key=lambda row: row.code)


def _matrix_cells(matrix: Sequence[Sequence[int]], shown: list[int]) -> list[list[MatrixCell]]:
    if not matrix:
        return []
    sums = [max(1, sum(row)) for row in matrix]
    return [[MatrixCell(t, p, matrix[t][p], matrix[t][p] / sums[t]) for p in shown] for t in shown]


def read_matrix(output: Output, labels: Sequence[str]) -> list[list[int]]:
    """Read the confusion matrix, in the order of the model; empty for unannotated data.

    Raises
    ------
    DeepometryError
        The table is not there any more, or another one.
    """
    if MATRIX not in output.files:
        return []
    path = output.path(MATRIX)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = list(csv.reader(file))
        if header[1:] != list(labels) or [row[0] for row in rows] != list(labels):
            raise ValueError("other classes")
        return [[int(count) for count in row[1:]] for row in rows]
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, IndexError, csv.Error) as error:
        raise DeepometryError(f"{path} is not the matrix that Predict wrote any more.") from error


# --- the cells behind a number ---------------------------------------------------------------


@dataclass(frozen=True)
class Predicted:
    """The table of a prediction, ready for questions.

    Attributes
    ----------
    table : RowTable
    sure : ndarray of float32, shape (cells,)
        Probability of the label given.
    cells : Cells or str
        The pictures, or the sentence that says why there are none.
    """

    table: RowTable
    sure: np.ndarray
    cells: Cells | str


def open_predicted(output: Output) -> Predicted:
    """Go through the table of a prediction once, beside the cells it is about."""
    from array import array

    import numpy as np

    chances, matching = array("f"), Matching(output)
    before = [MATRIX in output.files, output.option("unsure_below") is not None]
    first = 3 + sum(before)  # columns before the probabilities
    chances_of = slice(first, first + len(told_by(output).get("counts") or ()) or None)

    def watch(number: int, row: list[str]) -> None:
        matching(number, row)
        chances.append(max(map(float, row[chances_of])))

    table = index_table(output.path(TABLE), COMMA, _label_columns, watch)
    return Predicted(table, np.array(chances, np.float32), matching.cells())


def _label_columns(header: list[str]) -> list[str]:
    """Choose the true and the predicted class, which is not the label where that is withheld."""
    known = header[:5]
    return [name for name in ("true_label", "predicted", "label") if name in known]


@dataclass(frozen=True)
class Page:
    """A page of cells: `total` are meant, these are some of them."""

    total: int
    number: int
    pages: int
    cells: list[dict[str, Any]]


def select(found: Predicted, true: str | None, label: str | None, order: str, page: int) -> Page:
    """Choose the cells of a cell of the matrix.

    Parameters
    ----------
    found : Predicted
    true, label : str or None
        True and predicted class; None for any.
    order : str
        One of `ORDERS`.
    page : int
        From 1; a number too large means the last.

    Raises
    ------
    Unknown
        The order is none of `ORDERS`.
    """
    if order not in ORDERS:
        raise Unknown(f"Order: expected one of {', '.join(ORDERS)}, found {order!r}.")
    numbers = _ordered(found, _rows_of(found.table, true, label), order)
    pages = max(1, -(-len(numbers) // CELLS_A_PAGE))
    page = min(max(page, 1), pages)
    here = numbers[(page - 1) * CELLS_A_PAGE : page * CELLS_A_PAGE].tolist()
    rows = zip(here, found.table.rows(here), strict=True)
    return Page(len(numbers), page, pages, [_told(found, n, row) for n, row in rows])


def _rows_of(table: RowTable, true: str | None, label: str | None) -> np.ndarray:
    import numpy as np

    wanted = np.ones(len(table), bool)
    named = "predicted" if "predicted" in table.codes else "label"
    for column, value in (("true_label", true), (named, label)):
        if value is not None:
            known = table.values.get(column, [])
            code = known.index(value) if value in known else -1
            wanted &= table.codes[column] == code if column in table.codes else False
    return np.flatnonzero(wanted)


def _ordered(found: Predicted, rows: np.ndarray, order: str) -> np.ndarray:
    import numpy as np

    if order == "file":
        return rows
    sign = -1 if order == "sure" else 1
    return rows[np.argsort(sign * found.sure[rows], kind="stable")]


def _told(found: Predicted, number: int, row: dict[str, str]) -> dict[str, Any]:
    kept = {"source": row["source"], "object": row["object"]}
    kept["label"] = row["predicted" if "predicted" in found.table.codes else "label"]
    withheld = row["label"] != kept["label"]
    true = row.get("true_label") if "true_label" in found.table.codes else None
    return {
        "row": number,
        **kept,
        "true": true,
        "unsure": withheld,
        "sure": float(found.sure[number]),
    }

"""The cells of a run in the order of its table, with what the page filters and sorts them by."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deepometry.core.result_files import (
    CONFUSION_MATRIX,
    METADATA_TABLE,
    PREDICTED_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.steps import STEPS
from deepometry.web.results.cell_pictures import Cells, pictures_of
from deepometry.web.results.output import Output, Unknown
from deepometry.web.results.predict import is_of_validation, prediction_record
from deepometry.web.results.shared import cached
from deepometry.web.results.table_cells import Matching
from deepometry.web.results.table_index import RowTable, index_table

if TYPE_CHECKING:
    import numpy as np

ROWS = "cells"
"""By which `cached` knows the cells of a run."""

_BLOCK = 65_536
_PREDICTED = ("predicted", "label", "prediction")  # columns
_SEEN = "seen"  # what a cell was for the model in its training


@dataclass(frozen=True)
class CellRows:
    """The cells of a run.

    Attributes
    ----------
    table : RowTable or None
        None for parsed cells.
    files : list of str
        The sources that occur.
    file_codes : ndarray of int32, shape (cells,)
        Index into `files`.
    objects : ndarray of bytes, shape (cells,)
        Objects in UTF-8.
    sure : ndarray of float32, shape (cells,), or None
        Probability of the predicted class, where there are predictions.
    labels : list of str
        Predicted classes, in the order of the model.
    judged : ndarray of bool, shape (cells,), or None
        Which cells the confusion matrix counts; None for all.
    cells : Cells or str
        The pictures, or the sentence that says why there are none.
    """

    table: RowTable | None
    files: list[str]
    file_codes: np.ndarray
    objects: np.ndarray
    sure: np.ndarray | None
    labels: list[str]
    judged: np.ndarray | None
    cells: Cells | str

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def predicted_column(self) -> str:
        """The column of the predicted class; empty where there is none."""
        columns = self.table.codes if self.table else {}
        named = [*_PREDICTED, *(name for name in columns if name.startswith("predicted "))]
        return next((name for name in named if name in columns), "")

    @cached_property
    def keys(self) -> np.ndarray:
        """Hash of each cell, different where a cell is there twice: uint64, shape (cells,)."""
        from deepometry.cells.identity import cell_keys, distinct_keys

        files = map(self.files.__getitem__, self.file_codes.tolist())
        names = (name.decode() for name in self.objects.tolist())
        return distinct_keys(cell_keys(files, names))

    def name(self, row: int) -> tuple[str, str]:
        """Return source and object of a cell; raise `Unknown` if there is none."""
        if not 0 <= row < len(self):
            raise Unknown(f"There is no cell {row}.")
        return self.files[int(self.file_codes[row])], self.objects[row].decode()

    def facts(self, row: int) -> dict[str, str]:
        """Read what the tables have about a cell."""
        from deepometry.exports.find_cell import row_of

        facts = {} if self.table is None else dict(self.table.rows([row])[0])
        if not isinstance(self.cells, str):
            part, inside = self.cells.place(row)
            facts = {"folder": "/".join(part.levels), **facts, **row_of(part.stored, inside)}
        shown = {n: v for n, v in facts.items() if v and n not in ("source", "object")}
        return {name: _short(value) for name, value in shown.items()}


def _short(text: str) -> str:
    """Write a long fraction with four digits."""
    if "." not in text or len(text) < 8:
        return text
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


class _Names:
    """Sources and objects, row by row, without a Python object for each."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.codes, self._names, self._done = array("i"), list[bytes](), list[Any]()

    def add(self, source: str, name: str) -> None:
        self.codes.append(self.files.setdefault(source, len(self.files)))
        self._names.append(name.encode())
        if len(self._names) == _BLOCK:
            self._flush()

    def _flush(self) -> None:
        import numpy as np

        self._done.append(np.array(self._names or [b""], np.bytes_)[: len(self._names)])
        self._names = []

    def arrays(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        import numpy as np

        self._flush()
        return [*self.files], np.array(self.codes, np.int32), np.concatenate(self._done)


def has_cells(output: Output) -> bool:
    """Return whether a run has cells to show."""
    return output.verb == "parse" or _table_of(output) in output.files


def _table_of(output: Output) -> str:
    """Return the table of the cells of a run; parsed cells have tables beside their stacks."""
    if output.verb != "train":
        return STEPS[output.verb].table
    return VALIDATION_TABLE if is_of_validation(output) else PREDICTED_TABLE


def rows_of(output: Output) -> CellRows:
    """Read the cells of a run once for as long as it stays as it is."""
    rows: CellRows = cached(output, ROWS, lambda: open_rows(output))
    return rows


def open_rows(output: Output) -> CellRows:
    """Read the table of a run once, and compare it with the parsed cells."""
    if output.verb == "parse":
        return _parsed(output)
    names, matching, sure = _Names(), Matching(output), array("f")
    columns = _probabilities(output)

    def watch(number: int, row: list[str]) -> None:
        matching(number, row)
        names.add(row[0], row[1])
        if columns is not None:
            sure.append(max(map(float, row[columns])))

    name = _table_of(output)
    table = index_table(output.path(name), _label_columns, watch, name == METADATA_TABLE)
    return _rows(output, table, names, sure, matching.cells())


def _rows(
    output: Output, table: RowTable, names: _Names, sure: array[float], cells: Cells | str
) -> CellRows:
    import numpy as np

    confidence = np.array(sure, np.float32) if len(sure) == len(table) else None
    labels, judged = list(prediction_record(output).get("counts") or ()), _judged(output, table)
    rows = CellRows(table, *names.arrays(), confidence, labels, judged, cells)
    if not labels and rows.predicted_column:
        labels.extend(sorted(filter(None, table.values[rows.predicted_column])))
    return rows


def _parsed(output: Output) -> CellRows:
    from deepometry.cells.dataset import open_dataset

    names, dataset = _Names(), open_dataset(output.root)
    for _, source, name in dataset.identities():
        names.add(source, name)
    return CellRows(None, *names.arrays(), None, [], None, pictures_of(dataset))


def _probabilities(output: Output) -> slice | None:
    """Return where the probabilities of all classes stand in a row of predictions."""
    labels = prediction_record(output).get("counts") or ()
    if _table_of(output) not in (PREDICTED_TABLE, VALIDATION_TABLE) or not labels:
        return None
    annotated = output.verb == "train" or CONFUSION_MATRIX in output.files
    first = 3 + annotated + (output.option("unsure_below") is not None)  # columns before them
    return slice(first, first + len(labels))


def _label_columns(header: Sequence[str]) -> list[str]:
    """Choose the true and the predicted class, which is not the label where that is withheld."""
    wanted = ("true_label", *_PREDICTED)
    named = [n for n in header[2:] if n in wanted or n.startswith("predicted ")]
    return [*named, *[name for name in header[-1:] if name == _SEEN]]


def _judged(output: Output, table: RowTable) -> np.ndarray | None:
    """Return which cells the matrix counts: those the model had not seen, if it leaves them out."""
    seen = prediction_record(output).get("seen") or {}
    if _SEEN not in table.codes or seen.get("training_scores"):
        return None
    marks = table.values[_SEEN]  # without a blank one where all cells were seen
    judged: np.ndarray = table.codes[_SEEN] == (marks.index("") if "" in marks else len(marks))
    return judged

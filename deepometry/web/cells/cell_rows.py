"""The cells of a run in the order of its table, with what the page filters and sorts them by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from deepometry.core.progress import Progress
from deepometry.core.result_files import (
    CONFUSION_MATRIX,
    METADATA_TABLE,
    PREDICTED_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.steps import STEPS
from deepometry.web.results.cell_pictures import Cells, pictures_of
from deepometry.web.results.output import Output, Unknown
from deepometry.web.results.predict import (
    is_of_validation,
    learns,
    learnt_table,
    prediction_record,
)
from deepometry.web.results.shared import computing, table_store
from deepometry.web.results.table_cells import matched_cells
from deepometry.web.results.table_index import CellNames, RowTable, index_table, names_of
from deepometry.web.results.table_store import TableStore

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

ROWS = "cells"
"""By which `cached` knows the cells of a run."""

_PREDICTED = ("predicted", "label", "prediction")  # columns
_SEEN = "seen"  # what a cell was for the model in its training
_GATED_OUT = "gated_out"


@dataclass(frozen=True)
class CellRows:
    """The cells of a run.

    Attributes
    ----------
    table : RowTable or None
        None for parsed cells.
    names : CellNames
        Source and object of every cell.
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
    names: CellNames
    sure: np.ndarray | None
    labels: list[str]
    judged: np.ndarray | None
    cells: Cells | str

    def __len__(self) -> int:
        return len(self.names)

    @property
    def predicted_column(self) -> str:
        """The column of the predicted class; empty where there is none."""
        columns = self.table.codes if self.table else {}
        named = [*_PREDICTED, *(name for name in columns if name.startswith("predicted "))]
        return next((name for name in named if name in columns), "")

    @property
    def counted(self) -> np.ndarray | bool:
        """Which cells the counts of predicted classes have: those that are not gated out."""
        if self.table is None or _GATED_OUT not in self.table.codes:
            return True
        marks = self.table.values[_GATED_OUT]
        counted: np.ndarray = self.table.codes[_GATED_OUT] != (
            marks.index("yes") if "yes" in marks else len(marks)
        )
        return counted

    @cached_property
    def identities(self) -> np.ndarray:
        """Hash of source and object of each cell: uint64, shape (cells,)."""
        from deepometry.cells.identity import cell_keys

        files, names = zip(*self.names.some(0, len(self)), strict=True) if len(self) else ((), ())
        return cell_keys(files, names)

    @property
    def keys(self) -> np.ndarray:
        """The same, made different where a cell is there twice: uint64, shape (cells,)."""
        from deepometry.cells.identity import distinct_keys

        return distinct_keys(self.identities)

    def name(self, row: int) -> tuple[str, str]:
        """Return source and object of a cell; raise `Unknown` if there is none."""
        if not 0 <= row < len(self):
            raise Unknown(f"There is no cell {row}.")
        return self.names.some(row, row + 1)[0]

    def named(self, chosen: Sequence[int]) -> list[tuple[str, str]]:
        """Return source and object of some cells, once each, in the order of the run."""
        import numpy as np

        numbers = np.asarray(chosen, np.int64)
        for row in (numbers.min(), numbers.max()) if len(numbers) else ():
            self.name(int(row))  # or there is no such cell
        flags = np.zeros(len(self), bool)
        flags[numbers] = True
        return self.names.at(flags)

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


def has_cells(output: Output) -> bool:
    """Return whether a run has cells to show."""
    return output.verb == "parse" or _table_of(output) in output.files


def _table_of(output: Output) -> str:
    """Return the table of the cells of a run; parsed cells have tables beside their stacks."""
    if not learns(output):
        return STEPS[output.verb].table
    return learnt_table(output, VALIDATION_TABLE if is_of_validation(output) else PREDICTED_TABLE)


def rows_of(output: Output) -> CellRows:
    """Read the cells of a run once for as long as it stays as it is."""
    rows: CellRows = rows_maker(output)(None)
    return rows


def rows_maker(output: Output) -> Callable[[Progress | None], CellRows]:
    """Return what reads the cells of a run as `rows_of` does, beside the requests if need be."""
    store = table_store()
    table = computing(output, "table of cells", lambda progress: table_of(output, store, progress))

    def make(progress: Progress | None) -> CellRows:
        return open_rows(output, store, progress, table)

    return computing(output, ROWS, make)


def open_rows(
    output: Output,
    store: TableStore | None = None,
    progress: Progress | None = None,
    read: Callable[[Progress | None], RowTable] | None = None,
) -> CellRows:
    """Read the table of a run once, or by `read`, and compare it with the parsed cells."""
    if output.verb == "parse":
        return parsed_rows(output.root)
    table = read(progress) if read else table_of(output, store, progress)
    return _rows(output, table, matched_cells(output, table, store, progress))


def table_of(output: Output, store: TableStore | None, progress: Progress | None) -> RowTable:
    """Read the table of a run, by an index that is kept where there is one."""
    path = output.path(_table_of(output))
    chosen, tabs = _probabilities(output), path.name == METADATA_TABLE

    def read() -> RowTable:
        return index_table(path, _label_columns, lambda header: header[chosen], tabs, progress)

    return store.get(path, f"cells {chosen}", read) if store else read()


def _rows(output: Output, table: RowTable, cells: Cells | str) -> CellRows:
    labels, judged = list(prediction_record(output).get("counts") or ()), _judged(output, table)
    rows = CellRows(table, table.names, table.largest, labels, judged, cells)
    if not labels and rows.predicted_column:
        labels.extend(sorted(filter(None, table.values[rows.predicted_column])))
    return rows


def parsed_rows(root: Path, progress: Progress | None = None) -> CellRows:
    """Read which cells a folder of parsed cells has."""
    from deepometry.cells.dataset import open_dataset

    dataset = open_dataset(root, progress)
    identities = ((source, name) for _, source, name in dataset.identities())
    return CellRows(None, names_of(identities), None, [], None, pictures_of(dataset))


def _probabilities(output: Output) -> slice:
    """Return where the probabilities of all classes stand in a row; nowhere without them."""
    labels = prediction_record(output).get("counts") or ()
    if not (learns(output) or _table_of(output) == PREDICTED_TABLE) or not labels:
        return slice(0)
    annotated = learns(output) or CONFUSION_MATRIX in output.files
    withheld = any(output.option(n) is not None for n in ("unsure_below", "unknown_above"))
    first = 3 + annotated + withheld  # columns before them
    return slice(first, first + len(labels))


def _label_columns(header: Sequence[str]) -> list[str]:
    """Choose the true and the predicted class, which is not the label where that is withheld."""
    wanted = ("true_label", *_PREDICTED)
    named = [n for n in header[2:] if n in wanted or n.startswith("predicted ")]
    return [*named, *[name for name in header[-2:] if name in (_SEEN, _GATED_OUT)]]


def _judged(output: Output, table: RowTable) -> np.ndarray | None:
    """Return which cells the matrix counts: those the model had not seen, if it leaves them out."""
    seen = prediction_record(output).get("seen") or {}
    if _SEEN not in table.codes or seen.get("training_scores"):
        return None
    marks = table.values[_SEEN]  # without a blank one where all cells were seen
    judged: np.ndarray = table.codes[_SEEN] == (marks.index("") if "" in marks else len(marks))
    return judged

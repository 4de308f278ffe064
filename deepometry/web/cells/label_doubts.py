"""The cells of a run whose label is likely wrong, by the table that a cross-validation wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepometry.core.result_files import LABEL_ERRORS_TABLE
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.results.output import Output
from deepometry.web.results.predict import learnt_table
from deepometry.web.results.table_index import index_table

if TYPE_CHECKING:
    import numpy as np


def doubts_table(output: Output) -> str:
    """Return the name of the table of doubtful labels of a run."""
    return learnt_table(output, LABEL_ERRORS_TABLE)


def has_doubts(output: Output) -> bool:
    """Return whether a run listed labels that are likely wrong."""
    return doubts_table(output) in output.files


def doubt_ranks(output: Output, rows: CellRows) -> np.ndarray:
    """Return the place of every cell in that list, from 0; NaN where it is not in it.

    Raises
    ------
    DeepometryError
        The table is not there any more, or is another one.
    """
    import numpy as np

    from deepometry.cells.identity import cell_keys, distinct_keys, find_keys

    names = index_table(output.path(doubts_table(output))).names
    files, objects = zip(*names.some(0, len(names)), strict=True) if len(names) else ((), ())
    places = find_keys(distinct_keys(cell_keys(files, objects)), rows.keys)
    found, values = places >= 0, np.full(len(rows), np.nan)
    values[places[found]] = np.flatnonzero(found)
    return values

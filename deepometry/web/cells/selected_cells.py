"""Which cells of a run a selection means: its table names them, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.cells.selections import Selection

if TYPE_CHECKING:
    import numpy as np

    from deepometry.web.results.table_index import CellNames


def selected_cells(rows: CellRows, selection: Selection) -> np.ndarray:
    """Find the cells of a selection: bool, shape (cells,); those that the run has not are left out.

    Texts are compared by pyarrow, for a million cells in a second. Only where a cell is there
    twice, or is spelled with other spaces, are keys computed, which takes ten times as long.
    """
    import pyarrow.compute as pc

    files, names = _listed(selection)
    known = _joined(*_columns(rows.names))
    if pc.count_distinct(known).as_py() == len(known):
        places = pc.index_in(_joined(files, names), value_set=known)
        if not places.null_count:
            return _flags(rows, places.to_numpy())
    return _by_keys(rows, files.to_pylist(), names.to_pylist())


def _flags(rows: CellRows, places: np.ndarray) -> np.ndarray:
    import numpy as np

    flags = np.zeros(len(rows), bool)
    flags[places[places >= 0]] = True
    return flags


def _listed(selection: Selection) -> tuple[Any, Any]:
    """Read the sources and objects of a selection, as columns of text."""
    import pyarrow as pa

    from deepometry.cells.table_columns import plain_column, read_columns

    blocks = [*read_columns(selection.path, texts=(0, 1))]
    none = pa.array([], pa.string())
    files, names = (
        pa.concat_arrays([none, *(plain_column(block[place]) for block in blocks)])
        for place in (0, 1)
    )
    return files, names


def _columns(names: CellNames) -> tuple[Any, Any]:
    """Return the sources and objects of all cells, as columns of text."""
    import pyarrow as pa

    files = pa.DictionaryArray.from_arrays(
        pa.array(names.codes), pa.array(names.files, pa.string())
    )
    return files.cast(pa.string()), pa.array(names.objects, pa.binary()).cast(pa.string())


def _joined(files: Any, names: Any) -> Any:
    """Join source and object, as no name has a tab."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(files, names, "\t")


def _by_keys(rows: CellRows, files: list[str], names: list[str]) -> np.ndarray:
    from deepometry.cells.identity import cell_keys, distinct_keys, find_keys

    return _flags(rows, find_keys(distinct_keys(cell_keys(files, names)), rows.keys))

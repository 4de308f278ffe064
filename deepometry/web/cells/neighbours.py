"""Similar cells of a run, by the features of a run of Extract that has the same cells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from deepometry.core.errors import DeepometryError
from deepometry.core.options.similar import SimilarOptions
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.projects.current import every_run
from deepometry.web.results.output import Output
from deepometry.web.results.shared import cached

if TYPE_CHECKING:
    import numpy as np

    from deepometry.maps.feature_source import FeatureSource
    from deepometry.maps.similar_index import SimilarIndex

MOST = 480
"""Cells that are listed as similar, where all cells of a run are meant."""

_TABLE = "similar_cells.csv"
_MOST_TRIED = 5  # extractions


class NoIndex(DeepometryError):
    """There are features of these cells, but no index of them yet, or they changed since."""


def similar_rows(output: Output, rows: CellRows, row: int, among: np.ndarray | None) -> np.ndarray:
    """Find the rows of the cells most like one, itself first; int64, shape (n,).

    Parameters
    ----------
    among : ndarray of bool, shape (cells,), or None
        Rows that are meant; None for all, of which `MOST` are returned.

    Raises
    ------
    NoIndex
        The index is to be made first.
    DeepometryError
        There are no features of this cell.
    """
    import numpy as np

    index, position = _indexed(output, rows, row)
    if among is None:
        near = _rows_of(output, rows, index)[index.nearest(position, MOST)[0]]
        return np.array([row, *near[near >= 0]])
    to_row = _rows_of(output, rows, index)
    apart = np.full(len(rows), np.inf, np.float32)
    apart[to_row[to_row >= 0]] = index.distances(position)[to_row >= 0]
    apart[row] = -1
    known = np.flatnonzero(among & np.isfinite(apart))
    return known[np.argsort(apart[known], kind="stable")]


def _rows_of(output: Output, rows: CellRows, index: SimilarIndex) -> np.ndarray:
    """Return the row of every cell of an index; -1 where the run does not have it."""

    def compute() -> np.ndarray:
        from deepometry.cells.identity import distinct_keys, find_keys

        return find_keys(distinct_keys(index.keys[:]), rows.keys)

    return cached(output, f"rows of the index {crc32(index.keys[:].data)}", compute)


def _indexed(output: Output, rows: CellRows, row: int) -> tuple[SimilarIndex, int]:
    """Open the index that has a cell, and find the cell in it."""
    from deepometry.cells.identity import cell_key
    from deepometry.maps.similar_index import open_index

    key, without = cell_key(*rows.name(row)), None
    for source in _sources(output):
        index = open_index(source)
        if index is None:
            without = without or source
        elif (position := index.position(key)) >= 0:
            return index, position
    if without is not None:
        raise NoIndex(
            "The features of these cells are compared once before similar cells can be shown."
        )
    raise DeepometryError(
        "Similar cells are found by features, and there are none of this cell: run Feature "
        "extraction on these parsed cells first."
    )


def _sources(output: Output) -> Iterator[FeatureSource]:
    """Yield features that may be of the cells of a run: its own, or the newest ones beside it."""
    from deepometry.maps.feature_source import find_source

    for place, layer in _places(output):
        try:
            yield find_source(place, layer)
        except DeepometryError:  # moved or deleted since
            continue


def _places(output: Output) -> list[tuple[Path, str | None]]:
    if output.verb == "extract":
        return [(output.root, output.option("layer"))]
    if output.verb == "embed":
        return [(Path(str(output.option("input"))), output.option("layer"))]
    parsed = output.root if output.verb == "parse" else Path(str(output.option("input")))
    jobs = [job for job in every_run("extract") if job.state == "done"]
    jobs.sort(key=lambda job: not _same_cells(Path(job.options["input"]), parsed))
    return [(job.output, job.options.get("layer")) for job in jobs[:_MOST_TRIED] if job.output]


def _same_cells(one: Path, other: Path) -> bool:
    """Return whether one folder is the other, or lies in it."""
    one, other = one.absolute(), other.absolute()
    return one.is_relative_to(other) or other.is_relative_to(one)


def index_options(output: Output, rows: CellRows, row: int) -> SimilarOptions:
    """Return the options of the job that makes the index for a cell."""
    from deepometry.maps.similar_index import open_index

    source = next(each for each in _sources(output) if open_index(each) is None)
    file, name = rows.name(row)
    folder = source.table.parent
    return SimilarOptions(
        input=folder,
        object=f"{name} of {file}",
        output=folder / _TABLE,
        layer=source.layer,
        overwrite=True,
    )

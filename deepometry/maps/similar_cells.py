"""Similar cells: those whose features are most like those of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.cells.cell_query import CellQuery
from deepometry.cells.feature_tables import metadata_rows
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.earlier_results import check_new_table
from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.similar import SimilarOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.spreadsheet import SafeWriter
from deepometry.core.text import counted, shortened, table
from deepometry.maps.feature_source import FeatureSource, find_source
from deepometry.maps.similar_index import SimilarIndex, build_index, open_index

_DISTANCE = "distance"


@dataclass(frozen=True)
class SimilarCell:
    """A cell that is like another; `facts` are its folder levels and prediction."""

    source: str
    object: str
    distance: float
    facts: dict[str, str]


@dataclass(frozen=True)
class SimilarResult(ShowsInNotebook):
    """The cells most like one cell.

    Attributes
    ----------
    cell : SimilarCell
        The one that was asked for, at a distance of 0.
    cells : tuple of SimilarCell
        Most similar first.
    output : Path
        Their table.
    """

    cell: SimilarCell
    cells: tuple[SimilarCell, ...]
    output: Path

    def __str__(self) -> str:
        names = [*self.cell.facts]
        head = [_DISTANCE, *IDENTITY, *names]
        rows = [
            [f"{each.distance:.3g}", each.source, each.object, *each.facts.values()]
            for each in (self.cell, *self.cells)
        ]
        lines = table([head, *rows], ">" + "<" * (2 + len(names)))
        return "\n".join([*lines, f"Table: {self.output}"])

    def notebook_view(self) -> NotebookView:
        """Show which cells they are."""
        rows = {f"{each.object} of {each.source}": f"{each.distance:.3g}" for each in self.cells}
        return NotebookView(f"Cells like {self.cell.object} of {self.cell.source}", rows)


def similar(options: SimilarOptions, progress: Progress | Report | None = None) -> SimilarResult:
    """Find the cells whose features are most like those of one cell.

    Parameters
    ----------
    options : SimilarOptions
        Where the features are, which cell, and how many.
    progress : Progress or callable, optional
        Called with (done, in all, text) while the index of the features is made.

    Returns
    -------
    SimilarResult
        The table has a row for each, most similar first. An index is kept beside the features
        and made again when they have changed.

    Raises
    ------
    DeepometryError
        Features or table cannot be used, there is no such cell, or more than one.
    """
    progress = as_progress(progress)
    check_new_table(options.output, options.overwrite)
    source = find_source(options.input, options.layer)
    index = indexed(source, progress)
    position = _position(source, CellQuery.read(options.object))
    positions, distances = index.nearest(position, options.number)
    cells = _described(source, [position, *positions.tolist()], [0.0, *distances.tolist()])
    _write(options.output, cells[1:])
    return SimilarResult(cells[0], tuple(cells[1:]), options.output)


def indexed(source: FeatureSource, progress: Progress) -> SimilarIndex:
    """Open the index of features; make it where there is none that fits."""
    index = open_index(source)
    return build_index(source, progress) if index is None else index


def _position(source: FeatureSource, query: CellQuery) -> int:
    """Find the row of the cell that is asked for."""
    with metadata_rows(source.metadata) as (_, rows):
        near = [(n, row[0]) for n, row in enumerate(rows) if query.matches(row[0], row[1])]
    near = [each for each in near if query.is_in(each[1])] or near
    if not near:
        raise DeepometryError(f"{source.metadata}: expected a cell {str(query)!r}, found none.")
    if len({file for _, file in near}) > 1:
        names = shortened([f"'{query.object} of {file}'" for _, file in near], 4)
        raise DeepometryError(
            f"{source.metadata}: expected one cell {str(query)!r}, found "
            f"{counted(len(near), 'cell')}; say which: {names}."
        )
    return near[0][0]


def _described(
    source: FeatureSource, positions: list[int], distances: list[float]
) -> list[SimilarCell]:
    """Read which cells these are, in one pass over their table."""
    wanted = set(positions)
    with metadata_rows(source.metadata) as (header, rows):
        rows_of = {n: row for n, row in enumerate(rows) if n in wanted}
    names = header[2:]
    return [
        SimilarCell(file, name, apart, dict(zip(names, facts, strict=True)))
        for (file, name, *facts), apart in zip(
            (rows_of[n] for n in positions), distances, strict=True
        )
    ]


def _write(output: Path, cells: list[SimilarCell]) -> None:
    facts = [*cells[0].facts] if cells else []
    with writing(output) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow([*IDENTITY, _DISTANCE, *facts])
        for each in cells:
            apart = f"{each.distance:.6g}"
            writer.writerow([each.source, each.object, apart, *each.facts.values()])

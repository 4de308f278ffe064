"""Chosen cells under a name: a table in the folder of a run, which subset and export take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import writing
from deepometry.core.options.subset import read_name
from deepometry.core.safe_names import safe_name
from deepometry.core.spreadsheet import SafeWriter
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.results.output import Output, Unknown

FOLDER = "selections"
_MOST = 1000  # listed


@dataclass(frozen=True)
class Selection:
    """Chosen cells; `name` is also that of the table."""

    name: str
    path: Path
    cells: int


def place_of_cells(output: Output) -> Path:
    """Return where selections and sets go: the folder of the run, or beside parsed cells.

    Tables among parsed cells would be read as theirs.
    """
    if output.verb != "parse":
        return output.root
    return output.root.with_name(f"{output.root.name}_{FOLDER}")


def list_selections(output: Output) -> list[Selection]:
    """List the selections of a run, by name."""
    folder = place_of_cells(output) / FOLDER
    paths = sorted(folder.glob("*.csv"))[:_MOST] if folder.is_dir() else []
    return [Selection(path.stem, path, _count(path)) for path in paths]


def _count(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return max(
                0, sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1
            )
    except OSError as error:
        raise explain_os_error(error, path) from error


def find_selection(output: Output, name: str) -> Selection:
    """Find a selection by its name; raise `Unknown` if there is none."""
    for each in list_selections(output):
        if each.name == name:
            return each
    raise Unknown(f"There is no selection {name}: it was renamed or deleted.")


def keep_selection(
    output: Output, rows: CellRows, name: str, chosen: Sequence[int], replace: bool
) -> Selection:
    """Write chosen cells, in the order of the run, under a name.

    Raises
    ------
    DeepometryError
        The name cannot be used or is taken, or no cell is chosen, or nothing can be written.
    Unknown
        A cell is none of the run.
    """
    from deepometry.cells.stack_reader import IDENTITY

    try:
        name = safe_name(read_name(name))
    except ValueError as error:
        raise DeepometryError(f"Name: {error}") from error
    if not name.strip("_ "):
        raise DeepometryError("Name: expected a name, found none; name the selection.")
    if not chosen:
        raise DeepometryError("No cell is ticked; tick some cells first.")
    path = place_of_cells(output) / FOLDER / f"{name}.csv"
    if path.exists() and not replace:
        raise NameTaken(f"There is a selection {name}: replace it, or choose another name.")
    identities = [rows.name(row) for row in sorted({*chosen})]
    with writing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        SafeWriter(file, lineterminator="\n").writerows([IDENTITY, *identities])
    return Selection(name, path, len(identities))


class NameTaken(DeepometryError):
    """A selection of this name is there already."""


def selected_rows(rows: CellRows, selection: Selection) -> list[int]:
    """Find the rows of a selection; those that the run has not are left out."""
    from deepometry.cells.identity import cell_keys, distinct_keys, find_keys, table_rows

    with table_rows(selection.path) as lines:
        next(lines, None)
        files, names = zip(*[line[:2] for line in lines if len(line) > 1], strict=True) or ((), ())
    found = find_keys(distinct_keys(cell_keys(files, names)), rows.keys)
    return [row for row in found.tolist() if row >= 0]


def delete_selection(selection: Selection) -> None:
    """Delete the table of a selection."""
    try:
        selection.path.unlink(missing_ok=True)
    except OSError as error:
        raise explain_os_error(error, selection.path) from error

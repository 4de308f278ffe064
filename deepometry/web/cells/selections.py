"""Chosen cells under a name: a table in the folder of a run, which subset and export take.

The gallery and the explorer keep, show and change the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepometry.core.disk import rename_new, same_file
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import writing
from deepometry.core.options.subset import read_name
from deepometry.core.palette import GROUPS
from deepometry.core.run_records import read_json, write_json
from deepometry.core.safe_names import folded, safe_name
from deepometry.core.spreadsheet import SafeWriter
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.results.output import Output, Unknown

FOLDER = "selections"
_COLOURS = "colours.json"  # beside the tables, which other programs read too
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_MOST = 1000  # listed


@dataclass(frozen=True)
class Selection:
    """Chosen cells; `name` is also that of the table, `colour` is as in `#0072b2`."""

    name: str
    path: Path
    cells: int
    colour: str


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
    colours = _read_colours(folder)
    return [
        Selection(path.stem, path, _count(path), colours.get(path.stem, GROUPS[n % len(GROUPS)]))
        for n, path in enumerate(paths)
    ]


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

    name = _checked_name(name)
    if not chosen:
        raise DeepometryError("No cell is ticked; tick some cells first.")
    path = place_of_cells(output) / FOLDER / f"{name}.csv"
    taken = _taken(path)
    if taken and not replace:
        raise NameTaken(f"There is a selection {taken.stem}: replace it, or choose another name.")
    identities = rows.named(chosen)
    colours = {each.name: each.colour for each in list_selections(output)}
    if taken:
        _rename(taken, path, name)
        colours = {name if n == taken.stem else n: colour for n, colour in colours.items()}
    with writing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        SafeWriter(file, lineterminator="\n").writerows([IDENTITY, *identities])
    colour = colours.setdefault(name, _free_colour([*colours.values()]))
    _write_colours(path.parent, colours)
    return Selection(name, path, len(identities), colour)


def _taken(path: Path) -> Path | None:
    """Find the selection that has a name already, however it is capitalised."""
    found = [p for p in path.parent.glob("*.csv") if folded(p.stem) == folded(path.stem)]
    return min(found, key=lambda each: each.name != path.name, default=None)


def _checked_name(name: str) -> str:
    try:
        name = safe_name(read_name(name))
    except ValueError as error:
        raise DeepometryError(f"Name: {error}") from error
    if not name.strip("_ "):
        raise DeepometryError("Name: expected a name, found none; name the selection.")
    return name


def change_selection(output: Output, selection: Selection, name: str, colour: str) -> Selection:
    """Give a selection another name and another colour; blank ones stay as they are.

    Raises
    ------
    DeepometryError
        The name cannot be used or is taken, or there is no such colour.
    """
    name = _checked_name(name or selection.name)
    colour = (colour or selection.colour).lower()
    if not _COLOUR.fullmatch(colour):
        raise DeepometryError(f"Colour: expected one such as {GROUPS[0]}, found {colour!r}.")
    colours = {each.name: each.colour for each in list_selections(output)}
    path = selection.path.with_name(f"{name}.csv")
    _rename(selection.path, path, name)
    del colours[selection.name]
    _write_colours(path.parent, colours | {name: colour})
    return Selection(name, path, selection.cells, colour)


def _rename(old: Path, new: Path, name: str) -> None:
    if new.name == old.name:  # paths are equal on Windows whatever the case
        return
    other = _taken(new)
    if other and other.name != old.name:
        raise NameTaken(f"There is a selection {other.stem} already; choose another name.")
    try:
        if same_file(old, new):  # where case does not count
            old.rename(new)
        else:
            rename_new(old, new)
            old.unlink(missing_ok=True)  # where both names are links to it
    except FileExistsError as error:
        raise NameTaken(f"There is a selection {name} already; choose another name.") from error
    except OSError as error:
        raise explain_os_error(error, old) from error


# --- colours ------------------------------------------------------------------------------------


def _read_colours(folder: Path) -> dict[str, str]:
    """Read the colours of selections; those kept by earlier versions have none."""
    path = folder / _COLOURS
    content = read_json(path) if path.is_file() else {}
    return {
        name: colour
        for name, colour in content.items()
        if isinstance(colour, str) and _COLOUR.fullmatch(colour)
    }


def _write_colours(folder: Path, colours: dict[str, str]) -> None:
    write_json(folder / _COLOURS, dict(colours))


def _free_colour(used: Sequence[str]) -> str:
    """Return the colour that the fewest selections have."""
    return min(GROUPS, key=used.count)


class NameTaken(DeepometryError):
    """A selection of this name is there already."""


def delete_selection(selection: Selection) -> None:
    """Delete the table of a selection."""
    colours = _read_colours(selection.path.parent)
    try:
        selection.path.unlink(missing_ok=True)
        if colours.pop(selection.name, ""):
            _write_colours(selection.path.parent, colours)
    except OSError as error:
        raise explain_os_error(error, selection.path) from error

"""Options of the step that takes chosen cells out of parsed ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import (
    Options,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    read_flag,
    read_path,
    read_text,
    whole,
)


def read_name(value: Any) -> str:
    """Read the name of a set of cells, which may stand in a folder name."""
    name = " ".join(read_text(value).split())
    if len(name) > 60 or any(not c.isprintable() or c in '<>:"/\\|?*' for c in name):
        raise ValueError(
            f"expected a name of at most 60 characters that may stand in a folder name, found "
            f'{name[:70]!r}; leave out < > : " / \\ | ? and *.'
        )
    return name


@dataclass(frozen=True, kw_only=True)
class SubsetOptions(Options):
    """Options of `deepometry.cells.subset.subset`; every field also accepts text."""

    input: Path = parsed_cells()
    output: Path = output_folder("Folder for sets of cells; sets that are there already stay.")
    cells: Path = option(
        "Cells",
        "Table (.csv) with the columns source and object, a row for each chosen cell.",
        read_path,
        metavar="FILE.csv",
    )
    name: str = option(
        "Name", "Name of the set: its cells stand in a folder `Set NAME`.", read_name
    )
    montage: int = option(
        "Montage size", "Cells along each side of a montage; 0 for none.", whole(0, 100), 15
    )
    all_but: bool = option(
        "All others",
        "Copy all cells but the listed ones.",
        read_flag,
        False,
    )
    overwrite: bool = overwrite_option()

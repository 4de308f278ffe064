"""Options of the step that takes chosen cells out of parsed ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.options.settings import Options, option, read_path, read_text, whole


def _read_name(value: Any) -> str:
    name = " ".join(read_text(value).split())
    if len(name) > 60 or any(not c.isprintable() or c in '<>:"/\\|?*' for c in name):
        raise ValueError(
            f"expected a name of at most 60 characters that may stand in a folder name, found "
            f'{name[:70]!r}; leave out < > : " / \\ | ? and *.'
        )
    return name


@dataclass(frozen=True, kw_only=True)
class SubsetOptions(Options):
    """Options of `deepometry.subset.subset`; every field also accepts text.

    Raises
    ------
    OptionsError
        One or more fields cannot be used; its `fields` has a sentence for each.
    """

    input: Path = option("Input location", "Folder of parsed cells, as Parse wrote it.", read_path)
    output: Path = option(
        "Output location", "Folder for sets of cells; sets that are there already stay.", read_path
    )
    cells: Path = option(
        "Cells",
        "Table (.csv) with the columns source and object, a row for each chosen cell.",
        read_path,
        metavar="FILE.csv",
    )
    name: str = option(
        "Name", "Name of the set: its cells stand in a folder `Set NAME`.", _read_name
    )
    montage: int = option(
        "Montage size", "Cells along each side of a montage; 0 for none.", whole(0, 100), 15
    )

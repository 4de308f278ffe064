"""Options of the summary of parsed cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.fields import (
    Options,
    option,
    output_folder,
    overwrite_option,
    parsed_cells,
    read_text,
)


@dataclass(frozen=True, kw_only=True)
class SummaryOptions(Options):
    """Options of `deepometry.cells.summary.summary`; every field also accepts text."""

    input: Path = parsed_cells(part="")
    output: Path = output_folder("Folder for the table.")
    group_by: str | None = option(
        "Group by",
        "Folder level, such as Sample or Day, with a row for each value. Left blank: a row for "
        "each folder.",
        read_text,
        None,
        metavar="LEVEL",
        example="Sample; left blank: each folder",
        group="results",
    )
    overwrite: bool = overwrite_option()

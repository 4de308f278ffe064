"""Options of the step that corrects labels by a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepometry.core.options.fields import Options, option, parsed_cells, read_path, read_text


@dataclass(frozen=True, kw_only=True)
class CorrectOptions(Options):
    """Options of `deepometry.cells.label_corrections.correct`; every field also accepts text."""

    input: Path = parsed_cells("")
    target: str = option(
        "Target classification",
        "Target whose labels are corrected, such as Class.",
        read_text,
        positional=True,
        metavar="TARGET",
    )
    table: Path = option(
        "Table",
        "Table of cells (.csv, .xlsx) with the columns source, object and correct_label, such as "
        "likely_mislabelled.csv. Rows without a correct_label are passed over; the label that a "
        "cell has already confirms it.",
        read_path,
        positional=True,
        metavar="TABLE",
    )
    who: str | None = option(
        "Annotator",
        "Who corrects; by default the user of the computer.",
        read_text,
        None,
        metavar="NAME",
    )

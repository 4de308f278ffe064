"""Options of the step that takes labels from a file to parsed cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import (
    AUTO,
    Options,
    one_of,
    option,
    overwrite_option,
    parsed_cells,
    read_flag,
    read_path,
    read_text,
)

KINDS = (AUTO, "classes", "number")
OVERLAPS = ("ask", "first", "exclude", "own")
_LONGEST = 60
_RESERVED = frozenset(
    {"source", "object", "split", "stack", "row", "label", "true_label", "predicted", "seen",
     "prediction", "confidence"}
)  # fmt: skip

_BEGIN = ("predicted ", "probability_")  # columns of predictions


def read_target_name(value: Any) -> str:
    """Read the name of a target, which becomes a column of tables and part of file names."""
    name = " ".join(read_text(value).split())
    taken = name.casefold() in _RESERVED or name.casefold().startswith(_BEGIN)
    if len(name) > _LONGEST or not name.isprintable() or taken:
        raise ValueError(
            f"expected a name of at most {_LONGEST} characters that no other column has, found "
            f"{name[:70]!r}; choose another, such as Gate."
        )
    return name


@dataclass(frozen=True, kw_only=True)
class LabelOptions(Options):
    """Options of `deepometry.cells.label_import.label.label`; every field also accepts text."""

    input: Path = parsed_cells(part="")
    labels: Path = option(
        "Labels",
        "Table with a row a cell (.csv, .tsv, .txt, .xlsx, .parquet), which names the cell by its "
        "file and object number, or by the path of its image; an analysis of IDEAS (.daf), or a "
        "folder of them; labels given by hand to another parse of these images (its "
        "labels/NAME.sqlite); or the folder or .zip file of lists that Export wrote for IDEAS or "
        "FlowJo.",
        read_path,
        kind="labels",
        positional=True,
    )
    column: str | None = option(
        "Column",
        "Column that has the labels, or feature of an analysis of IDEAS to learn as a number. Left "
        "blank, the only one it can be, or it is asked.",
        read_text,
        None,
        example="gate; left blank: the only one it can be",
        group="labels",
    )
    name: str | None = option(
        "Name",
        "What the labels are called as a target, such as Gate. By default the name of the column.",
        read_target_name,
        None,
        example="Gate; left blank: as the column",
        group="labels",
    )
    populations: str | None = option(
        "Populations",
        "Populations of an analysis of IDEAS that are the classes, such as G1,Mitotic. With that "
        "of all objects among them, its class is of those in none of the others. Left blank: those "
        "that were tagged by hand.",
        read_text,
        None,
        metavar="NAMES",
        example="G1,Mitotic; left blank: those tagged by hand",
        group="labels",
    )
    learn: str = option(
        "Labels are",
        "classes, or a number of each cell, such as an intensity. auto: a number where the labels "
        "are more than 20 different numbers, or have decimals.",
        one_of(KINDS),
        AUTO,
        choices=KINDS,
        group="labels",
    )
    overlap: str = option(
        "Overlaps",
        "What a cell is that has several labels: ask; the first of them; excluded, without a "
        "label; or a class of its own, such as G1 + Focused.",
        one_of(OVERLAPS),
        OVERLAPS[0],
        choices=OVERLAPS,
        group="labels",
    )
    file_column: str | None = option(
        "File column",
        "Column with the name of the file, or the path of the image. Left blank: recognised.",
        read_text,
        None,
        example="path; left blank: recognised",
        group="labels",
    )
    object_column: str | None = option(
        "Object column",
        "Column with the object or event number. Left blank: recognised.",
        read_text,
        None,
        example="Object Number; left blank: recognised",
        group="labels",
    )
    features: bool = option(
        "Features of IDEAS",
        "Copy the features of an analysis of IDEAS, too: for colours of maps, sorting and exports.",
        read_flag,
        True,
        group="labels",
    )
    overwrite: bool = overwrite_option(
        "Replace labels of the same name. Without it, the step refuses to."
    )

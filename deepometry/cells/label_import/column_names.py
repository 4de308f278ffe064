"""Usual names of the columns of a table: the file, the object, and the label."""

from __future__ import annotations

import re
from collections.abc import Sequence

FILES = (
    "source", "file", "filename", "sourcefile", "imagefile", "path", "filepath", "imagepath",
    "image", "imagename", "ciffile", "cif", "sample", "samplename",
)  # fmt: skip
OBJECTS = (
    "object", "objectnumber", "objectid", "objectno", "objectnumberid", "event", "eventnumber",
    "eventno", "eventid", "eventindex", "cell", "cellid", "cellnumber",
)  # fmt: skip
LABEL = "label"
LABELS = (
    LABEL, "class", "truelabel", "gate", "population", "phenotype", "celltype", "type", "target",
    "category", "cluster", "annotation", "phase",
)  # fmt: skip


def plain_name(name: str) -> str:
    """Write the name of a column without spaces, case, and what FlowJo adds behind `::`."""
    return re.sub(r"[\W_]+", "", name.split("::")[0]).casefold()


def find_known(names: Sequence[str], known: Sequence[str]) -> str:
    """Return the column whose name stands first among those that are known; blank for none."""
    plain = {plain_name(name): name for name in reversed(names)}
    return next((plain[each] for each in known if each in plain), "")


def name_cells(names: Sequence[str]) -> bool:
    """Return whether one of the columns says which cell a row is about."""
    return bool(find_known(names, (*FILES, *OBJECTS)))

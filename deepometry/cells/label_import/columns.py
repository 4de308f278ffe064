"""What the columns of a foreign table are: the file, the object, and the label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepometry.cells.label_import.foreign_table import ForeignTable
from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.text import counted, shortened

if TYPE_CHECKING:
    import pandas as pd

_FILES = (
    "source", "file", "filename", "sourcefile", "imagefile", "path", "filepath", "imagepath",
    "image", "imagename", "ciffile", "cif", "sample", "samplename",
)  # fmt: skip
_OBJECTS = (
    "object", "objectnumber", "objectid", "objectno", "objectnumberid", "event", "eventnumber",
    "eventno", "eventid", "eventindex", "cell", "cellid", "cellnumber",
)  # fmt: skip
_LABEL = "label"
_LABELS = (
    _LABEL, "class", "truelabel", "gate", "population", "phenotype", "celltype", "type", "target",
    "category", "cluster", "annotation", "phase",
)  # fmt: skip
_MOST_CLASSES = 200
_MOST_CHOICES = 8


def find_columns(
    table: ForeignTable, file: str | None, object: str | None, column: str | None
) -> tuple[str, str, str]:
    """Find the columns of the file, the object and the label; blank for one that is not there.

    Parameters
    ----------
    table : ForeignTable
    file, object, column : str or None
        Their names in any case, where somebody named them.

    Raises
    ------
    OptionsError
        There is no column of a name, or none that can hold labels.
    Question
        There are several columns that can hold labels.
    """
    names = [str(name) for name in table.rows.columns]
    files = _named(table, "file_column", file) or table.file or _known(names, _FILES)
    objects = _named(table, "object_column", object) or table.object or _known(names, _OBJECTS)
    objects = "" if objects == files else objects
    label = _named(table, "column", column) or table.label
    others = [name for name in names if name not in (files, objects)]
    return files, objects, label or _label_column(table, others)


def _plain(name: str) -> str:
    """Write the name of a column without spaces, case, and what FlowJo adds behind `::`."""
    return re.sub(r"[\W_]+", "", name.split("::")[0]).casefold()


def _known(names: Sequence[str], known: Sequence[str]) -> str:
    """Return the column whose name stands first among those that are known; blank for none."""
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[each] for each in known if each in plain), "")


def _named(table: ForeignTable, option: str, wanted: str | None) -> str:
    if not wanted:
        return ""
    names = [str(name) for name in table.rows.columns]
    found = wanted if wanted in names else ""
    found = found or next((n for n in names if n.casefold() == wanted.casefold()), "")
    if not found:
        title = option.replace("_", " ").capitalize()
        raise OptionsError(
            {option: f"{title}: expected a column of {table.path.name}, found {wanted!r}; it has "
             f"{shortened(names)}."}
        )  # fmt: skip
    return found


def _label_column(table: ForeignTable, names: Sequence[str]) -> str:
    """Choose the column of the labels, or ask."""
    fitting = [name for name in names if _can_label(table.rows[name])]
    if len(fitting) == 1 or (fitting and _plain(fitting[0]) == _LABEL):
        return fitting[0]
    known = [name for name in fitting if _plain(name) in _LABELS]
    if len(known) == 1:
        return known[0]
    if not fitting:
        raise OptionsError(
            {"column": f"Column: {table.path.name}: expected a column with labels, found none "
             f"beside {shortened([str(n) for n in table.rows.columns])}; name one."}
        )  # fmt: skip
    choices = [Choice(name, name, _about(table.rows[name])) for name in (known or fitting)]
    message = (
        f"Column: {table.path.name} has {counted(len(fitting), 'column')} that may hold the "
        f"labels: {shortened(fitting, _MOST_CHOICES)}; choose one."
    )
    raise Question("column", message, choices[:_MOST_CHOICES])


def _can_label(values: pd.Series) -> bool:
    """Return whether a column says something that is neither the same nor another in all rows."""
    number = values[values != ""].nunique()
    return bool(1 < number <= _MOST_CLASSES or (number > 1 and _are_numbers(values)))


def _are_numbers(values: pd.Series) -> bool:
    import pandas as pd

    given = values[values != ""]
    return bool(pd.to_numeric(given, errors="coerce").notna().all())


def _about(values: pd.Series) -> str:
    given = values[values != ""]
    names = list(dict.fromkeys(given))
    return f"{counted(len(names), 'value')}: {shortened(names, 4)}"

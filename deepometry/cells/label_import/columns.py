"""What the columns of a foreign table are: the file, the object, and the label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepometry.cells.label_import.column_names import (
    FILES,
    LABEL,
    LABELS,
    OBJECTS,
    find_known,
    plain_name,
)
from deepometry.cells.label_import.foreign_table import ForeignTable
from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.text import counted, shortened

if TYPE_CHECKING:
    import pandas as pd

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
    files = _named(table, "file_column", file) or table.file or find_known(names, FILES)
    objects = _named(table, "object_column", object) or table.object or find_known(names, OBJECTS)
    objects = "" if objects == files else objects
    label = _named(table, "column", column) or table.label
    others = [name for name in names if name not in (files, objects)]
    return files, objects, label or _label_column(table, others)


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
    if len(fitting) == 1 or (fitting and plain_name(fitting[0]) == LABEL):
        return fitting[0]
    known = [name for name in fitting if plain_name(name) in LABELS]
    if len(known) == 1:
        return known[0]
    constant = [name for name in names if plain_name(name) in LABELS and _values(table, name)]
    if not fitting and len(constant) == 1:
        return constant[0]
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


def _values(table: ForeignTable, name: str) -> int:
    return int((table.rows[name] != "").sum())


def _are_numbers(values: pd.Series) -> bool:
    import pandas as pd

    given = values[values != ""]
    return bool(pd.to_numeric(given, errors="coerce").notna().all())


def _about(values: pd.Series) -> str:
    given = values[values != ""]
    names = list(dict.fromkeys(given))
    return f"{counted(len(names), 'value')}: {shortened(names, 4)}"

"""A copy of labels given by hand, with cells renamed as another parse names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepometry.cells.identity import cell_key
from deepometry.cells.labels.hand_log import Identity
from deepometry.cells.labels.hand_schema import SCHEMA, signed
from deepometry.cells.labels.hands import HandLabels
from deepometry.core.database import Database
from deepometry.core.files import writing


def labelled_cells(labels: HandLabels) -> list[Identity]:
    """List all cells that ever had a label."""
    with Database(labels.path, SCHEMA) as database:
        return [(source, name) for source, name in database.tuples(_CELLS)]


def copy_labels(labels: HandLabels, path: Path, renamed: Mapping[Identity, Identity]) -> None:
    """Copy a set of labels: classes, annotators, and who labelled what when.

    Parameters
    ----------
    labels : HandLabels
        They stay as they are; others may go on labelling.
    path : Path
        The copy, whole or not at all.
    renamed : mapping of (source, object) to (source, object)
        Cells that have another name in the copy; no two of them have the same.
    """
    rows = [(cell_key(*old), cell_key(*new), *new) for old, new in renamed.items()]
    keys = [signed(pair) for pair in (row[:2] for row in rows)]
    with writing(path) as part:
        with Database(labels.path, SCHEMA) as database:
            database.copy(part)
        with Database(part, SCHEMA) as copy, copy.transaction() as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute("CREATE TEMP TABLE renamed (old PRIMARY KEY, new, source, object)")
            new = ((*pair, *row[2:]) for pair, row in zip(keys, rows, strict=True))
            connection.executemany("INSERT INTO renamed VALUES (?, ?, ?, ?)", new)
            for table in ("log", "standing"):
                connection.execute(_RENAME.format(table))
            connection.execute(_NAMES)
            connection.execute("DROP TABLE renamed")


_CELLS = "SELECT source, object FROM cells"
_RENAME = (
    "UPDATE {} SET cell = (SELECT new FROM renamed WHERE old = cell)"
    " WHERE cell IN (SELECT old FROM renamed)"
)
_NAMES = (
    "UPDATE cells SET (key, source, object) ="
    " (SELECT new, source, object FROM renamed WHERE old = key)"
    " WHERE key IN (SELECT old FROM renamed)"
)

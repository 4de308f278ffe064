"""Labels as they are given, taken back and given again: each change adds to the log."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from deepometry.cells.identity import cell_key
from deepometry.cells.labels.hand_classes import find_class
from deepometry.cells.labels.hand_schema import NONE, checked_annotator, same_annotator, signed
from deepometry.core.database import Database

_ANNOTATORS = "SELECT id, name FROM annotators ORDER BY id"
_STANDS = "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?, ?)"

Identity = tuple[str, str]
"""Source and object of a cell."""


@dataclass(frozen=True)
class Change:
    """What a request changed.

    Attributes
    ----------
    action : int
        Number of the action in its file; 0 if nothing changed.
    cells : tuple of (source, object)
        Whose labels are others now.
    """

    action: int
    cells: tuple[Identity, ...] = ()


def annotator_id(connection: sqlite3.Connection, who: str) -> int:
    """Return the number of an annotator, who is remembered from now on."""
    name = checked_annotator(who)
    if known := same_annotator(name, dict(connection.execute(_ANNOTATORS))):
        return known
    return connection.execute("INSERT INTO annotators (name) VALUES (?)", (name,)).lastrowid or 0


def give(
    database: Database,
    cells: Sequence[Identity],
    label: int | None,
    who: str,
    settles: bool,
    mark: str | None,
) -> Change:
    """Label cells with the class of an id, or (None) take their labels away."""
    with database.transaction() as connection:
        if earlier := _done_before(connection, mark):
            return earlier
        if label is not None:
            find_class(database, label)
        annotator = annotator_id(connection, who)
        wanted = dict(zip(signed(cell_key(*cell) for cell in cells), cells, strict=True))
        keys = _to_change(connection, [*wanted], annotator, settles, label)
        if not keys:
            return Change(0)
        known = [(key, *wanted[key]) for key in keys]
        connection.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?, ?)", known)
        forget = "UPDATE actions SET state = 'gone' WHERE annotator = ? AND state = 'undone'"
        connection.execute(forget, (annotator,))
        kind = "settle" if settles else "label"
        action = _begin(connection, annotator, kind, mark, "done")
        _add(connection, action, keys, annotator, settles, label)
        return Change(action, tuple(wanted[key] for key in keys))


def _done_before(connection: sqlite3.Connection, mark: str | None) -> Change | None:
    """Find what a request changed that is sent again, since its answer was lost."""
    query = "SELECT number FROM actions WHERE mark = ?"
    row = connection.execute(query, (mark,)).fetchone() if mark else None
    return None if row is None else Change(row[0], _cells_of(connection, row[0]))


def _cells_of(connection: sqlite3.Connection, action: int) -> tuple[Identity, ...]:
    query = "SELECT source, object FROM log JOIN cells ON key = cell WHERE action = ?"
    return tuple((row[0], row[1]) for row in connection.execute(query, (action,)))


def _to_change(
    connection: sqlite3.Connection,
    keys: Sequence[int],
    annotator: int,
    settles: bool,
    label: int | None,
) -> list[int]:
    """Leave out the cells that have this label already."""
    query = "SELECT class FROM standing WHERE cell = ? AND annotator = ? AND settles = ?"
    now = (connection.execute(query, (key, annotator, settles)).fetchone() for key in keys)
    labels = (NONE if row is None else row[0] for row in now)
    return [key for key, each in zip(keys, labels, strict=True) if each != (label or NONE)]


def _begin(
    connection: sqlite3.Connection, annotator: int, kind: str, mark: str | None, state: str
) -> int:
    made = connection.execute(
        "INSERT INTO actions (annotator, kind, time, mark, state) VALUES (?, ?, ?, ?, ?)",
        (annotator, kind, time.time(), mark or None, state),
    )
    return made.lastrowid or 0


def _next_row(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute("SELECT COALESCE(MAX(number), 0) FROM log").fetchone()
    return int(last) + 1


def _add(
    connection: sqlite3.Connection,
    action: int,
    keys: Sequence[int],
    annotator: int,
    settles: bool,
    label: int | None,
) -> None:
    """Add a row for each cell, which stands from now on."""
    rows = [(n, key) for n, key in zip(count(_next_row(connection)), keys, strict=False)]
    stands = "SELECT NULLIF(row, 0) FROM standing WHERE cell = ? AND annotator = ? AND settles = ?"
    connection.executemany(
        f"INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ({stands}))",
        ((n, action, key, annotator, settles, label, key, annotator, settles) for n, key in rows),
    )
    connection.executemany(
        _STANDS, ((key, annotator, settles, label or NONE, n, n) for n, key in rows)
    )


# --- undo and redo ------------------------------------------------------------------------------


def undo(database: Database, who: str, mark: str | None) -> Change:
    """Take back the last action of an annotator that was not taken back yet."""
    query = "SELECT MAX(number) FROM actions WHERE annotator = ? AND state = 'done'"
    return _turn(database, who, mark, query, "undo")


def redo(database: Database, who: str, mark: str | None) -> Change:
    """Make the last action that an annotator took back again."""
    query = "SELECT MIN(number) FROM actions WHERE annotator = ? AND state = 'undone'"
    return _turn(database, who, mark, query, "redo")


def _turn(database: Database, who: str, mark: str | None, query: str, kind: str) -> Change:
    with database.transaction() as connection:
        if earlier := _done_before(connection, mark):
            return earlier
        annotator = annotator_id(connection, who)
        (turned,) = connection.execute(query, (annotator,)).fetchone()
        if turned is None:
            return Change(0)
        state = "undone" if kind == "undo" else "done"
        connection.execute("UPDATE actions SET state = ? WHERE number = ?", (state, turned))
        action = _begin(connection, annotator, kind, mark, "")
        _bring_back(connection, action, turned, before=kind == "undo")
        return Change(action, _cells_of(connection, action))


def _bring_back(connection: sqlite3.Connection, action: int, turned: int, before: bool) -> None:
    """Let the rows of an action stand again, or those that stood before it."""
    query = (
        "SELECT log.cell, log.annotator, log.settles, log.number, log.class,"
        " earlier.number AS earlier, earlier.class AS earlier_class"
        " FROM log LEFT JOIN log AS earlier ON earlier.number = log.before WHERE log.action = ?"
    )
    rows = connection.execute(query, (turned,)).fetchall()
    log, standing = [], []
    for n, row in zip(count(_next_row(connection)), rows, strict=False):
        stands, label = (
            (row["earlier"], row["earlier_class"]) if before else (row["number"], row["class"])
        )
        log.append((n, action, row["cell"], row["annotator"], row["settles"], label, row["number"]))
        slot = row["cell"], row["annotator"], row["settles"]
        standing.append((*slot, label or NONE, stands or 0, n))
    connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", log)
    connection.executemany(_STANDS, standing)


def can_turn(database: Database, who: str) -> tuple[bool, bool]:
    """Return whether an annotator has something to undo, and something to redo."""
    number = same_annotator(who, dict(database.tuples(_ANNOTATORS)))
    query = "SELECT 1 FROM actions WHERE annotator = ? AND state = ? LIMIT 1"
    return bool(database.rows(query, number, "done")), bool(database.rows(query, number, "undone"))

"""The file of labels given by hand: its tables, and how names, colours and keys are checked.

`log` is only ever added to: who labelled which cell as what, and when, undone or not. `standing`
says which of its rows hold now, so that nothing must be replayed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deepometry.core.database import Schema
from deepometry.core.errors import DeepometryError
from deepometry.core.palette import GROUPS
from deepometry.core.safe_names import folded

NONE = 0
"""Of the numbers of classes: no label."""

CORRECTED = 0x446C4331
"""The `application_id` of a file whose first annotator's labels are corrected by people."""

TABLE_COLUMNS = ("source", "object", "label", "settled")
"""Of a table of labels, before a column an annotator."""

_HALF = 1 << 63
LONGEST_NAME = 60
"""Letters of the name of a class, or of an annotator."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"

SCHEMA = Schema(
    format=1,
    tables="""
CREATE TABLE classes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    colour TEXT NOT NULL,
    key TEXT NOT NULL,                      -- that one presses for it; blank for none
    place INTEGER NOT NULL,                 -- in the order of the classes
    deleted INTEGER NOT NULL DEFAULT 0      -- 1: hidden with its labels, which stay in the log
);
CREATE TABLE annotators (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE cells (
    key INTEGER PRIMARY KEY,                -- of source and object, as a signed number
    source TEXT NOT NULL,
    object TEXT NOT NULL
);
CREATE TABLE actions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    annotator INTEGER NOT NULL REFERENCES annotators (id),
    kind TEXT NOT NULL,                     -- label, settle, undo or redo
    time REAL NOT NULL,                     -- seconds since 1970
    mark TEXT UNIQUE,                       -- by which a request that is sent again is known
    state TEXT NOT NULL                     -- done, undone, gone (undone for good); of undo: none
);
CREATE INDEX of_annotator ON actions (annotator, state, number);
CREATE TABLE log (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    action INTEGER NOT NULL REFERENCES actions (number),
    cell INTEGER NOT NULL REFERENCES cells (key),
    annotator INTEGER NOT NULL REFERENCES annotators (id),
    settles INTEGER NOT NULL,               -- 1: decides what the label is where annotators differ
    class INTEGER REFERENCES classes (id),  -- none: the label is taken away
    before INTEGER REFERENCES log (number)  -- the row that it replaces, or brings back
);
CREATE INDEX of_action ON log (action);
CREATE TABLE standing (
    cell INTEGER NOT NULL REFERENCES cells (key),
    annotator INTEGER NOT NULL REFERENCES annotators (id),
    settles INTEGER NOT NULL,
    class INTEGER NOT NULL,                 -- 0: no label
    row INTEGER NOT NULL,                   -- of the log, that holds; 0: none
    changed INTEGER NOT NULL,               -- the row of the log that came last
    PRIMARY KEY (cell, annotator, settles)
) WITHOUT ROWID;
CREATE INDEX by_change ON standing (changed);
""",
    called="file of labels",
    newer="update Deepometry",
    elsewhere="move the parsed cells to a folder that you may write to",
)


@dataclass(frozen=True)
class LabelClass:
    """A class that cells are labelled with.

    Attributes
    ----------
    id : int
        In its file; it stays when the class is renamed.
    name : str
    colour : str
        As in `#0072b2`.
    key : str
        The key that one presses for it; empty for none.
    """

    id: int
    name: str
    colour: str
    key: str


def read_classes(rows: Iterable[sqlite3.Row]) -> tuple[LabelClass, ...]:
    """Make classes of rows of their table."""
    return tuple(LabelClass(r["id"], r["name"], r["colour"], r["key"]) for r in rows)


def signed(keys: Iterable[int]) -> list[int]:
    """Turn keys of cells to the signed numbers that SQLite stores."""
    # without NumPy, which the page does not load at its start
    return [(int(key) + _HALF) % (2 * _HALF) - _HALF for key in keys]


def checked_name(text: str, field: str) -> str:
    """Return a name in one line; raise `DeepometryError` if it is none."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        found = repr(name[: LONGEST_NAME + 10]) if name else "none"
        raise DeepometryError(
            f"{field}: expected a name of at most {LONGEST_NAME} letters, found {found}; change it."
        )
    return name


def checked_annotator(text: str) -> str:
    """Return the name of an annotator; raise `DeepometryError` if it cannot be one."""
    name = checked_name(text, "Annotator")
    if name in TABLE_COLUMNS:
        raise DeepometryError(
            f"Annotator: expected a name, found {name}, which is a column of tables; change it."
        )
    return name


def same_annotator(who: str, names: Mapping[int, str]) -> int:
    """Find the number of an annotator, however the name is capitalised; 0 for nobody."""
    name = " ".join(who.split())
    same = [number for number, each in names.items() if folded(each) == folded(name)]
    return next((number for number in same if names[number] == name), (*same, 0)[0])


def checked_colour(text: str, classes: Iterable[LabelClass]) -> str:
    """Return a colour, or, for none, the one that the fewest classes have."""
    used = [each.colour for each in classes]
    colour = text.lower() or min(GROUPS, key=used.count)
    if not _COLOUR.fullmatch(colour):
        raise DeepometryError(f"Colour: expected one such as {GROUPS[0]}, found {colour!r}.")
    return colour


def checked_key(text: str | None, classes: Iterable[LabelClass]) -> str:
    """Return the key of a class, or, for None, the first that no class has."""
    used = {each.key: each.name for each in classes if each.key}
    if text is None:
        return next((key for key in _KEYS if key not in used), "")
    key = text.strip().casefold()
    if len(key) > 1 or not key.isprintable():
        raise DeepometryError(f"Key: expected one letter, digit or sign, found {text!r}.")
    if key in used:
        raise DeepometryError(f"Key: {key} is the key of {used[key]}; choose another one.")
    return key


def same_name(name: str, classes: Iterable[LabelClass]) -> LabelClass | None:
    """Find the class of a name, however it is capitalised."""
    return next((each for each in classes if folded(each.name) == folded(name)), None)

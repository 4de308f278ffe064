"""One SQLite file for the state of all jobs: its tables, and what is done where it is lost."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from deepometry.core.database import Database, Schema
from deepometry.core.errors import DeepometryError
from deepometry.core.user_folders import locked

_TABLES = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,             -- in the order of submission
    id TEXT NOT NULL UNIQUE,
    verb TEXT NOT NULL,
    options TEXT NOT NULL,                  -- JSON
    command TEXT NOT NULL,
    machine TEXT NOT NULL,                  -- the computer that runs it
    patience REAL NOT NULL,                 -- seconds that it has to stop by itself
    created REAL NOT NULL,                  -- times are in seconds since 1970
    state TEXT NOT NULL,
    pid INTEGER,                            -- of the process that was started for it
    born TEXT,
    made TEXT NOT NULL DEFAULT '[]',        -- JSON: folders that did not exist before
    started REAL,
    cancel_asked REAL,
    finished REAL,
    error TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '{}',      -- JSON
    question TEXT NOT NULL DEFAULT '',      -- JSON: what the user must decide before it can run
    result TEXT,                            -- JSON
    settled INTEGER NOT NULL DEFAULT 0      -- 1: it has ended, and nothing of it is left behind
);
CREATE INDEX unsettled ON jobs (machine) WHERE NOT settled;
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    time REAL NOT NULL,
    data TEXT NOT NULL                      -- JSON
);
CREATE INDEX of_job ON events (job, number);
CREATE UNIQUE INDEX last_progress ON events (job) WHERE kind = 'progress';
"""
_SCHEMA = Schema(
    format=2,
    tables=_TABLES,
    called="list of jobs",
    newer="start the newer Deepometry that wrote it, or set DEEPOMETRY_HOME to another folder",
    elsewhere="set DEEPOMETRY_HOME to a folder on this computer",
    changes={1: "ALTER TABLE jobs ADD COLUMN question TEXT NOT NULL DEFAULT ''"},
    durable=False,
)
_log = logging.getLogger(__name__)


class JobDatabase(Database):
    """The file of the jobs, which is written again where it was deleted under a server.

    Parameters
    ----------
    path : Path
        Made, with its folder, where it does not exist.
    wait : float
        Seconds to wait while another process writes.
    replace_damaged : bool
        Whether to move a damaged file aside and to begin an empty one.

    Attributes
    ----------
    notice : str
        What the user must know: that a damaged file was moved; else empty.
    """

    def __init__(self, path: Path, wait: float = 30.0, replace_damaged: bool = False) -> None:
        self.notice, self._replaces = "", replace_damaged
        try:
            super().__init__(path, _SCHEMA, wait)
        except DeepometryError:
            if not self.notice:  # otherwise the damaged file has been replaced
                raise

    def _ready(self) -> None:
        """Write the file again if somebody deleted it: this connection still reads all of it."""
        if self.path.exists():
            return
        old = self._connection
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self.path), suppress(sqlite3.Error):  # then the list begins empty
                if not self.path.exists():
                    with closing(sqlite3.connect(self.path)) as new:
                        old.backup(new)
        except OSError as error:
            raise self._unusable(error.strerror) from error
        old.close()
        self._open()
        self.notice = f"The list of jobs, {self.path}, was deleted meanwhile: it was written again."
        _log.warning("%s", self.notice)

    def _damaged(self) -> DeepometryError:
        """Replace the damaged file, where that was asked for, and open the new one."""
        if not self._replaces:
            return DeepometryError(f"{self.path}, the list of jobs, is damaged: end this program.")
        self._connection.close()
        with locked(self.path):
            sound = _is_sound(self.path)  # then another process was here first
            place = None if sound else _move_aside(self.path)
            self._open()
        moved = f"it was moved to {place}, and " if place else ""
        self.notice = (
            f"The list of jobs was damaged: {moved}an empty list was begun. The results in your "
            "own folders are not affected."
        )
        _log.warning("%s", self.notice)
        return DeepometryError(self.notice)

    def _unusable(self, reason: str | None) -> DeepometryError:
        return DeepometryError(
            f"The folder for Deepometry's own state, {self.path.parent}, cannot be used "
            f"({reason}); set DEEPOMETRY_HOME to a folder that you may write to."
        )


def _is_sound(path: Path) -> bool:
    if not path.exists():
        return False
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def _move_aside(path: Path) -> Path:
    """Rename a damaged file; return its new name."""
    place = path.with_name(f"{path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    try:
        path.replace(place)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)  # it belongs to that file
    except OSError as error:
        raise DeepometryError(
            f"{path}, the list of jobs, is damaged and cannot be moved aside ({error.strerror}); "
            "close all programs that use it, then rename it."
        ) from error
    return place

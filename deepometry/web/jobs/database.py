"""One SQLite file for the state of all jobs: opening it, its transactions and its errors.

Every change is one transaction, so that a program that is killed leaves all of it or nothing. The
journal is a rollback journal: a write-ahead log is faster, but does not work on network drives.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.user_folders import locked

FORMAT = 2
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
_CHANGES = {1: "ALTER TABLE jobs ADD COLUMN question TEXT NOT NULL DEFAULT ''"}
"""By format, what turns its tables into those of the next one."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_log = logging.getLogger(__name__)


class Database:
    """A connection that all threads of this process share.

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

    Raises
    ------
    DeepometryError
        The file cannot be read and written, or was written by a newer version.
    """

    def __init__(self, path: Path, wait: float = 30.0, replace_damaged: bool = False) -> None:
        self.path, self.notice = path, ""
        self._wait, self._replaces = wait, replace_damaged
        self._lock = threading.RLock()
        try:
            self._open()
        except DeepometryError:
            if not self.notice:  # otherwise the damaged file has been replaced
                raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write everything in the block, or nothing; inside another transaction, as part of it.

        Raises
        ------
        DeepometryError
            The file cannot be written.
        """
        with self._lock, self._explained():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._mend_deleted()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.rollback()
                raise

    def rows(self, query: str, *values: object) -> Sequence[sqlite3.Row]:
        """Return all rows of a query.

        Raises
        ------
        DeepometryError
            The file cannot be read.
        """
        with self._lock, self._explained():
            if not self._connection.in_transaction:
                self._mend_deleted()
            return self._connection.execute(query, values).fetchall()

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever any process has written to the file."""
        (row,) = self.rows("PRAGMA data_version")  # counts what other connections wrote
        return row[0], self._connection.total_changes

    def _mend_deleted(self) -> None:
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
            raise _unusable(self.path, error.strerror) from error
        old.close()
        self._open()
        self.notice = f"The list of jobs, {self.path}, was deleted meanwhile: it was written again."
        _log.warning("%s", self.notice)

    def _open(self) -> None:
        with self._explained():
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _unusable(self.path, error.strerror) from error
            self._connection = sqlite3.connect(
                self.path, timeout=self._wait, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._connection.close)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = TRUNCATE")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._make_tables()

    def _make_tables(self) -> None:
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > FORMAT:
                raise DeepometryError(
                    f"{self.path}: expected a list of jobs of format {FORMAT} or older, found "
                    f"format {version}; start the newer Deepometry that wrote it, or set "
                    "DEEPOMETRY_HOME to another folder."
                )
            if version < FORMAT:
                changes = [_CHANGES[number] for number in range(version or FORMAT, FORMAT)]
                for statement in changes or filter(str.strip, _TABLES.split(";\n")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {FORMAT}")

    # --- errors ------------------------------------------------------------------------------

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the details
            if code in _DAMAGED or "no such table" in str(error):  # it was emptied
                raise self._damaged() from error
            raise _sentence(self.path, code, error) from error

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


def _sentence(path: Path, code: int, error: sqlite3.Error) -> DeepometryError:
    if code == sqlite3.SQLITE_FULL:
        return explain_os_error(OSError(errno.ENOSPC, "No space left on device"), path)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _unusable(path, str(error))
    return DeepometryError(
        f"{path} cannot be used ({error}): close other programs that use it; if it lies on a "
        "network drive, set DEEPOMETRY_HOME to a folder on this computer."
    )


def _unusable(path: Path, reason: str | None) -> DeepometryError:
    return DeepometryError(
        f"The folder for Deepometry's own state, {path.parent}, cannot be used ({reason}); "
        "set DEEPOMETRY_HOME to a folder that you may write to."
    )

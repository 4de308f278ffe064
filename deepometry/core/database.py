"""A file of SQLite that the program keeps: its tables, its transactions, and errors as sentences.

Every change is one transaction, so that a program that is killed leaves all of it or nothing. The
journal is a rollback journal: a write-ahead log is faster, but does not work on network drives, and
keeps the newest changes in a second file, which is easily left behind when the first is copied.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from deepometry.core.errors import DeepometryError, explain_os_error

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNUSABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


@dataclass(frozen=True)
class Schema:
    """What a file holds, and what messages say of it.

    Attributes
    ----------
    format : int
        Number of its format; it grows when an older program would misread a newer file.
    tables : str
        Statements that make its tables, a line each or ended by ";\\n".
    called : str
        Such as "list of jobs".
    newer, elsewhere : str
        What to do about a file of a newer format, and about one that cannot be used.
    changes : dict of int to str
        By format, the statement that turns its tables into those of the next one.
    durable : bool
        Whether a change that was made outlasts a power cut, and not only a kill.
    """

    format: int
    tables: str
    called: str
    newer: str
    elsewhere: str
    changes: Mapping[int, str] = field(default_factory=dict)
    durable: bool = True


class Database:
    """A connection that all threads of this process share.

    Parameters
    ----------
    path : Path
        Made, with its folder, where it does not exist.
    schema : Schema
    wait : float
        Seconds to wait while another process writes.

    Raises
    ------
    DeepometryError
        The file cannot be read and written, or was written by a newer version.
    """

    def __init__(self, path: Path, schema: Schema, wait: float = 30.0) -> None:
        self.path, self._schema, self._wait = path, schema, wait
        self._lock = threading.RLock()
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, which Windows then lets others delete and rename."""
        self._connection.close()

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
            self._ready()
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
            return self._cursor(query, values).fetchall()

    def tuples(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query as plain tuples, which for very many takes half the time."""
        with self._lock, self._explained():
            cursor = self._cursor(query, values)
            cursor.row_factory = None
            return cursor.fetchall()

    def _cursor(self, query: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        if not self._connection.in_transaction:
            self._ready()
        return self._connection.execute(query, values)

    def copy(self, path: Path) -> None:
        """Write a copy of the file as it is now; others may go on writing."""
        with self._lock, self._explained(), closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever any process has written to the file."""
        (row,) = self.rows("PRAGMA data_version")  # counts what other connections wrote
        return row[0], self._connection.total_changes

    def _ready(self) -> None:
        """Do what must be done before the file is used, outside of transactions."""

    def _open(self) -> None:
        with self._explained():
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise self._unusable(error.strerror) from error
            self._connection = sqlite3.connect(
                self.path, timeout=self._wait, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._connection.close)
            self._connection.row_factory = sqlite3.Row
            # durable: nothing lies beside the file once a change is made
            journal, safety = (
                ("DELETE", "EXTRA") if self._schema.durable else ("TRUNCATE", "NORMAL")
            )
            self._connection.execute(f"PRAGMA journal_mode = {journal}")
            self._connection.execute(f"PRAGMA synchronous = {safety}")
            self._connection.execute("PRAGMA foreign_keys = ON")
            if self._format() != self._schema.format:
                self._make_tables()

    def _format(self) -> int:
        number: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return number

    def _make_tables(self) -> None:
        wanted = self._schema.format
        with self.transaction() as connection:
            there = self._format()  # now that no other process makes them
            if there > wanted:
                raise DeepometryError(
                    f"{self.path}: expected a {self._schema.called} of format {wanted} or older, "
                    f"found format {there}; {self._schema.newer}."
                )
            if there < wanted:
                changes = [
                    self._schema.changes[number] for number in range(there or wanted, wanted)
                ]
                for statement in changes or filter(str.strip, self._schema.tables.split(";\n")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {wanted}")

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
            raise self._sentence(code, error) from error

    def _damaged(self) -> DeepometryError:
        return DeepometryError(
            f"{self.path}, the {self._schema.called}, is damaged: put it back from a copy, or "
            "rename it and begin a new one."
        )

    def _unusable(self, reason: str | None) -> DeepometryError:
        return DeepometryError(f"{self.path} cannot be used ({reason}); {self._schema.elsewhere}.")

    def _sentence(self, code: int, error: sqlite3.Error) -> DeepometryError:
        if code == sqlite3.SQLITE_FULL:
            return explain_os_error(OSError(errno.ENOSPC, "No space left on device"), self.path)
        if code in _UNUSABLE:
            return self._unusable(str(error))
        return DeepometryError(
            f"{self.path} cannot be used ({error}): close other programs that use it; if it lies "
            f"on a network drive, {self._schema.elsewhere}."
        )

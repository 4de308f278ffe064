"""The row and the events of every job, and the changes that may happen to them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepometry.web.jobs.database import JobDatabase
from deepometry.web.jobs.process import Process, machine

FILE = "jobs.sqlite"
FINAL = ("done", "failed", "cancelled", "lost")
_JOB = """
SELECT jobs.*, progress.time AS progress_time, progress.data AS progress,
    (SELECT time FROM events WHERE job = jobs.id ORDER BY number DESC LIMIT 1) AS last_time
FROM jobs LEFT JOIN events AS progress ON progress.job = jobs.id AND progress.kind = 'progress'
"""
_ADD_EVENT = "INSERT OR REPLACE INTO events (job, kind, time, data) VALUES (?, ?, ?, ?)"
_SHARED = "kind IN ('state', 'progress', 'end')"
_BUSY = "SELECT 1 FROM jobs WHERE machine = ? AND NOT settled AND pid IS NOT NULL AND id != ?"


@dataclass(frozen=True)
class Event:
    """One thing that a job reported.

    Attributes
    ----------
    number : int
        Rising within all jobs; numbers may be left out.
    kind : str
        "progress", "log", "metrics", "state" or "end". Of "progress" only the last is kept.
    time : float
        Seconds since 1970.
    """

    number: int
    job: str
    kind: str
    time: float
    data: dict[str, Any]


class JobStore(JobDatabase):
    """The jobs below a folder, in `jobs.sqlite`; the text that each prints, in `<id>.log`."""

    def __init__(self, root: Path, wait: float = 30.0, replace_damaged: bool = False) -> None:
        super().__init__(root / FILE, wait, replace_damaged)
        self.root = root

    # --- reading -----------------------------------------------------------------------------

    def row(self, id: str) -> sqlite3.Row:
        """Return a job's row, with its last progress; KeyError if there is none of that id."""
        for row in self.rows(f"{_JOB} WHERE jobs.id = ?", id):
            return row
        raise KeyError(id)

    def ids(self) -> list[str]:
        """Return the ids of all jobs, newest first."""
        return [row["id"] for row in self.rows("SELECT id FROM jobs ORDER BY number DESC")]

    def unsettled(self, machine: str) -> Sequence[sqlite3.Row]:
        """Return a computer's jobs that have not ended, or were not cleaned up, oldest first."""
        return self.rows(f"{_JOB} WHERE machine = ? AND NOT settled ORDER BY jobs.number", machine)

    def cancel_asked(self, id: str) -> bool:
        """Return whether the user wants a job to stop."""
        query = "SELECT 1 FROM jobs WHERE id = ? AND cancel_asked IS NOT NULL"
        return bool(self.rows(query, id))

    def events(self, id: str, after: int = 0) -> list[Event]:
        """Return a job's events after a number, in order."""
        query = "SELECT * FROM events WHERE job = ? AND number > ? ORDER BY number"
        return [*map(_event, self.rows(query, id, after))]

    def shared_events(self, after: int) -> list[Event]:
        """Return state, progress and end of all jobs after a number, in order."""
        query = f"SELECT * FROM events WHERE number > ? AND {_SHARED} ORDER BY number"
        return [*map(_event, self.rows(query, after))]

    def unended_events(self, since: float) -> list[Event]:
        """Return state, progress and end of the jobs that had not ended at a time, in order."""
        jobs = "SELECT id FROM jobs WHERE finished IS NULL OR finished >= ?"
        query = f"SELECT * FROM events WHERE job IN ({jobs}) AND {_SHARED} ORDER BY number"
        return [*map(_event, self.rows(query, since))]

    def last_number(self) -> int:
        """Return the number of the newest event."""
        (row,) = self.rows("SELECT MAX(number) AS last FROM events")
        return row["last"] or 0

    # --- changes -----------------------------------------------------------------------------

    def add(self, job: Mapping[str, Any], first_event: str = "state") -> None:
        """Add a job with these columns, and its first event."""
        names, marks = ", ".join(job), ", ".join("?" * len(job))
        with self.transaction() as connection:
            connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", _texts(job))
            self.add_events(job["id"], [(first_event, job["created"], {"state": job["state"]})])

    def add_events(self, id: str, events: Iterable[tuple[str, float, Mapping[str, Any]]]) -> None:
        """Add events of a job: kind, time and data of each."""
        rows = [(id, kind, when, json.dumps(data)) for kind, when, data in events]
        with self.transaction() as connection:
            connection.executemany(_ADD_EVENT, rows)

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Be the one process of this computer that works on a job; yield whether it is.

        The lock is the system's: it holds although the list of jobs was deleted or damaged.
        """
        lock = FileLock(self.root / f"working{machine()[:8]}.lock")
        free = True
        try:
            lock.acquire(timeout=0)
        except Timeout:
            free = False
        except (NotImplementedError, OSError):
            pass  # some network drives have no locks
        try:
            yield free
        finally:
            lock.release()

    def set_launched(self, id: str, process: Process) -> None:
        """Record the process that was started for a job and has not claimed it yet."""
        with self.transaction() as connection:
            query = "UPDATE jobs SET pid = ?, born = ? WHERE id = ? AND state = 'queued'"
            connection.execute(query, (process.pid, process.born, id))

    def claim(self, id: str, process: Process, made: Iterable[Path]) -> bool:
        """Begin a job in a process, if it still waits and no other job of this computer is at work.

        The folders `made` are those that the job will make.
        """
        now, folders = time.time(), json.dumps([*map(str, made)])
        begin = """
        UPDATE jobs SET state = 'running', started = ?, pid = ?, born = ?, made = ?
        WHERE id = ? AND state = 'queued'
        """
        with self.transaction() as connection:
            if connection.execute(_BUSY, (process.machine, id)).fetchone():
                self.release(id)
                return False
            values = (now, process.pid, process.born, folders, id)
            claimed = connection.execute(begin, values).rowcount == 1
            if claimed:
                self.add_events(id, [("state", now, {"state": "running"})])
            return claimed

    def release(self, id: str) -> None:
        """Let a job wait again that was launched while another is at work."""
        with self.transaction() as connection:
            query = "UPDATE jobs SET pid = NULL WHERE id = ? AND state = 'queued'"
            connection.execute(query, (id,))

    def cancel(self, id: str) -> None:
        """End a job that waits; record, for one that runs, that the user wants it to stop."""
        query = "UPDATE jobs SET cancel_asked = ? WHERE id = ? AND state = 'running'"
        with self.transaction() as connection:
            if not self.finish(id, "queued", "cancelled"):
                connection.execute(query, (time.time(), id))

    def finish(
        self, id: str, before: str, state: str, error: str = "", **more: float | str | None
    ) -> bool:
        """End a job, if its state is still the one `before`; return whether it was.

        Parameters
        ----------
        state, error : str
            How it ended.
        **more
            Further columns.
        """
        columns = {"state": state, "error": error, "finished": time.time(), **more}
        names = ", ".join(f"{name} = ?" for name in columns)
        query = f"UPDATE jobs SET {names} WHERE id = ? AND state = ?"
        with self.transaction() as connection:
            if connection.execute(query, (*_texts(columns), id, before)).rowcount == 0:
                return False
            now, end = time.time(), {"state": state, "error": error}
            self.add_events(id, [("state", now, {"state": state}), ("end", now, end)])
            return True

    def settle(self, id: str) -> None:
        """Record that nothing is left to be done for a job."""
        with self.transaction() as connection:
            connection.execute("UPDATE jobs SET settled = 1 WHERE id = ?", (id,))

    def remove(self, id: str) -> None:
        """Delete a job with its events and its log.

        Raises
        ------
        OSError
            The log cannot be deleted; then the job stays.
        """
        with self.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (id,))
            self.log(id).unlink(missing_ok=True)

    def log(self, id: str) -> Path:
        """Return the file of what a job's process prints."""
        return self.root / f"{id}.log"


def _texts(columns: Mapping[str, Any]) -> list[Any]:
    """Return the values, in which names of files that are no Unicode are escaped, to be shown."""
    return [
        value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for value in columns.values()
    ]


def _event(row: sqlite3.Row) -> Event:
    return Event(row["number"], row["job"], row["kind"], row["time"], json.loads(row["data"]))

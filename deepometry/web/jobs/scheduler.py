"""Which job runs: one at a time, in their order, whatever number of servers there is."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import sweep_after
from deepometry.web.jobs.job import end_of_vanished, process_of
from deepometry.web.jobs.process import Process, born, launch, machine, reap
from deepometry.web.jobs.store import FINAL, JobStore

_LINGERING = 20.0  # seconds for a process to end after its job has
OVERDUE = 30.0  # seconds beyond its patience after which a job's process is ended from here
_log = logging.getLogger(__name__)


class Scheduler:
    """Starts jobs that wait, records which have ended, and ends processes that should have.

    Parameters
    ----------
    runner : str
        Module that runs a job: `python -m runner <folder of the jobs> <id>`.

    Notes
    -----
    Any number of schedulers may look after the same jobs: each change is one transaction, which
    first checks that the job is still in the state that was seen. Jobs of another computer that
    shares the folder are left alone.
    """

    def __init__(self, store: JobStore, runner: str) -> None:
        self._store, self._runner = store, runner

    def look(self) -> bool:
        """Look after all jobs once; return whether there are any that wait or run."""
        reap()
        rows = self._store.unsettled(machine())
        for row in rows:
            self._look_after(row)
        if any(row["state"] == "queued" for row in rows):
            self._start_next()
        return bool(rows)

    def _look_after(self, row: sqlite3.Row) -> None:
        try:
            process = process_of(row)
            if process and process.alive():
                if _is_overdue(row):
                    process.end()
            elif process or row["state"] in FINAL:
                self._close(row)
        except DeepometryError:  # the file of the jobs cannot be used just now
            raise
        except Exception:  # noqa: BLE001 - one damaged job must not hold up all others
            _log.exception("Job %s cannot be looked after, and is left alone.", row["id"])
            self._store.settle(row["id"])

    def _close(self, row: sqlite3.Row) -> None:
        """Delete what a job that has no process left half-written, and record its end."""
        if row["pid"] is not None:
            _sweep(row)
        with suppress(KeyError), self._store.transaction():  # it was removed
            now = self._store.row(row["id"])
            if (now["pid"], now["state"]) != (row["pid"], row["state"]):
                return  # its process changed that after the look at it: the next look tells
            if row["state"] not in FINAL:
                self._store.finish(row["id"], row["state"], **end_of_vanished(now))
            self._store.settle(row["id"])

    def _start_next(self) -> None:
        """Start the oldest job that waits, unless another one is at work."""
        with self._store.transaction():  # no other server can do the same meanwhile
            rows = self._store.unsettled(machine())
            waiting = [row for row in rows if row["state"] == "queued"]
            if waiting and all(row["pid"] is None for row in rows):
                with self._store.working() as free:  # else a job is at work that is not listed
                    pass
                if free:
                    self._launch(waiting[0]["id"])

    def _launch(self, id: str) -> None:
        """Start the process of a job. It claims the job itself, if the job then still waits."""
        root = self._store.root
        self._store.set_launched(id, Process(0, None, machine()))  # which a full disk refuses
        try:
            process = launch(self._runner, [str(root), id], root, self._store.log(id))
        except OSError as error:
            reason = f"The job could not start: {explain_os_error(error)}"
            self._store.finish(id, "queued", "failed", reason)
        else:
            self._store.set_launched(id, process)


def _is_overdue(row: sqlite3.Row) -> bool:
    """Return whether a process must be ended: its job has ended, or was to, long ago."""
    now = time.time()
    if row["state"] in FINAL:
        return bool(now - row["finished"] > _LINGERING)
    asked = row["cancel_asked"]
    return asked is not None and bool(now - asked > row["patience"] + OVERDUE)


def _sweep(row: sqlite3.Row) -> None:
    """Delete what the process of a job left half-written."""
    output, made = json.loads(row["options"]).get("output"), json.loads(row["made"])
    if not output or born(row["pid"]):
        return  # its number is of another process now, which may be at work there
    if not sweep_after(row["pid"], Path(output), map(Path, made)):
        _log.warning("%s: hidden files of an ended job cannot be deleted.", output)

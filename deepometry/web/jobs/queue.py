"""Runs as jobs: each is a process of its own, which goes on when the server ends."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.run_records import new_run_id
from deepometry.core.step_options import command_line, plain
from deepometry.core.steps import step_of
from deepometry.web.jobs.job import Job
from deepometry.web.jobs.process import machine
from deepometry.web.jobs.reader import JobReader
from deepometry.web.jobs.scheduler import Scheduler
from deepometry.web.jobs.store import FINAL
from deepometry.web.jobs.worker import PATIENCE

__all__ = ["FINAL", "Job", "Jobs"]

_BUSY, _IDLE = 0.25, 1.0  # seconds between two looks
_log = logging.getLogger(__name__)


class Jobs(JobReader):
    """The jobs below a folder: submitted here, run one at a time, found again by every server.

    Parameters
    ----------
    root : Path
        Folder of the jobs.
    runner : str
        Module that runs a job: `python -m runner <root> <id>`.
    patience : float
        Seconds that a step has to stop by itself when it is cancelled.

    Raises
    ------
    DeepometryError
        The folder cannot be used, or was written by a newer version.

    Notes
    -----
    All methods may be called from any thread. Nothing starts before `start` is called.
    """

    def __init__(
        self, root: Path, runner: str = "deepometry.web.jobs.worker", patience: float = PATIENCE
    ) -> None:
        super().__init__(root)
        self._scheduler = Scheduler(self._store, runner)
        self._patience = patience
        self._changed = threading.Condition()
        self._version = 0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    # --- what users do -----------------------------------------------------------------------

    def submit(self, options: object) -> Job:
        """Put a run with options of any step at the end of the queue.

        Raises
        ------
        DeepometryError
            The options are of no step that can be a job, or the job cannot be written.
        """
        job = self._add(options, {"state": "queued", "created": time.time()}, "state")
        self._wake.set()
        return job

    def record(self, options: object, result: object, started: float, finished: float) -> Job:
        """Put a run of any step on the list that was made elsewhere (times in seconds since 1970).

        Raises
        ------
        DeepometryError
            The options are of no step that can be a job, or the job cannot be written.
        """
        times = {"created": started, "started": started, "finished": finished}
        end = {"state": "done", "result": json.dumps(plain(result)), "settled": 1}
        return self._add(options, {**times, **end}, "end")

    def _add(self, options: object, columns: dict[str, Any], event: str) -> Job:
        id = new_run_id(time.time())
        about = {
            "id": id,
            "verb": step_of(options).name,
            "options": json.dumps(plain(options)),
            "command": command_line(options),
            "patience": self._patience,
            "machine": machine(),
        }
        self._store.add({**about, **columns}, event)
        self._announce()
        return self.get(id)

    def cancel(self, id: str) -> None:
        """Ask a job to stop; one that waits never starts. KeyError if there is none of that id.

        A job that runs stops within seconds, and leaves nothing half-written. One that has ended
        stays as it is.
        """
        self._store.row(id)
        self._store.cancel(id)
        self._announce()

    def forget(self, id: str) -> None:
        """Remove a job that has ended from the list; what it wrote to its output stays.

        Raises
        ------
        KeyError
            There is none of that id.
        DeepometryError
            It has not ended, or its log cannot be deleted.
        """
        job = self.get(id)
        if job.state not in FINAL:
            raise DeepometryError(f"Job {id} is {job.state}: cancel it before it is removed.")
        try:
            self._store.remove(id)
        except OSError as error:
            raise DeepometryError(
                f"{error.filename} cannot be deleted ({error.strerror}): close programs that show "
                "it, then try again."
            ) from error
        self._ended.pop(id, None)
        self._announce()

    # --- waiting for news --------------------------------------------------------------------

    @property
    def version(self) -> int:
        """A number that changes whenever a job reported something."""
        return self._version

    def wait(self, version: int, seconds: float) -> int:
        """Wait some seconds, or until `version` is another one; return it."""
        if self._thread is None:  # nobody looks in the background
            time.sleep(min(seconds, _BUSY))
            return version + 1
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self.stopped, seconds)
            return self._version

    def _announce(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    # --- the background ----------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Look after the jobs in the background: find those that run, start those that wait."""
        with self._changed:
            if self._thread is not None:
                return
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the background thread. The job that runs goes on; others wait for a server."""
        with self._changed:
            thread, self._thread = self._thread, None
        self._stopping.set()
        self._wake.set()
        self._announce()
        if thread is not None:
            thread.join(timeout=10)

    def _run(self) -> None:
        seen, busy = None, False
        while not self.stopped:
            self._wake.clear()
            try:
                busy = self._scheduler.look()
                before, seen = seen, self._store.version()
                if seen != before:
                    self._announce()
            except Exception:  # noqa: BLE001 - whatever it is, the next look may go well
                _log.exception("The jobs in %s could not be looked after.", self._store.root)
                busy = False
            self._wake.wait(_BUSY if busy else _IDLE)

"""Runs as jobs: each is a process of its own, which goes on when the server ends."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.web.feed import Event, Feed, line_of
from deepometry.web.process import machine
from deepometry.web.runner import PATIENCE
from deepometry.web.scheduler import Scheduler
from deepometry.web.store import FINAL, ID, Job, JobFolder, write
from deepometry.web.verbs import command_line, plain, verb_of

__all__ = ["FINAL", "Event", "Job", "Jobs"]

_BUSY, _IDLE = 0.25, 1.0  # seconds between two looks
_FEEDS = 32  # jobs whose events stay in memory
_LONGEST_LOG = 512 * 1024  # bytes
_log = logging.getLogger(__name__)

# the method `Jobs.list` hides the type of that name
Ids: TypeAlias = list[str]
JobList: TypeAlias = list[Job]
Events: TypeAlias = list[Event]
Rows: TypeAlias = list[dict[str, Any]]


class Jobs:
    """The jobs below a folder: submitted here, run one at a time, found again by every server.

    Parameters
    ----------
    root : Path
        Folder of the jobs.
    runner : str
        Module that runs a job: `python -m runner <job folder>`.
    patience : float
        Seconds that a step has to stop by itself when it is cancelled.

    Notes
    -----
    All methods may be called from any thread. Nothing starts before `start` is called.
    """

    def __init__(
        self, root: Path, runner: str = "deepometry.web.runner", patience: float = PATIENCE
    ) -> None:
        self._root = Path(root).absolute()
        self._scheduler = Scheduler(self._root, runner)
        self._patience = patience
        self._feeds: OrderedDict[str, Feed] = OrderedDict()
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        self._version = 0
        self._states: dict[str, str] = {}
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._last = 0

    # --- what users do -----------------------------------------------------------------------

    def submit(self, options: object) -> Job:
        """Put a run at the end of the queue.

        Parameters
        ----------
        options : ParseOptions, TrainOptions, PredictOptions, ExtractOptions or ExampleOptions

        Returns
        -------
        Job
            Still queued.

        Raises
        ------
        DeepometryError
            The options are of no step, or the state folder cannot be written.
        """
        job = self._add(options, time.time(), {})
        self._wake.set()
        return job

    def record(self, options: object, result: object, started: float, finished: float) -> Job:
        """Put a run on the list that was made elsewhere, and is done.

        Parameters
        ----------
        options : ParseOptions, TrainOptions, PredictOptions, ExtractOptions or ExampleOptions
        result : ParseResult, TrainResult, PredictResult, ExtractResult or ExampleResult
        started, finished : float
            In seconds since 1970.

        Returns
        -------
        Job
            As every job that is done.

        Raises
        ------
        DeepometryError
            The options are of no step, or the state folder cannot be written.
        """
        state = {"state": "done", "started": started, "finished": finished}
        return self._add(options, started, {**state, "result": plain(result)})

    def _add(self, options: object, created: float, state: dict[str, Any]) -> Job:
        """Make the folder of a job, whose state is known or, if empty, is to come."""
        told = plain(options)
        with self._lock:
            folder = JobFolder(self._root / self._new_id())
            content = {
                "id": folder.id,
                "verb": verb_of(options).name,
                "options": told,
                "command": command_line(options),
                "created": created,
                "output": told.get("output"),
                "patience": self._patience,
                "machine": machine(),
            }
            _publish(folder, content, state)
        self._tell()
        return folder.job()

    def get(self, id: str) -> Job:
        """Give a job as it stands; KeyError if there is none of that id."""
        folder = self._folder(id)
        state = folder.written_state().get("state")
        return folder.job(None if state in FINAL else self._feed(folder).progress)

    def list(self) -> JobList:
        """Give all jobs, newest first."""
        found = []
        for id in self.ids():
            try:
                found.append(self.get(id))
            except (KeyError, DeepometryError):  # forgotten at this very moment
                continue
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                _log.warning("Job %s is left out, its files are damaged: %r", id, error)
        return found

    def ids(self) -> Ids:
        """Give the ids of all jobs, newest first."""
        return [*self._scheduler.folders()][::-1]

    def cancel(self, id: str) -> None:
        """Ask a job to stop; one that waits never starts. KeyError if there is none of that id.

        A job that runs stops within seconds, and leaves nothing half-written. One that has ended
        stays as it is.
        """
        folder = self._folder(id)
        if folder.state()["state"] in FINAL:
            return
        folder.ask_to_cancel()
        self._scheduler.look(wait=1.0)
        self._tell()

    def forget(self, id: str) -> None:
        """Take a job that has ended off the list; what it wrote to its output stays.

        Raises
        ------
        KeyError
            There is none of that id.
        DeepometryError
            It has not ended, or its folder cannot be deleted.
        """
        job = self.get(id)
        if job.state not in FINAL:
            raise DeepometryError(f"Job {id} is {job.state}: cancel it before it is removed.")
        gone = self._root / f".gone-{id}"
        try:
            job.folder.rename(gone)
        except OSError as error:
            raise DeepometryError(
                f"{job.folder} cannot be removed ({error.strerror}): close programs that show a "
                "file of it, then try again."
            ) from error
        shutil.rmtree(gone, ignore_errors=True)
        with self._lock:
            self._feeds.pop(id, None)
        self._tell()

    # --- what jobs tell ----------------------------------------------------------------------

    def events(self, id: str, after: int = 0) -> Events:
        """Give what a job told after an event's number; of its progress the last only."""
        return self._feed(self._folder(id)).after(after)

    def metrics(self, id: str) -> Rows:
        """Give the learning curve so far: a dict of numbers an epoch."""
        return [event.data for event in self.events(id) if event.kind == "metrics"]

    def log(self, id: str) -> str:
        """Give what the process of a job printed; of a very long log its end."""
        try:
            with self._folder(id).log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _LONGEST_LOG))
                text = file.read().decode("utf-8", "replace").replace("\r\n", "\n")
        except FileNotFoundError:
            return ""
        if size <= _LONGEST_LOG:
            return text
        return (
            f"[the first {size - _LONGEST_LOG:,} bytes are left out]\n{text.partition(chr(10))[2]}"
        )

    @property
    def version(self) -> int:
        """A number that changes whenever a job told something."""
        return self._version

    def wait(self, version: int, seconds: float) -> int:
        """Wait until a job told something, or for some seconds.

        Parameters
        ----------
        version : int
            What `version` was, or the last call gave.
        seconds : float
            The longest wait.
        """
        if self._thread is None:  # nobody looks in the background
            time.sleep(min(seconds, _BUSY))
            return version + 1
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self.stopped, seconds)
            return self._version

    # --- the background ----------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Look after the jobs in the background: find those that run, start those that wait."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the background thread. The job that runs goes on; others wait for a server."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._stopping.set()
        self._wake.set()
        self._tell()
        if thread is not None:
            thread.join(timeout=10)

    def _run(self) -> None:
        while not self.stopped:
            self._wake.clear()
            try:
                busy = self._look()
            except Exception:  # noqa: BLE001 - whatever it is, the next look may go well
                _log.exception("The jobs in %s could not be looked after.", self._root)
                busy = False
            self._wake.wait(_BUSY if busy else _IDLE)

    def _look(self) -> bool:
        """Look after all jobs; wake those who listen if one told something."""
        before = self._scheduler.open()
        self._scheduler.look()
        told = [self._feed(folder).refresh() for folder in before]
        states = {folder.id: folder.state()["state"] for folder in before}
        if any(told) or states != self._states:
            self._tell()
        self._states = states
        return bool(before)

    def _tell(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    # --- folders -----------------------------------------------------------------------------

    def _folder(self, id: str) -> JobFolder:
        found = self._scheduler.folder(id) if ID.fullmatch(id) else None
        if found is None:
            raise KeyError(id)
        return found

    def _feed(self, folder: JobFolder) -> Feed:
        with self._lock:
            feed = self._feeds.pop(folder.id, None) or Feed(folder)
            self._feeds[folder.id] = feed  # the last used is the last to go
            while len(self._feeds) > _FEEDS:
                self._feeds.popitem(last=False)
            return feed

    def _new_id(self) -> str:
        """Name a job by the time, in microseconds that no other one of this server has."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        moment = datetime.fromtimestamp(self._last / 1e6, UTC)
        return f"{moment:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"


def _publish(folder: JobFolder, content: dict[str, Any], state: dict[str, Any]) -> None:
    """Make the folder of a job; job.json comes last, and makes it one."""
    now = state.get("state", "queued")
    event = Event(1, "end" if state else "state", {"state": now}, content["created"])
    try:
        folder.path.mkdir(parents=True)
        folder.events.write_bytes(line_of(event))
        if state:
            folder.set_state(state)
        write(folder.path / "job.json", content)
    except OSError as error:
        raise explain_os_error(error, folder.path) from error

"""Which job runs: one at a time, in their order, whatever number of servers there is."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import sweep_after
from deepometry.web.feed import Event, last_event, line_of
from deepometry.web.process import alive, born, end, exclusive, launch, machine, reap
from deepometry.web.runner import PATIENCE
from deepometry.web.store import FINAL, ID, JobFolder

_LINGERING = 20.0  # seconds for a process to end after its job has
_OVERDUE = 30.0  # seconds beyond its patience after which a job's process is ended from here
_log = logging.getLogger(__name__)


class Scheduler:
    """Starts what waits, sees what has ended, and ends what should have.

    Parameters
    ----------
    root : Path
        Folder of the jobs.
    runner : str
        Module that runs a job.
    """

    def __init__(self, root: Path, runner: str) -> None:
        self._root, self._runner = root, runner
        self._folders: dict[str, JobFolder] = {}
        self._closed: set[str] = set()  # jobs that need no more looking after
        self._lock = threading.RLock()

    def folders(self) -> dict[str, JobFolder]:
        """Give all jobs by their id, oldest first."""
        with self._lock:
            found = sorted(_names(self._root))
            known = self._folders
            folders = {name: known.get(name) or JobFolder(self._root / name) for name in found}
            self._folders = {name: one for name, one in folders.items() if one.told}
            return dict(self._folders)

    def folder(self, id: str) -> JobFolder | None:
        """Find a job by its id."""
        with self._lock:
            found = self._folders.get(id) or JobFolder(self._root / id)
            return found if found.path.is_dir() and found.told else None

    def open(self) -> list[JobFolder]:
        """Give the jobs that wait or run, or whose end has not been looked after, oldest first."""
        folders = self.folders()
        return [folder for name, folder in folders.items() if name not in self._closed]

    def look(self, wait: float = 0.0) -> bool:
        """Look after all jobs once; False if another server does so at this moment."""
        with self._lock, exclusive(self._root / "lock", wait) as mine:
            reap()
            if mine:
                self._look()
            return mine

    def _look(self) -> None:
        waiting, busy = [], False
        for folder in self.open():
            if folder.told.get("machine", machine()) != machine():
                continue  # of another computer that shares this home folder
            stands = self._stands(folder)
            busy |= stands == "busy"
            if stands == "waiting":
                waiting.append(folder)
        if waiting and not busy:
            self._launch(waiting[0])

    def _stands(self, folder: JobFolder) -> str:
        """Look after one job: is it "waiting", "busy", or "over"?"""
        try:
            state = folder.state()["state"]
            if state == "queued":
                return "waiting"
            if state == "running":
                _enforce(folder)
                return "busy"
            return "over" if self._close(folder) else "busy"
        except Exception:  # noqa: BLE001 - one damaged job must not hold up all others
            _log.exception("%s cannot be looked after, and is left alone.", folder.path)
            self._closed.add(folder.id)
            return "over"

    def _launch(self, folder: JobFolder) -> None:
        try:
            folder.set_launched(launch(self._runner, str(folder.path), folder.path, folder.log))
        except OSError as error:
            told = str(explain_os_error(error))
            conclude(folder, {"state": "failed", "error": f"The job could not start: {told}"})

    def _close(self, folder: JobFolder) -> bool:
        """See a job to its end; False while its process is still there."""
        state = folder.state()
        process = folder.process()
        if process and alive(process):
            if time.time() - state.get("finished", 0.0) > _LINGERING:
                end(process)
            return False
        conclude(folder, state)
        if not state.get("swept"):
            _sweep(folder, process)
        self._closed.add(folder.id)
        return True


def _names(root: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(root) as found:
        for entry in found:
            if ID.fullmatch(entry.name):
                yield entry.name


def _enforce(folder: JobFolder) -> None:
    """End a process that was asked to stop, and has not, long after it should have by itself."""
    if not folder.cancelled:
        return
    asked = folder.cancel.stat().st_mtime
    if time.time() - asked > folder.told.get("patience", PATIENCE) + _OVERDUE:
        end(folder.process())


def _sweep(folder: JobFolder, process: dict[str, Any]) -> None:
    """Delete what the process of a job left half-written."""
    number = process.get("pid")
    output = folder.told.get("output")
    if not isinstance(number, int) or not output or born(number):
        return  # its number is of another process now, which may be at work there
    made = [Path(place) for place in process.get("made", [])]
    if not sweep_after(number, Path(output), made):
        _log.warning("%s: hidden files of an ended job cannot be deleted.", output)


def conclude(folder: JobFolder, state: dict[str, Any]) -> None:
    """Write the end of a job that has no process to do it, as far as it is not written."""
    progress = last_event(folder.progress)
    told = {"finished": time.time(), "progress": progress.data if progress else {}, **state}
    try:
        if folder.written_state().get("state") not in FINAL:
            folder.set_state(told)
        _add_end(folder, state["state"], state.get("error", ""))
    except (OSError, DeepometryError) as error:
        _log.warning("%s: the end of the job cannot be written (%s).", folder.path, error)


def _add_end(folder: JobFolder, state: str, error: str) -> None:
    """Tell those who listen that a job has ended, if it did not itself."""
    last = [event for event in map(last_event, (folder.events, folder.progress)) if event]
    if any(event.kind == "end" for event in last):
        return
    number = max((event.number for event in last), default=0)
    lines = [
        line_of(Event(number + 1, "state", {"state": state}, time.time())),
        line_of(Event(number + 2, "end", {"state": state, "error": error}, time.time())),
    ]
    with folder.events.open("ab") as file:
        file.write(b"\n" + b"".join(lines))  # the last line may have been cut short

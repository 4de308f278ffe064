"""What a job's process reports: events, seldom enough for any number of reports."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.step_options import plain
from deepometry.web.jobs.store import JobStore
from deepometry.web.jobs.time_left import Estimate, in_words

_LONGEST = 2000  # characters of a sentence; the log has all of it


class Recorder:
    """Writes what the step of a job reports to the store.

    Attributes
    ----------
    rows : list of dict
        The numbers of every epoch so far.

    Notes
    -----
    Progress waits until `flush`, which is to be called a few times a second, so that the step never
    waits for the disk. Everything else is written at once; what cannot be written, as on a full
    disk, is written with the next event.
    """

    def __init__(self, store: JobStore, id: str) -> None:
        self._store, self._id = store, id
        self._lock = threading.RLock()
        self._estimate = Estimate()
        self._progress: tuple[str, float, dict[str, Any]] | None = None
        self._waiting: list[tuple[str, float, dict[str, Any]]] = []
        self.rows: list[dict[str, Any]] = []

    def event(self, kind: str, **data: Any) -> None:
        """Write an event that must not be lost."""
        with self._lock:
            self._queue_progress()
            self._waiting.append((kind, time.time(), data))
            self.flush()

    def say(self, text: str) -> None:
        """Write a sentence of the step, into the log as well."""
        sys.stdout.write(f"{text}\n")
        self.event("log", text=text[:_LONGEST])

    def measure(self, values: Mapping[str, float]) -> None:
        """Write the numbers of an epoch."""
        with self._lock:
            self._estimate.lap()
            self.rows.append(plain(values))
            self.event("metrics", **self.rows[-1])

    def report(self, done: int, total: int, text: str, unit: str = "") -> None:
        """Note how far the step is."""
        with self._lock:
            left = self._estimate.add(done, total)
            data: dict[str, Any] = {"done": int(done), "total": int(total), "unit": unit}
            data["text"] = text[:_LONGEST]
            data |= {"seconds_left": left, "left": in_words(left) if left else ""}
            self._progress = ("progress", time.time(), data)

    def flush(self) -> None:
        """Write what waits; if that is not possible, keep it for the next time."""
        with self._lock:
            self._queue_progress()
            if not self._waiting:
                return
            try:
                self._store.add_events(self._id, self._waiting)
            except DeepometryError as error:
                sys.stderr.write(f"{error} What happens is written later.\n")
            else:
                self._waiting.clear()

    def _queue_progress(self) -> None:
        """Put the last progress before what comes now; it replaces earlier progress."""
        if self._progress is not None:
            self._waiting = [event for event in self._waiting if event[0] != "progress"]
            self._waiting.append(self._progress)
            self._progress = None

"""What a job's process writes down: numbered events, seldom enough for any number of reports."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepometry.web.estimate import Estimate
from deepometry.web.feed import Event, last_event, line_of
from deepometry.web.store import JobFolder
from deepometry.web.verbs import plain

BETWEEN = 0.2  # seconds between two lines of progress
LARGEST = 256 * 1024  # bytes of progress, then the file begins anew
_LONGEST = 2000  # characters of a sentence; log.txt has all of it


class Lines:
    """A file that lines are added to, whole ones only, also after the disk was full for a while."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole = path.stat().st_size if path.exists() else 0
        self._waiting = b""

    def add(self, line: bytes) -> None:
        """Write a line; if that is not possible, write it with the next one."""
        self._waiting += line
        try:
            with self._path.open("ab") as file:
                file.truncate(self._whole)  # of what a full disk took in part
                file.write(self._waiting)
        except OSError as error:
            sys.stderr.write(f"{self._path}: {error}; what happens is written later.\n")
            return
        self._whole += len(self._waiting)
        self._waiting = b""

    def replace(self, line: bytes) -> None:
        """Begin the file anew if it has grown too large; then write a line, or lose it."""
        self._waiting = b""
        self._whole = 0 if self._whole > LARGEST else self._whole
        self.add(line)


class Recorder:
    """Turns what a step tells into lines of events.jsonl and progress.jsonl.

    Parameters
    ----------
    folder : JobFolder
        Of the job.

    Notes
    -----
    `tick` is to be called a few times a second, so that the last of many reports comes through.
    """

    def __init__(self, folder: JobFolder) -> None:
        last = last_event(folder.events)
        self._number = last.number if last else 0
        self._events, self._progress = Lines(folder.events), Lines(folder.progress)
        self._lock = threading.RLock()
        self._estimate = Estimate()
        self._pending: dict[str, Any] | None = None
        self._written = 0.0
        self.last: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []

    def tell(self, kind: str, **data: Any) -> None:
        """Write an event that must not be lost."""
        with self._lock:
            self.flush()
            self._events.add(self._line(kind, data))

    def say(self, text: str) -> None:
        """Write a sentence of the step, into the log as well."""
        sys.stdout.write(f"{text}\n")
        self.tell("log", text=text[:_LONGEST])

    def measure(self, values: Mapping[str, float]) -> None:
        """Write the numbers of an epoch."""
        with self._lock:
            self._estimate.lap()
            self.rows.append(plain(values))
            self.tell("metrics", **self.rows[-1])

    def report(self, done: int, total: int, text: str) -> None:
        """Take note of how far the step is; written if the last time is long enough ago."""
        with self._lock:
            left = self._estimate.add(done, total)
            told = {"done": int(done), "total": int(total), "text": text[:_LONGEST]}
            self._pending = {**told, "seconds_left": left}
            self.tick()

    def tick(self) -> None:
        """Write what waits, if the last time is long enough ago."""
        with self._lock:
            if time.monotonic() - self._written >= BETWEEN:
                self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            if self._pending is None:
                return
            self.last, self._pending = self._pending, None
            self._progress.replace(self._line("progress", self.last))
            self._written = time.monotonic()

    def _line(self, kind: str, data: dict[str, Any]) -> bytes:
        self._number += 1
        return line_of(Event(self._number, kind, data, time.time()))

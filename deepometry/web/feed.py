"""What a job has told so far: its files, read as they grow, once for all who listen."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.web.store import JobFolder

_TAIL = 16384  # bytes, more than the longest line of progress


@dataclass(frozen=True)
class Event:
    """One thing that a job told.

    Attributes
    ----------
    number : int
        Rising from 1 within the job; numbers may be left out.
    kind : str
        "progress", "log", "metrics", "state" or "end".
    data : dict
        What it was.
    time : float
        When, in seconds since 1970.
    """

    number: int
    kind: str
    data: dict[str, Any]
    time: float


def line_of(event: Event) -> bytes:
    """Write an event as a line of a file."""
    told = {"number": event.number, "kind": event.kind, "time": event.time, "data": event.data}
    return json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"


def event_of(line: bytes) -> Event | None:
    """Read a line; None if it is damaged."""
    try:
        told = json.loads(line)
        return Event(int(told["number"]), str(told["kind"]), dict(told["data"]), told["time"])
    except (ValueError, KeyError, TypeError):
        return None


class Feed:
    """The events of a job: all but progress, of which the last is enough.

    Notes
    -----
    Only what was added since the last look is read. May be used from any thread.
    """

    def __init__(self, folder: JobFolder) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._events: list[Event] = []
        self._numbers: list[int] = []
        self._read = 0
        self._progress: Event | None = None
        self._seen = (0, 0)

    def refresh(self) -> bool:
        """Read what is new; tell whether there was anything."""
        with self._lock:
            told = self._read_events()
            return self._read_progress() or told

    def after(self, number: int) -> list[Event]:
        """Give the events after a number, in order; of progress only the last."""
        self.refresh()
        with self._lock:
            found = self._events[bisect_right(self._numbers, number) :]
            last = self._progress
        if last is not None and last.number > number:
            found.append(last)
            found.sort(key=lambda event: event.number)
        return found

    @property
    def progress(self) -> dict[str, Any] | None:
        """How far the job is, with the `time` at which it told."""
        self.refresh()
        last = self._progress
        return None if last is None else {**last.data, "time": last.time}

    def _read_events(self) -> bool:
        path = self._folder.events
        try:
            if path.stat().st_size == self._read:
                return False
            with path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except OSError:
            return False
        new = new[: new.rfind(b"\n") + 1]  # a line that is being written waits for its end
        self._read += len(new)
        found = [event for event in map(event_of, new.splitlines()) if event is not None]
        self._events += found
        self._numbers += [event.number for event in found]
        return bool(found)

    def _read_progress(self) -> bool:
        path = self._folder.progress
        try:
            found = path.stat()
        except OSError:
            return False
        seen = (found.st_mtime_ns, found.st_size)
        if seen == self._seen:
            return False
        self._seen = seen
        last = last_event(path)
        if last is None or (self._progress and last.number <= self._progress.number):
            return False
        self._progress = last
        return True


def last_event(path: Path) -> Event | None:
    """Read the last whole line of a file of events."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read()
    except OSError:
        return None
    for line in reversed(lines[: lines.rfind(b"\n") + 1].splitlines()):
        if (event := event_of(line)) is not None:
            return event
    return None

"""What can be read of the jobs, by every process at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from deepometry.web.jobs.job import Job, has_vanished, job_of
from deepometry.web.jobs.store import FINAL, Event, JobStore

_LONGEST_LOG = 512 * 1024  # bytes
_log = logging.getLogger(__name__)

# the method `JobReader.list` hides the type of that name
JobList: TypeAlias = list[Job]
Events: TypeAlias = list[Event]
Rows: TypeAlias = list[dict[str, Any]]


class JobReader:
    """The jobs below a folder, which is made where it does not exist."""

    def __init__(self, root: Path) -> None:
        self._store = JobStore(Path(root).absolute(), replace_damaged=True)
        self._ended: dict[str, Job] = {}  # which change no more

    @property
    def notice(self) -> str:
        """What the user must know: that the list was damaged and was begun again; else empty."""
        return self._store.notice

    def get(self, id: str) -> Job:
        """Return a job as it stands; KeyError if there is none of that id."""
        row = self._store.row(id)
        if has_vanished(row):
            row = self._store.row(id)  # it may have ended well between the two looks
        job = job_of(row)
        if row["state"] in FINAL:
            self._ended[id] = job
        return job

    def list(self) -> JobList:
        """Return all jobs, newest first."""
        jobs = []
        for id in self._store.ids():
            try:
                jobs.append(self._ended.get(id) or self.get(id))
            except KeyError:  # removed at this very moment
                continue
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                _log.warning("Job %s is left out, its entry is damaged: %r", id, error)
        return jobs

    def events(self, id: str, after: int = 0) -> Events:
        """Return a job's events after a number, of its progress the last only.

        KeyError if there is no job of that id.
        """
        events = self._store.events(id, after)
        if not events:
            self._store.row(id)
        return events

    def follow(self, id: str, after: int) -> Iterator[Events]:
        """Yield a job's new events, again and again, until its end or until it is removed."""
        with suppress(KeyError):
            while True:
                events = self.events(id, after)
                yield events
                after = events[-1].number if events else after
                if any(event.kind == "end" for event in events):
                    return

    def follow_all(self, since: float) -> Iterator[Events]:
        """Yield new states, progress and ends of all jobs, again and again.

        It begins with all of those of the jobs that had not ended at the time `since`.
        """
        after = self._store.last_number()
        events = self._store.unended_events(since)
        while True:
            yield events
            after = max([after, *(event.number for event in events)])
            events = self._store.shared_events(after)

    def metrics(self, id: str) -> Rows:
        """Return the learning curve so far: a dict of numbers an epoch."""
        return [event.data for event in self.events(id) if event.kind == "metrics"]

    def log(self, id: str) -> str:
        """Return what the process of a job printed; of a very long log its end."""
        self._store.row(id)
        try:
            with self._store.log(id).open("rb") as file:
                left_out = max(0, file.seek(0, 2) - _LONGEST_LOG)
                file.seek(left_out)
                text = file.read().decode("utf-8", "replace").replace("\r\n", "\n")
        except FileNotFoundError:
            return ""
        if not left_out:
            return text
        return f"[the first {left_out:,} bytes are left out]\n{text.partition(chr(10))[2]}"

"""Work that may take long, done beside the requests: a request asks, waits a moment, asks again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from itertools import count
from typing import Any

from deepometry.core.errors import DeepometryError, Question
from deepometry.core.progress import Cancelled, Progress

MOMENT = 0.25
"""Seconds that a request waits for work before it answers that it is still going on."""

MOST_RUNNING = 12
FORGOTTEN = 120.0
"""Seconds without a question after which running work is given up: its page is gone."""

_logger = logging.getLogger(__name__)
_numbers = count(1)


class Task:
    """One piece of work in its own thread: called with the task, it returns the result.

    Attributes
    ----------
    progress : Progress
        For the work: takes its reports, and stops it when cancelled.
    reported : tuple of int, int, str, str
        Units done, units in all (0: not known), what is being done, and what is counted.
    found : object
        The result, or the part that the work has put here; None so far.
    error : str
        One sentence, if the work failed.
    question : Question or None
        What the user must decide before the work can be done.
    """

    def __init__(self, work: Callable[[Task], Any]) -> None:
        self.number = next(_numbers)
        self.progress = Progress(self._report)
        self.reported = (0, 0, "", "")
        self.found: Any = None
        self.error = ""
        self.question: Question | None = None
        self.watchers: dict[str, float] = {}
        self.ended = 0.0
        self._work, self._over = work, threading.Event()

    def _report(self, done: int, total: int, text: str) -> None:
        self.reported = (done, total, text, self.progress.unit)

    @property
    def over(self) -> bool:
        """Whether the work has ended, well or not."""
        return self._over.is_set()

    def start(self) -> None:
        """Start the thread."""
        # a daemon: a network disk that never answers must not keep the server from ending
        threading.Thread(target=self._run, daemon=True, name=f"browse-{self.number}").start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, but not for long; return whether it has come."""
        return self._over.wait(seconds)

    def _run(self) -> None:
        try:
            self.found = self._work(self)
        except (Cancelled, DeepometryError) as error:
            self.error = str(error)
            self.question = error if isinstance(error, Question) else None
        except Exception as error:
            _logger.exception("Work beside the requests failed")
            self.error = (
                f"This failed unexpectedly: {error!r}. The log of Deepometry has the details."
            )
        finally:
            self.ended = time.monotonic()
            self._over.set()


class Tasks:
    """All work in hand and lately done, by key; the last `most` of it."""

    def __init__(self, most: int = 24) -> None:
        self._most = most
        self._tasks: dict[Hashable, Task] = {}
        self._lock = threading.Lock()

    def ask(
        self, key: Hashable, work: Callable[[Task], Any], watcher: str, keep: float = 0.0
    ) -> Task:
        """Return the work of a key; start it if it is not in hand.

        Parameters
        ----------
        key : hashable
            What the work is about.
        watcher : str
            Who asks. Whatever it asked for before, and nobody else waits for, is cancelled.
        keep : float
            Seconds for which work that is done counts as in hand.
        """
        now = time.monotonic()
        with self._lock:
            task = self._tasks.pop(key, None)
            if task is None or (task.over and now - task.ended >= keep) or task.progress.cancelled:
                task = Task(work)
                task.start()
            self._tasks[key] = task  # at the end: the order is that of the last question
            task.watchers[watcher] = now
            self._leave_others(task, watcher)
            self._tidy(now)
        return task

    def find(self, key: Hashable) -> Task | None:
        """Return the work of a key if it is in hand."""
        with self._lock:
            return self._tasks.get(key)

    def _leave_others(self, task: Task, watcher: str) -> None:
        for other in self._tasks.values():
            if other is task or watcher not in other.watchers:
                continue
            del other.watchers[watcher]
            if not other.watchers:
                other.progress.cancel()

    def _tidy(self, now: float) -> None:
        """Give up what nobody asks for any more, and forget the oldest results."""
        running = [task for task in self._tasks.values() if not task.over]
        idle = [t for t in running if now - max(t.watchers.values(), default=0) > FORGOTTEN]
        for task in [*idle, *running[:-MOST_RUNNING]]:
            task.progress.cancel()
        for key in list(self._tasks)[: -self._most]:
            self._tasks.pop(key).progress.cancel()

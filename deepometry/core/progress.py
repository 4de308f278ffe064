"""Progress and cancellation: one object for the command line, the page and Python."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Report = Callable[[int, int, str], None]
Measured = Mapping[str, float]
_BETWEEN = 0.1  # seconds between two reports of a `Ticker`
_whole = threading.RLock()  # held while a block of `unbroken` is at work

STOPPED = "Stopped by you."


class Cancelled(Exception):
    """Raised inside a running step when the user has asked it to stop."""


class Progress:
    """The reports of a running step, and the request to stop it.

    Parameters
    ----------
    on_report : callable, optional
        Called as `on_report(done, total, text)` with the number of units done, the number in
        all, and what is being done; `unit` says what is counted.
    on_say : callable, optional
        Called with each sentence worth keeping in a log.
    on_measure : callable, optional
        Called with a dict of numbers, by name, for each point of a curve: `train` reports the
        `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`, `val_balanced_accuracy`,
        `learning_rate` and `seconds` of every epoch.

    Attributes
    ----------
    unit : str
        What the last report counted, such as "cells"; blank where it did not say.

    Notes
    -----
    `cancel` may be called from any thread or from a signal handler.
    """

    def __init__(
        self,
        on_report: Report | None = None,
        on_say: Callable[[str], None] | None = None,
        on_measure: Callable[[Measured], None] | None = None,
    ) -> None:
        self._on_report = on_report
        self._on_say = on_say
        self._on_measure = on_measure
        self._stop = threading.Event()
        self.unit = ""

    def report(self, done: int, total: int, text: str, unit: str = "") -> None:
        """Report that `done` of `total` units are done; raise `Cancelled` when asked to stop.

        A total of 0 means that there is nothing to count yet.
        """
        self.check()
        self.unit = unit
        if self._on_report is not None:
            self._on_report(done, total, text)

    def say(self, text: str) -> None:
        """Report one sentence for the log."""
        if self._on_say is not None:
            self._on_say(text)

    def measure(self, values: Measured) -> None:
        """Report the numbers of one point of a curve, such as those of an epoch."""
        if self._on_measure is not None:
            self._on_measure(values)

    def cancel(self) -> None:
        """Ask the step to stop at its next report."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` has been called."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the user has asked to stop."""
        if self.cancelled:
            raise Cancelled(STOPPED)


class Part(Progress):
    """The progress of one of several pieces of work, as a part of that of all of them.

    Parameters
    ----------
    whole : Progress
        Of all pieces; receives how far all are, and says whether to stop.
    before : int
        Units of the pieces before this one.
    total : int
        Units of all pieces.
    title : str
        Begins all texts.
    marks : dict of str to float, optional
        Added to every measurement.
    """

    def __init__(
        self, whole: Progress, before: int, total: int, title: str, marks: Measured | None = None
    ) -> None:
        super().__init__(
            self._pass_on,
            lambda text: whole.say(title + text),
            lambda values: whole.measure({**values, **(marks or {})}),
        )
        self._whole, self._before, self._total, self._title = whole, before, total, title
        self._done = 0

    def _pass_on(self, done: int, total: int, text: str) -> None:
        """Report it as a part of the whole; without a count, the position stays as it is."""
        self._done = done if total else self._done
        done = self._before + self._done
        self._whole.report(done, self._total, self._title + text, self.unit)

    def cancel(self) -> None:
        """Ask all of the work to stop at its next report."""
        self._whole.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` has been called, here or of the whole."""
        return self._whole.cancelled


class Within(Progress):
    """The progress of work that is short beside the rest: told in words, once, and not counted."""

    def __init__(self, whole: Progress) -> None:
        super().__init__(self._pass_on, whole.say, whole.measure)
        self._whole, self._text = whole, ""

    def _pass_on(self, done: int, total: int, text: str) -> None:
        if text != self._text:
            self._text = text
            self._whole.report(0, 0, text)

    def cancel(self) -> None:
        """Ask all of the work to stop at its next report."""
        self._whole.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` has been called, here or of the whole."""
        return self._whole.cancelled


class Ticker:
    """Counts units of work and reports them, at most ten times a second."""

    def __init__(self, progress: Progress, total: int, unit: str = "cells") -> None:
        self._progress, self._total, self._unit, self._done = progress, total, unit, 0
        self._next = 0.0

    def tick(self, text: str, units: int = 1) -> None:
        """Count some more units; report, if it is time."""
        self._done += units
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _BETWEEN
            done = min(self._done, self._total)
            self._progress.report(done, self._total, text, self._unit)

    def last(self, text: str) -> None:
        """Report the end."""
        self._progress.report(self._total, self._total, text, self._unit)


@contextmanager
def unbroken() -> Iterator[None]:
    """Hold Ctrl-C, and `hold_unbroken`, back until the block is whole, then let them work."""
    with _whole, _without_interrupts():
        yield


def hold_unbroken(seconds: float) -> bool:
    """Let no other block of `unbroken` begin; return whether all ended within some seconds.

    For a program that ends although a step does not respond: no output is moved halfway then.
    """
    return _whole.acquire(timeout=seconds)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C comes to the main thread only
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if held:
        raise KeyboardInterrupt


def as_progress(progress: Progress | Report | None) -> Progress:
    """Accept a `Progress`, a plain function `(done, total, text)`, or nothing at all."""
    if isinstance(progress, Progress):
        return progress
    return Progress(on_report=progress)

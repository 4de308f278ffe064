"""How much longer a step will take: a range, as wide as what is not known yet."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

_WINDOW = 60.0  # seconds looked back on
_BETWEEN = 0.5  # seconds between samples
_SOONEST = 2.0  # seconds before the first estimate, and the shortest stretch
_STRETCHES = 5
_DOUBT = (0.05, 0.5)  # how much faster or slower the rest may go, in the end and in the beginning
_WARM_UP = 2.0  # how much faster later epochs may be than the first, in which much is compiled

Range = tuple[float, float]
"""Seconds left: at least, at most."""


class Estimate:
    """The range of seconds left.

    Notes
    -----
    The last minute is divided into five stretches; where there are epochs, the last five epochs are
    the stretches. If the rest went as fast as the fastest stretch, it would take the least, as slow
    as the slowest, the most. What is not done yet may go otherwise than all before: both are
    divided or multiplied by a factor that falls from 1.5 in the beginning to 1.05 in the end. So
    the range narrows, the more the evener the pace is.

    An epoch holds its steps, the validation and the saving. The first one is forgotten once there
    is a second, because the network is compiled in it; until then, the others may take half as
    long.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin(0)

    def _begin(self, total: int) -> None:
        self._total, self._done = total, 0
        self._samples: deque[tuple[float, int]] = deque()
        self._laps: deque[float] = deque(maxlen=_STRETCHES)
        self._lap: tuple[float, int] | None = None
        self._first = True

    def add(self, done: int, total: int) -> Range | None:
        """Note that `done` of `total` units are done; return the range, or None."""
        now = self._clock()
        if total != self._total or done < self._done:
            self._begin(total)
        if self._lap is None:
            self._lap = (now, done)
        self._done = done
        if not self._samples or now - self._samples[-1][0] >= _BETWEEN:
            self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()
        return self.left()

    def lap(self) -> None:
        """Note that an epoch is over."""
        now = self._clock()
        if self._lap is None or self._done <= self._lap[1]:
            return
        pace = (now - self._lap[0]) / (self._done - self._lap[1])
        if self._first and self._laps:
            self._laps.clear()
            self._first = False
        self._laps.append(pace)
        self._lap = (now, self._done)

    def left(self) -> Range | None:
        """Return the range as of now; None while nothing is known."""
        if not self._total or not self._samples:
            return None
        if self._laps and self._lap is not None:
            since = self._clock() - self._lap[0]  # also in the validation, which reports nothing
            return self._range(list(self._laps), self._lap[1], since)
        paces = self._paces()
        return self._range(paces, self._done, 0.0) if paces else None

    def _range(self, paces: list[float], done: int, since: float) -> Range:
        """Return the range from seconds a unit, of which `done` were done `since` seconds ago."""
        units = self._total - done
        last, first = _DOUBT
        doubt = 1 + last + (first - last) * units / self._total
        warm = _WARM_UP if self._laps and self._first else 1.0
        least, most = min(paces) * units / doubt / warm, max(paces) * units * doubt
        return max(0.0, least - since), max(0.0, most - since)

    def _paces(self) -> list[float]:
        """Return the seconds a unit in the stretches of the last minute; in none nothing ended."""
        now = self._clock()
        points = [*self._samples, (now, self._done)]
        span = now - points[0][0]
        if span < _SOONEST or self._done <= points[0][1]:
            return []
        length = max(_SOONEST, span / _STRETCHES)
        paces, (since, before) = [], points[0]
        for when, done in points[1:]:
            if when - since >= length and done > before:
                paces.append((when - since) / (done - before))
                since, before = when, done
        return [*paces, span / (self._done - points[0][1])]  # a standstill is in the last alone


def in_words(left: Range) -> str:
    """Write a range as the page shows it: "4 to 9 min", or "about 5 min" where it is narrow.

    The least is rounded down and the most up, to steps that fit their size.
    """
    least, most = _rounded(left[0], math.floor), _rounded(left[1], math.ceil)
    if most[0] == 0 or (most[1] == "s" and most[0] <= _SMALLEST):
        return "a few seconds"
    if least[0] == 0:
        return f"at most {most[0]:g} {most[1]}"
    if left[1] <= _NARROW * left[0]:
        about = _rounded(sum(left) / 2, round)
        return f"about {about[0]:g} {about[1]}"
    if least[1] == most[1]:
        return f"{least[0]:g} to {most[0]:g} {most[1]}"
    return f"{least[0]:g} {least[1]} to {most[0]:g} {most[1]}"


_SMALLEST = 5  # seconds
_NARROW = 1.25  # a range whose ends differ less is told as one number
# From so many seconds on: the unit, its seconds, and the step in it
_UNITS = ((7200, "h", 3600, 0.5), (90, "min", 60, 1), (0, "s", 1, _SMALLEST))


def _rounded(seconds: float, way: Callable[[float], float]) -> tuple[float, str]:
    _, unit, size, step = next(each for each in _UNITS if seconds >= each[0])
    return step * way(seconds / size / step), unit

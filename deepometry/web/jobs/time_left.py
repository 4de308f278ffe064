"""How much longer a step will take, from how fast it has been lately."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import median

_WINDOW = 60.0  # seconds looked back on
_BETWEEN = 0.5  # seconds between samples
_SOONEST = 2.0  # seconds before the first estimate
_LAPS = 5


class Estimate:
    """Seconds left, by a moving rate; where there are laps (epochs), by the median of the last.

    Notes
    -----
    A lap holds all that an epoch takes: its steps, the validation and the saving. The first lap
    is forgotten once there is a second, because the network is compiled in it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin(0)

    def _begin(self, total: int) -> None:
        self._total, self._done = total, 0
        self._samples: deque[tuple[float, int]] = deque()
        self._laps: deque[float] = deque(maxlen=_LAPS)
        self._lap: tuple[float, int] | None = None
        self._first = True

    def add(self, done: int, total: int) -> float | None:
        """Note that `done` of `total` units are done; return the seconds left, or None."""
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

    def left(self) -> float | None:
        """Return the seconds left as of now; None while there is no estimate."""
        if not self._total or not self._samples:
            return None
        now, units = self._clock(), self._total - self._done
        if self._laps and self._lap is not None:
            since = now - self._lap[0]  # runs on during the validation, when nothing is reported
            return max(0.0, median(self._laps) * (self._total - self._lap[1]) - since)
        start, first = self._samples[0]
        if now - start < _SOONEST or self._done <= first:
            return None
        return units * (now - start) / (self._done - first)

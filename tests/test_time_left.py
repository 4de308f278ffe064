"""The time left, as a range: made-up courses of jobs, of which the end is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from deepometry.web.jobs.time_left import Estimate, Range, in_words

Moment = tuple[float, Range]
"""The seconds that were really left, and the range that was told."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def course(pace: Callable[[float], float], total: int = 600) -> list[Moment]:
    """Run a job whose units take `pace(share done)` seconds each."""
    clock = Clock()
    estimate, told = Estimate(clock), []
    for done in range(1, total + 1):
        clock.now += pace(done / total)
        if left := estimate.add(done, total):
            told.append((clock.now, left))
    return [(clock.now - when, left) for when, left in told]


def training(first: float, later: float, epochs: int = 20, steps: int = 10) -> list[Moment]:
    """Run a training whose epochs end with a validation that reports nothing."""
    clock = Clock()
    estimate, told = Estimate(clock), []
    for epoch in range(epochs):
        for step in range(1, steps + 1):
            clock.now += (first if epoch == 0 else later) / (2 * steps)
            estimate.add(epoch * steps + step, epochs * steps)
        clock.now += (first if epoch == 0 else later) / 2
        estimate.lap()
        if left := estimate.left():
            told.append((clock.now, left))
    return [(clock.now - when, left) for when, left in told]


def true_share(moments: list[Moment]) -> float:
    """Return how often the truth lay in the range."""
    return float(
        np.mean([least - 1e-6 <= truth <= most + 1e-6 for truth, (least, most) in moments])
    )


def noise(spread: float, seed: int) -> Iterator[float]:
    rng = np.random.default_rng(seed)
    while True:
        yield float(rng.uniform(1 - spread, 1 + spread))


# --- honest -------------------------------------------------------------------------------------


def test_of_an_even_job_the_range_always_holds_the_truth():
    assert true_share(course(lambda share: 1.0)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_of_an_uneven_job_it_holds_the_truth_nearly_always(seed):
    factors = noise(0.8, seed)
    assert true_share(course(lambda share: next(factors))) > 0.95


@pytest.mark.parametrize("end", [0.6, 0.75, 1.25, 1.6])
def test_of_a_job_that_gets_slower_or_faster_too(end):
    assert true_share(course(lambda share: 1 + (end - 1) * share)) > 0.95


def test_a_job_that_suddenly_takes_twice_as_long_is_believed_after_a_minute():
    moments = course(lambda share: 1.0 if share < 0.5 else 2.0)
    wrong = [truth for truth, (least, most) in moments if not least <= truth <= most + 1e-6]
    assert wrong  # nobody could have known
    later = [each for each in moments if each[0] < 600 - 60]
    assert true_share(later) == 1


@pytest.mark.parametrize("first", [20.0, 30.0, 40.0])
def test_of_a_training_it_holds_the_truth_although_the_first_epoch_compiles(first):
    assert true_share(training(first, 20.0)) == 1


# --- and as narrow as can be -------------------------------------------------------------------


def test_it_narrows_as_the_job_goes_on():
    moments = course(lambda share: 1.0)
    widths = [most - least for _, (least, most) in moments]
    assert all(b <= a + 1e-6 for a, b in pairwise(widths))
    ratios = [most / least for truth, (least, most) in moments if truth > 1]
    assert ratios[0] == pytest.approx(1.5**2, rel=0.02)
    assert ratios[-1] == pytest.approx(1.05**2, rel=0.01)


def test_only_the_last_minute_counts():
    moments = course(lambda share: 1.0 if share < 0.3 else 0.25)
    least, most = moments[-100][1]
    assert most / least < 1.4


def test_the_first_epoch_is_forgotten_once_there_is_a_second():
    moments = training(120.0, 20.0)
    truth, (least, most) = moments[1]
    assert most < 1.5 * truth
    assert most / least == pytest.approx(1.455**2)


def test_a_validation_that_reports_nothing_counts_down():
    clock = Clock()
    estimate = Estimate(clock)
    for _ in range(2):
        for _ in range(10):
            clock.now += 1
            estimate.add(estimate._done + 1, 100)
        estimate.lap()
    least, most = estimate.left()
    clock.now += 5
    assert estimate.left() == pytest.approx((least - 5, most - 5))


def test_a_standstill_makes_it_longer():
    clock = Clock()
    estimate = Estimate(clock)
    for done in range(1, 31):
        clock.now += 1
        before = estimate.add(done, 100)
    clock.now += 25
    after = estimate.left()
    assert after[1] > 1.5 * before[1]
    assert after[0] <= before[0]


def test_nothing_is_told_before_two_seconds_or_without_a_count():
    clock = Clock()
    estimate = Estimate(clock)
    assert estimate.add(0, 0) is None
    assert estimate.add(0, 10) is None
    clock.now = 1.9
    assert estimate.add(1, 10) is None
    clock.now = 2.1
    assert estimate.add(2, 10) is not None
    assert estimate.add(1, 10) is None  # another count began


# --- in words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ((240.0, 540.0), "4 to 9 min"),
        ((250.0, 530.0), "4 to 9 min"),
        ((22.0, 48.0), "20 to 50 s"),
        ((45.0, 140.0), "45 s to 3 min"),
        ((3000.0, 9000.0), "50 min to 2.5 h"),
        ((9000.0, 20000.0), "2.5 to 6 h"),
        ((300.0, 330.0), "about 5 min"),
        ((31.0, 33.0), "about 30 s"),
        ((0.0, 40.0), "at most 40 s"),
        ((0.0, 4.0), "a few seconds"),
        ((2.0, 4.9), "a few seconds"),
        ((0.0, 0.0), "a few seconds"),
    ],
)
def test_ranges_in_words(left, words):
    assert in_words(left) == words

"""Slowing down and stopping, worked out from the history."""

import pytest

from deepometry.training.plateau import SMALLEST_RATE, plan


def test_the_best_epoch_is_the_first_with_the_lowest_loss():
    assert plan([3, 2, 2, 2.5], 0, 0).best == 2
    assert plan([], 3, 3) == plan([], 0, 0)
    assert plan([], 3, 3).best == 0


def test_the_rate_is_halved_after_each_plateau():
    losses = [1.0] + [2.0] * 7
    assert [plan(losses[:n], 3, 0).rate for n in range(1, 9)] == [
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.25,
        0.25,
    ]


def test_an_improvement_starts_the_plateau_anew_but_keeps_the_rate():
    assert plan([5, 6, 6, 4, 6, 6], 3, 0).rate == 1
    assert plan([5, 6, 6, 6, 4, 6], 3, 0).rate == 0.5


def test_the_rate_has_a_floor():
    assert plan([1.0] + [2.0] * 100, 1, 0).rate == pytest.approx(SMALLEST_RATE)


def test_stopping():
    assert not plan([1, 2, 2], 0, 3).stop
    assert plan([1, 2, 2, 2], 0, 3).stop
    assert not plan([1] + [2] * 50, 0, 0).stop


def test_a_loss_that_is_not_a_number_never_is_the_best():
    assert plan([2, float("nan"), 1.5, float("nan")], 0, 0).best == 3

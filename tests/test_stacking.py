"""Weights of several models, fitted on cells that they did not learn from."""

from __future__ import annotations

import numpy as np
import pytest

from deepometry.evaluation.stacking import Stack, cross_fitted, fit_classes, fit_numbers
from deepometry.evaluation.temperature_scaling import scaled


def softmax(logits):
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def loss(probabilities, true):
    return -np.log(probabilities[np.arange(len(true)), true]).mean()


def two_looks(cells, rng, noises=(1.0, 1.0), classes=3):
    """Make probabilities of models that see each cell with noise of their own; calibrated."""
    true = rng.integers(classes, size=cells)
    signal = 2.0 * np.eye(classes)[true]
    parts = []
    for noise in noises:
        seen = signal + noise * rng.normal(size=(cells, classes))
        parts.append(softmax(seen * 2.0 / noise**2))  # the true posterior of that look
    return parts, true


def even(classes=3):
    return np.full(classes, 1 / classes)


def test_two_independent_looks_are_better_together_than_each_alone():
    rng = np.random.default_rng(0)
    parts, true = two_looks(400, rng)
    stack = fit_classes(parts, true, even(), 0.0)
    new, truth = two_looks(4000, rng)
    together = stack.together(new)
    assert loss(together, truth) < 0.8 * min(loss(part, truth) for part in new)
    # independent looks multiply: a weight near 1 for both
    assert np.allclose(stack.weights.mean(1), 1, atol=0.35)
    assert np.allclose(together.sum(1), 1, atol=1e-5)


def test_a_part_that_knows_nothing_gets_little_weight_and_costs_little():
    rng = np.random.default_rng(1)
    parts, true = two_looks(200, rng, noises=(1.0, 50.0))
    parts[1] = softmax(rng.normal(size=parts[1].shape))
    stack = fit_classes(parts, true, even(), 0.0)
    new, truth = two_looks(4000, rng, noises=(1.0, 50.0))
    new[1] = softmax(rng.normal(size=new[1].shape))
    assert abs(stack.weights[1].mean()) < 0.25 * stack.weights[0].mean()
    assert loss(stack.together(new), truth) < loss(new[0], truth) + 0.02


def test_without_cells_all_parts_count_the_same():
    stack = fit_classes([np.empty((0, 3))] * 2, np.empty(0, np.int64), even(), 0.0)
    assert np.allclose(stack.weights, 0.5)
    assert np.allclose(stack.bias, 0)


def test_overconfident_parts_are_calibrated():
    rng = np.random.default_rng(2)
    parts, true = two_looks(500, rng)
    hot = [scaled(part.astype(np.float32), 0.25) for part in parts]
    stack = fit_classes(hot, true, even(), 0.0)
    new, truth = two_looks(4000, rng)
    hot = [scaled(part.astype(np.float32), 0.25) for part in new]
    assert loss(stack.together(hot), truth) < loss(np.mean(hot, 0), truth) - 0.1


def test_parts_that_were_taught_rare_classes_as_common_ones_are_corrected():
    rng = np.random.default_rng(3)
    shares = np.array([0.9, 0.08, 0.02])
    true = rng.choice(3, 1000, p=shares)
    parts = [softmax(1.5 * np.eye(3)[true] + rng.normal(size=(1000, 3))) for _ in range(2)]
    plain = fit_classes(parts, true, shares, 0.0).together(parts)
    assert np.allclose(plain.mean(0), shares, atol=0.02)
    favoured = fit_classes(parts, true, shares, 1 / 3).together(parts)
    assert favoured[:, 2].mean() > 1.5 * plain[:, 2].mean()


def test_the_gradient_is_that_of_the_loss():
    from deepometry.evaluation.stacking import _Problem

    rng = np.random.default_rng(4)
    parts, true = two_looks(50, rng)
    problem = _Problem(np.log(np.stack(parts)), true, np.log(np.array([0.5, 0.3, 0.2])))
    row = problem.start + 0.1 * rng.normal(size=len(problem.start))
    _, slopes = problem.loss(row)
    for place in range(len(row)):
        step = np.zeros(len(row))
        step[place] = 1e-5
        change = (problem.loss(row + step)[0] - problem.loss(row - step)[0]) / 2e-5
        assert change == pytest.approx(slopes[place], abs=1e-4)


def test_numbers_are_weighed_by_their_errors():
    rng = np.random.default_rng(5)
    true = rng.normal(size=500)
    good = (true + 0.3 * rng.normal(size=500))[:, None]
    poor = (true + 0.9 * rng.normal(size=500))[:, None]
    stack = fit_numbers([good, poor], true)
    assert stack.weights[0, 0] > 3 * stack.weights[1, 0] > 0
    together = stack.together([good, poor])[:, 0]
    errors = [np.square(each - true).mean() for each in (together, good[:, 0], poor[:, 0])]
    assert errors[0] <= min(errors[1:])


def test_a_stack_comes_back_from_plain_values():
    rng = np.random.default_rng(6)
    parts, true = two_looks(100, rng)
    stack = fit_classes(parts, true, even(), 0.0)
    again = Stack.read(stack.plain(), is_number=False)
    assert np.array_equal(again.together(parts), stack.together(parts))


def test_no_cell_is_weighed_by_weights_that_saw_it():
    rng = np.random.default_rng(7)
    parts = [softmax(2 * rng.normal(size=(60, 6))) for _ in range(2)]
    true = rng.integers(6, size=60)  # which the parts know nothing of
    seen = []

    def fit(some):
        seen.append(some)
        return fit_classes([part[some] for part in parts], true[some], even(6), 0.0)

    outputs = cross_fitted(parts, fit, np.random.default_rng(0))
    left_out = [np.setdiff1d(np.arange(60), some) for some in seen]
    assert np.array_equal(np.sort(np.concatenate(left_out)), np.arange(60))
    every = fit(np.arange(60)).together(parts)
    assert loss(every, true) < loss(outputs, true)
    assert np.allclose(outputs.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("cells", [1, 2, 4])
def test_few_cells_are_weighed_too(cells):
    parts, true = two_looks(cells, np.random.default_rng(8))

    def fit(some):
        return fit_classes([part[some] for part in parts], true[some], even(), 0.0)

    assert cross_fitted(parts, fit, np.random.default_rng(0)).shape == (cells, 3)

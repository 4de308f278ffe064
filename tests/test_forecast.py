"""What a training will take, told before it starts."""

import numpy as np
import psutil
import pytest

from deepometry.core.errors import DeepometryError
from deepometry.network.build import build_network
from deepometry.training.cost_estimate import (
    about_time,
    check_memory,
    memory_needed,
    seconds_a_step,
)


@pytest.fixture(scope="module")
def model():
    return build_network("small18", 16, 3, "channel", [100.0], [20.0], 0)


def test_timed_steps_are_taken_back(model):
    def step():
        for weight in model.weights:
            weight.assign(weight + 1)

    before = model.get_weights()
    assert seconds_a_step(model.weights, step) > 0
    for one, other in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_memory_grows_with_the_batch_and_what_does_not_fit_is_refused(model, monkeypatch):
    assert memory_needed(model, 3200) > 2 * memory_needed(model, 32)
    check_memory(model, 32)
    little = psutil.virtual_memory()._replace(available=10_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    with pytest.raises(DeepometryError, match=r"0\.0 GiB of free memory.*smaller --batch-size"):
        check_memory(model, 32)


@pytest.mark.parametrize(
    ("steps", "told"), [(10, "about 30 s"), (1000, "about 50 min"), (10_000, "about 8.3 h")]
)
def test_time_in_words(steps, told):
    found = about_time(30, steps, 0.1, 0.0)
    assert found.endswith(told)
    assert found.startswith("30 epochs of ")

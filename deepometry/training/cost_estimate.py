"""What a training will take, told before it starts: time from a few steps, and memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.text import counted, in_words
from deepometry.network.backend import gpu_capabilities, keras

FORWARD = 1 / 3
"""Time that predicting a cell takes, as a share of that of learning from it."""

_TIMED = 3
_FOUR_COPIES = 4  # of each weight: itself, its gradient and the two moments of Adam
_WORKING = 0.8  # of the activations; measured 0.6 to 0.7 on TensorFlow, which reuses memory
_GRAPH = 100 * 2**20  # what building the graph takes, measured
_BYTES = 4


def seconds_a_step(variables: list[Any], step: Callable[[], object]) -> float:
    """Return the median time of a few steps, and restore the variables that they change.

    The first step, which builds the graph, is not counted.
    """
    before = [np.array(keras().ops.convert_to_numpy(each)) for each in variables]
    taken = [_seconds(step) for _ in range(_TIMED + 1)]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return float(np.median(taken[1:]))


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def memory_needed(model: Any, batch_size: int) -> int:
    """Estimate the bytes that training takes beside the program itself."""
    body = model.layers[-1]
    shapes = [layer.output.shape[1:] for layer in body.layers]
    activations = sum(math.prod(shape) for shape in shapes) * batch_size
    weights = sum(math.prod(each.shape) for each in model.weights)
    return int(_BYTES * (_WORKING * activations + _FOUR_COPIES * weights)) + _GRAPH


def check_memory(model: Any, batch_size: int) -> None:
    """Refuse a training that the memory of this computer cannot hold."""
    import psutil

    if gpu_capabilities():
        return  # the memory of the GPU counts, and it says so itself
    needed, free = memory_needed(model, batch_size), psutil.virtual_memory().available
    if needed > free:
        raise DeepometryError(
            f"Batch size: expected a training that fits into the {free / 2**30:.1f} GiB of free "
            f"memory, found one of {needed / 2**30:.1f} GiB; use a smaller --batch-size or "
            "--network, or close other programs."
        )


def about_time(epochs: int, steps: int, seconds: float, share: float, after: int = 0) -> str:
    """Return in words how long the epochs will take.

    `seconds` is the time of one step, `share` the validation cells for every training cell:
    validating one takes a third of the time of training on one. `after` are the steps of the
    trainings that follow.
    """
    each = seconds * (1 + FORWARD * share)
    further = f", {in_words((epochs * steps + after) * each)} with the trainings that follow"
    return (
        f"{counted(epochs, 'epoch')} of {counted(steps, 'step')}, {seconds:.2g} s a step: about "
        f"{in_words(epochs * steps * each)}{further if after else ''}"
    )

"""The eight ways to lay a cell down: a prediction averaged over them does not depend on any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def views_of(images: np.ndarray, views: int) -> Iterator[np.ndarray]:
    """Give the images, then their mirror images and quarter turns.

    Parameters
    ----------
    images : ndarray, shape (n, frame, frame, channels)
    views : int
        How many: 1 or 8.
    """
    for number in range(views):
        turned = np.rot90(images, number // 2, (1, 2))
        yield np.ascontiguousarray(turned[:, ::-1] if number % 2 else turned)


def predict_views(model: Any, images: np.ndarray, views: int) -> tuple[np.ndarray, ...]:
    """Run a model on all views of some images; average each of its outputs over them.

    Returns
    -------
    tuple of ndarray of float32
        One for every output of the model, first axis n.
    """
    sums: list[np.ndarray] = []
    for seen in views_of(images.astype(np.float32, copy=False), views):
        given = model.predict_on_batch(seen)
        given = list(given) if isinstance(given, list | tuple) else [given]
        given = [each[: len(images)] for each in given]  # several GPUs repeat the batch
        sums = [a + b for a, b in zip(sums, given, strict=True)] if sums else given
    return tuple(total / np.float32(views) for total in sums)

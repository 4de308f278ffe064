"""Predictions averaged over mirror images and quarter turns of a cell, up to eight views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def views_of(images: np.ndarray, views: int) -> Iterator[np.ndarray]:
    """Yield the images, (n, frame, frame, channels), then their mirror images and quarter turns.

    `views` is 1 or 8.
    """
    for number in range(views):
        turned = np.rot90(images, number // 2, (1, 2))
        yield np.ascontiguousarray(turned[:, ::-1] if number % 2 else turned)


def predict_views(model: Any, images: np.ndarray, views: int) -> tuple[np.ndarray, ...]:
    """Run a model on all views of some images; return the mean of each of its outputs over them."""
    sums: list[np.ndarray] = []
    for seen in views_of(images.astype(np.float32, copy=False), views):
        outputs = model.predict_on_batch(seen)
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        outputs = [each[: len(images)] for each in outputs]  # several GPUs repeat the batch
        sums = [a + b for a, b in zip(sums, outputs, strict=True)] if sums else outputs
    return tuple(total / np.float32(views) for total in sums)

"""Several GPUs of one computer: each learns from its part of every batch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from deepometry.core.text import counted
from deepometry.network.backend import gpu_names


class Devices:
    """The devices of a training: as many GPUs as the smallest batch has cells, at most.

    TensorFlow's `MirroredStrategy`: every GPU has all weights, and gradients are averaged.
    """

    def __init__(self, cells: int) -> None:
        names = gpu_names()
        self.count = len(names) if 1 < len(names) <= cells else 1
        self._strategy: Any = None
        if self.count > 1:
            import tensorflow as tf

            self._strategy = tf.distribute.MirroredStrategy(names)

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which a model is built and trained."""
        return self._strategy.scope() if self._strategy else nullcontext()

    def sentence(self, batch_size: int) -> str:
        """Return in words how batches are split; blank for one device."""
        if self.count == 1:
            return ""
        each = counted(-(-batch_size // self.count), "cell")
        return f"Batches of {batch_size} are split over {self.count} GPUs, {each} each."

    def train(self, model: Any, *arrays: np.ndarray) -> dict[str, Any]:
        """Do a step of training with images, labels and weights; return loss and metrics."""
        if self._strategy is None:
            images, labels, weights = arrays
            logs: dict[str, Any] = model.train_on_batch(
                images, labels, sample_weight=weights, return_dict=True
            )
            return logs
        # `train_on_batch` would give the whole batch to every GPU
        model.make_train_function()
        model.reset_metrics()
        return dict(model.train_function(iter([tuple(map(self._split, arrays))])))

    def _split(self, array: np.ndarray) -> Any:
        import tensorflow as tf

        def part(context: Any) -> Any:
            first, step = context.replica_id_in_sync_group, context.num_replicas_in_sync
            return tf.constant(array[first::step])

        return self._strategy.experimental_distribute_values_from_function(part)

"""TensorFlow's fused kernels in place of Keras' own arithmetic, where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from deepometry.backend import keras


def fuse(model: Any) -> Any:
    """Let every batch normalisation of a model compute by TensorFlow's fused kernel.

    Keras 3 spells batch normalisation out in a dozen element-wise operations, which take as long
    as the convolutions on a CPU. Only the way to compute changes, and on TensorFlow only: classes,
    configuration and weights of the layers stay Keras', so the model's file opens with Keras alone.

    Parameters
    ----------
    model : keras.Model
        Changed in place, before its first step.

    Returns
    -------
    keras.Model
        The same.
    """
    if keras().backend.backend() == "tensorflow":
        for layer in _normalizations(model):
            layer.call = partial(_call, layer)
    return model


def _normalizations(model: Any) -> Iterator[Any]:
    """Find the batch normalisations of images, in models inside the model too."""
    kind = keras().layers.BatchNormalization
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _normalizations(layer)
        elif type(layer) is kind and len(layer.input.shape) == 4 and layer.axis in (-1, 3):
            yield layer


def _call(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Do what `keras.layers.BatchNormalization.call` does; there is no mask of an image."""
    import tensorflow as tf

    learning = bool(training and layer.trainable)
    tracked = {} if learning else {"mean": layer.moving_mean, "variance": layer.moving_variance}
    tensors = {n: tf.convert_to_tensor(v) for n, v in tracked.items()}
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        inputs,
        tf.convert_to_tensor(layer.gamma),
        tf.convert_to_tensor(layer.beta),
        epsilon=layer.epsilon,
        is_training=learning,
        **tensors,
    )
    if learning:
        share = layer.momentum
        layer.moving_mean.assign(layer.moving_mean * share + mean * (1 - share))
        layer.moving_variance.assign(layer.moving_variance * share + variance * (1 - share))
    return outputs


def fuse_optimizer(optimizer: Any) -> Any:
    """Let Adam or AdamW update every weight by one kernel of TensorFlow, in place of a dozen.

    Parameters
    ----------
    optimizer : keras.optimizers.Adam
        Changed in place, before its first step; on TensorFlow only.

    Returns
    -------
    keras.optimizers.Adam
        The same.
    """
    if keras().backend.backend() == "tensorflow":
        optimizer.update_step = partial(_adam_step, optimizer)
    return optimizer


def _adam_step(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Do what `keras.optimizers.Adam.update_step` does."""
    import tensorflow as tf

    place = optimizer._get_variable_index(variable)
    step = tf.cast(optimizer.iterations.value + 1, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[place].value.handle,
        v=optimizer._velocities[place].value.handle,
        beta1_power=tf.pow(optimizer.beta_1, step),
        beta2_power=tf.pow(optimizer.beta_2, step),
        lr=tf.cast(learning_rate, variable.dtype),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=gradient,
    )

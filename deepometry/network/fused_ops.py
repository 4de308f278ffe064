"""TensorFlow's fused kernels in place of Keras' own arithmetic, where there are any.

Some names of Keras that are used here are private; `tests/test_fused.py` lists and checks them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from deepometry.network.backend import keras
from deepometry.network.dihedral import normalization, over_positions


def fuse(model: Any) -> Any:
    """Make every batch normalisation of a model compute by TensorFlow's fused kernel, in place.

    Keras 3 spells batch normalisation out in a dozen element-wise operations, which take as long
    as the convolutions on a CPU. Borders of zeros, which keras-resnet makes before its
    convolutions, become a part of those. Only the way to compute changes, before the first step,
    and on TensorFlow only: classes, configuration and weights of the layers stay Keras', so the
    model's file opens with Keras alone.
    """
    if keras().backend.backend() == "tensorflow":
        for inner in _models_in(model):
            for layer in inner.layers:
                if _normalizes_images(layer):
                    layer.call = partial(_normalize, layer)
            for border, layer in _pairs(inner, _is_border):
                border.call = _pass_on
                layer.call = partial(_convolve, layer, "same", None)
    return model


def fold(model: Any) -> Any:
    """Make every batch normalisation a part of the convolution before it, in place, to predict.

    The running statistics of a network that learns no more are constants, and multiplying by them
    is as well done to the kernels, once. On TensorFlow only; on other libraries nothing changes.
    After this, what its weights become later, and what it would do in training, no longer counts.
    Its outputs stay what they are; those of its inner layers do not, so that `with_layer` comes
    first.
    """
    if keras().backend.backend() == "tensorflow":
        for inner in _models_in(fuse(model)):
            bordered = {layer for _, layer in _pairs(inner, _is_border)}
            for layer, normalization in _pairs(inner, _is_normalized):
                padding = "same" if layer in bordered else layer.padding
                weights = _folded(layer, normalization)
                layer.call = partial(_convolve, layer, padding, weights)
                normalization.call = _pass_on
    return model


def _models_in(model: Any) -> Iterator[Any]:
    """Yield a model and those inside it."""
    yield model
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _models_in(layer)


def _pairs(model: Any, belong: Callable[[Any, Any], bool]) -> list[tuple[Any, Any]]:
    """List layers whose only use is another one, if the two belong together."""
    nodes = [node for each in model.layers for node in each._inbound_nodes]
    used = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    used.update(id(tensor) for tensor in model.outputs)
    pairs = []
    for layer in model.layers:
        inputs = layer._inbound_nodes[0].input_tensors
        if len(inputs) == 1 and used[id(inputs[0])] == 1:
            maker = inputs[0]._keras_history.operation
            if belong(maker, layer):
                pairs.append((maker, layer))
    return pairs


def _is_border(border: Any, layer: Any) -> bool:
    """Return whether a border of zeros is the one that padding `same` would add."""
    return (
        type(border) is keras().layers.ZeroPadding2D
        and border.padding == ((1, 1), (1, 1))
        and _convolves(layer)
        and layer.padding == "valid"
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
    )


def _is_normalized(layer: Any, normalization: Any) -> bool:
    return _convolves(layer) and _normalizes_images(normalization)


def _convolves(layer: Any) -> bool:
    return (
        type(layer) is keras().layers.Conv2D
        and layer.data_format == "channels_last"
        and layer.groups == 1
        and layer.activation is keras().activations.linear
    )


def _normalizes_images(layer: Any) -> bool:
    kinds = (keras().layers.BatchNormalization, normalization())
    return type(layer) in kinds and len(layer.input.shape) == 4 and layer.axis in (-1, 3)


def _folded(layer: Any, normalization: Any) -> list[Any]:
    """Return kernel and bias of a convolution with its batch normalisation folded in."""
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (
        np.asarray(getattr(normalization, name), np.float64) for name in names
    )
    scale = gamma / np.sqrt(variance + normalization.epsilon)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else 0.0
    weights = (np.asarray(layer.kernel, np.float64) * scale, beta + (bias - mean) * scale)
    return [keras().ops.convert_to_tensor(each, layer.compute_dtype) for each in weights]


def _pass_on(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    return inputs


def _convolve(layer: Any, padding: str, weights: list[Any] | None, inputs: Any) -> Any:
    """Do what `keras.layers.Conv2D.call` does, with another padding and maybe other weights."""
    import tensorflow as tf

    if weights is None:
        weights = [tf.convert_to_tensor(layer.kernel)]
        weights += [tf.convert_to_tensor(layer.bias)] if layer.use_bias else []
    kernel, *bias = weights
    steps, holes = list(layer.strides), list(layer.dilation_rate)
    outputs = tf.nn.conv2d(inputs, kernel, steps, padding.upper(), dilations=holes)
    return tf.nn.bias_add(outputs, *bias) if bias else outputs


def _normalize(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Do what `keras.layers.BatchNormalization.call` does; there is no mask of an image."""
    import tensorflow as tf

    learning = bool(training and layer.trainable)
    tracked = {} if learning else {"mean": layer.moving_mean, "variance": layer.moving_variance}
    positions = getattr(layer, "positions", 1)  # of filters that share these weights
    tensors = {n: tf.tile(tf.convert_to_tensor(v), [positions]) for n, v in tracked.items()}
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        inputs,
        tf.tile(tf.convert_to_tensor(layer.gamma), [positions]),
        tf.tile(tf.convert_to_tensor(layer.beta), [positions]),
        epsilon=layer.epsilon,
        is_training=learning,
        **tensors,
    )
    if learning:
        share = layer.momentum
        if positions > 1:
            mean, variance = over_positions(mean), over_positions(variance)
        layer.moving_mean.assign(layer.moving_mean * share + mean * (1 - share))
        layer.moving_variance.assign(layer.moving_variance * share + variance * (1 - share))
    return outputs


def fuse_optimizer(optimizer: Any) -> Any:
    """Make Adam or AdamW update every weight by one kernel of TensorFlow, in place of a dozen."""
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

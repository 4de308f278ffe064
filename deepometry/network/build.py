"""The residual networks of the protocol, from keras-resnet, behind a layer of scaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.network.backend import compiles, keras
from deepometry.network.equivariant_resnet import equivariant_residual
from deepometry.network.fused_ops import fuse, fuse_optimizer
from deepometry.network.losses import class_loss
from deepometry.network.precision import FLOAT32, set_precision
from deepometry.network.scaling import SCALE, scale_layer
from deepometry.network.small_resnet import SOFTMAX, small_residual

STEM, POOL, HEAD = ("conv1", "bn_conv1"), "pool5", "fc1000"
"""Names of the first layers, of the last features and of the last layer, in every network."""

NOVELTY_LAYERS = ("res4a_relu", POOL)
"""Layers, of every network, whose activations novelty is measured by."""

_SMALL = {  # blocks of each stage, filters of the first
    "small10": ((1, 1, 1, 1), 32),
    "small18": ((2, 2, 2, 2), 32),
}
_EQUIVARIANT = {  # and features of a cell
    "equivariant15": ((2, 2, 2), 6, 48),
}


def build_network(
    network: str,
    frame: int,
    classes: int,
    scaling: str,
    means: Sequence[float],
    deviations: Sequence[float],
    seed: int,
    precision: str = FLOAT32,
    activation: str = SOFTMAX,
) -> Any:
    """Build an untrained network of cell images.

    Parameters
    ----------
    network : str
        `equivariant15`, `small10`, `small18`, `resnet18`, `resnet34`, `resnet50`, `resnet101` or
        `resnet152`.
    frame, classes : int
        Side of the images, in pixels, and number of outputs.
    scaling : str
        `background`, `channel`, `image`, `8bit` or `none`.
    means, deviations : sequence of float
        For every channel, mean and standard deviation of the training pixels, in counts, as
        `scale_layer` takes them.
    seed : int
        Fixes the first weights.
    precision : str
        `float32` or `bfloat16`, to compute with.
    activation : str
        Of the last layer: `softmax` for classes, `linear` for a number.

    Returns
    -------
    keras.Model
        From counts (n, frame, frame, channels) to probabilities (n, classes), or to a number
        (n, 1). Made of Keras' own layers only, so its file opens with Keras alone.

    Notes
    -----
    He et al., Deep residual learning for image recognition, CVPR 2016, as in keras-resnet.
    """
    shape = (frame, frame, len(means))
    images = keras().layers.Input(shape, name="images")
    body = _residual(network, shape, classes, activation)
    _draw_weights(body, seed)
    scaled = scale_layer(shape, scaling, means, deviations)(images)
    model = keras().Model(images, body(scaled), name=f"deepometry_{network}")
    return fuse(set_precision(model, precision))


def _residual(network: str, shape: tuple[int, int, int], classes: int, activation: str) -> Any:
    if network in _EQUIVARIANT:
        how = _EQUIVARIANT[network]
        return equivariant_residual(network, shape, classes, *how, activation=activation)
    if network in _SMALL:
        return small_residual(network, shape, classes, *_SMALL[network], activation=activation)
    import keras_resnet.models

    with _plain_batch_normalization():
        made = getattr(keras_resnet.models, f"ResNet2D{network.removeprefix('resnet')}")(
            keras().layers.Input(shape), classes=classes, freeze_bn=False
        )
    outputs = made.outputs[0]
    if activation != SOFTMAX:
        last = keras().layers.Dense(classes, activation=activation, name=HEAD)
        outputs = last(made.get_layer(POOL).output)
    return keras().Model(made.inputs, outputs, name=network)


@contextmanager
def _plain_batch_normalization() -> Iterator[None]:
    """Put Keras' own batch normalisation in place of keras-resnet's, which Keras 3 cannot run.

    The momentum is that of short trainings: at Keras' 0.99 the running statistics lag hundreds
    of steps behind, and validation with them.
    """
    import keras_resnet.layers

    def plain(*, freeze: bool, **options: Any) -> Any:
        return keras().layers.BatchNormalization(trainable=not freeze, momentum=0.9, **options)

    replaced = keras_resnet.layers.BatchNormalization
    keras_resnet.layers.BatchNormalization = plain
    try:
        yield
    finally:
        keras_resnet.layers.BatchNormalization = replaced


def _draw_weights(body: Any, seed: int) -> None:
    """Draw the kernels from a seed of their own, in place of a global one."""
    seeds = np.random.SeedSequence(seed).generate_state(len(body.layers))
    for layer, number in zip(body.layers, seeds, strict=True):
        if hasattr(layer, "kernel_initializer"):
            config = layer.kernel_initializer.get_config() | {"seed": int(number)}
            draw = type(layer.kernel_initializer).from_config(config)
            layer.kernel.assign(draw(layer.kernel.shape))


def compile_network(
    model: Any,
    learning_rate: float,
    weight_decay: float = 0.0,
    loss: Any = None,
    measure: Any = "accuracy",
) -> None:
    """Compile a network with Adam, by default with the cross-entropy, as in the protocol.

    The decay is that of AdamW, and normalisations and biases do not decay. `loss` and `measure`, a
    metric of Keras, are as `deepometry.network.losses` makes them.
    """
    optimizer = keras().optimizers.Adam(learning_rate, weight_decay=weight_decay or None)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer=fuse_optimizer(optimizer),
        loss=loss or class_loss(),
        weighted_metrics=[],
        metrics=[measure],
        jit_compile=compiles(),
    )
    _create_variables(model)


def _create_variables(model: Any) -> None:
    """Create what the first step would create, or TensorFlow would build its graph twice."""
    model.optimizer.build(model.trainable_variables)
    nothing = keras().ops.ones((1, model.output_shape[-1]))
    model.compute_loss(y=nothing, y_pred=nothing)
    model.compute_metrics(None, nothing, nothing)
    model.reset_metrics()


def with_layer(model: Any, layer: str) -> Any:
    """Return a model from counts to features of a layer, (n, filters), and probabilities.

    `layer` is `pool5`, `res5a_relu`, `res4a_relu`, or any other layer of the residual network.
    Convolutional activations are averaged over the image, as in the protocol.
    """
    return with_layers(model, [layer])


def with_layers(model: Any, layers: Sequence[str]) -> Any:
    """Return a model from counts to features of several layers, then probabilities.

    See `with_layer`.
    """
    scale, body = model.get_layer(SCALE), model.layers[-1]
    border = keras().layers.ZeroPadding2D  # which `fuse` makes a part of the next layer
    names = [each.name for each in body.layers if not isinstance(each, border)]
    for layer in layers:
        if layer not in names:
            raise DeepometryError(f"Layer: expected one of {', '.join(names)}, found {layer!r}.")
    features = [_averaged(body.get_layer(layer).output, layer) for layer in layers]
    every = keras().Model(body.inputs, [*features, body.outputs[0]])
    return keras().Model(model.inputs, every(scale(model.inputs[0])))


def _averaged(activations: Any, layer: str) -> Any:
    """Average convolutional activations over the image."""
    if len(activations.shape) != 4:
        return activations
    return keras().layers.GlobalAveragePooling2D(name=f"average_{layer}")(activations)

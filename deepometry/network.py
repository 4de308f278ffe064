"""The residual networks of the protocol, from keras-resnet, behind a layer of scaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from deepometry.backend import compiles, keras
from deepometry.errors import DeepometryError

SCALE = "scale"


def build_network(
    network: str,
    frame: int,
    classes: int,
    scaling: str,
    means: Sequence[float],
    deviations: Sequence[float],
    seed: int,
) -> Any:
    """Build an untrained classifier of cell images.

    Parameters
    ----------
    network : str
        `resnet18`, `resnet34`, `resnet50`, `resnet101` or `resnet152`.
    frame : int
        Side of the images, in pixels.
    classes : int
        Number of classes.
    scaling : str
        `channel`, `image` or `none`.
    means, deviations : sequence of float
        For every channel, mean and standard deviation of the training pixels, in counts; used
        by the scaling `channel` only.
    seed : int
        Fixes the first weights.

    Returns
    -------
    keras.Model
        From counts (n, frame, frame, channels) to probabilities (n, classes). Made of Keras' own
        layers only, so its file opens with Keras alone.

    Notes
    -----
    He et al., Deep residual learning for image recognition, CVPR 2016, as keras-resnet has it.
    """
    shape = (frame, frame, len(means))
    images = keras().layers.Input(shape, name="images")
    body = _residual(network, shape, classes)
    _draw_weights(body, seed)
    scaled = _scale(shape, scaling, means, deviations)(images)
    return keras().Model(images, body(scaled), name=f"deepometry_{network}")


def _scale(
    shape: tuple[int, int, int], scaling: str, means: Sequence[float], deviations: Sequence[float]
) -> Any:
    """Build the layer `scale`, a model of its own, from counts to what the network sees."""
    layers, ops = keras().layers, keras().ops
    counts = layers.Input(shape, name="counts")
    scaled = counts
    if scaling == "channel":
        variance = np.square(deviations).tolist()
        scaled = layers.Normalization(mean=list(means), variance=variance)(counts)
    if scaling == "image":
        low = ops.min(counts, axis=(1, 2), keepdims=True)
        span = ops.max(counts, axis=(1, 2), keepdims=True) - low
        scaled = (counts - low) / ops.where(span > 0, span, ops.ones_like(span))
    return keras().Model(counts, scaled, name=SCALE)


def _residual(network: str, shape: tuple[int, int, int], classes: int) -> Any:
    import keras_resnet.models

    with _plain_batch_normalization():
        made = getattr(keras_resnet.models, f"ResNet2D{network.removeprefix('resnet')}")(
            keras().layers.Input(shape), classes=classes, freeze_bn=False
        )
    return keras().Model(made.inputs, made.outputs[0], name=network)


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
    """Draw the kernels anew from a seed, in place of a global one."""
    seeds = np.random.SeedSequence(seed).generate_state(len(body.layers))
    for layer, number in zip(body.layers, seeds, strict=True):
        if hasattr(layer, "kernel_initializer"):
            config = layer.kernel_initializer.get_config() | {"seed": int(number)}
            draw = type(layer.kernel_initializer).from_config(config)
            layer.kernel.assign(draw(layer.kernel.shape))


def compile_network(model: Any, learning_rate: float) -> None:
    """Give a network its optimiser and loss: Adam on the cross-entropy, as in the protocol."""
    model.compile(
        optimizer=keras().optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        weighted_metrics=[],
        metrics=["accuracy"],
        jit_compile=compiles(),
    )


def with_layer(model: Any, layer: str) -> Any:
    """Give the activations of a layer beside the probabilities.

    Parameters
    ----------
    model : keras.Model
        As `build_network` makes it.
    layer : str
        `pool5`, `res5a_relu`, `res4a_relu`, or any other layer of the residual network.

    Returns
    -------
    keras.Model
        From counts to (features (n, filters), probabilities (n, classes)); convolutional
        activations are averaged over the image, as in the protocol.

    Raises
    ------
    DeepometryError
        There is no such layer.
    """
    scale, body = model.get_layer(SCALE), model.layers[-1]
    if layer not in (names := [each.name for each in body.layers]):
        raise DeepometryError(f"Layer: expected one of {', '.join(names)}, found {layer!r}.")
    features = body.get_layer(layer).output
    if len(features.shape) == 4:
        features = keras().layers.GlobalAveragePooling2D(name="average")(features)
    both = keras().Model(body.inputs, [features, body.outputs[0]])
    return keras().Model(model.inputs, both(scale(model.inputs[0])))

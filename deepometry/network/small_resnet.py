"""A residual network for images as small as single cells, with the layer names of keras-resnet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepometry.network.backend import keras

SOFTMAX, LINEAR = "softmax", "linear"
"""Activations of the last layer: of probabilities, and of a number."""


def small_residual(
    name: str,
    shape: tuple[int, int, int],
    classes: int,
    blocks: Sequence[int],
    width: int,
    stride: int = 2,
    dropout: float = 0.0,
    activation: str = SOFTMAX,
) -> Any:
    """Build a residual network whose start takes less of a small image away.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Height, width and channels of the images.
    classes : int
        Outputs: a probability each, or a single number.
    blocks : sequence of int
        Basic blocks in each of the four stages.
    width : int
        Filters of the first stage; every further stage has twice as many.
    stride : int
        Step of the first convolution, in pixels.
    dropout : float
        Share of the features that is left out at random in training.
    activation : str
        Of the last layer: `softmax` for classes, `linear` for a number.

    Notes
    -----
    ResNet for 224 pixels begins with a convolution of 7 x 7 in steps of 2 and a pooling, after
    which 12 of 48 pixels are left; here it is one of 3 x 3, as He et al. use for CIFAR.
    """
    layers = keras().layers
    images = layers.Input(shape, name="scaled")
    x = _normalized(images, width, 3, stride, "conv1", "bn_conv1")
    x = layers.Activation("relu", name="conv1_relu")(x)
    for stage, count in enumerate(blocks):
        for number in range(count):
            step = 2 if number == 0 and stage else 1
            x = _block(x, width * 2**stage, step, f"{stage + 2}{chr(ord('a') + number)}")
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(classes, activation=activation, name="fc1000")(x)
    return keras().Model(images, outputs, name=name)


def _block(x: Any, filters: int, stride: int, name: str) -> Any:
    """Add a basic block; its last normalisation begins at 0, so that it begins as a short cut."""
    layers = keras().layers
    y = _normalized(x, filters, 3, stride, f"res{name}_branch2a", f"bn{name}_branch2a")
    y = layers.Activation("relu", name=f"res{name}_branch2a_relu")(y)
    y = _normalized(y, filters, 3, 1, f"res{name}_branch2b", f"bn{name}_branch2b", "zeros")
    if stride > 1 or x.shape[-1] != filters:
        x = _normalized(x, filters, 1, stride, f"res{name}_branch1", f"bn{name}_branch1")
    y = layers.Add(name=f"res{name}")([y, x])
    return layers.Activation("relu", name=f"res{name}_relu")(y)


def _normalized(
    x: Any, filters: int, size: int, stride: int, name: str, norm: str, start: str = "ones"
) -> Any:
    """Add a convolution and its batch normalisation."""
    layers = keras().layers
    x = layers.Conv2D(
        filters,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=start, name=norm
    )(x)

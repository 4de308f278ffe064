"""A residual network for which a cell has no up, with the layer names of keras-resnet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepometry.network.backend import keras
from deepometry.network.dihedral import POSITIONS, convolution, normalization
from deepometry.network.small_resnet import SOFTMAX


def equivariant_residual(
    name: str,
    shape: tuple[int, int, int],
    classes: int,
    blocks: Sequence[int],
    width: int,
    last: int,
    activation: str = SOFTMAX,
) -> Any:
    """Build a residual network with the same outputs for all mirror images and quarter turns.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Height, width and channels of the images.
    classes : int
        Outputs: a probability each, or a single number.
    blocks : sequence of int
        Basic blocks in each stage.
    width : int
        Filters of the first stage, in eight positions each; every further stage has twice as many.
    last : int
        Features of a cell.
    activation : str
        Of the last layer: `softmax` for classes, `linear` for a number.

    Notes
    -----
    Images are halved by averages, which do not depend on where they begin, unlike convolutions
    with a step of 2 (Zhang, Making convolutional networks shift-invariant again, ICML 2019). Where
    a side is odd, the last row is left out, and the outputs are nearly the same only.
    """
    layers = keras().layers
    images = layers.Input(shape, name="scaled")
    x = _activated(images, width, 3, "conv1", "bn_conv1", "conv1_relu", lifts=True)
    for stage, count in enumerate(blocks):
        x = layers.AveragePooling2D(2, name=f"pool{stage + 1}")(x)
        for number in range(count):
            x = _block(x, width * 2**stage, f"{stage + 2}{chr(ord('a') + number)}")
    end = f"{len(blocks) + 2}a"
    x = _activated(x, last, 1, f"res{end}", f"bn{end}", f"res{end}_relu")
    x = layers.Reshape((-1, last), name="positions")(x)
    x = layers.GlobalAveragePooling1D(name="pool5")(x)
    outputs = layers.Dense(classes, activation=activation, name="fc1000")(x)
    return keras().Model(images, outputs, name=name)


def _block(x: Any, filters: int, name: str) -> Any:
    """Add a basic block; its last normalisation begins at 0, so that it begins as a short cut."""
    layers = keras().layers
    first = f"{name}_branch2a"
    y = _activated(x, filters, 3, f"res{first}", f"bn{first}", f"res{first}_relu")
    y = convolution()(filters, 3, False, f"res{name}_branch2b")(y)
    y = _normalized(y, f"bn{name}_branch2b", "zeros")
    if x.shape[-1] != filters * POSITIONS:
        x = convolution()(filters, 1, False, f"res{name}_branch1")(x)
        x = _normalized(x, f"bn{name}_branch1")
    y = layers.Add(name=f"res{name}")([y, x])
    return layers.Activation("relu", name=f"res{name}_relu")(y)


def _activated(
    x: Any, filters: int, size: int, name: str, norm: str, relu: str, lifts: bool = False
) -> Any:
    """Add a convolution, its normalisation and its activation."""
    x = _normalized(convolution()(filters, size, lifts, name)(x), norm)
    return keras().layers.Activation("relu", name=relu)(x)


def _normalized(x: Any, name: str, start: str = "ones") -> Any:
    how = {"momentum": 0.9, "epsilon": 1e-5, "gamma_initializer": start}
    return normalization()(**how, name=name)(x)

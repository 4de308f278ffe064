"""Layers whose filters come in eight positions each: turned by quarters, and mirrored.

A cell has no up and no left. A network of these layers returns the same probabilities for all
eight mirror images and quarter turns of a cell, has an eighth of the weights, and need not learn
what it has seen in one position again in the seven others.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from deepometry.network.backend import keras
from deepometry.network.scaling import SCALE

POSITIONS = 8


@cache
def symmetries() -> tuple[np.ndarray, np.ndarray]:
    """Return how the eight symmetries of a square move the places of a kernel, and each other.

    Returns
    -------
    places : ndarray of int, shape (8, 9)
        `kernel.ravel()[places[g]]` is a kernel of 3 x 3, moved by symmetry g; that of 0 is none.
    members : ndarray of int, shape (8, 8)
        `members[g, h]` is the number of the symmetry that g takes to h.
    """
    grid = np.arange(9).reshape(3, 3)
    sides = (grid, grid[:, ::-1])
    places = np.array([np.rot90(side, turn).ravel() for side in sides for turn in range(4)])
    numbers = {tuple(each): g for g, each in enumerate(places)}
    inverse = np.argsort(places, 1)
    members = [[numbers[tuple(places[h][back])] for h in range(POSITIONS)] for back in inverse]
    return places, np.array(members)


def _rows(size: int, group: int) -> np.ndarray:
    """Return which row of a kernel, (size * size * group, ...), stands where in each position."""
    places, members = symmetries()
    spots = places if size == 3 else np.zeros((POSITIONS, 1), np.int64)
    inputs = members if group > 1 else np.zeros((POSITIONS, 1), np.int64)
    rows: np.ndarray = spots[:, :, None] * group + inputs[:, None, :]
    return rows.ravel()


@cache
def convolution() -> Any:
    """Return the class of convolutions with filters in eight positions.

    Notes
    -----
    Cohen and Welling, Group equivariant convolutional networks, ICML 2016, for the group p4m. Its
    channels are ordered by position first, then by filter.
    """

    base: Any = keras().layers.Layer

    class DihedralConv2D(base):
        """`lifts` is set for the first one, whose inputs are images and have no positions yet."""

        def __init__(self, filters: int, kernel_size: int, lifts: bool, name: str) -> None:
            super().__init__(name=name)
            self.filters, self.kernel_size, self.lifts = filters, kernel_size, lifts
            self._group = 1 if lifts else POSITIONS

        def build(self, shape: tuple[int | None, ...]) -> None:
            """Create the kernel in its first position."""
            size, inputs = self.kernel_size, int(shape[-1] or 0)
            spread = (2 / (size * size * inputs)) ** 0.5  # as He et al. for rectified units
            self.kernel_initializer = keras().initializers.RandomNormal(0.0, spread)
            rows = _rows(size, self._group)
            self._chosen = np.eye(size * size * self._group, dtype=np.float32)[rows]
            self.kernel = self.add_weight(
                shape=(size, size, inputs, self.filters),
                initializer=self.kernel_initializer,
                name="kernel",
            )

        def in_all_positions(self) -> Any:
            """Return the kernel of the same plain convolution, (size, size, inputs, outputs)."""
            ops, (size, _, inputs, filters) = keras().ops, self.kernel.shape
            rows, each = size * size * self._group, inputs // self._group
            kernel = ops.reshape(self.kernel, (rows, each * filters))
            # a product, because the gradient of taking rows is slow
            moved = ops.matmul(ops.cast(self._chosen, kernel.dtype), kernel)
            moved = ops.reshape(moved, (POSITIONS, rows, each, filters))
            moved = ops.transpose(moved, (1, 2, 0, 3))
            return ops.reshape(moved, (size, size, inputs, POSITIONS * filters))

        def call(self, inputs: Any) -> Any:
            """Convolve with the kernel in all positions."""
            kernel = keras().ops.cast(self.in_all_positions(), self.compute_dtype)
            how = {"padding": "same", "data_format": "channels_last"}
            return keras().ops.conv(inputs, kernel, **how)

        def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
            """Return the shape of the activations."""
            return (*shape[:-1], POSITIONS * self.filters)

    return DihedralConv2D


@cache
def normalization() -> Any:
    """Return the class of batch normalisations with one scale and shift for all positions."""

    base: Any = keras().layers.BatchNormalization

    class DihedralNormalization(base):
        """Statistics are those of single positions in a step, and their mean afterwards."""

        positions = POSITIONS

        def build(self, shape: tuple[int | None, ...]) -> None:
            """Create the weights of the first position."""
            super().build((*shape[:-1], int(shape[-1] or 0) // POSITIONS))
            self.input_spec = None

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            """Normalise, as Keras' own layer does."""
            ops, learning = keras().ops, bool(training and self.trainable)
            inputs = ops.cast(inputs, "float32")
            if learning:
                mean, variance = ops.moments(inputs, (0, 1, 2), synchronized=self.synchronized)
                self._follow(mean, variance)
            else:
                mean, variance = (
                    in_positions(each) for each in (self.moving_mean, self.moving_variance)
                )
            scale = in_positions(self.gamma) / ops.sqrt(variance + self.epsilon)
            outputs = (inputs - mean) * scale + in_positions(self.beta)
            return ops.cast(outputs, self.compute_dtype)

        def _follow(self, mean: Any, variance: Any) -> None:
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + over_positions(new) * (1 - self.momentum))

    return DihedralNormalization


def in_positions(vector: Any) -> Any:
    """Repeat a vector of filters for every position."""
    return keras().ops.tile(keras().ops.convert_to_tensor(vector), POSITIONS)


def over_positions(vector: Any) -> Any:
    """Average a vector of channels over the positions."""
    return keras().ops.mean(keras().ops.reshape(vector, (POSITIONS, -1)), axis=0)


def has_positions(layer: Any) -> bool:
    """Return whether a layer is one of these."""
    return isinstance(layer, convolution() | normalization())


def first_position(layer: Any, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return the weights that such a layer needs, of those of the plain layer that equals it."""
    if not has_positions(layer):
        return weights
    return [each[..., : each.shape[-1] // POSITIONS] for each in weights]


def with_plain_layers(model: Any) -> Any:
    """Return the same network of Keras' own layers, which opens with Keras alone.

    A network without layers of this module is returned as it is. The other shares what lies before
    its body, and has copies of all weights.
    """
    body = model.layers[-1]
    if not any(map(has_positions, getattr(body, "layers", ()))):
        return model
    plain = keras().models.clone_model(body, clone_function=_plain)
    for own, other in zip(body.layers, plain.layers, strict=True):
        other.set_weights(_plain_weights(own))
    scaled = model.get_layer(SCALE)(model.inputs[0])
    return keras().Model(model.inputs, plain(scaled), name=model.name)


def _plain(layer: Any) -> Any:
    """Return an untrained layer of Keras that can do what a layer does."""
    layers, name = keras().layers, layer.name
    if isinstance(layer, convolution()):
        filters, size = POSITIONS * layer.filters, layer.kernel_size
        return layers.Conv2D(filters, size, padding="same", use_bias=False, name=name)
    if isinstance(layer, normalization()):
        how = {"momentum": layer.momentum, "epsilon": layer.epsilon}
        return layers.BatchNormalization(**how, name=name)
    return type(layer).from_config(layer.get_config())


def _plain_weights(layer: Any) -> list[np.ndarray]:
    if isinstance(layer, convolution()):
        return [keras().ops.convert_to_numpy(layer.in_all_positions())]
    weights = layer.get_weights()
    tiled = isinstance(layer, normalization())
    return [np.tile(each, POSITIONS) for each in weights] if tiled else weights

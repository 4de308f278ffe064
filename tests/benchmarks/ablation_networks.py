"""Networks that `ablation.py` compares, beside those of the program."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepometry.network.backend import keras

KINDS = ("small", "flat", "dihedral", "convnext", "vit")


def build(kind: str, shape: tuple, classes: int, wanted: dict) -> Any:
    """Build a network, from images to probabilities."""
    made = {"flat": residual, "dihedral": residual, "convnext": convnext, "vit": vit}[kind]
    images = keras().layers.Input(shape)
    features = made(images, wanted, 8 if kind == "dihedral" else 1)
    if wanted["dropout"]:
        features = keras().layers.Dropout(wanted["dropout"], name="dropout")(features)
    outputs = keras().layers.Dense(classes, activation="softmax", name="fc1000")(features)
    return keras().Model(images, outputs)


# --- residual networks, plain or equivariant under the eight mirror images and quarter turns ------


def residual(images: Any, wanted: dict, group: int) -> Any:
    """Build a residual network that halves images by averaging, not by steps of convolutions."""
    layers = keras().layers
    blocks, width = [int(b) for b in wanted["blocks"]], wanted["width"] // group
    x = layers.Activation("relu")(norm(conv(images, width, 3, group, lifts=True), group))
    if wanted["stride"] == 2:
        x = layers.AveragePooling2D(2)(x)
    total, done = sum(blocks), 0
    for stage, count in enumerate(blocks):
        x = layers.AveragePooling2D(2)(x) if stage else x
        for _ in range(count):
            done += 1
            x = block(x, width * 2**stage, group, wanted, wanted["path"] * done / total)
    if wanted["last"]:
        x = layers.Activation("relu")(norm(conv(x, wanted["last"] // group, 1, group), group))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    if group > 1:
        x = layers.Reshape((group, -1), name="reshape_pool5")(x)
        x = layers.GlobalAveragePooling1D(name="pool5")(x)
    return x


def block(x: Any, filters: int, group: int, wanted: dict, path: float) -> Any:
    layers = keras().layers
    y = layers.Activation("relu")(norm(conv(x, filters, 3, group), group))
    y = norm(conv(y, filters, 3, group), group, "zeros")
    if wanted["squeeze"]:
        y = squeezed(y, filters, group, wanted["squeeze"])
    if path:
        y = layers.Dropout(path, noise_shape=(None, 1, 1, 1))(y)
    if x.shape[-1] != filters * group:
        x = norm(conv(x, filters, 1, group), group)
    return layers.Activation("relu")(layers.Add()([y, x]))


def squeezed(y: Any, filters: int, group: int, share: int) -> Any:
    """Weight the filters by what they see all over the image (Hu et al., CVPR 2018)."""
    layers = keras().layers
    means = layers.GlobalAveragePooling2D()(y)
    if group > 1:
        means = layers.GlobalAveragePooling1D()(layers.Reshape((group, filters))(means))
    means = layers.Dense(max(4, filters * group // share), activation="relu")(means)
    gates = layers.Dense(filters, activation="sigmoid")(means)
    if group > 1:
        gates = layers.Concatenate()([gates] * group)
    return layers.Multiply()([y, layers.Reshape((1, 1, filters * group))(gates)])


def conv(x: Any, filters: int, size: int, group: int, lifts: bool = False) -> Any:
    if group == 1:
        how = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
        return keras().layers.Conv2D(filters, size, **how)(x)
    return dihedral_layers()[0](filters, size, lifts)(x)


def norm(x: Any, group: int, start: str = "ones") -> Any:
    how = {"momentum": 0.9, "epsilon": 1e-5, "gamma_initializer": start}
    if group > 1:
        return dihedral_layers()[1](start)(x)
    return keras().layers.BatchNormalization(**how)(x)


def moves() -> tuple[np.ndarray, np.ndarray]:
    """Return where each symmetry takes the nine places of a kernel, and the other symmetries.

    Returns
    -------
    places : ndarray of int, shape (8, 9)
        `kernel.ravel()[places[g]]` is the kernel moved by g.
    members : ndarray of int, shape (8, 8)
        `members[g, h]` is the number of g^-1 h.
    """
    grid = np.arange(9).reshape(3, 3)

    def moved(image: np.ndarray, g: int) -> np.ndarray:
        image = image[:, ::-1] if g >= 4 else image
        return np.rot90(image, g % 4)

    places = np.array([moved(grid, g).ravel() for g in range(8)])
    inverse = np.argsort(places, 1)
    numbers = {tuple(each): g for g, each in enumerate(places)}
    members = np.zeros((8, 8), int)
    for g in range(8):
        for h in range(8):
            # first h, then g^-1, as both act on a kernel
            members[g, h] = numbers[tuple(places[h][inverse[g]])]
    return places, members


_MADE: list = []


def dihedral_layers() -> list:
    """Make the class of convolutions whose filters come in eight positions each."""
    if _MADE:
        return _MADE
    places, members = moves()

    class DihedralConv(keras().layers.Layer):
        """Cohen and Welling, Group equivariant convolutional networks, ICML 2016."""

        def __init__(self, filters: int, size: int, lifts: bool, **more: Any) -> None:
            super().__init__(**more)
            self.filters, self.size, self.lifts = filters, size, lifts

        def build(self, shape: tuple) -> None:
            inputs, taps = shape[-1], self.size**2
            group = 1 if self.lifts else 8
            self.each = inputs // group
            fan = taps * inputs
            start = keras().initializers.RandomNormal(0.0, (2 / fan) ** 0.5)
            shape = (taps * group, self.each * self.filters)
            self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
            spots = places if self.size == 3 else np.zeros((8, 1), int)
            rows = spots[:, :, None] * group
            rows = rows + (0 if self.lifts else members[:, None, :])
            self.hot = np.eye(taps * group, dtype=np.float32)[rows.ravel()]

        def full(self) -> Any:
            """Return the kernel in all positions, (size, size, inputs, 8 * filters)."""
            ops, group = keras().ops, 1 if self.lifts else 8
            taken = ops.matmul(self.hot, self.kernel)
            taken = ops.reshape(taken, (8, self.size**2 * group, self.each, self.filters))
            taken = ops.transpose(taken, (1, 2, 0, 3))
            shape = (self.size, self.size, group * self.each, 8 * self.filters)
            return ops.reshape(taken, shape)

        def call(self, x: Any) -> Any:
            kernel = keras().ops.cast(self.full(), self.compute_dtype)
            return keras().ops.conv(x, kernel, padding="same")

    class DihedralNorm(keras().layers.Layer):
        """Batch normalisation with one scale and shift for the eight positions of a filter."""

        def __init__(self, start: str, **more: Any) -> None:
            super().__init__(autocast=False, **more)
            self.start = start

        def build(self, shape: tuple) -> None:
            each = (shape[-1] // 8,)
            starts = {"gamma": self.start, "beta": "zeros", "mean": "zeros", "variance": "ones"}
            for name, start in starts.items():
                how = {"trainable": name in ("gamma", "beta"), "autocast": False, "name": name}
                setattr(self, name, self.add_weight(shape=each, initializer=start, **how))

        def call(self, x: Any, training: bool = False) -> Any:
            import tensorflow as tf

            names = ("gamma", "beta", "mean", "variance")
            gamma, beta, mean, variance = (
                tf.tile(tf.cast(getattr(self, n), tf.float32), [8]) for n in names
            )
            if not training:
                how = {"epsilon": 1e-5, "is_training": False}
                return tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, mean, variance, **how)[0]
            x, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=1e-5)
            for kept, new in ((self.mean, mean), (self.variance, variance)):
                kept.assign(0.9 * kept + 0.1 * tf.reduce_mean(tf.reshape(new, (8, -1)), 0))
            return x

    _MADE.extend([DihedralConv, DihedralNorm])
    return _MADE


# --- other kinds ------------------------------------------------------------------------------


def convnext(images: Any, wanted: dict, _: int) -> Any:
    """Build stages of depthwise convolutions (Liu et al., CVPR 2022)."""
    layers, width = keras().layers, wanted["width"]
    x = layers.Conv2D(width, wanted["stride"] + 1, wanted["stride"], "same")(images)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    for stage, count in enumerate(int(b) for b in wanted["blocks"]):
        filters = width * 2**stage
        if stage:
            x = layers.Conv2D(filters, 2, 2)(layers.LayerNormalization(epsilon=1e-6)(x))
        for _ in range(count):
            y = layers.DepthwiseConv2D(5, padding="same")(x)
            y = layers.LayerNormalization(epsilon=1e-6)(y)
            y = layers.Dense(filters)(layers.Dense(4 * filters, activation="gelu")(y))
            x = layers.Add()([x, y])
    return layers.LayerNormalization(epsilon=1e-6)(layers.GlobalAveragePooling2D(name="pool5")(x))


def vit(images: Any, wanted: dict, _: int) -> Any:
    """Build a small vision transformer behind two convolutions (Xiao et al., NeurIPS 2021)."""
    layers, width = keras().layers, wanted["width"] * 4
    x = images
    for filters, step in ((width // 4, 2), (width // 2, 2), (width, 1)):
        x = layers.Conv2D(filters, 3, step, "same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Reshape((-1, width))(x)
    x = layers.Add()([x, layers.Embedding(x.shape[1], width)(np.arange(x.shape[1])[None])])
    for _ in range(sum(int(b) for b in wanted["blocks"])):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, width // 4)(y, y)])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(y))])
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    return layers.GlobalAveragePooling1D(name="pool5")(x)

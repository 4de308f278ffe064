"""From counts to what the network sees, in NumPy for measuring and as a layer for the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepometry.network.backend import keras

SCALE = "scale"
_HIGHEST = 255  # of 8 bits
_BORDER = 2  # pixels; of 48 x 48 it holds 368, mostly of no cell


def less_background(images: np.ndarray) -> np.ndarray:
    """Subtract from images (n, frame, frame, channels) the median of the border of each channel."""
    inside = np.zeros(images.shape[1:3], bool)
    inside[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
    less: np.ndarray = images - np.median(images[:, ~inside], 1)[:, None, None]
    return less


def scaled(
    images: np.ndarray, scaling: str, means: Sequence[float], deviations: Sequence[float]
) -> np.ndarray:
    """Do in NumPy, to images (n, frame, frame, channels), what the layer of `scale_layer` does."""
    counts: np.ndarray = images.astype(np.float32)
    if scaling == "background":
        counts = less_background(counts)
    if scaling in ("background", "channel"):
        return (counts - np.asarray(means, np.float32)) / np.asarray(deviations, np.float32)
    if scaling == "none":
        return counts
    low = counts.min((1, 2), keepdims=True)
    span = counts.max((1, 2), keepdims=True) - low
    counts = (counts - low) / np.where(span > 0, span, 1)
    return np.rint(counts * _HIGHEST) / _HIGHEST if scaling == "8bit" else counts


def scale_layer(
    shape: tuple[int, int, int], scaling: str, means: Sequence[float], deviations: Sequence[float]
) -> Any:
    """Build the layer `scale`, a model of its own made of Keras' own layers.

    `scaling` is `background`, `channel`, `image`, `8bit` or `none`. `means` and `deviations` are of
    the training pixels of every channel, with `background` once that is subtracted; used by
    `background` and `channel`.
    """
    layers = keras().layers
    counts = layers.Input(shape, name="counts")
    scaled = counts
    if scaling == "background":
        scaled = counts - _border_median(counts)
    if scaling in ("background", "channel"):
        variance = np.square(deviations).tolist()
        scaled = layers.Normalization(mean=list(means), variance=variance)(scaled)
    if scaling in ("image", "8bit"):
        scaled = _between_extremes(counts)
    if scaling == "8bit":
        scaled = keras().ops.round(scaled * _HIGHEST) / _HIGHEST
    return keras().Model(counts, scaled, name=SCALE)


def _border_median(counts: Any) -> Any:
    """Return the median of the border, (n, 1, 1, channels)."""
    ops, edge = keras().ops, _BORDER
    frame, depth = counts.shape[1], counts.shape[3]
    rows = [counts[:, :edge], counts[:, -edge:]]
    middle = counts[:, edge:-edge]
    columns = [middle[:, :, :edge], middle[:, :, -edge:]]
    sides = [ops.reshape(part, (-1, edge * frame, depth)) for part in rows]
    sides += [ops.reshape(part, (-1, edge * (frame - 2 * edge), depth)) for part in columns]
    median = ops.median(ops.concatenate(sides, axis=1), axis=1)
    return ops.reshape(median, (-1, 1, 1, depth))


def _between_extremes(counts: Any) -> Any:
    ops = keras().ops
    low = ops.min(counts, axis=(1, 2), keepdims=True)
    span = ops.max(counts, axis=(1, 2), keepdims=True) - low
    return (counts - low) / ops.where(span > 0, span, ops.ones_like(span))

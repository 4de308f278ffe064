"""Weights of keras.applications' ResNet50, learnt on photographs, for keras-resnet's ResNet50.

The two networks are the same (strides in the first convolution of a block, as in version 1 of the
paper), but for four things:

- convolutions of keras.applications have a bias, which goes into the mean of the normalisation
  that follows: it subtracts what the bias would have added;
- its normalisations have an epsilon of 1.001e-5, keras-resnet's 1e-5: the difference goes into
  the variance;
- it pads 3 pixels on each side before the first convolution and 1 before the pooling, keras-resnet
  pads as "same" does. Both are the same on frames of 4 n + 1 pixels; on others the filters look
  one pixel further to the right and below, which is all;
- it sees photographs, 0 to 255 in blue, green, red, less the mean of ImageNet; a model here scales
  its cells itself, to a spread of about 1 with the standard recipe. The first filters are
  multiplied by the spread of a photograph, and the statistics of the first normalisation are
  measured on the cells (see `deepometry.training.transfer.settle`).

He et al., Deep residual learning for image recognition, CVPR 2016; Deng et al., ImageNet, CVPR
2009.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.network.backend import keras
from deepometry.network.hdf5_weights import Weights, check_hdf5, is_hdf5, read_hdf5

IMAGENET, NETWORK = "imagenet", "resnet50"
FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{FILE}"
_HASH = "4d473c1dd8becc155b73f8504c6f6626"
"""As keras.applications has them."""

_SPREAD = 57.6  # of a photograph of ImageNet, standard deviation on the scale 0 to 255
_EPSILONS = 1.001e-5 - 1e-5
_BLOCK = re.compile(r"conv(\d)_block(\d+)_(\d)_(conv|bn)")
_BRANCHES = ("1", "2a", "2b", "2c")


def find_weights(place: str) -> Path | None:
    """Find the file of weights; None where it has to be downloaded."""
    path = _kept() if place == IMAGENET else Path(place)
    if place == IMAGENET and not path.is_file():
        return None
    if not path.is_file():
        raise DeepometryError(
            f"Weights: expected {IMAGENET} or a file, such as {FILE}, found {place!r}, which does "
            "not exist; check the path."
        )
    if not is_hdf5(path):
        raise _not_these(path, "another kind of file")
    return path


def _kept() -> Path:
    """Return the folder where Keras keeps its downloads."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models" / FILE


def read_weights(place: str) -> Weights:
    """Read weights of keras.applications' ResNet50, downloaded where they must be.

    `place` is `imagenet`, or a file in the layout of Keras 2 (.h5) or Keras 3 (.weights.h5).
    Returned are the layers of `as_keras_resnet`, for images of red, green and blue in the order of
    the file.
    """
    path = find_weights(place) or _download()
    try:
        return as_keras_resnet(_layers(path))
    except KeyError as error:
        raise _not_these(path, f"no layer {error.args[0]} in it") from error


def _download() -> Path:
    try:
        return Path(keras().utils.get_file(FILE, URL, cache_subdir="models", file_hash=_HASH))
    except OSError as error:
        raise explain_os_error(error, _kept()) from error
    except Exception as error:  # Keras raises this very class when a download fails
        raise DeepometryError(
            f"Weights: {URL} cannot be downloaded ({error}); on a computer without internet, put "
            f"this file into {_kept().parent}, or give its path with --weights."
        ) from error


def _layers(path: Path) -> Weights:
    import h5py

    try:
        with h5py.File(path) as file:
            if "layers" in file and "layer_names" not in file.attrs:
                check_hdf5(file)
                return _of_keras_3(file["layers"])
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise _not_these(path, "those of another network") from error
    except OSError as error:  # h5py raises it for damaged files too, then without a number
        if error.errno:
            raise explain_os_error(error, path) from error
        raise _not_these(path, "a damaged file") from error
    return read_hdf5(path)


def _of_keras_3(groups: Any) -> Weights:
    """Read layers that Keras 3 has numbered by their class, in the order of the network."""
    made = keras().applications.ResNet50(weights=None, include_top=False, input_shape=(33, 33, 3))
    seen: Counter[str] = Counter()
    weights = {}
    for layer in (each for each in made.layers if each.weights):
        kind = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization"}[
            type(layer).__name__
        ]
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        weights[layer.name] = [
            _array(groups, name, n, each) for n, each in enumerate(layer.weights)
        ]
    return weights


def _array(groups: Any, name: str, number: int, wanted: Any) -> np.ndarray:
    array = np.asarray(groups[f"{name}/vars/{number}"], np.float32)
    if array.shape != tuple(wanted.shape) or not np.isfinite(array).all():
        raise ValueError(f"{name}: expected {tuple(wanted.shape)}, found {array.shape}")
    return array


def as_keras_resnet(layers: Weights) -> Weights:
    """Turn the layers of keras.applications' ResNet50 into those of keras-resnet's.

    Convolutions lose their bias, normalisations make up for it; the last layer is left out. Raises
    KeyError where a layer is missing.
    """
    converted: Weights = {}
    pairs = [("conv1_conv", "conv1_bn")]
    pairs += [(n, f"{n.removesuffix('conv')}bn") for n in layers if n.endswith(tuple(_CONVS))]
    for convolution, normalization in pairs:
        kernel, *bias = layers[convolution]
        scale, shift, mean, variance = layers[normalization]
        converted[_name(convolution)] = [kernel]
        mean = mean - bias[0] if bias else mean
        converted[_name(normalization)] = [scale, shift, mean, variance + np.float32(_EPSILONS)]
    return converted


_CONVS = [f"_{branch}_conv" for branch in range(len(_BRANCHES))]


def _name(layer: str) -> str:
    """Name a layer of keras.applications as keras-resnet does."""
    match = _BLOCK.fullmatch(layer)
    if match is None:
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[layer]
    stage, block, branch, kind = match.groups()
    letter = chr(ord("a") + int(block) - 1)
    return f"{'res' if kind == 'conv' else 'bn'}{stage}{letter}_branch{_BRANCHES[int(branch)]}"


def for_channels(kernel: np.ndarray, depth: int) -> np.ndarray:
    """Turn filters (7, 7, 3, filters) of red, green and blue into filters of other channels.

    The first are for pixels from 0 to 255, the new ones for pixels with a spread of 1. Every
    channel has the same filters, the sum of those of the three colours over the number of channels:
    where all channels show the same, the filters answer as they do to a grey photograph.
    """
    grey = kernel.sum(2, keepdims=True) * np.float32(_SPREAD / depth)
    return np.repeat(grey, depth, 2)


def _not_these(path: Path, found: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected the weights of keras.applications' ResNet50, such as {FILE}, found "
        f"{found}; choose another file."
    )

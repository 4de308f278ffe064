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
  measured anew on the cells (see `deepometry.transfer.settle`).

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

from deepometry.backend import keras
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.legacy import Weights, is_hdf5, read_hdf5

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
    """Find the file of weights; None where it has to be downloaded.

    Raises
    ------
    DeepometryError
        It is not there, or no HDF5 file.
    """
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
    """Give the place where Keras keeps what it downloaded."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models" / FILE


def read_weights(place: str) -> Weights:
    """Read weights of keras.applications' ResNet50, downloaded where they must be.

    Parameters
    ----------
    place : str
        `imagenet`, or a file in the layout of Keras 2 (.h5) or Keras 3 (.weights.h5).

    Returns
    -------
    dict of str to list of ndarray
        By the layers of keras-resnet, as `as_keras_resnet` gives them, for images of red, green,
        blue in the order of the file.

    Raises
    ------
    DeepometryError
        There is no such file, it cannot be downloaded, or it holds something else.
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

    with h5py.File(path) as file:
        if "layers" not in file or "layer_names" in file.attrs:
            return read_hdf5(path)
        try:
            return _of_keras_3(file["layers"])
        except (KeyError, ValueError) as error:
            raise _not_these(path, "those of another network") from error


def _of_keras_3(groups: Any) -> Weights:
    """Read layers that Keras 3 has numbered by their class, in the order of the network."""
    made = keras().applications.ResNet50(weights=None, include_top=False, input_shape=(33, 33, 3))
    seen: Counter[str] = Counter()
    found = {}
    for layer in (each for each in made.layers if each.weights):
        kind = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization"}[
            type(layer).__name__
        ]
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        found[layer.name] = [_array(groups, name, n, each) for n, each in enumerate(layer.weights)]
    return found


def _array(groups: Any, name: str, number: int, wanted: Any) -> np.ndarray:
    array = np.asarray(groups[f"{name}/vars/{number}"], np.float32)
    if array.shape != tuple(wanted.shape):
        raise ValueError(f"{name}: expected {tuple(wanted.shape)}, found {array.shape}")
    return array


def as_keras_resnet(layers: Weights) -> Weights:
    """Turn the layers of keras.applications' ResNet50 into those of keras-resnet's.

    Parameters
    ----------
    layers : dict of str to list of ndarray
        Convolutions with kernel and bias, normalisations with scale, shift, mean and variance.

    Returns
    -------
    dict of str to list of ndarray
        Convolutions without bias, and normalisations that make up for it; without the last layer.

    Raises
    ------
    KeyError
        A layer is missing.
    """
    given: Weights = {}
    pairs = [("conv1_conv", "conv1_bn")]
    pairs += [(n, f"{n.removesuffix('conv')}bn") for n in layers if n.endswith(tuple(_CONVS))]
    for convolution, normalization in pairs:
        kernel, *bias = layers[convolution]
        scale, shift, mean, variance = layers[normalization]
        given[_name(convolution)] = [kernel]
        mean = mean - bias[0] if bias else mean
        given[_name(normalization)] = [scale, shift, mean, variance + np.float32(_EPSILONS)]
    return given


_CONVS = [f"_{branch}_conv" for branch in range(len(_BRANCHES))]


def _name(layer: str) -> str:
    """Name a layer of keras.applications as keras-resnet does."""
    found = _BLOCK.fullmatch(layer)
    if found is None:
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[layer]
    stage, block, branch, kind = found.groups()
    letter = chr(ord("a") + int(block) - 1)
    return f"{'res' if kind == 'conv' else 'bn'}{stage}{letter}_branch{_BRANCHES[int(branch)]}"


def for_channels(kernel: np.ndarray, depth: int) -> np.ndarray:
    """Turn filters of red, green and blue into filters of any number of channels.

    Parameters
    ----------
    kernel : ndarray of float32, shape (7, 7, 3, filters)
        For pixels from 0 to 255.
    depth : int
        Number of channels.

    Returns
    -------
    ndarray of float32, shape (7, 7, depth, filters)
        For pixels with a spread of 1. Every channel has the same filters, the sum of those of
        the three colours over the number of channels: where all channels show the same, the
        filters answer as they do to a grey photograph.
    """
    grey = kernel.sum(2, keepdims=True) * np.float32(_SPREAD / depth)
    return np.repeat(grey, depth, 2)


def _not_these(path: Path, found: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected the weights of keras.applications' ResNet50, such as {FILE}, found "
        f"{found}; choose another file."
    )

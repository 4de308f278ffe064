"""What may stand in the file of a network, checked before Keras or HDF5 open it.

A model may come from anybody. Nothing in its file is run, and nothing is read that is larger than
what the file itself holds.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.model_archive import not_a_model, read_member, read_object
from deepometry.cells.model_description import Description
from deepometry.network.backend import keras
from deepometry.network.build import HEAD, STEM
from deepometry.network.hdf5_weights import check_hdf5
from deepometry.network.scaling import SCALE

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
"""Members of a Keras archive."""

_MOST_CONFIG = 1 << 23  # bytes
_MOST_MEMBERS, _MOST_EXPANSION, _SMALL = 1000, 20, 1 << 24  # bytes
_LARGEST = 4096  # filters, or units, of a layer
_SIZES = (
    *("filters", "units", "kernel_size", "pool_size", "strides", "dilation_rate", "groups"),
    *("padding", "batch_shape"),
)
_PADDINGS = (None, "same", "valid")  # and the open size of a batch
_KINDS = {
    "keras": {"DTypePolicy"},
    "keras.initializers": {"GlorotUniform", "HeNormal", "Ones", "Zeros"},
    "keras.layers": {
        *("Activation", "Add", "AveragePooling2D", "BatchNormalization", "Conv2D", "Dense"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "InputLayer", "MaxPooling2D"),
        *("Normalization", "Reshape", "ZeroPadding2D"),
    },
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.numpy": {
        *("Concatenate", "GetItem", "Greater", "Max", "Median", "Min", "Multiply", "OnesLike"),
        *("Reshape", "Round", "Subtract", "TrueDivide", "Where"),
    },
    None: {"__keras_tensor__", "__slice__"},
}
_ACTIVATIONS = {"linear", "relu", "softmax"}


def check_archive(path: Path, archive: zipfile.ZipFile) -> None:
    """Check that nothing in an archive unpacks to much more than the archive holds."""
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise not_a_model(path, f"an archive of {len(members):,} members")
    for each in members:
        if each.file_size > max(_SMALL, _MOST_EXPANSION * each.compress_size):
            raise not_a_model(path, f"{each.filename} of {each.file_size:,} bytes in it")


def check_config(path: Path) -> None:
    """Check that a Keras archive builds a network of this program: its layers, of usual sizes."""
    text = read_member(path, CONFIG, _MOST_CONFIG)
    if text is None:
        raise not_a_model(path, f"an archive without {CONFIG}")
    for each in _parts(read_object(path, text)):
        if isinstance(each, float) and not math.isfinite(each):
            raise not_a_model(path, f"a network with the number {each}")
        if isinstance(each, dict):
            _check_object(path, each)


def _check_object(path: Path, each: dict[str, Any]) -> None:
    kind, module = each.get("class_name"), each.get("module")
    if "class_name" in each and not _is_known(module, kind):
        raise not_a_model(path, f"a network with {kind!r:.60} of {module!r:.60} in it")
    for name in _SIZES:
        if not _is_usual(each.get(name, 1)):
            raise not_a_model(path, f"a network whose {name} is {each[name]!r:.60}")
    if not _is_usual(_but_the_rest(each.get("target_shape", 1))):
        raise not_a_model(path, f"a network whose target_shape is {each['target_shape']!r:.60}")
    activation = each.get("activation", "linear")
    if not (isinstance(activation, str) and activation in _ACTIVATIONS):
        raise not_a_model(path, f"a network whose activation is {activation!r:.60}")


def _is_known(module: Any, kind: Any) -> bool:
    named = isinstance(module, str | None) and isinstance(kind, str)
    return named and kind in _KINDS.get(module, ())


def _is_usual(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_usual, value))
    return value in _PADDINGS or (isinstance(value, int) and 0 <= value <= _LARGEST)


def _but_the_rest(shape: Any) -> Any:
    """Leave out of a shape the -1 that stands for what the other sides leave."""
    return [side for side in shape if side != -1] if isinstance(shape, list) else shape


def _parts(content: Any) -> Iterator[Any]:
    """Yield all that a JSON text holds, however deep."""
    waiting = [content]
    while waiting:
        some = waiting.pop()
        yield some
        if isinstance(some, dict | list):
            waiting += some.values() if isinstance(some, dict) else some


def check_weights(path: Path, archive: zipfile.ZipFile) -> None:
    """Check the weights in a Keras archive."""
    import h5py

    if WEIGHTS not in archive.namelist():
        raise not_a_model(path, f"an archive without {WEIGHTS}")
    with archive.open(WEIGHTS) as member, h5py.File(member) as file:
        check_hdf5(file)


def check_fit(path: Path, model: Any, description: Description) -> None:
    """Check that a network is the one of its description, and that its weights are numbers."""
    frame, depth, outputs = description.frame, description.depth, description.outputs
    shapes = ((None, frame, frame, depth), (None, outputs))
    if (model.input_shape, model.output_shape) != shapes:
        found = f"a network from {model.input_shape} to {model.output_shape}"
        raise not_a_model(path, f"{found}, unlike its description ({shapes[0]} to {shapes[1]})")
    outer = {layer.name for layer in model.layers}
    inner = {layer.name for layer in getattr(model.layers[-1], "layers", ())}
    if missing := sorted(({SCALE} - outer) | ({*STEM, HEAD} - inner)):
        raise not_a_model(path, f"a network without the layer {missing[0]}")
    for weight in model.weights:
        if not np.isfinite(np.asarray(keras().ops.convert_to_numpy(weight))).all():
            raise not_a_model(path, f"weights that are no numbers (NaN or infinite): {weight.path}")

"""Weights in HDF5 files, as Keras 2 wrote them for the original program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.network.build import HEAD

Weights = dict[str, list[np.ndarray]]
"""Arrays of every layer that has any, in the order of Keras, by the name of the layer."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_EXPANSION, _SMALL = 20, 1 << 24  # bytes
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


def check_hdf5(root: Any) -> None:
    """Check that a group of HDF5 holds nothing but arrays that are wholly in its file.

    Raises
    ------
    ValueError
        It has links, or arrays that lie elsewhere or are larger than what is stored of them.
    """
    import h5py

    waiting, seen = [root], set[int]()
    while waiting:
        group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is a link to elsewhere")
            each = group[name]
            address = h5py.h5o.get_info(each.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(each, h5py.Group):
                waiting.append(each)
            else:
                _check_array(name, each)


def _check_array(name: str, array: Any) -> None:
    if array.is_virtual or array.external:
        raise ValueError(f"{name} lies in another file")
    stored = max(_SMALL, _MOST_EXPANSION * array.id.get_storage_size())
    if array.shape is None or array.nbytes > stored:
        raise ValueError(f"{name} of the shape {array.shape} is not wholly there")


def is_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5, by its first bytes; .h5 and .hdf5 files are."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def read_hdf5(path: Path) -> Weights:
    """Read the layers of an HDF5 file that Keras 2 wrote, of weights only or of a whole model.

    Nothing in it is run: of a whole model only the weights are read.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            check_hdf5(file)
            root = file.get("model_weights", file)
            names = _names(root, "layer_names")
            weights = {name: _layer(root[name]) for name in names}
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise _not_weights(path, f"other content, or a damaged one ({reason:.200})") from error
    except OSError as error:  # h5py raises it for damaged files too, then without a number
        if error.errno:
            raise explain_os_error(error, path) from error
        raise _not_weights(path, "another kind of file, or a damaged one") from error
    if not all(np.isfinite(array).all() for arrays in weights.values() for array in arrays):
        raise _not_weights(path, "weights that are no numbers (NaN or infinite)")
    return {name: arrays for name, arrays in weights.items() if arrays}


def _names(group: Any, attribute: str) -> list[str]:
    """Read a list of names, which long networks have in parts."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = [group.attrs[f"{attribute}0"]]  # a KeyError where there is neither
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
    names = [name for part in parts for name in part]
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in names]


def _layer(group: Any) -> list[np.ndarray]:
    names = _names(group, "weight_names")
    ends = {name: name.rsplit("/", 1)[-1].split(":", 1)[0] for name in names}
    if set(ends.values()) <= set(_NORMALIZATION):
        names = sorted(names, key=lambda name: _NORMALIZATION.index(ends[name]))
    return [np.asarray(group[name][()], np.float32) for name in names]


def _not_weights(path: Path, found: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected weights of a network in the layout of Keras 2 (.h5), found {found}; "
        "choose another file."
    )


def check_layers(weights: Mapping[str, list[np.ndarray]], body: Any, name: str) -> None:
    """Compare weights with a network, layer by layer in its order; the last layer may differ.

    `name` is where the weights come from, for the error, which names the first layer that differs.
    """
    for layer in body.layers:
        if not layer.weights or layer.name == HEAD:
            continue
        expected = [tuple(each.shape) for each in layer.weights]
        shapes = [array.shape for array in weights.get(layer.name, [])]
        if expected != shapes:
            listed = ", ".join(map(_shape_text, shapes)) or "none of that name"
            raise DeepometryError(
                f"{name}: layer {layer.name}: expected {', '.join(map(_shape_text, expected))} of "
                f"{body.name}, found {listed}; {_advice(layer.name, expected, shapes)}"
            )


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _advice(layer: str, wanted: list[tuple[int, ...]], there: list[tuple[int, ...]]) -> str:
    alike = wanted[0][:2] == there[0][:2] if there else False
    if layer == "conv1" and alike and wanted[0][3:] == there[0][3:]:
        return (
            f"it learnt from {there[0][2]} channels: name as many, in its order, with --channels."
        )
    return "choose a file of this network, or another --network."

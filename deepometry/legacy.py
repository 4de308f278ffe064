"""Weights in HDF5 files, as Keras 2 wrote them for the original program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.phases import HEAD

Weights = dict[str, list[np.ndarray]]
"""Arrays of every layer that has any, in the order of Keras, by the name of the layer."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


def is_hdf5(path: Path) -> bool:
    """Tell by its content whether a file is HDF5, as .h5 and .hdf5 files are."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def read_hdf5(path: Path) -> Weights:
    """Read the layers of a file that Keras 2 wrote, of weights only or of a whole model.

    Parameters
    ----------
    path : Path
        An .h5 or .hdf5 file. Nothing in it is run: of a whole model only the weights are read.

    Returns
    -------
    dict of str to list of ndarray
        By layer, in the order of the file.

    Raises
    ------
    DeepometryError
        The file cannot be read, or holds something else.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            root = file.get("model_weights", file)
            names = _names(root, "layer_names")
            found = {name: _layer(root[name]) for name in names}
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise _not_weights(path, "another kind of content, or a damaged one") from error
    except OSError as error:  # h5py raises it for damaged files too, then without a number
        if error.errno:
            raise explain_os_error(error, path) from error
        raise _not_weights(path, "another kind of file, or a damaged one") from error
    return {name: arrays for name, arrays in found.items() if arrays}


def _names(group: Any, attribute: str) -> list[str]:
    """Read a list of names, which long networks have in parts."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = [group.attrs[f"{attribute}0"]]  # a KeyError where there is neither
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
    found = [name for part in parts for name in part]
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in found]


def _layer(group: Any) -> list[np.ndarray]:
    names = _names(group, "weight_names")
    order = {each: place for place, each in enumerate(_NORMALIZATION)}
    ends = [name.rsplit("/", 1)[-1].split(":", 1)[0] for name in names]
    if set(ends) <= set(order):
        names = [name for _, name in sorted(zip(ends, names, strict=True), key=_place)]
    return [np.asarray(group[name], np.float32) for name in names]


def _place(named: tuple[str, str]) -> int:
    return _NORMALIZATION.index(named[0])


def _not_weights(path: Path, found: str) -> DeepometryError:
    return DeepometryError(
        f"{path}: expected weights of a network in the layout of Keras 2 (.h5), found {found}; "
        "choose another file."
    )


def check_layers(found: Mapping[str, list[np.ndarray]], body: Any, name: str) -> None:
    """Compare weights with a network, layer by layer in its order; the last layer may differ.

    Parameters
    ----------
    found : mapping of str to list of ndarray
        Weights by layer.
    body : keras.Model
        The residual network that is to have them.
    name : str
        Where they come from, as an error tells it.

    Raises
    ------
    DeepometryError
        A layer is missing or has another shape; the first one is named.
    """
    for layer in body.layers:
        if not layer.weights or layer.name == HEAD:
            continue
        wanted = [tuple(each.shape) for each in layer.weights]
        there = [array.shape for array in found.get(layer.name, [])]
        if wanted != there:
            told = ", ".join(map(_told, there)) or "none of that name"
            raise DeepometryError(
                f"{name}: layer {layer.name}: expected {', '.join(map(_told, wanted))} of "
                f"{body.name}, found {told}; {_advice(layer.name, wanted, there)}"
            )


def _told(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _advice(layer: str, wanted: list[tuple[int, ...]], there: list[tuple[int, ...]]) -> str:
    alike = wanted[0][:2] == there[0][:2] if there else False
    if layer == "conv1" and alike and wanted[0][3:] == there[0][3:]:
        return (
            f"it learnt from {there[0][2]} channels: name as many, in its order, with --channels."
        )
    return "choose a file of this network, or another --network."

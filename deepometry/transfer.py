"""Starting from earlier weights: a model of this program or the original one, or ImageNet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.backend import keras
from deepometry.checkpoint import read_facts
from deepometry.errors import DeepometryError
from deepometry.imagenet import IMAGENET, NETWORK, find_weights, for_channels, read_weights
from deepometry.legacy import Weights, check_layers, is_hdf5, read_hdf5
from deepometry.model import Description, find_model, load_model, read_description
from deepometry.network import SCALE
from deepometry.options import AUTO, TrainOptions
from deepometry.phases import HEAD, STEM
from deepometry.words import counted, joined

_FIRST, _FIRST_NORM = STEM
_SAMPLE = 256  # cells on which the first normalisation is measured
_AT_ONCE = 16
_LEGACY_NETWORK, _LEGACY_SCALING = "resnet50", "8bit"


@dataclass(frozen=True)
class Start:
    """Weights to begin with.

    Attributes
    ----------
    name : str
        Of the file.
    network, scaling : str
        What the weights are of, and how the cells were scaled that they saw (`auto`: no matter).
    read : callable
        Given the description of the model to come, the weights that it can take over and, in
        words, what was done.
    """

    name: str
    network: str
    scaling: str
    read: Callable[[Description], tuple[Weights, str]]


def begin(options: TrainOptions) -> tuple[TrainOptions, Start | None]:
    """Find out what a training starts from.

    Parameters
    ----------
    options : TrainOptions
        As the user gave them.

    Returns
    -------
    options : TrainOptions
        With network, scaling and frozen layers filled in where they were left open. The numbers
        of the scaling always come from the new cells: another day's stain or lamp is brighter.
    start : Start or None
        None where it starts from scratch, or is resumed: then the checkpoint has all.

    Raises
    ------
    DeepometryError
        The weights cannot be used, or are of another network than the options want.
    """
    if not (options.start_from or options.weights):
        return replace(options, freeze="none"), None
    options = replace(options, freeze="two-phase" if options.freeze == AUTO else options.freeze)
    if options.resume:
        facts = read_facts(options.output)
        return _filled(options, facts.get("network", AUTO), facts.get("scaling", AUTO)), None
    start = _imagenet(options) if options.weights else _earlier(options)
    if options.network not in (AUTO, start.network):
        raise DeepometryError(
            f"Network: expected {start.network}, of which the weights in {start.name} are, found "
            f"{options.network}; leave it out, or start from other weights."
        )
    return _filled(options, start.network, start.scaling), start


def _filled(options: TrainOptions, network: str, scaling: str) -> TrainOptions:
    return replace(
        options,
        network=network if options.network == AUTO else options.network,
        scaling=scaling if options.scaling == AUTO else options.scaling,
    )


def _imagenet(options: TrainOptions) -> Start:
    place = str(options.weights)
    path = find_weights(place)
    name = "ImageNet" if place == IMAGENET or path is None else path.name

    def read(wanted: Description) -> tuple[Weights, str]:
        weights = read_weights(place)
        weights[_FIRST] = [for_channels(weights[_FIRST][0], wanted.depth)]
        every = counted(wanted.depth, "channel")
        return weights, f"{every} with the sum of the filters of three colours; new last layer"

    return Start(name, NETWORK, AUTO, read)


def _earlier(options: TrainOptions) -> Start:
    path = find_model(Path(str(options.start_from)))
    if is_hdf5(path):
        network = _LEGACY_NETWORK if options.network == AUTO else options.network
        return Start(path.name, network, _LEGACY_SCALING, partial(_from_hdf5, path))
    told = read_description(path)
    return Start(path.name, told.network, told.scaling, partial(_from_model, path))


def _from_hdf5(path: Path, wanted: Description) -> tuple[Weights, str]:
    weights = read_hdf5(path)
    weights.pop(HEAD, None)
    return weights, "all its filters; new last layer, because the file names no labels"


def _from_model(path: Path, wanted: Description) -> tuple[Weights, str]:
    model, told, _ = load_model(path)
    body = model.layers[-1]
    weights = {layer.name: layer.get_weights() for layer in body.layers if layer.weights}
    places = match_channels(told, wanted)
    weights[_FIRST] = [fit_channels(weights[_FIRST][0], places)]
    same = set(told.labels) == set(wanted.labels)
    if same:
        order = [told.labels.index(label) for label in wanted.labels]
        kernel, bias = weights[HEAD]
        weights[HEAD] = [kernel[:, order], bias[order]]
    else:
        del weights[HEAD]
    last = "last layer kept" if same else "new last layer, because the labels differ"
    return weights, f"{_about_channels(wanted, places)}; {last}"


def _about_channels(wanted: Description, places: list[int | None]) -> str:
    numbers = wanted.channels or tuple(range(1, wanted.depth + 1))
    kept = [n for n, place in zip(numbers, places, strict=True) if place is not None]
    new = [n for n, place in zip(numbers, places, strict=True) if place is None]
    told = f"channel{'s' * (len(kept) != 1)} {joined(kept)} with the filters it has for them"
    fresh = f"new channel{'s' * (len(new) != 1)} {joined(new)} with the mean of its filters"
    return " and ".join([told] * bool(kept) + [fresh] * bool(new))


def match_channels(earlier: Description, wanted: Description) -> list[int | None]:
    """Find for every channel the one of an earlier model whose filters it takes over.

    Parameters
    ----------
    earlier, wanted : Description
        Of the earlier model and the one to come.

    Returns
    -------
    list of int or None
        For every channel of `wanted` a position in `earlier`, each at most once: that of the
        same name, in any case, or else of the same number. Where one side does not tell numbers,
        channels are taken in their order if they are as many, and else not at all.
    """
    if earlier.channels is None or wanted.channels is None:
        alike = earlier.depth == wanted.depth
        return [place if alike else None for place in range(wanted.depth)]
    found: dict[int, int] = {}
    for same in (_same_name, _same_number):
        for number in wanted.channels:
            free = [old for old in earlier.channels if old not in found.values()]
            match = [old for old in free if same(earlier, old, wanted, number)]
            if match and number not in found:
                found[number] = match[0]
    places = (found.get(number) for number in wanted.channels)
    return [None if old is None else earlier.channels.index(old) for old in places]


def _same_name(earlier: Description, old: int, wanted: Description, number: int) -> bool:
    names = earlier.channel_names.get(str(old)), wanted.channel_names.get(str(number))
    return all(names) and len({str(name).casefold().strip() for name in names}) == 1


def _same_number(earlier: Description, old: int, wanted: Description, number: int) -> bool:
    return old == number


def fit_channels(kernel: np.ndarray, places: list[int | None]) -> np.ndarray:
    """Choose the filters of the first convolution for other channels.

    Parameters
    ----------
    kernel : ndarray of float, shape (height, width, earlier channels, filters)
    places : list of int or None
        For every channel the one whose filters it takes over; None for a new one.

    Returns
    -------
    ndarray of float, shape (height, width, channels, filters)

    Notes
    -----
    A new channel begins with the mean of all earlier filters, since edges and spots are such in
    every channel, made as strong as the filters of one channel are on average: a plain mean of
    filters that differ would hardly be heard. What filters more or less change in the spread of
    what comes out is made up for by `settle`, and those that are taken over keep their values.
    """
    mean, strength = kernel.mean(2), np.sqrt(np.square(kernel).sum((0, 1)).mean(0))
    found = np.sqrt(np.square(mean).sum((0, 1)))
    new = mean * (strength / np.where(found > 0, found, 1))
    kept = [new if place is None else kernel[:, :, place] for place in places]
    return np.stack(kept, 2).astype(kernel.dtype)


def take_over(start: Start, model: Any, wanted: Description, images: np.ndarray) -> str:
    """Give a new network the weights that it starts from.

    Parameters
    ----------
    start : Start
        Where they are.
    model : keras.Model
        As `deepometry.network.build_network` makes it; changed in place, before its first step.
    wanted : Description
        What the model is to know of itself.
    images : ndarray, shape (n, frame, frame, channels)
        Some of its training cells.

    Returns
    -------
    str
        What was done, in words.

    Raises
    ------
    DeepometryError
        A layer has another shape; it is named.
    """
    weights, told = start.read(wanted)
    body = model.layers[-1]
    check_layers(weights, body, start.name)
    for layer in body.layers:
        if layer.name in weights and layer.weights:
            layer.set_weights(weights[layer.name])
    settle(model, images)
    return f"Starting from {start.name}: {told}."


def settle(model: Any, images: np.ndarray) -> None:
    """Measure the statistics of the first normalisation anew.

    With other channels, another scaling or brighter cells, what comes out of the first
    convolution has another mean and spread; every layer behind it sees what it is used to, as
    long as the normalisation knows them.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    images : ndarray, shape (n, frame, frame, channels)
        Counts.

    Notes
    -----
    Li et al., Revisiting batch normalization for practical domain adaptation, 2016, at the first
    normalisation only.
    """
    scale, body = model.get_layer(SCALE), model.layers[-1]
    first = keras().Model(body.inputs[0], body.get_layer(_FIRST).output)
    layer, ops = body.get_layer(_FIRST_NORM), keras().ops
    sums, squares, pixels = 0.0, 0.0, 0
    for begin in range(0, len(images), _AT_ONCE):  # all at once would take gigabytes
        cells = np.asarray(images[begin : begin + _AT_ONCE], np.float32)
        found = ops.convert_to_numpy(ops.cast(first(scale(cells)), "float32")).astype(np.float64)
        sums, squares = sums + found.sum((0, 1, 2)), squares + (found**2).sum((0, 1, 2))
        pixels += found[..., 0].size
    mean = sums / pixels
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(np.maximum(squares / pixels - mean**2, 0.0))


def sample_of(indices: np.ndarray) -> np.ndarray:
    """Choose some evenly spaced cells."""
    return np.sort(indices)[:: max(1, -(-len(indices) // _SAMPLE))]

"""Starting from earlier weights: a model of this program or the original one, or ImageNet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.model_description import Description, find_model, read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import AUTO
from deepometry.core.options.train import TrainOptions
from deepometry.core.text import counted, joined
from deepometry.network.backend import keras
from deepometry.network.build import HEAD, STEM
from deepometry.network.dihedral import first_position
from deepometry.network.hdf5_weights import Weights, check_layers, is_hdf5, read_hdf5
from deepometry.network.imagenet_weights import (
    IMAGENET,
    NETWORK,
    find_weights,
    for_channels,
    read_weights,
)
from deepometry.network.model_file import load_model
from deepometry.network.scaling import SCALE
from deepometry.training.checkpoint import read_facts

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

    Returns
    -------
    options : TrainOptions
        With network, scaling and frozen layers filled in where they were left open. The numbers
        of the scaling always come from the new cells: another day's stain or lamp is brighter.
    start : Start or None
        None where it starts from scratch, or is resumed: then the checkpoint has all.
    """
    if not (options.start_from or options.weights):
        return replace(options, freeze="none"), None
    options = replace(options, freeze="two-phase" if options.freeze == AUTO else options.freeze)
    if options.resume:
        facts = read_facts(options.output)
        return _filled(options, facts["network"], facts["scaling"]), None
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
    description = read_description(path)
    return Start(path.name, description.network, description.scaling, partial(_from_model, path))


def _from_hdf5(path: Path, wanted: Description) -> tuple[Weights, str]:
    weights = read_hdf5(path)
    weights.pop(HEAD, None)
    return weights, "all its filters; new last layer, because the file names no labels"


def _from_model(path: Path, wanted: Description) -> tuple[Weights, str]:
    model, earlier, _ = load_model(path)
    body = model.layers[-1]
    weights = {layer.name: layer.get_weights() for layer in body.layers if layer.weights}
    places = match_channels(earlier, wanted)
    weights[_FIRST] = [fit_channels(weights[_FIRST][0], places)]
    head = _head_for(earlier, wanted, *weights.pop(HEAD))
    weights |= {HEAD: head} if head else {}
    last = "last layer kept" if head else f"new last layer, because {_difference(earlier, wanted)}"
    return weights, f"{_about_channels(wanted, places)}; {last}"


def _head_for(
    earlier: Description, wanted: Description, kernel: np.ndarray, bias: np.ndarray
) -> list[np.ndarray] | None:
    """Return the last layer of an earlier model for a new one; None where it cannot be used."""
    before, after = earlier.task, wanted.task
    if before.is_number and after.is_number and _same_target(earlier, wanted):
        # the same numbers, standardised by the mean and deviation of the new cells
        scale, shift = before.deviation / after.deviation, before.mean - after.mean
        return [kernel * scale, bias * scale + shift / after.deviation]
    if before.is_number or after.is_number or set(earlier.labels) != set(wanted.labels):
        return None
    order = [earlier.labels.index(label) for label in wanted.labels]
    return [kernel[:, order], bias[order]]


def _same_target(earlier: Description, wanted: Description) -> bool:
    return earlier.target.casefold() == wanted.target.casefold()


def _difference(earlier: Description, wanted: Description) -> str:
    """Say why the last layer of an earlier model cannot be used."""
    if earlier.task.is_number != wanted.task.is_number:
        return "one predicts a number and the other classes"
    return "the numbers are of another target" if wanted.task.is_number else "the labels differ"


def _about_channels(wanted: Description, places: list[int | None]) -> str:
    numbers = wanted.channels or tuple(range(1, wanted.depth + 1))
    taken = [n for n, place in zip(numbers, places, strict=True) if place is not None]
    new = [n for n, place in zip(numbers, places, strict=True) if place is None]
    with_filters = (
        f"channel{'s' * (len(taken) != 1)} {joined(taken)} with the filters it has for them"
    )
    fresh = f"new channel{'s' * (len(new) != 1)} {joined(new)} with the mean of its filters"
    return " and ".join([with_filters] * bool(taken) + [fresh] * bool(new))


def match_channels(earlier: Description, wanted: Description) -> list[int | None]:
    """Find for every channel the one of an earlier model whose filters it takes over.

    Returns
    -------
    list of int or None
        For every channel of `wanted` a position in `earlier`, each at most once: that of the
        same name, in any case, or else of the same number. Where one side has no numbers, channels
        are matched in their order if there are as many, and else not at all.
    """
    if earlier.channels is None or wanted.channels is None:
        alike = earlier.depth == wanted.depth
        return [place if alike else None for place in range(wanted.depth)]
    matches: dict[int, int] = {}
    for key in (_name, _number):
        for number in wanted.channels:
            free = [old for old in earlier.channels if old not in matches.values()]
            match = [old for old in free if key(earlier, old) == key(wanted, number) is not None]
            if match and number not in matches:
                matches[number] = match[0]
    places = (matches.get(number) for number in wanted.channels)
    return [None if old is None else earlier.channels.index(old) for old in places]


def _name(description: Description, number: int) -> str | None:
    return str(description.channel_names.get(str(number), "")).casefold().strip() or None


def _number(description: Description, number: int) -> int:
    return number


def fit_channels(kernel: np.ndarray, places: list[int | None]) -> np.ndarray:
    """Choose the filters of the first convolution for other channels.

    `kernel` has shape (height, width, channels, filters); `places` has for every new channel the
    earlier one whose filters it takes over, or None.

    Notes
    -----
    A new channel begins with the mean of all earlier filters, since edges and spots are such in
    every channel, made as strong as the filters of one channel are on average: a plain mean of
    filters that differ would hardly be heard. What filters more or less change in the spread of
    what comes out is made up for by `settle`, and those that are taken over keep their values.
    """
    mean, strength = kernel.mean(2), np.sqrt(np.square(kernel).sum((0, 1)).mean(0))
    strengths = np.sqrt(np.square(mean).sum((0, 1)))
    new = mean * (strength / np.where(strengths > 0, strengths, 1))
    filters = [new if place is None else kernel[:, :, place] for place in places]
    return np.stack(filters, 2).astype(kernel.dtype)


def take_over(start: Start, model: Any, wanted: Description, images: np.ndarray) -> str:
    """Set the weights that a new network starts from, in place, and return in words what was done.

    `images` (n, frame, frame, channels) are some of its training cells. Raises DeepometryError
    where a layer has another shape.
    """
    weights, summary = start.read(wanted)
    body = model.layers[-1]
    weights |= {
        layer.name: first_position(layer, weights[layer.name])
        for layer in body.layers
        if layer.name in weights
    }
    check_layers(weights, body, start.name)
    for layer in body.layers:
        if layer.name in weights and layer.weights:
            layer.set_weights(weights[layer.name])
    settle(model, images)
    return f"Starting from {start.name}: {summary}."


def settle(model: Any, images: np.ndarray) -> None:
    """Measure the statistics of the first normalisation on images of counts, in place.

    With other channels, another scaling or brighter cells, what comes out of the first
    convolution has another mean and spread; every layer behind it sees what it is used to, as
    long as the normalisation has theirs. Li et al., Revisiting batch normalization for practical
    domain adaptation, 2016, at the first normalisation only.
    """
    scale, body = model.get_layer(SCALE), model.layers[-1]
    first = keras().Model(body.inputs[0], body.get_layer(_FIRST).output)
    layer, ops = body.get_layer(_FIRST_NORM), keras().ops
    sums, squares, pixels = 0.0, 0.0, 0
    for begin in range(0, len(images), _AT_ONCE):  # all at once would take gigabytes
        cells = np.asarray(images[begin : begin + _AT_ONCE], np.float32)
        activations = ops.convert_to_numpy(ops.cast(first(scale(cells)), "float32")).astype(
            np.float64
        )
        sums, squares = sums + activations.sum((0, 1, 2)), squares + (activations**2).sum((0, 1, 2))
        pixels += activations[..., 0].size
    mean = np.asarray(sums / pixels)
    variance = np.maximum(squares / pixels - mean**2, 0.0)
    for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(new.reshape(-1, *moving.shape).mean(0))  # over the positions, if any


def sample_of(indices: np.ndarray) -> np.ndarray:
    """Choose some evenly spaced cells."""
    return np.sort(indices)[:: max(1, -(-len(indices) // _SAMPLE))]

"""What cells of a new group cost: classical features across groups and in random folds."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepometry.cells.description_checks import BASELINE
from deepometry.cells.model_description import Description
from deepometry.classical.features import feature_names, measured
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Progress
from deepometry.evaluation.group_cost import Price, price_of
from deepometry.training.baseline_folds import OutOfFold, features_on_disk
from deepometry.training.cells import Cells
from deepometry.training.gather import describe

MOST_PRICED = 10_000
"""Cells that stand for all where a network is trained: the price takes minutes, not hours."""

_LEAST = 100  # of them, of a class that has so many


def price_beside_network(options: TrainOptions, cells: Cells, progress: Progress) -> Price:
    """Measure the price of a new group with classical features of at most `MOST_PRICED` cells.

    `options` have the folds that the groups came to.
    """
    progress.say(f"What a new {cells.group_by} costs, by classical features:")
    own = some_cells(cells, np.random.default_rng([options.seed, 5]))
    names = ("input", "output", "target", "learn_as", "channels", "seed", "folds", "group_by")
    asked = BaselineOptions(**{name: getattr(options, name) for name in names})
    description = describe(own, options.channels, network=BASELINE, scaling="none")
    with tempfile.TemporaryDirectory() as folder:
        width = len(feature_names(len(own.columns)))
        with features_on_disk(Path(folder), own.labelled, width) as features:
            _measure(own, features, progress)
            across = OutOfFold(asked, own, description, features, progress)
            across.go()
            price = price_beside(across, description)
    progress.say(str(price))
    return price


def price_beside(across: OutOfFold, description: Description) -> Price:
    """Learn once more in random folds, and compare the predictions of the same cells."""
    cells, options, progress = across.cells, across.options, across.progress
    progress.say("The same in random folds, for comparison.")
    rng = np.random.default_rng([options.seed, 4])
    folds = random_folds(cells.codes, cells.images, int(options.folds or 2), rng)
    mixed_cells = replace(cells, groups=None, group_by="", folds=folds)
    mixed = OutOfFold(options, mixed_cells, description, across.features, progress)
    mixed.go()
    return _priced(cells, across.indices, across.predictions, mixed.predictions)


def random_folds(
    codes: np.ndarray, images: np.ndarray, folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Deal labelled cells out to folds in turn, class by class; equal images stay together.

    Other than `assign_folds` it takes classes of any size. Returns int8 (cells,), -1 for cells
    without a label.
    """
    cells = rng.permutation(np.flatnonzero(codes >= 0))
    own, first = np.unique(images[cells], return_index=True)
    order = np.lexsort((rng.random(len(own)), codes[cells[first]]))
    fold_of = np.full(int(images.max(initial=-1)) + 1, -1, np.int8)
    fold_of[own[order]] = np.arange(len(own)) % folds
    return np.where(codes >= 0, fold_of[images], np.int8(-1))


def some_cells(cells: Cells, rng: np.random.Generator, most: int = MOST_PRICED) -> Cells:
    """Choose cells at random that stand for all: in proportion to the classes, of rare ones more.

    All of those chosen are training cells.
    """
    labelled = np.flatnonzero(cells.codes >= 0)
    if len(labelled) > most:
        order = rng.permutation(labelled)
        by_class = [order[cells.codes[order] == code] for code in np.unique(cells.codes[order])]
        wanted = [max(_LEAST, len(own) * most // len(labelled)) for own in by_class]
        chosen = [own[:n] for own, n in zip(by_class, wanted, strict=True)]
        labelled = np.sort(np.concatenate(chosen))
    codes = np.full(len(cells.codes), -1, cells.codes.dtype)
    codes[labelled] = cells.codes[labelled]
    folds = np.where(codes >= 0, np.asarray(cells.folds), -1).astype(np.int8)
    none = np.zeros(0, labelled.dtype)
    return replace(cells, codes=codes, folds=folds, training=labelled, validation=none)


def _measure(cells: Cells, features: np.ndarray, progress: Progress) -> None:
    done = 0
    for block in measured(cells.dataset, cells.training, cells.columns, progress):
        features[done : done + len(block)] = block
        done += len(block)


def _priced(cells: Cells, indices: np.ndarray, across: np.ndarray, mixed: np.ndarray) -> Price:
    """Compare predictions of all cells, of which `indices` are judged."""
    assert cells.groups is not None  # asked for across groups alone
    groups, by = cells.groups[indices], cells.group_by
    if cells.task.is_number:
        true = cells.numbers(indices)
        first, second = (np.abs(each[indices, 0] - true) for each in (across, mixed))
        return price_of(by, "mae", first, second, groups)
    true = cells.codes[indices]
    first, second = ((each[indices].argmax(1) == true) * 1.0 for each in (across, mixed))
    return price_of(by, "accuracy", first, second, groups)

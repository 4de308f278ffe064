"""What a trained network measures novelty by: features of cells that it learnt from, and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deepometry.cells.batches import batches
from deepometry.core.progress import Progress
from deepometry.core.text import counted
from deepometry.evaluation.novelty import FEWEST, MOST_CELLS, MOST_ORDINARY, Reference
from deepometry.evaluation.novelty_file import novelty_members
from deepometry.network.build import NOVELTY_LAYERS, with_layers
from deepometry.network.precision import as_float32
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.cells import Cells

_AT_ONCE = 128
_SEED = 3


Measure = Callable[[np.ndarray], np.ndarray]
"""What computes features (n, features) of the cells with some indices (n,)."""


def novelty_of(
    cells: Cells, measures: Mapping[str, Measure], seed: int, progress: Progress
) -> dict[str, bytes]:
    """Return the members of a model file that novelty is measured by; none with too few cells.

    `measures` compute features by their kind: `network`, `classical` or both.
    """
    if len(cells.validation) < FEWEST:
        few = counted(len(cells.validation), "validation cell")
        progress.say(
            f"The model will not measure how novel cells are: {few}, and {FEWEST} are needed."
        )
        return {}
    training, validation = reference_cells(cells, np.random.default_rng([seed, _SEED]))
    learnt = {kind: measure(training) for kind, measure in measures.items()}
    others = {kind: measure(validation) for kind, measure in measures.items()}
    return novelty_members(Reference.fit(learnt, others))


def reference_cells(cells: Cells, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw training cells, as many of each class as there are or as fit, and validation cells."""
    codes = cells.codes[cells.training]
    mixed = [rng.permutation(cells.training[codes == code]) for code in np.unique(codes)]
    training = np.concatenate([own[:size] for own, size in zip(mixed, _sizes(mixed), strict=True)])
    validation = rng.permutation(cells.validation)[:MOST_ORDINARY]
    return np.sort(training), np.sort(validation)


def _sizes(classes: Sequence[np.ndarray]) -> list[int]:
    """Share out the places in the reference: what a small class leaves goes to the larger ones."""
    sizes, left = [0] * len(classes), MOST_CELLS
    order = sorted(range(len(classes)), key=lambda place: len(classes[place]))
    for done, place in enumerate(order):
        sizes[place] = min(len(classes[place]), left // (len(classes) - done))
        left -= sizes[place]
    return sizes


def network_features(
    model: Any, cells: Cells, indices: np.ndarray, views: int, progress: Progress
) -> np.ndarray:
    """Compute the activations (n, features) that novelty is measured by, of some cells."""
    blocks, done = [], 0
    with as_float32(model):
        deep = with_layers(model, NOVELTY_LAYERS)
        for batch in batches(cells.dataset, indices, cells.codes, _AT_ONCE, cells.columns):
            progress.check()
            *features, _ = predict_views(deep, batch.images, views)
            blocks.append(np.hstack(features))
            done += len(batch.images)
            progress.report(done, len(indices), "Learning what ordinary cells are", "cells")
    return np.concatenate(blocks)

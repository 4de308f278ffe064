"""Cells kept from training to choose the best epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.cells.groups import hold_groups
from deepometry.core.errors import DeepometryError
from deepometry.training.folds import group_table


def validation_split(
    codes: np.ndarray,
    fingerprints: np.ndarray,
    labels: Sequence[str],
    share: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the labelled cells, class by class; equal images stay on one side.

    Parameters
    ----------
    codes : ndarray of int, shape (cells,)
        Class of each cell; cells of class -1 go to neither side.
    fingerprints : ndarray of uint64, shape (cells,)
        Equal for equal images.
    labels : sequence of str
    share : float
        Share of the cells of each class that goes to validation.
    rng : numpy.random.Generator

    Returns
    -------
    training, validation : ndarray of int64
        Indices of the cells, rising.
    """
    _, images = np.unique(fingerprints, return_inverse=True)
    side = np.full(images.max() + 1, -1, np.int8)  # of each image: 0 training, 1 validation
    for code, label in enumerate(labels):
        own, counts = np.unique(images[codes == code], return_counts=True)
        if len(own) < 2:
            raise DeepometryError(
                f"{label}: expected at least two different cells to learn from, found "
                f"{len(own)}; add cells, or leave this label out."
            )
        _divide(side, own, counts, share, rng)
    labelled = codes >= 0
    return (
        np.flatnonzero(labelled & (side[images] == 0)),
        np.flatnonzero(labelled & (side[images] == 1)),
    )


def _divide(
    side: np.ndarray, own: np.ndarray, counts: np.ndarray, share: float, rng: np.random.Generator
) -> None:
    """Put the images of one class on the two sides, in place, at least one on each."""
    order = rng.permutation(len(own))
    wanted = min(max(round(share * counts.sum()), 1), counts.sum() - 1)
    taken = counts[side[own] == 1].sum()
    free = [n for n in order if side[own[n]] < 0]
    last = None if (side[own] == 0).any() or not free else free[-1]
    for n in free:
        validates = taken < wanted and n != last
        side[own[n]] = int(validates)
        taken += counts[n] * validates


def validation_groups(
    codes: np.ndarray, groups: np.ndarray, classes: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Divide the labelled cells by whole groups; every class stays in training.

    As `validation_split`, with the number from 0 of each cell's group; None where no group can be
    spared.
    """
    table = group_table(codes, groups, classes)
    order = rng.permutation(np.flatnonzero(table.sum(1))).tolist()
    held = hold_groups(order, table.sum(1), share * table.sum(), lambda some: _spared(table, some))
    if not held:
        return None
    side = np.isin(groups, held)
    return np.flatnonzero((codes >= 0) & ~side), np.flatnonzero((codes >= 0) & side)


def _spared(table: np.ndarray, held: list[int]) -> bool:
    """Return whether every class is still there without some groups."""
    total = table.sum(0)
    return bool((total - table[held].sum(0) > 0)[total > 0].all())

"""How unlike the cells that a model learnt from a cell is: its nearest neighbours among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

UNKNOWN = "unknown"
"""The label of cells that are too novel for one of the classes."""

NETWORK, CLASSICAL = "network", "classical"
"""Kinds of features: activations of a network, and what is measured by formulas."""

NOVEL_ABOVE = 0.99
"""Novelty above which a cell is called novel, where no other threshold is asked for."""

FEWEST, FEW = 20, 100
"""Validation cells without which novelty is not measured, and below which it is approximate."""

MOST_CELLS, MOST_ORDINARY = 2000, 5000
"""Cells in a reference, and validation cells that it is compared with."""

_AXES, _NEAREST, _FURTHEST, _POWER = 64, 5, 8.0, 0.75
_LEAST = 1e-9  # distance; equal cells have none
_AT_ONCE = 4_000_000  # distances in memory
_TAIL_CELLS, _TAIL = 20, (0.05, 0.2)  # the furthest ordinary cells that the tail is fitted to


@dataclass(frozen=True)
class Block:
    """Features of one kind of some cells that a model learnt from.

    Attributes
    ----------
    centre, scale : ndarray of float32, shape (features,)
        What is taken off features, and what they are divided by.
    axes : ndarray of float32, shape (features, axes)
        Principal axes.
    cells : ndarray of float32, shape (n, axes + 1)
        Coordinates of the cells on the axes; the last one is their distance from these.
    ordinary : ndarray of float64, shape (validation cells,)
        Distances of the validation cells, rising.
    activations : bool
        Whether the features are activations of a network, which are damped and not scaled one by
        one, and not measured by formulas.
    """

    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    cells: np.ndarray
    ordinary: np.ndarray
    activations: bool

    @classmethod
    def fit(cls, training: np.ndarray, validation: np.ndarray, activations: bool) -> Block:
        """Fit to the features (n, features) of training cells, then of validation cells."""
        values = _damped(training) if activations else _whole(training)
        centre, scale = _alike(values) if activations else _each(values)
        start = (centre.astype(np.float32), scale.astype(np.float32))
        empty = (np.empty((len(centre), 0)), np.empty((0, 1)), np.empty(0))
        block = cls(*start, *empty, activations)
        scaled = block._scaled(training)
        _, _, rows = np.linalg.svd(scaled - scaled.mean(0), full_matrices=False)
        block = replace(block, axes=rows[:_AXES].T.astype(np.float32))
        block = replace(block, cells=_coordinates(scaled, block.axes).astype(np.float32))
        return replace(block, ordinary=np.sort(block.distances(validation)))

    def surprise(self, features: np.ndarray) -> np.ndarray:
        """Compute the negative logarithm of the share of ordinary cells at least as far away."""
        share = _tail(self.distances(features), self.ordinary)
        return -np.log(np.maximum(share, np.finfo(float).tiny))

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Compute the logarithm of the distance of cells from their fifth nearest neighbour.

        `features` are those of any cells, (n, features); returned are float64 (n,).
        """
        points = _coordinates(self._scaled(features), self.axes)
        cells = self.cells.astype(np.float64)
        nearest, size = min(_NEAREST, len(cells)) - 1, max(1, _AT_ONCE // len(cells))
        found = []
        for first in range(0, len(points), size):
            here = points[first : first + size]
            squares = (here**2).sum(1)[:, None] + (cells**2).sum(1) - 2 * here @ cells.T
            found.append(np.partition(squares, nearest, axis=1)[:, nearest])
        return 0.5 * np.log(np.maximum(np.concatenate([*found, np.empty(0)]), _LEAST**2))

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        values = _damped(features) if self.activations else _whole(features)
        scaled = (values - self.centre) / self.scale
        return scaled if self.activations else np.clip(scaled, -_FURTHEST, _FURTHEST)


def _whole(features: np.ndarray) -> np.ndarray:
    """Return features with 0 for those that cannot be measured."""
    return np.nan_to_num(np.asarray(features, np.float64))


def _damped(features: np.ndarray) -> np.ndarray:
    """Damp activations, so that a few large ones do not make up the whole distance."""
    damped: np.ndarray = np.maximum(_whole(features), 0) ** _POWER
    return damped


def _alike(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of features, and one spread for all."""
    spread = max(float(np.sqrt(values.var(0).sum())), _LEAST)
    return values.mean(0), np.full(values.shape[1], spread)


def _each(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return median and spread of each feature; infinite where one is the same in all cells."""
    low, middle, high = np.percentile(values, [10, 50, 90], axis=0)
    spread = np.where(high > low, (high - low) / 2.56, values.std(0))
    return middle, np.where(spread > _LEAST * (1 + np.abs(middle)), spread, np.inf)


def _coordinates(scaled: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return coordinates on the axes, and the distance from them: distances stay what they are."""
    along = scaled @ axes
    rest = (scaled**2).sum(1) - (along**2).sum(1)
    return np.column_stack([along, np.sqrt(np.maximum(rest, 0))])


@dataclass(frozen=True)
class Reference:
    """What novelty is measured by: cells that a model learnt from, and ordinary other ones.

    Attributes
    ----------
    blocks : dict of str to Block
        By the kind of features.
    ordinary : ndarray of float64, shape (validation cells,)
        How surprising the validation cells are in all blocks together, rising.
    """

    blocks: Mapping[str, Block]
    ordinary: np.ndarray

    @classmethod
    def fit(
        cls, training: Mapping[str, np.ndarray], validation: Mapping[str, np.ndarray]
    ) -> Reference:
        """Fit to cells that a model learnt from, and to others of the same classes.

        Parameters
        ----------
        training, validation : dict of str to ndarray, shape (cells, features)
            Features of both, by their kind: `network` for activations, `classical` for features
            that are measured by formulas. One kind is enough.

        Notes
        -----
        Distance to the fifth nearest neighbour (Sun et al., Out-of-distribution detection with
        deep nearest neighbors, ICML 2022), here of damped activations of two layers.
        """
        blocks = {
            name: Block.fit(each, validation[name], name == NETWORK)
            for name, each in training.items()
        }
        return cls(blocks, np.sort(_surprise(blocks, validation)))

    def ordinariness(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Compute the share of ordinary cells that are as novel as each cell, or more.

        `features` are (n, features) by their kind; returned are float64 (n,) from 0 to 1. One less
        this is the novelty of a cell.

        Notes
        -----
        The p-value of conformal prediction (Vovk et al., 2005), below 0.01 for 1 % of ordinary
        cells; for the furthest cells an exponential tail, fitted to the furthest ordinary ones,
        continues it.
        """
        return _tail(_surprise(self.blocks, features), self.ordinary)


def _surprise(blocks: Mapping[str, Block], features: Mapping[str, np.ndarray]) -> np.ndarray:
    """Take the smallest p-value of all kinds of features: a cell may be novel in one alone."""
    each = [block.surprise(features[name]) for name, block in blocks.items()]
    largest: np.ndarray = np.max(each, axis=0)
    return largest


def _tail(values: np.ndarray, ordinary: np.ndarray) -> np.ndarray:
    """Compute the share of ordinary values, which rise, that are as large as each value."""
    n = len(ordinary)
    count = min(n - 1, max(1, round(n * float(np.clip(_TAIL_CELLS / n, *_TAIL)))))
    start = ordinary[n - count - 1]
    mean = max(float((ordinary[n - count :] - start).mean()), _LEAST)
    share = (n - np.searchsorted(ordinary, values, "left") + 1) / (n + 1)
    beyond = (count + 1) / (n + 1) * np.exp(-np.maximum(values - start, 0) / mean)
    return np.where(values > start, beyond, np.minimum(share, 1))


def is_novel(novelty: np.ndarray, above: float) -> np.ndarray:
    """Return which cells are novel, of whose novelty (n,) is above a threshold."""
    novel: np.ndarray = novelty > above
    return novel

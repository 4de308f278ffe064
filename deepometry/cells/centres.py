"""Hashes of the centre of a cell, equal in every frame, and at any level, scale or sign."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deepometry.cells.stacked_cells import StackedCells

SIDE = 12
"""Side of the centre, in pixels; of smaller cells, what there is of them without padding."""

_LEVELS = 65536
_LARGEST = 1e100
_FEWEST_BETWEEN = 1 / 9  # share of the pixels that are neither the darkest nor the brightest
_FEWEST_STEPS = 1 / 4  # share of the neighbours that differ: noise has more, a flat disc has fewer
_FEWEST_PIXELS = 25


def centre_hashes(dataset: StackedCells, indices: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Hash the centre of every channel of some cells.

    Parameters
    ----------
    dataset : StackedCells
    indices : ndarray of int, shape (n,)
        Of the cells.
    sizes : ndarray of int, shape (n, 2)
        Their heights and widths before they were framed; 0 where that is not known.

    Returns
    -------
    ndarray of uint64, shape (n, channels)
        0 where there is too little contrast to tell one cell from another.
    """
    window = centre_window(dataset.frame)
    return hash_centres(dataset.read(indices, window=window), sizes, dataset.frame)


def hash_centres(images: np.ndarray, sizes: np.ndarray, frame: int) -> np.ndarray:
    """Hash the centres in the windows `centre_window` of some cells, as `centre_hashes` does."""
    starts, sides = _places(np.where(sizes > 0, sizes, frame), frame)
    first, _ = centre_window(frame)
    hashes = np.zeros((len(images), images.shape[-1]), np.uint64)
    kinds, which = np.unique(sides, axis=0, return_inverse=True)
    for number, (height, width) in enumerate(kinds.tolist()):
        here = np.flatnonzero(which.ravel() == number)
        rows = starts[here, :1] - first + np.arange(height)
        columns = starts[here, 1:] - first + np.arange(width)
        centres = images[here[:, None, None], rows[:, :, None], columns[:, None, :]]
        if height * width >= _FEWEST_PIXELS:
            hashes[here] = _hashed(np.moveaxis(centres, -1, 1))
    return hashes


def _places(sizes: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where in the frame the centre of a cell begins, and its sides, for both axes.

    The centre begins at a fixed pixel of the cell; where that is in the frame follows from how
    cells are cropped and padded, see `deepometry.images.frame`.
    """
    sides = np.minimum(sizes, min(SIDE, frame))
    cropped = np.maximum(sizes - frame, 0) // 2
    padded = np.maximum(frame - sizes, 0) // 2
    return (sizes - sides) // 2 - cropped + padded, sides


def centre_window(frame: int) -> tuple[int, int]:
    """Return the rows, and the columns, that hold the centre of a cell of any size."""
    first = max(0, (frame - SIDE) // 2 - 1)
    return first, min(frame, first + SIDE + 2)


def _hashed(centres: np.ndarray) -> np.ndarray:
    """Hash centres (n, channels, height, width) to uint64, shape (n, channels)."""
    levels = _levels(centres.astype(np.float64, order="C"), centres.dtype.kind == "f")
    shape = centres.shape[2:]
    hashes = _mixed(levels.reshape(*centres.shape[:2], -1).astype(np.uint64) @ _factors(shape))
    hashes[~_telling(levels)] = 0
    return hashes


def _levels(values: np.ndarray, fractions: bool) -> np.ndarray:
    """Bring pixels to whole levels from the darkest to the brightest one, in place."""
    if fractions:
        np.nan_to_num(values, copy=False, posinf=_LARGEST, neginf=-_LARGEST)
        np.clip(values, -_LARGEST, _LARGEST, out=values)
    values -= values.min((2, 3), keepdims=True)
    spread = values.max((2, 3), keepdims=True)
    values /= np.where(spread > 0, spread, 1)
    values *= _LEVELS
    np.rint(values, out=values)
    # the negative of an image has the same hash: of both, the darker one is taken
    bright = values.mean((2, 3)) > _LEVELS / 2
    values[bright] = _LEVELS - values[bright]
    return values


def _telling(levels: np.ndarray) -> np.ndarray:
    """Return whether there is enough in a centre that no other cell has: noise, or structure."""
    between = ((levels > 0) & (levels < _LEVELS)).mean((2, 3))
    steps = (levels[..., 1:] != levels[..., :-1]).mean((2, 3))
    return np.asarray((between >= _FEWEST_BETWEEN) & (steps >= _FEWEST_STEPS))


@lru_cache(maxsize=SIDE * SIDE)
def _factors(shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64([*shape]))
    return np.asarray(rng.integers(0, 1 << 64, shape[0] * shape[1], np.uint64) | np.uint64(1))


def _mixed(state: np.ndarray) -> np.ndarray:
    """Spread the sums over all bits, as SplitMix64 does."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))

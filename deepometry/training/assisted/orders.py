"""Orders in which cells are worth labelling: arrays in, places out."""

from __future__ import annotations

import numpy as np

MIXED, MIXED_FIRST = 5, 2
"""Of so many cells in an order, one is chosen at random, for an honest estimate of the accuracy; at
first of so many, while a classifier knows too little to choose well."""

_FIRST = 10  # labels for each class

_RARITY = 0.25  # power by which classes with few labels count more
_AT_ONCE = 4096


def uncertainty(probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Compute how much each cell would teach: 0 for nothing, float, shape (cells,).

    Parameters
    ----------
    probabilities : ndarray of float, shape (cells, classes)
    counts : ndarray of int, shape (classes,)
        Labelled cells of each class.

    Notes
    -----
    One less the margin between the two most probable classes (Scheffer, Decomain and Wrobel 2001),
    more where these are rare among the labels.
    """
    top = np.sort(probabilities, 1)[:, -2:]
    margin = top[:, 1] - top[:, 0]
    known = counts > 0
    mean = counts[known].mean() if known.any() else 1.0
    rarity = (mean / (counts + 1)) ** _RARITY
    worth: np.ndarray = (1 - margin) * (probabilities @ rarity)
    return worth


def distances(positions: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Compute the squared distance of each cell (n, dimensions) to the nearest of others.

    Infinity where there are no others.
    """
    nearest = np.full(len(positions), np.inf, np.float32)
    if not len(to):
        return nearest
    lengths = (to**2).sum(1)
    for first in range(0, len(positions), _AT_ONCE):
        some = positions[first : first + _AT_ONCE]
        apart = lengths - 2 * (some @ to.T)
        nearest[first : first + _AT_ONCE] = apart.min(1) + (some**2).sum(1)
    return np.maximum(nearest, 0)


def spread_out(positions: np.ndarray, nearest: np.ndarray, count: int) -> np.ndarray:
    """Choose cells that are unlike each other and unlike those labelled already.

    Parameters
    ----------
    positions : ndarray of float, shape (cells, dimensions)
    nearest : ndarray of float, shape (cells,)
        Squared distance of each to the nearest labelled cell.
    count : int

    Returns
    -------
    ndarray of int64, shape (count,)
        Places, the most different first.

    References
    ----------
    Gonzalez, Clustering to minimize the maximum intercluster distance, Theor. Comput. Sci. 38
    (1985), whose greedy choice Sener and Savarese, ICLR (2018), use to choose what to label.
    """
    nearest, chosen = nearest.copy(), []
    if len(nearest) and np.isinf(nearest).all():  # nothing is labelled: begin in the middle
        nearest = -((positions - np.median(positions, 0)) ** 2).sum(1)
        first = int(nearest.argmax())
        chosen, nearest = [first], ((positions - positions[first]) ** 2).sum(1)
    while len(chosen) < min(count, len(nearest)):
        place = int(nearest.argmax())
        chosen.append(place)
        nearest = np.minimum(nearest, ((positions - positions[place]) ** 2).sum(1))
        nearest[chosen] = -1
    return np.array(chosen, np.int64)


def order_by(
    worth: np.ndarray, positions: np.ndarray, nearest: np.ndarray, batch: int, among: int
) -> np.ndarray:
    """Order cells by their worth, the first ones so that they are no near-duplicates.

    Parameters
    ----------
    worth : ndarray of float, shape (cells,)
    positions, nearest
        As of `spread_out`.
    batch : int
        How many will be shown before the order is computed anew.
    among : int
        Of so many that are worth most, the batch takes those that are unlike each other.

    Returns
    -------
    ndarray of int64, shape (cells,)
        Places, the most worth first, behind those of the batch.
    """
    order = np.argsort(-worth, kind="stable")
    some = order[:among]
    first = some[spread_out(positions[some], nearest[some], batch)]
    return np.concatenate([first, order[~np.isin(order, first)]])


def mixed(counts: np.ndarray) -> int:
    """Return of how many cells one is chosen at random, by the labelled cells of each class."""
    known = max(int((counts > 0).sum()), 2)
    return MIXED_FIRST if counts.sum() < _FIRST * known else MIXED


def mix(order: np.ndarray, at_random: np.ndarray, every: int) -> np.ndarray:
    """Let every cell at a place divisible by `every` be one that was chosen at random.

    `at_random` are the same places in random order; each place occurs once in what is returned,
    where it comes first, so that the random ones stand in their own order.
    """
    both = np.empty(2 * len(order), np.int64)
    ahead = np.arange(len(order))
    slots = np.concatenate([ahead + ahead // (every - 1), every * ahead + every - 1])
    both[np.argsort(np.argsort(slots, kind="stable"))] = np.concatenate([order, at_random])
    _, first = np.unique(both, return_index=True)
    found: np.ndarray = both[np.sort(first)]
    return found

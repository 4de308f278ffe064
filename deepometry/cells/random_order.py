"""A random order of cells that is the same every time, and does not change when others join."""

from __future__ import annotations

import numpy as np

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHARE = 0.9  # of the cells up to one in random order, for them to count as chosen at random


def random_order(keys: np.ndarray) -> np.ndarray:
    """Return the places of cells in random order, by their keys: int64, shape (cells,).

    Notes
    -----
    Keys are hashes; they are mixed once more (SplitMix64: Steele, Lea and Flood 2014), so that
    this order has nothing to do with others that are made from keys.
    """
    order: np.ndarray = np.argsort(_mixed(keys), kind="stable")
    return order


def _mixed(keys: np.ndarray) -> np.ndarray:
    mixed = np.asarray(keys, np.uint64) + _MIX
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def labelled_at_random(keys: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Find the labelled cells that are a random sample of all: bool, shape (cells,).

    They are the first ones in random order, as far as nine in ten of these have a label, whatever
    led to it. Cells that were left unlabelled, because nobody could tell, are missing among them.

    Parameters
    ----------
    keys : ndarray of uint64, shape (cells,)
        Of all cells.
    labelled : ndarray of bool, shape (cells,)
    """
    order = random_order(keys)
    shares = np.cumsum(labelled[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= _SHARE)
    sample = np.zeros(len(keys), bool)
    if len(enough):
        sample[order[: enough[-1] + 1]] = True
    sample &= labelled
    return sample

"""Noise that depends on nothing but seed, cell and channel: parsing twice gives the same bytes.

The numbers are those of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a generator that gives
its n-th number without the ones before: compiled and plain code draw the same, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from deepometry.core.files import hash_bytes

STEP = 0x9E3779B97F4A7C15
"""What the state of the generator grows by from number to number."""

FIRST_FACTOR, SECOND_FACTOR = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

QUANTILES = 4096
_NUMBERED = re.compile(r"(.*#)(@?)(0|[1-9][0-9]{0,17})", re.DOTALL)


class Noise:
    """States of the generator for every cell and channel.

    The noise of one channel does not depend on which others are asked for.
    """

    def __init__(self, seed: int, channels: Sequence[int]) -> None:
        self._seed = b"noise:%d:" % seed
        self._channels = _mix(np.array(channels, np.uint64) * np.uint64(STEP))

    def states(self, key: str) -> np.ndarray:
        """Return the states for one cell.

        Parameters
        ----------
        key : str
            What no other cell has; where it ends in `#` and a number, or `#@` and the place of
            a cell without one, as `states_of` takes it.

        Returns
        -------
        ndarray of uint64, shape (channels,)
        """
        if parts := _NUMBERED.fullmatch(key):
            number = -1 - int(parts[3]) if parts[2] else int(parts[3])
            return self.states_of(parts[1], np.array([number]))[0]
        return self._of(np.array([self._hash(key)], np.uint64))[0]

    def states_of(self, name: str, numbers: np.ndarray) -> np.ndarray:
        """Return the states for many cells whose keys are `name` and a number.

        Parameters
        ----------
        name : str
            With the `#` at its end.
        numbers : ndarray of int64, shape (cells,)
            -1 - p stands for the cell at place p.

        Returns
        -------
        ndarray of uint64, shape (cells, channels)
        """
        steps = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(STEP)
        return self._of(_mix(steps + np.array([self._hash(name)], np.uint64)))

    def _of(self, cells: np.ndarray) -> np.ndarray:
        return _mix(cells[:, None] ^ self._channels)

    def _hash(self, text: str) -> int:
        return hash_bytes(self._seed + text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1)
def quantiles() -> np.ndarray:
    """Return the middles of `QUANTILES` equally likely slices of the normal distribution.

    Returns
    -------
    ndarray of float64, shape (QUANTILES,)
        Mean 0, standard deviation 1 within 0.1 %. Rounded to 2**-20, so that no computer's last
        digit differs from another's.
    """
    normal, half = NormalDist(), QUANTILES // 2
    upper = np.array([normal.inv_cdf((half + n + 0.5) / QUANTILES) for n in range(half)])
    upper = np.rint(upper * 2**20) / 2**20
    return np.concatenate([-upper[::-1], upper])


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(FIRST_FACTOR)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(SECOND_FACTOR)
    return state ^ (state >> np.uint64(31))

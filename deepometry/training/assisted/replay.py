"""How much the last labels changed: labels replayed in the order of time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from deepometry.training.assisted.fast_classifier import FastClassifier

FIRST = 10
"""Labels of the first classifier."""

_GROWTH = 1.25  # labels of one classifier, beside those of the one before
_SEED = 0


@dataclass(frozen=True)
class Change:
    """How much some labels changed.

    Attributes
    ----------
    before, after : int
        Labels of the two classifiers.
    share : float
        Share of the cells that they predict differently.
    """

    before: int
    after: int
    share: float


@dataclass
class Replay:
    """Trains again with the labels that there were earlier; what was done before is remembered.

    Attributes
    ----------
    watched : ndarray of float32, shape (cells, features)
        Scaled features of cells, chosen at random, whose predictions are watched for changes.
    """

    watched: np.ndarray
    _known: dict[bytes, np.ndarray] = field(default_factory=dict)

    def go(self, features: np.ndarray, codes: np.ndarray, count: int) -> list[Change]:
        """Compare the predictions after more and more of the labels.

        Parameters
        ----------
        features : ndarray of float32, shape (labels, features)
            Scaled, in the order in which the labels were given.
        codes : ndarray of int, shape (labels,)
        count : int
            Number of all classes.

        Returns
        -------
        list of Change
            Between each classifier and the next one.
        """
        watched = list[tuple[int, np.ndarray]]()
        known: dict[bytes, np.ndarray] = {}
        for first in steps(len(codes)):
            some = features[:first], codes[:first]
            if len(np.unique(some[1])) < 2:
                continue
            key = _digest(*some)
            if (predicted := self._known.get(key)) is None:
                classifier = FastClassifier.fit(*some, _SEED)
                predicted = classifier.probabilities(self.watched, count).argmax(1)
            known[key] = predicted
            watched.append((first, predicted))
        self._known = known
        pairs = pairwise(watched)
        return [Change(n, m, float(np.mean(one != two))) for (n, one), (m, two) in pairs]


def steps(labels: int) -> list[int]:
    """Return the numbers of labels after which predictions are compared, fewer than `labels`."""
    found, first = list[int](), FIRST
    while first < labels:
        found.append(first)
        first = int(np.ceil(first * _GROWTH))
    return found


def _digest(features: np.ndarray, codes: np.ndarray) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(codes).tobytes(), digest_size=16)
    content.update(np.ascontiguousarray(features[:, :8]).tobytes())
    return content.digest()

"""What a classifier knew before each label was given: labels replayed in the order of time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from deepometry.training.assisted.fast_classifier import FastClassifier

FIRST = 10
"""Labels before the first prediction."""

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
    _known: dict[tuple[int, bytes], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def go(
        self, features: np.ndarray, codes: np.ndarray, count: int
    ) -> tuple[np.ndarray, list[Change]]:
        """Predict each labelled cell by the labels that were given before.

        Parameters
        ----------
        features : ndarray of float32, shape (labels, features)
            Scaled, in the order in which the labels were given.
        codes : ndarray of int, shape (labels,)
        count : int
            Number of all classes.

        Returns
        -------
        predicted : ndarray of int64, shape (labels,)
            -1 for the first cells.
        changes : list of Change
            Between each classifier and the next one.
        """
        predicted, watched = np.full(len(codes), -1), list[tuple[int, np.ndarray]]()
        known: dict[tuple[int, bytes], tuple[np.ndarray, np.ndarray]] = {}
        for first, last in blocks(len(codes)):
            if len(np.unique(codes[:first])) < 2:
                continue
            key = (last, _digest(features[:last], codes[:first]))
            if key not in self._known:
                self._known[key] = self._block(features, codes, first, last, count)
            known[key] = self._known[key]
            predicted[first:last] = known[key][0]
            watched.append((first, known[key][1]))
        self._known = known
        pairs = pairwise(watched)
        changes = [Change(n, m, float(np.mean(one != two))) for (n, one), (m, two) in pairs]
        return predicted, changes

    def _block(
        self, features: np.ndarray, codes: np.ndarray, first: int, last: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        classifier = FastClassifier.fit(features[:first], codes[:first], _SEED)
        both = (features[first:last], self.watched)
        own, watched = (classifier.probabilities(each, count).argmax(1) for each in both)
        return own, watched


def blocks(labels: int) -> list[tuple[int, int]]:
    """Divide labels into blocks, each predicted by a classifier that learnt from all before it.

    Returned are the labels before each block, and those to its end.
    """
    found, first = list[tuple[int, int]](), FIRST
    while first < labels:
        last = int(np.ceil(first * _GROWTH))
        found.append((first, min(last, labels)))
        first = last
    return found


def _digest(features: np.ndarray, codes: np.ndarray) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(codes).tobytes(), digest_size=16)
    content.update(np.ascontiguousarray(features[:, :8]).tobytes())
    return content.digest()

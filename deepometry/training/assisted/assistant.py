"""Says which cells to label next, how good the classifier is, and when more labels hardly help."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from deepometry.cells.random_order import labelled_at_random, random_order
from deepometry.core.options.suggest import DIFFERENT, LIKELY, UNCERTAIN
from deepometry.core.progress import Progress
from deepometry.evaluation.running_accuracy import RunningAccuracy, running_accuracy
from deepometry.training.assisted.fast_classifier import FastClassifier
from deepometry.training.assisted.orders import distances, mix, mixed, order_by, uncertainty
from deepometry.training.assisted.replay import Change, Replay
from deepometry.training.assisted.standardise import Standardiser

MOST_CELLS = 100_000
"""Cells among which is chosen what to label next; of more, so many are drawn at random."""

_MOST_BYTES = 1 << 29  # of features in memory
_WATCHED = 2000  # cells whose predictions are watched for changes
_FEW_CHANGES = 0.03
_AMONG, _LIKELY_AMONG = 5, 2  # times the batch: among so many, the cells unlike each other
_AT_ONCE = 8192
_FOLDS = 5


class Features(Protocol):
    """Features of all cells, as `deepometry.cells.cell_features.CellFeatures`."""

    @property
    def keys(self) -> np.ndarray: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read the features of some cells: float32, shape (n, features)."""


@dataclass(frozen=True)
class Labels:
    """Labels in the order in which they were given.

    Attributes
    ----------
    rows : ndarray of int64, shape (labels,)
        The cells that have one, by their places among all cells.
    codes : ndarray of int64, shape (labels,)
        Their classes.
    classes : tuple of str
    """

    rows: np.ndarray
    codes: np.ndarray
    classes: tuple[str, ...]

    @property
    def counts(self) -> np.ndarray:
        """Labelled cells of each class."""
        return np.bincount(self.codes, minlength=len(self.classes))


@dataclass(frozen=True)
class Progression:
    """How far the labelling is.

    Attributes
    ----------
    accuracy : RunningAccuracy
    changes : list of Change
        How much the last labels changed the predictions.
    """

    accuracy: RunningAccuracy
    changes: list[Change]

    @property
    def enough(self) -> bool:
        """Whether more labels of this kind hardly help the classifier any more."""
        last = self.changes[-2:]
        return len(last) == 2 and all(each.share <= _FEW_CHANGES for each in last)

    def __str__(self) -> str:
        return f"{self.accuracy} {self.advice}".strip()

    @property
    def advice(self) -> str:
        """What the last labels changed, in words; empty while there are too few."""
        if not self.changes:
            return ""
        last = self.changes[-1]
        changed = (
            f"The labels from {last.before:,} to {last.after:,} changed {100 * last.share:.1f} % "
            "of the predictions"
        )
        if not self.enough:
            return f"{changed}: more labels help."
        return f"{changed}, and those before as few: more labels hardly help this classifier."


class Assistant:
    """Learns from labels given so far, and orders the cells that have none.

    Parameters
    ----------
    features : Features
        Of all cells.
    leave_out : ndarray of bool, shape (cells,), optional
        Cells that are never suggested, such as those that a gate leaves out.
    progress : Progress, optional
        Is told how far the features are read.
    most : int
        Cells among which is chosen.
    """

    def __init__(
        self,
        features: Features,
        leave_out: np.ndarray | None = None,
        progress: Progress | None = None,
        most: int = MOST_CELLS,
    ) -> None:
        self._features = features
        fitting = _MOST_BYTES // (4 * max(len(features.names), 1))
        order = random_order(features.keys)
        if leave_out is not None:
            order = order[~leave_out[order]]
        self.at_random = order
        """Cells that may be suggested, in random order."""
        self.rows = np.sort(order[: max(1, min(most, fitting))])
        """Those among which is chosen, by their places among all cells."""
        self.scaler = Standardiser.of(_first(features, order))
        self._scaled = self._read(self.rows, progress or Progress())
        self._positions = self.scaler.positions(self._scaled)
        watched = np.searchsorted(self.rows, order[:_WATCHED])
        self._replay = Replay(self._scaled[watched[watched < len(self.rows)]])
        self._ranks = np.argsort(random_order(features.keys[self.rows]))
        self.labels = Labels(np.zeros(0, np.int64), np.zeros(0, np.int64), ())
        self._given = np.zeros((0, self._scaled.shape[1]), np.float32)
        self._nearest = distances(self._positions, self._positions[:0])
        self._classifier: FastClassifier | None = None
        self.probabilities: np.ndarray | None = None
        """Of the cells in `rows`, shape (rows, classes); None until two classes have labels."""

    def _read(self, rows: np.ndarray, progress: Progress) -> np.ndarray:
        """Read and scale the features of some cells."""
        scaled = np.empty((len(rows), len(self._features.names)), np.float32)
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            scaled[first : first + len(some)] = self.scaler.scale(self._features.read(some))
            progress.report(first + len(some), len(rows), "Reading the features", "cells")
        return scaled

    # --- learning --------------------------------------------------------------------------------

    def learn(self, labels: Labels) -> None:
        """Train the classifier with the labels given so far, and predict the cells in `rows`."""
        self._given = self._read(labels.rows, Progress())
        self._measure_distances(labels.rows)
        self.labels = labels
        self.probabilities, self._classifier = None, None
        if len(np.unique(labels.codes)) > 1:
            self._classifier = FastClassifier.fit(self._given, labels.codes)
            self.probabilities = self._predict(self._scaled)

    def _measure_distances(self, rows: np.ndarray) -> None:
        """Note how far each cell is from the nearest labelled one."""
        if not np.isin(self.labels.rows, rows).all():  # labels were taken back
            self._nearest = np.full(len(self.rows), np.inf, np.float32)
            self.labels = replace(self.labels, rows=rows[:0])
        new = ~np.isin(rows, self.labels.rows)
        apart = distances(self._positions, self.scaler.positions(self._given[new]))
        self._nearest = np.minimum(self._nearest, apart)

    def _predict(self, scaled: np.ndarray) -> np.ndarray | None:
        if self._classifier is None:
            return None
        return self._classifier.probabilities(scaled, len(self.labels.classes))

    def classify(self, features: np.ndarray) -> np.ndarray | None:
        """Predict cells by their features (n, features): classes, int64 (n,).

        None until two classes have labels.
        """
        probabilities = self._predict(self.scaler.scale(features))
        return None if probabilities is None else probabilities.argmax(1)

    def progression(self) -> Progression:
        """Estimate the accuracy, and how much the last labels changed."""
        labels = self.labels
        changes = self._replay.go(self._given, labels.codes, len(labels.classes))
        allowed = np.sort(self.at_random)
        labelled = np.isin(allowed, labels.rows)
        sample = allowed[labelled_at_random(self._features.keys[allowed], labelled)]
        at_random = np.isin(labels.rows, sample)
        probabilities = self._left_out(at_random)
        predicted = np.where(probabilities.any(1), probabilities.argmax(1), -1)
        return Progression(running_accuracy(labels.codes, predicted, at_random), changes)

    def doubtful(self) -> np.ndarray:
        """Order labelled cells by how likely their label is wrong, the most doubtful first.

        Each is predicted by a classifier that did not learn from it. Cells that are predicted as
        their label are left out.

        Returns
        -------
        ndarray of int64
            Places among all cells; none before the classifier begins.
        """
        from deepometry.evaluation.label_errors import find_label_errors

        rows = self.labels.rows
        probabilities = self._left_out(np.ones(len(rows), bool))
        if not len(rows) or not probabilities.any(1).all():
            return rows[:0]
        found: np.ndarray = rows[find_label_errors(self.labels.codes, probabilities).cells]
        return found

    def _left_out(self, chosen: np.ndarray) -> np.ndarray:
        """Predict some of the labelled cells by classifiers that did not learn from them.

        `chosen` is bool, shape (labels,). In each of `_FOLDS` folds, a classifier learns from all
        labelled cells but a part of the chosen ones. Returns their probabilities, shape (labels,
        classes), 0 for cells that were not chosen, or where only one class is left to learn.
        """
        codes, places = self.labels.codes, np.flatnonzero(chosen)
        probabilities = np.zeros((len(codes), max(len(self.labels.classes), 1)))
        folds = np.argsort(random_order(self._features.keys[self.labels.rows[places]])) % _FOLDS
        for fold in range(min(_FOLDS, len(places))):
            known = np.ones(len(codes), bool)
            known[places[folds == fold]] = False
            if len(np.unique(codes[known])) > 1:
                classifier = FastClassifier.fit(self._given[known], codes[known])
                predicted = classifier.probabilities(self._given[~known], probabilities.shape[1])
                probabilities[~known] = predicted
        return probabilities

    # --- orders ----------------------------------------------------------------------------------

    def order(self, name: str, batch: int, label: int = 0) -> np.ndarray:
        """Order cells by how much it helps to label them.

        Parameters
        ----------
        name : str
            `UNCERTAIN`, `LIKELY` (of one class) or `DIFFERENT` (from all labelled cells). Until
            two classes have labels, all are the last one.
        batch : int
            Cells that are shown before the order is computed anew; these are no near-duplicates
            of each other.
        label : int
            The class that `LIKELY` is about.

        Returns
        -------
        ndarray of int64, shape (unlabelled cells in `rows`,)
            Places among all cells. With `UNCERTAIN` and `DIFFERENT`, one in `mixed` is chosen at
            random.
        """
        free = np.flatnonzero(~np.isin(self.rows, self.labels.rows))
        where = (self._positions[free], self._nearest[free])
        among = _AMONG * batch
        if name == LIKELY and self.probabilities is not None:
            predicted = int((self.probabilities[free].argmax(1) == label).sum())
            among = min(_LIKELY_AMONG * batch, predicted)
        order = order_by(self._worth(name, label)[free], *where, batch, among)
        if name != LIKELY:
            order = mix(order, np.argsort(self._ranks[free]), mixed(self.labels.counts))
        rows: np.ndarray = self.rows[free[order]]
        return rows

    def _worth(self, name: str, label: int) -> np.ndarray:
        if self.probabilities is None or name == DIFFERENT:
            return self._nearest if len(self.labels.rows) else -self._ranks
        if name == UNCERTAIN:
            return uncertainty(self.probabilities, self.labels.counts)
        worth: np.ndarray = self.probabilities[:, label]
        return worth


def _first(features: Features, order: np.ndarray) -> np.ndarray:
    return features.read(np.sort(order[:20_000]))

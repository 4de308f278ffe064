"""Decision trees as plain arrays: what gradient boosting and RUSBoost learnt, read without pickle.

Files that others mail must not run code when they are opened, and must outlive the version of
scikit-learn that wrote them; arrays do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from deepometry.core.numba_cache import compiled

_AT_ONCE = 32  # cells that walk through a tree side by side


@dataclass(frozen=True)
class Trees:
    """Trees that vote for classes, or for a number.

    Of classes, the softmax of the votes are probabilities; of a number, their sum is the number.

    Attributes
    ----------
    feature : ndarray of int32, shape (nodes,)
        What a node asks for; -1 for a leaf.
    threshold : ndarray of float64, shape (nodes,)
        Values up to it go left; in a leaf, its vote.
    left, right : ndarray of int32, shape (nodes,)
        Where to go on; in a leaf, `left` is the class that it votes for.
    roots : ndarray of int32, shape (trees,)
        Where each tree begins.
    start : ndarray of float64, shape (classes,)
        Votes before the first tree; of a number a single one.
    gains : ndarray of float64, shape (features,)
        How much each feature gave in training; sum 1.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    roots: np.ndarray
    start: np.ndarray
    gains: np.ndarray

    @cached_property
    def used(self) -> np.ndarray:
        """Positions of the features that a node asks for, rising: the others change no vote."""
        return np.unique(self.feature[self.feature >= 0])

    def votes(self, features: np.ndarray) -> np.ndarray:
        """Return the sum of the votes for every class, or the number, (n, outputs)."""
        votes = np.tile(self.start, (len(features), 1))
        _vote(np.ascontiguousarray(features, np.float32), votes, *self._ways)
        return votes

    @cached_property
    def _ways(self) -> tuple[np.ndarray, ...]:
        """Nodes as `_vote` walks them: a leaf leads to itself, whatever a feature is."""
        leaf, itself = self.feature < 0, np.arange(len(self.feature), dtype=np.int32)
        children = np.stack([self.left, self.right], axis=1)
        return (
            np.where(leaf, 0, self.feature).astype(np.int32),
            np.where(leaf, np.inf, self.threshold),
            np.where(leaf[:, None], itself[:, None], children).astype(np.int32),
            self.roots,
            _heights(self.feature, self.left, self.right)[self.roots],
            np.where(leaf, self.left, 0).astype(np.int32),
            np.where(leaf, self.threshold, 0.0),
        )

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return the probability of every class, (n, classes), for features (n, features)."""
        votes = self.votes(features)
        votes = np.exp(votes - votes.max(1, keepdims=True))
        return votes / votes.sum(1, keepdims=True)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by name, for a file."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def check(self, features: int, classes: int) -> None:
        """Check that no node leads out of the arrays, whoever wrote them, or raise ValueError."""
        for each in fields(self):
            array, kind = getattr(self, each.name), _KINDS[each.name]
            if array.ndim != 1 or array.dtype != kind or not np.isfinite(array).all():
                raise ValueError(f"{each.name} is not a row of numbers of the type {kind}")
        inner, nodes = self.feature >= 0, len(self.feature)
        place = np.arange(nodes)
        sound = (
            len(self.left) == len(self.right) == len(self.threshold) == nodes
            and len(self.start) == classes
            and len(self.gains) == features
            and bool((self.feature < features).all())
            and bool(((self.roots >= 0) & (self.roots < nodes)).all())
            # children stand behind their parents, so that every road ends in a leaf
            and all(((p > place) & (p < nodes))[inner].all() for p in (self.left, self.right))
            and bool(((self.left >= 0) & (self.left < classes))[~inner].all())
        )
        if not sound:
            raise ValueError("its trees are damaged")


_KINDS = {
    **dict.fromkeys(("feature", "left", "right", "roots"), "int32"),
    **dict.fromkeys(("threshold", "start", "gains"), "float64"),
}


@compiled
def _heights(feature, left, right):
    """Return how many steps are left, at most, from each node to a leaf."""
    heights = np.zeros(feature.size, np.int64)
    for node in range(feature.size - 1, -1, -1):  # children stand behind their parents
        if feature[node] >= 0:
            heights[node] = 1 + max(heights[left[node]], heights[right[node]])
    return heights


@compiled
def _vote(features, votes, feature, threshold, children, roots, steps, classes, weights):
    """Add the votes of trees for cells: many cells take a step in a tree, then the next step.

    The processor takes the steps of different cells at the same time, as none waits for another.
    """
    nodes = np.empty(_AT_ONCE, np.int64)
    for first in range(0, features.shape[0], _AT_ONCE):
        count = min(_AT_ONCE, features.shape[0] - first)
        for tree in range(roots.size):
            nodes[:] = roots[tree]
            for _ in range(steps[tree]):
                for n in range(count):
                    node = nodes[n]
                    low = features[first + n, feature[node]] <= threshold[node]
                    nodes[n] = children[node, np.uint8(not low)]
            for n in range(count):
                votes[first + n, classes[nodes[n]]] += weights[nodes[n]]


# --- from scikit-learn --------------------------------------------------------------------------


class _Builder:
    """Concatenates the arrays of trees."""

    def __init__(self, features: int) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.roots: list[int] = []
        self.gains = np.zeros(features)
        self._nodes = 0

    def add(
        self,
        leaf: np.ndarray,
        feature: np.ndarray,
        threshold: np.ndarray,
        children: tuple[np.ndarray, np.ndarray],
        votes: tuple[np.ndarray | int, np.ndarray],
        gain: np.ndarray,
    ) -> None:
        """Add one tree; `votes` are the class and the weight of what its leaves say."""
        left = np.where(leaf, votes[0], children[0] + self._nodes)
        right = np.where(leaf, 0, children[1] + self._nodes)
        self.parts.append(
            (np.where(leaf, -1, feature), np.where(leaf, votes[1], threshold), left, right)
        )
        np.add.at(self.gains, feature[~leaf], gain[~leaf])
        self.roots.append(self._nodes)
        self._nodes += len(leaf)

    def trees(self, start: np.ndarray) -> Trees:
        """Return all trees added so far."""
        feature, threshold, left, right = map(np.concatenate, zip(*self.parts, strict=True))
        return Trees(
            feature=feature.astype(np.int32),
            threshold=threshold.astype(np.float64),
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            roots=np.array(self.roots, np.int32),
            start=start,
            gains=self.gains / max(self.gains.sum(), 1e-12),
        )


def from_boosting(model: Any, features: int) -> Trees:
    """Convert a fitted `HistGradientBoostingClassifier` or `HistGradientBoostingRegressor`.

    `_predictors` and `_baseline_prediction` are its own attributes, of no public twin; a test
    compares what comes out with `predict_proba` and `predict`.
    """
    builder, classes = _Builder(features), len(getattr(model, "classes_", [None]))
    for round_ in model._predictors:
        for code, tree in enumerate(round_):
            nodes = tree.nodes
            builder.add(
                nodes["is_leaf"].astype(bool),
                nodes["feature_idx"].astype(np.int64),
                nodes["num_threshold"],
                (nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)),
                (code if len(round_) > 1 else classes - 1, nodes["value"]),
                np.maximum(nodes["gain"], 0.0),
            )
    start = np.zeros(classes)
    start[-model._baseline_prediction.size :] = model._baseline_prediction.ravel()
    return builder.trees(start)


def from_rusboost(model: Any, features: int) -> Trees:
    """Convert a fitted `RUSBoostClassifier` of decision trees.

    A tree with weight w votes w for its class, and -w / (classes - 1) for the others, which is the
    same as a vote of w classes / (classes - 1) once the softmax is taken; this is then divided by
    the sum of the weights and by classes - 1, as in scikit-learn.
    """
    builder, classes = _Builder(features), len(model.classes_)
    used = model.estimator_weights_[: len(model.estimators_)]
    scale = classes / (classes - 1) ** 2 / used.sum()
    for weight, each in zip(used, model.estimators_, strict=True):
        tree = getattr(each, "steps", [(None, each)])[-1][1].tree_
        chosen = each.classes_[tree.value[:, 0].argmax(1)]
        builder.add(
            tree.children_left < 0,
            tree.feature.astype(np.int64),
            tree.threshold,
            (tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)),
            (chosen, np.full(len(chosen), weight * scale)),
            weight * _impurity_gains(tree),
        )
    return builder.trees(np.zeros(classes))


def _impurity_gains(tree: Any) -> np.ndarray:
    """Return how much each node lowers the impurity of the cells that reach it."""
    left, right = np.maximum(tree.children_left, 0), np.maximum(tree.children_right, 0)
    own = tree.weighted_n_node_samples * tree.impurity
    return np.where(tree.children_left < 0, 0.0, own - own[left] - own[right])

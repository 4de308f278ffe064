"""A classifier that learns from few cells in a fraction of a second.

Two models of different kinds vote: a linear discriminant analysis, which needs few cells of each
class, and randomised trees, which find thresholds of single features. Both look most at the
features that separate the labelled classes best.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

_LINEAR_FEATURES = 300  # the others separate the classes too little to matter
_TREE_FEATURES, _TREES = 80, 30
_TREE_CELLS = 1000  # of more, each tree learns from so many, drawn at random
_TREES_SHARE = 2 / 3  # of the vote
_SHRINKAGE_CELLS = 100  # with so many labelled cells, their covariance counts by half
_LEAST_VARIANCE = 0.05  # within a class; features have a variance of 1 over all cells
_AT_ONCE = 8192  # cells


@dataclass(frozen=True)
class FastClassifier:
    """Predicts classes of cells by their scaled features.

    Attributes
    ----------
    classes : ndarray of int64, shape (known classes,)
        Codes of the classes that labelled cells have.
    weights : ndarray of float32, shape (features, known classes)
        Of the linear discriminant.
    offsets : ndarray of float32, shape (known classes,)
    tree_features : ndarray of int64
        Those that the trees ask for.
    trees : sklearn.ensemble.ExtraTreesClassifier
    """

    classes: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    tree_features: np.ndarray
    trees: Any

    @classmethod
    def fit(cls, features: np.ndarray, codes: np.ndarray, seed: int = 0) -> FastClassifier:
        """Learn from labelled cells.

        Parameters
        ----------
        features : ndarray of float32, shape (cells, features)
            As `Standardiser.scale` returns them.
        codes : ndarray of int, shape (cells,)
            Their classes, at least two different ones.
        seed : int
            Of the trees.

        References
        ----------
        Friedman, Regularized discriminant analysis, J. Am. Stat. Assoc. 84 (1989); Geurts, Ernst
        and Wehenkel, Extremely randomized trees, Mach. Learn. 63 (2006).
        """
        classes, places = np.unique(codes, return_inverse=True)
        ratios = variance_ratios(features, places)
        linear = _linear_discriminant(features, places, ratios)
        wanted = np.argsort(-ratios, kind="stable")[:_TREE_FEATURES]
        trees = _extra_trees(features[:, wanted], places, seed)
        return cls(classes, *linear, wanted, trees)

    def probabilities(self, features: np.ndarray, count: int) -> np.ndarray:
        """Predict cells (n, features): float32, shape (n, count).

        `count` is the number of all classes; those without labelled cells have a probability of 0.
        """
        found = np.zeros((len(features), count), np.float32)

        def predict(first: int) -> None:
            some = features[first : first + _AT_ONCE]
            votes = _softmax(some @ self.weights + self.offsets) * (1 - _TREES_SHARE)
            votes += self.trees.predict_proba(some[:, self.tree_features]) * _TREES_SHARE
            found[first : first + _AT_ONCE, self.classes] = votes

        # blocks on threads: those of scikit-learn, a task a tree, wait for each other
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(predict, range(0, len(features), _AT_ONCE)))
        return found


def variance_ratios(features: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Compute how well each feature separates classes: the F of an analysis of variance, less 1.

    `places` (cells,) are classes from 0, each of which occurs; 0 stands for features that separate
    nothing.
    """
    means, counts = _means(features, places), np.bincount(places)
    within = ((features - means[places]) ** 2).sum(0) / max(len(features) - len(counts), 1)
    between = (counts[:, None] * (means - features.mean(0)) ** 2).sum(0) / max(len(counts) - 1, 1)
    return np.maximum(between / (within + _LEAST_VARIANCE) - 1, 0)


def _means(features: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.stack([features[places == code].mean(0) for code in range(places.max() + 1)])


def _linear_discriminant(
    features: np.ndarray, places: np.ndarray, ratios: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a discriminant on features weighted by how well they separate the classes.

    Returned are weights (features, classes) and offsets (classes,) of the logarithm of the
    probabilities. The covariance within classes is shrunk to a multiple of the identity: by half
    with `_SHRINKAGE_CELLS`, by less with more.
    """
    chosen = np.argsort(-ratios, kind="stable")[:_LINEAR_FEATURES]
    weight = ratios[chosen] / max(float(ratios.max()), 1e-9)
    scaled = features[:, chosen].astype(np.float64) * weight
    means, counts = _means(scaled, places), np.bincount(places)
    rest = scaled - means[places]
    covariance = rest.T @ rest / max(len(scaled) - len(counts), 1)
    shrinkage = _SHRINKAGE_CELLS / (_SHRINKAGE_CELLS + len(scaled))
    level = max(float(np.trace(covariance)) / len(chosen), 1e-6)
    covariance = (1 - shrinkage) * covariance + shrinkage * level * np.eye(len(chosen))
    solved = np.linalg.solve(covariance, means.T)
    weights = np.zeros((features.shape[1], len(counts)), np.float32)
    weights[chosen] = solved * weight[:, None]
    offsets = np.log(counts / len(scaled)) - 0.5 * (means.T * solved).sum(0)
    return weights, offsets.astype(np.float32)


def _extra_trees(features: np.ndarray, places: np.ndarray, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    drawn = {"bootstrap": True, "max_samples": _TREE_CELLS} if len(places) > _TREE_CELLS else {}
    how = {"max_features": 0.5, "random_state": seed, **drawn}
    if len(places) < 2 * (places.max() + 1):
        # scikit-learn warns where classes have hardly more than a cell each; twice the same cells
        # make the same trees
        features, places = np.repeat(features, 2, 0), np.repeat(places, 2)
    return ExtraTreesClassifier(_TREES, **how).fit(features, places)


def _softmax(votes: np.ndarray) -> np.ndarray:
    votes = np.exp(votes - votes.max(1, keepdims=True))
    return votes / votes.sum(1, keepdims=True)

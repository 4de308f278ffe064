"""Trees as arrays say what scikit-learn's own objects say, and damaged ones are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from imblearn.ensemble import RUSBoostClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier

from deepometry.classical.tree_file import Trees, from_boosting, from_rusboost


def data(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    codes = rng.integers(0, classes, 200)
    features = rng.normal(size=(200, 5)).astype(np.float32)
    features[:, 2] += codes
    return features, codes


@pytest.mark.parametrize("classes", [2, 4])
def test_boosting(classes):
    features, codes = data(classes)
    model = HistGradientBoostingClassifier(max_iter=8, random_state=0).fit(features, codes)
    trees = from_boosting(model, 5)
    assert np.allclose(trees.probabilities(features), model.predict_proba(features))
    assert trees.gains.argmax() == 2
    assert trees.gains.sum() == pytest.approx(1)
    trees.check(5, classes)


@pytest.mark.parametrize("classes", [2, 4])
def test_rusboost(classes):
    features, codes = data(classes)
    tree = DecisionTreeClassifier(max_leaf_nodes=6, max_features="sqrt")
    model = RUSBoostClassifier(tree, n_estimators=9, learning_rate=0.5, random_state=0)
    model.fit(features, codes)
    trees = from_rusboost(model, 5)
    assert np.allclose(trees.probabilities(features), model.predict_proba(features))
    assert trees.gains.argmax() == 2
    trees.check(5, classes)


def walked(trees: Trees, features: np.ndarray) -> np.ndarray:
    """Sum the votes of trees, node by node."""
    votes = np.tile(trees.start, (len(features), 1))
    for cell, own in zip(features, votes, strict=True):
        for node in trees.roots:
            while trees.feature[node] >= 0:
                low = cell[trees.feature[node]] <= trees.threshold[node]
                node = trees.left[node] if low else trees.right[node]
            own[trees.left[node]] += trees.threshold[node]
    return votes


@pytest.mark.parametrize("count", [0, 1, 32, 200])
def test_votes_are_those_of_a_walk_node_by_node(count):
    features, codes = data(3)
    model = HistGradientBoostingClassifier(max_iter=9, random_state=0).fit(features, codes)
    trees = from_boosting(model, 5)
    features[::7, 1], features[::5, 2] = np.nan, np.inf
    assert np.array_equal(trees.votes(features[:count]), walked(trees, features[:count]))


def test_features_that_no_node_asks_for_change_no_vote():
    features, codes = data(2)
    tree = DecisionTreeClassifier(max_leaf_nodes=2)
    model = RUSBoostClassifier(tree, n_estimators=2, random_state=0).fit(features, codes)
    trees = from_rusboost(model, 5)
    assert 0 < len(trees.used) < 5 and 2 in trees.used
    others = np.full_like(features, np.nan)
    others[:, trees.used] = features[:, trees.used]
    assert np.array_equal(trees.votes(others), trees.votes(features))


def test_trees_that_lead_nowhere_are_refused():
    features, codes = data(3)
    model = HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(features, codes)
    trees = from_boosting(model, 5)
    inner = int(np.flatnonzero(trees.feature >= 0)[0])
    for name, value in [("left", -1), ("right", 10**6), ("left", inner), ("feature", 5)]:
        wrong = getattr(trees, name).copy()
        wrong[inner] = value
        with pytest.raises(ValueError, match="damaged"):
            replace(trees, **{name: wrong}).check(5, 3)
    with pytest.raises(ValueError, match="damaged"):
        trees.check(5, 4)

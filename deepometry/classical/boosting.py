"""Training on features: gradient boosting, or RUSBoost, with rare classes weighted up."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepometry.cells.sampling import class_weights
from deepometry.classical.tree_file import Trees, from_boosting, from_rusboost
from deepometry.core.progress import Progress

ROUNDS = 100
_LEAVES = 15
_RATE = 0.1
_FEATURES_A_SPLIT = 0.1
_BINS = 63  # as good as 255 on the Jurkat cells, and several times as fast with few cells
_ONE_THREAD = 20_000  # cells up to which threads wait for each other longer than they work
RUS_TREES, _RUS_LEAVES = 200, 32


def learn(
    features: np.ndarray,
    codes: np.ndarray,
    classes: int,
    method: str,
    seed: int,
    progress: Progress,
) -> Trees:
    """Train a classifier, `boosting` or `rusboost`, on features (cells, features).

    `codes` (cells,) are the classes; every one of `classes` occurs.

    References
    ----------
    Friedman, Greedy function approximation: a gradient boosting machine, Ann. Stat. 29 (2001);
    Seiffert et al., RUSBoost, IEEE Trans. Syst. Man Cybern. A 40 (2010), which Blasi et al. 2016
    used on cells.
    """
    fit = _boosting if method == "boosting" else _rusboost
    return fit(features, codes, classes, seed, progress)


def learn_numbers(
    features: np.ndarray, numbers: np.ndarray, seed: int, progress: Progress
) -> Trees:
    """Train a regression by gradient boosting, with squared errors, on standardised numbers."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(random_state=seed, **_how())
    _fit(model, progress, features, numbers)
    return from_boosting(model, features.shape[1])


def _boosting(
    features: np.ndarray, codes: np.ndarray, classes: int, seed: int, progress: Progress
) -> Trees:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(random_state=seed, **_how())
    weights = class_weights(codes, classes, "weights")[codes]
    _fit(model, progress, features, codes, sample_weight=weights)
    return from_boosting(model, features.shape[1])


def _how() -> dict[str, Any]:
    """Return the settings that classifier and regression share."""
    return {
        "learning_rate": _RATE,
        "max_leaf_nodes": _LEAVES,
        "min_samples_leaf": 5,
        "l2_regularization": 1.0,
        "max_features": _FEATURES_A_SPLIT,
        "max_bins": _BINS,
        "early_stopping": False,
        "max_iter": ROUNDS,
    }


def _fit(model: Any, progress: Progress, features: np.ndarray, *wanted: Any, **more: Any) -> None:
    from threadpoolctl import threadpool_limits

    progress.report(0, 0, "Learning from the features")
    with threadpool_limits(1 if len(features) < _ONE_THREAD else None):
        model.fit(features, *wanted, **more)


def _rusboost(
    features: np.ndarray, codes: np.ndarray, classes: int, seed: int, progress: Progress
) -> Trees:
    from imblearn.ensemble import RUSBoostClassifier
    from sklearn.tree import DecisionTreeClassifier

    progress.report(0, 0, "Learning from the features")
    model = RUSBoostClassifier(
        DecisionTreeClassifier(max_leaf_nodes=_RUS_LEAVES, max_features="sqrt"),
        n_estimators=RUS_TREES,
        learning_rate=_RATE,
        random_state=seed,
    )
    model.fit(features, codes)
    return from_rusboost(model, features.shape[1])

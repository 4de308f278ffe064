"""How well the background alone predicts the classes, whatever a model makes of it."""

from __future__ import annotations

import numpy as np

from deepometry.training.border import border_features

_TREES, _FOLDS = 100, 4
FEWEST = 4
"""Cells of a class, below which it is left out."""


def background_features(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Describe the background of images.

    Parameters
    ----------
    images : ndarray, shape (n, frame, frame, channels)
    masks : ndarray of bool, shape (n, frame, frame)
        Where the cells are, whose pixels are not looked at.

    Returns
    -------
    ndarray of float64, shape (n, features)
        For every channel level, spread, sharpness (median difference of neighbours), slopes down
        and across, how far the outermost line of each side lies from the level, and the corners
        and sides of `border_features`.
    """
    seen = np.where(masks[..., None], np.nan, images.astype(np.float64))
    level = np.nanmedian(seen, (1, 2))
    apart = seen - level[:, None, None]
    spread = np.nanmedian(np.abs(apart), (1, 2))
    steps = np.nanmedian(np.abs(_steps(seen)), 1)
    place = np.linspace(-1, 1, images.shape[1])
    down = np.nanmean(apart * place[None, :, None, None], (1, 2))
    across = np.nanmean(apart * place[None, None, :, None], (1, 2))
    lines = [apart[:, 0], apart[:, -1], apart[:, :, 0], apart[:, :, -1]]
    sides = [_mean(line) for line in lines]
    return np.concatenate(
        [level, spread, steps, down, across, *sides, border_features(images)], axis=1
    )


def _steps(seen: np.ndarray) -> np.ndarray:
    """Return what neighbouring pixels differ by, (n, pairs, channels)."""
    down, across = np.diff(seen, axis=1), np.diff(seen, axis=2)
    flat = (len(seen), -1, seen.shape[3])
    return np.concatenate([down.reshape(flat), across.reshape(flat)], axis=1)


def _mean(lines: np.ndarray) -> np.ndarray:
    """Average lines (n, pixels, channels); 0 of one that the cell covers."""
    seen = np.isfinite(lines)
    mean: np.ndarray = np.where(seen, lines, 0).sum(1) / np.maximum(seen.sum(1), 1)
    return mean


def left_out_probabilities(features: np.ndarray, true: np.ndarray, classes: int) -> np.ndarray:
    """Train a small classifier on features, and predict the cells of each fold left out.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    true : ndarray of int, shape (n,)
        Classes, of each of which there are `FEWEST` cells or more.
    classes : int
        Number of all classes.

    Returns
    -------
    ndarray of float64, shape (n, classes)

    References
    ----------
    Geurts, Ernst and Wehenkel, Extremely randomized trees, Machine Learning 63 (2006).
    """
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold

    model = ExtraTreesClassifier(
        _TREES, min_samples_leaf=2, class_weight="balanced", random_state=0
    )
    probabilities = np.zeros((len(true), classes))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    for training, left_out in folds.split(features, true):
        model.fit(features[training], true[training])
        probabilities[np.ix_(left_out, model.classes_)] = model.predict_proba(features[left_out])
    return probabilities

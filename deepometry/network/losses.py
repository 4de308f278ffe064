"""What training minimises: the cross-entropy of classes, with their order, or a robust error."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepometry.network.backend import keras

ADJUSTMENT = 1 / 3
"""Power of the class shares by which `balance` `adjust` favours rare classes."""
_ROBUST_FROM = 1.0  # deviations


def class_loss(
    shares: np.ndarray | None = None, smoothing: float = 0.0, ordered: bool = False
) -> Any:
    """Build the cross-entropy; with shares of the classes, that of balanced probabilities.

    Parameters
    ----------
    shares : ndarray of float, shape (classes,), optional
        Of the classes in the training cells.
    smoothing : float
        Share of every label that is spread over all classes.
    ordered : bool
        Whether the classes have an order: adds the ranked probability score.

    Notes
    -----
    The network is asked for probabilities which, times a root of the share of each class, are those
    of the training cells: it sees rare classes as less rare than they are. Menon et al., Long-tail
    learning via logit adjustment, ICLR 2021, with a part of its strength: with all of it, common
    classes lose more cells than rare ones win.

    The ranked probability score (Epstein, J. Appl. Meteorol. 8, 1969) is the squared difference
    between predicted and true cumulative probabilities, so that probability far from the true
    class costs more than beside it. Like the cross-entropy it is least for the true probabilities,
    which a sum of both keeps calibrated, unlike labels that are spread over their neighbours.
    """
    plain = keras().losses.CategoricalCrossentropy(label_smoothing=smoothing)
    if shares is None and not ordered:
        return plain
    frequent = None if shares is None else (shares**ADJUSTMENT).astype(np.float32)

    def loss(true: Any, probabilities: Any) -> Any:
        ops = keras().ops
        if frequent is not None:
            probabilities = ops.multiply(probabilities, frequent)
        entropy = plain.call(true, probabilities)  # which makes them add up to 1
        return entropy + _ranked(true, probabilities) if ordered else entropy

    return loss


def _ranked(true: Any, probabilities: Any) -> Any:
    """Compute the ranked probability score of every cell, (n,)."""
    ops = keras().ops
    share = probabilities / ops.sum(probabilities, axis=-1, keepdims=True)
    return ops.sum(ops.square(ops.cumsum(share - true, axis=-1)), axis=-1)


def number_loss() -> Any:
    """Build the Huber loss of standardised numbers.

    Squared within a deviation of the numbers and linear beyond, so that a few wrong values, such as
    of doublets, do not draw the prediction towards them (Huber, Ann. Math. Stat. 35, 1964).
    """
    return keras().losses.Huber(delta=_ROBUST_FROM)


def absolute_error() -> Any:
    """Build the mean absolute error, called `mae`."""
    return keras().metrics.MeanAbsoluteError(name="mae")

"""Calibrated probabilities: one temperature, fitted on the validation cells."""

from __future__ import annotations

import math

import numpy as np

COLDEST, HOTTEST = 0.1, 10.0
_LEAST = 1e-12  # a probability below this is taken as this


def fit_temperature(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Find the temperature with the lowest log loss.

    `probabilities` (cells, classes) are averaged over the views of the model. The temperature is
    above 1 where the model is overconfident, below 1 where it is underconfident; between 0.1 and
    10, and 1 without cells.

    Notes
    -----
    Temperature scaling (Guo et al., On calibration of modern neural networks, ICML 2017), on the
    logarithm of the averaged probabilities in place of the logits. One imaginary cell, of no class
    more than of another, stands beside the real ones (as in Platt, 1999), so that a few cells that
    are all classified correctly do not give infinite confidence.
    """
    from scipy.optimize import minimize_scalar

    if not len(true):
        return 1.0
    logits = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    share = 1 / (len(true) + 1)

    def loss(power: float) -> float:
        logs = log_softmax(logits / math.exp(power))
        right = np.take_along_axis(logs, true[:, None], 1).mean()
        return float(-(1 - share) * right - share * logs.mean())

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    return float(math.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (cells, classes) at a temperature; the order of the classes stays."""
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    return np.exp(log_softmax(logits / temperature)).astype(np.float32)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return logarithms of the probabilities (n, classes) that logits stand for."""
    logits = logits - logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))

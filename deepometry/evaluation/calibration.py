"""Calibration of probabilities: reliability diagram, calibration error, Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.evaluation.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
LEAST = 1e-7  # a probability below this counts as this, as in Keras


@dataclass(frozen=True)
class Reliability:
    """How often cells are classified correctly, by the confidence of the model.

    Attributes
    ----------
    edges : ndarray of float, shape (bins + 1,)
        Between the bins of the probability of the predicted class.
    cells, right : ndarray of int64, shape (bins,)
        Cells in each bin, and those of them that are classified correctly.
    confidence : ndarray of float, shape (bins,)
        Mean probability in each bin; 0 where it is empty.
    """

    edges: np.ndarray
    cells: np.ndarray
    right: np.ndarray
    confidence: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy in each bin; 0 where it is empty."""
        return self.right / np.maximum(self.cells, 1)

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap between the two, weighted by cells.

        Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017.
        """
        gaps = self.cells * np.abs(self.accuracy - self.confidence)
        return float(gaps.sum() / max(self.cells.sum(), 1))

    def table(self) -> pd.DataFrame:
        """Return a row for every bin that is not empty, with 95 % Wilson intervals of accuracy."""
        import pandas as pd

        low, high = wilson(self.right, self.cells)
        table = pd.DataFrame(
            {
                "probability_from": self.edges[:-1],
                "probability_to": self.edges[1:],
                "cells": self.cells,
                "mean_probability": self.confidence,
                "accuracy": self.accuracy,
                "low": low,
                "high": high,
            }
        )
        return table[self.cells > 0]


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Reliability:
    """Bin cells by confidence, in equal steps of probability.

    `confidence` (cells,) is the probability of the predicted class; `right` is whether it is true.
    """
    places = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    cells = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=confidence, minlength=bins)
    named = np.bincount(places, weights=right, minlength=bins).astype(np.int64)
    return Reliability(np.linspace(0, 1, bins + 1), cells, named, sums / np.maximum(cells, 1))


def calibration_error(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Compute the expected calibration error of the predicted class, in ten bins."""
    right = probabilities.argmax(1) == true
    return reliability(probabilities.max(1), right).error


def probability_of(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the probability of one class for every cell, shape (cells,)."""
    return np.take_along_axis(probabilities, codes[:, None], 1)[:, 0]


def brier(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Compute the Brier score: mean squared distance to the truth, from 0 (perfect) to 2.

    Brier, Monthly Weather Review 1950, as the sum over all classes.
    """
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    named = probability_of(probabilities, true)
    return float((squares - 2 * named + 1).mean())


def log_loss(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Return the mean negative logarithm of the probability of the true class, 0 of no cells."""
    right = probability_of(probabilities, true).astype(np.float64)
    return -float(np.log(np.maximum(right, LEAST)).sum()) / max(len(right), 1)

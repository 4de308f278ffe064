"""Whether probabilities mean what they say: reliability diagram, calibration error, Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.evaluation.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """How often cells are named rightly, by how sure the model was of them.

    Attributes
    ----------
    edges : ndarray of float, shape (bins + 1,)
        Between the bins of the probability of the class named.
    cells, right : ndarray of int64, shape (bins,)
        Cells in each bin, and those of them that are named rightly.
    sure : ndarray of float, shape (bins,)
        Mean probability in each bin; 0 where it is empty.
    """

    edges: np.ndarray
    cells: np.ndarray
    right: np.ndarray
    sure: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Share named rightly in each bin; 0 where it is empty."""
        return self.right / np.maximum(self.cells, 1)

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap between the two, weighted by cells.

        Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017.
        """
        gaps = self.cells * np.abs(self.accuracy - self.sure)
        return float(gaps.sum() / max(self.cells.sum(), 1))

    def table(self) -> pd.DataFrame:
        """Give a row a bin, with 95 % Wilson intervals of the accuracy; empty bins left out."""
        import pandas as pd

        low, high = wilson(self.right, self.cells)
        table = pd.DataFrame(
            {
                "probability_from": self.edges[:-1],
                "probability_to": self.edges[1:],
                "cells": self.cells,
                "mean_probability": self.sure,
                "accuracy": self.accuracy,
                "low": low,
                "high": high,
            }
        )
        return table[self.cells > 0]


def reliability(sure: np.ndarray, right: np.ndarray, bins: int = BINS) -> Reliability:
    """Bin cells by how sure the model is of them, in equal steps of probability.

    Parameters
    ----------
    sure : ndarray of float, shape (cells,)
        Probability of the class named.
    right : ndarray of bool, shape (cells,)
        Whether it is the true one.
    bins : int
        Number of bins between 0 and 1.
    """
    places = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    cells = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=sure, minlength=bins)
    named = np.bincount(places, weights=right, minlength=bins).astype(np.int64)
    return Reliability(np.linspace(0, 1, bins + 1), cells, named, sums / np.maximum(cells, 1))


def calibration_error(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Give the expected calibration error of the class named, in ten bins."""
    right = probabilities.argmax(1) == true
    return reliability(probabilities.max(1), right).error


def probability_of(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the probability of one class for every cell, shape (cells,)."""
    return np.take_along_axis(probabilities, codes[:, None], 1)[:, 0]


def brier(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Give the Brier score: mean squared distance to the truth, from 0 (perfect) to 2.

    Brier, Monthly Weather Review 1950, as the sum over all classes.
    """
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    named = probability_of(probabilities, true)
    return float((squares - 2 * named + 1).mean())


def log_loss(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Give the mean surprise of the true class, in natural units."""
    named = probability_of(probabilities, true)
    return float(-np.log(np.maximum(named.astype(np.float64), 1e-12)).mean())

"""The accuracy of labels where cells of low confidence are labelled unsure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.evaluation.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

UNSURE = "unsure"
_STEPS = 101


@dataclass(frozen=True)
class TradeOff:
    """For every threshold of confidence, how many cells keep a label and how many are right.

    Attributes
    ----------
    threshold : ndarray of float
        Rising; a cell keeps its label where the probability of its class is as large or larger.
    labelled, right : ndarray of int64
        Cells that keep their label, and those of them whose label is the true one.
    cells : int
        All cells.
    """

    threshold: np.ndarray
    labelled: np.ndarray
    right: np.ndarray
    cells: int

    @property
    def share(self) -> np.ndarray:
        """Share of the cells that keep a label."""
        return self.labelled / max(self.cells, 1)

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy of the labels that are kept; NaN where there are none."""
        nothing = np.full(len(self.labelled), np.nan)
        return np.divide(self.right, self.labelled, out=nothing, where=self.labelled > 0)

    def table(self) -> pd.DataFrame:
        """Return a row for every threshold, with 95 % Wilson intervals of the accuracy."""
        import pandas as pd

        low, high = wilson(self.right, self.labelled)
        any_label = self.labelled > 0
        return pd.DataFrame(
            {
                "threshold": self.threshold,
                "cells_labelled": self.labelled,
                "share_labelled": self.share,
                "accuracy": self.accuracy,
                "low": low,
                "high": high,
            }
        )[any_label]


def trade_off(confidence: np.ndarray, right: np.ndarray, also: float | None = None) -> TradeOff:
    """Count the labels and the correct ones for thresholds from 0 to 1 in steps of 0.01.

    `confidence` (cells,) is the probability of the predicted class, `right` whether it is the true
    one, `also` a further threshold. Accuracy against coverage, as in selective classification
    (El-Yaniv and Wiener, 2010).
    """
    steps = np.linspace(0, 1, _STEPS)
    thresholds = np.unique(np.append(steps, also)) if also is not None else steps
    order = np.argsort(confidence, kind="stable")
    first = np.searchsorted(confidence[order], thresholds.astype(confidence.dtype), side="left")
    after = np.concatenate([np.cumsum(right[order][::-1])[::-1], [0]]).astype(np.int64)
    return TradeOff(thresholds, len(confidence) - first, after[first], len(confidence))


def is_unsure(confidence: np.ndarray, below: float | None) -> np.ndarray:
    """Return for every cell whether its label is withheld."""
    return confidence < (0 if below is None else np.asarray(below, confidence.dtype))

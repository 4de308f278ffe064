"""The scores of a model on cells that it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.calibration import log_loss
from deepometry.evaluation.confusion import confusion, scores
from deepometry.evaluation.significance import p_value_of


@dataclass(frozen=True)
class Judged:
    """The scores of a model on cells that it did not learn from.

    Attributes
    ----------
    confusion : ndarray of int64, shape (classes, classes)
        Rows are the true classes.
    scores : dict of str to float
        `loss` (mean log loss), `accuracy`, `balanced_accuracy`, and the `p_value` of `p_value_of`.
    """

    confusion: np.ndarray
    scores: dict[str, float]

    def __str__(self) -> str:
        return (
            f"accuracy {self.scores['accuracy']:.3f}, balanced "
            f"{self.scores['balanced_accuracy']:.3f}, loss {self.scores['loss']:.3f}"
        )


def judge(true: np.ndarray, probabilities: np.ndarray) -> Judged:
    """Score probabilities (cells, classes) by the true classes (cells,)."""
    matrix = confusion(true, probabilities.argmax(1), probabilities.shape[1])
    return judged(matrix, log_loss(probabilities, true))


def judged(matrix: np.ndarray, loss: float) -> Judged:
    """Return the scores of a confusion matrix and a mean log loss."""
    return Judged(matrix, {"loss": loss, **scores(matrix), "p_value": p_value_of(matrix)})

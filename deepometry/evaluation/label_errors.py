"""Labels that are likely wrong, by the predictions of models that did not learn from the cells."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.result_files import CORRECT_LABEL

if TYPE_CHECKING:
    import pandas as pd

RANKING = "self_confidence"
"""How cells are ranked, a name of cleanlab: by the probability of the label that they have."""

COLUMNS = (
    "rank",
    "label",
    "suggested_label",
    "score",
    "probability_suggested",
    "flagged",
    CORRECT_LABEL,
)


@dataclass(frozen=True)
class LabelErrors:
    """The cells that are predicted as another class than their label, the most doubtful first.

    Attributes
    ----------
    cells : ndarray of int64, shape (n,)
        Their places among all cells.
    given, suggested : ndarray of int64, shape (n,)
        The class of the label, and the one that is predicted.
    scores : ndarray of float64, shape (n,)
        Quality of the label, 0 to 1; the smallest first.
    probabilities : ndarray of float64, shape (n,)
        Of the suggested class.
    flagged : ndarray of bool, shape (n,)
        Whether confident learning takes the label for an error.
    """

    cells: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    scores: np.ndarray
    probabilities: np.ndarray
    flagged: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    def table(self, labels: tuple[str, ...]) -> pd.DataFrame:
        """Return a row a cell with `COLUMNS`; `labels` are the names of the classes."""
        import pandas as pd

        names = np.array(labels, object)
        columns = (
            np.arange(1, len(self) + 1),
            names[self.given],
            names[self.suggested],
            self.scores,
            self.probabilities,
            np.where(self.flagged, "yes", "no"),
            "",
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def find_label_errors(
    codes: np.ndarray, probabilities: np.ndarray, ranking: str = RANKING
) -> LabelErrors:
    """Find labels that contradict the predictions of models that did not learn from them.

    Parameters
    ----------
    codes : ndarray of int, shape (cells,)
        The class that each cell is labelled with.
    probabilities : ndarray of float, shape (cells, classes)
        Of every class, by a model that did not learn from the cell, as in a cross-validation.
    ranking : str
        `self_confidence` (probability of the label), `normalized_margin` (that less the one of the
        most probable other class) or `confidence_weighted_entropy`.

    Returns
    -------
    LabelErrors
        The cells whose most probable class is not their label.

    References
    ----------
    Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels,
    J. Artif. Intell. Res. 70 (2021); Kuan and Mueller, Model-agnostic label quality scoring to
    detect real-world label errors, ICML DataPerf workshop (2022).
    """
    from cleanlab.rank import get_label_quality_scores

    codes, probabilities = np.asarray(codes, np.int64), _sums_of_one(probabilities)
    scores = get_label_quality_scores(codes, probabilities, method=ranking)
    chosen = probabilities.argmax(1)
    doubtful = np.flatnonzero(chosen != codes)
    cells = doubtful[np.argsort(scores[doubtful], kind="stable")]
    of_chosen = probabilities[cells, chosen[cells]]
    flagged = _flagged(codes, probabilities)[cells]
    return LabelErrors(cells, codes[cells], chosen[cells], scores[cells], of_chosen, flagged)


def _sums_of_one(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities as double numbers whose sums are 1 to the last digit."""
    precise = np.clip(np.asarray(probabilities, np.float64), 1e-9, 1)
    return precise / precise.sum(1, keepdims=True)


def _flagged(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return which labels confident learning takes for errors: bool, shape (cells,)."""
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        # of classes with a cell or none, whose labels it does not judge
        warnings.filterwarnings("ignore", "May not flag all label issues")
        # one process: it would start others, which on Windows import everything again
        return np.asarray(find_label_issues(codes, probabilities, n_jobs=1), bool)

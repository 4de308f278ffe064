"""Confusion matrices, the scores read from them, and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.files import writing
from deepometry.core.result_files import (
    CLASSIFICATION_REPORT,
    CONFUSION_MATRIX,
    CONFUSION_PLOT,
    NORMALIZED_CONFUSION_MATRIX,
)
from deepometry.core.spreadsheet import table_file, write_frame
from deepometry.evaluation.confusion_plots import normalized, plot_matrix
from deepometry.evaluation.metrics import whole_scores

if TYPE_CHECKING:
    import pandas as pd


def scores(matrix: np.ndarray) -> dict[str, float]:
    """Compute `accuracy` and `balanced_accuracy`, the mean recall of the classes that occur.

    Rows of the matrix, of counts, are the true classes.
    """
    whole = whole_scores(matrix)
    return {name: float(np.nan_to_num(whole[name])) for name in ("accuracy", "balanced_accuracy")}


def confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count the pairs of true and predicted classes, int64 of shape (classes, classes).

    Rows are the true classes; every class has its row and column.
    """
    counts = np.bincount(true * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def classification_report(matrix: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Return precision, recall and F1 of every class, by scikit-learn.

    Columns are `label`, `precision`, `recall`, `f1-score`, `support`; below the classes stand
    `accuracy`, `balanced accuracy`, `macro avg` and `weighted avg` over the classes that occur.
    """
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    pairs = np.indices(matrix.shape).reshape(2, -1)
    counted = {"sample_weight": matrix.ravel(), "zero_division": 0}
    *each, support = precision_recall_fscore_support(*pairs, **counted)
    present = np.flatnonzero(support)
    means = {
        f"{name} avg": precision_recall_fscore_support(
            *pairs, labels=present, average=name, **counted
        )[:3]
        for name in ("macro", "weighted")
    }
    total = scores(matrix)
    rows = [
        *([label, *row] for label, *row in zip(labels, *each, strict=True)),
        *([name.replace("_", " "), None, None, total[name]] for name in total),
        *([name, *mean] for name, mean in means.items()),
    ]
    table = pd.DataFrame(rows, columns=["label", "precision", "recall", "f1-score"])
    cells = np.append(support, np.full(len(total) + len(means), support.sum()))
    return table.assign(support=cells.astype(np.int64))


def write_matrix(path: Path, matrix: np.ndarray, labels: Sequence[str]) -> None:
    """Write a confusion matrix; the first column is the true label."""
    import pandas as pd

    table = pd.DataFrame(matrix, index=pd.Index(labels, name="true label"), columns=list(labels))
    write_table(path, table.reset_index())


def write_scores(
    folder: Path, matrix: np.ndarray, labels: Sequence[str], target: str, prefix: str = ""
) -> None:
    """Write a confusion matrix as counts, shares and picture, and the classification report.

    `target` is what the labels are values of; `prefix` begins the name of every file.
    """
    write_matrix(folder / f"{prefix}{CONFUSION_MATRIX}", matrix, labels)
    write_matrix(folder / f"{prefix}{NORMALIZED_CONFUSION_MATRIX}", normalized(matrix), labels)
    report = classification_report(matrix, labels)
    write_table(folder / f"{prefix}{CLASSIFICATION_REPORT}", report)
    plot_matrix(folder / f"{prefix}{CONFUSION_PLOT}", matrix, labels, matrix_title(matrix, target))


def matrix_title(matrix: np.ndarray, target: str) -> str:
    """Return what stands above the picture of a confusion matrix."""
    return f"{target}: accuracy {scores(matrix)['accuracy']:.3f}"


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as .csv that spreadsheets open, whole or not at all."""
    with writing(path) as part, table_file(part) as file:
        write_frame(file, table, float_format="%.6g")

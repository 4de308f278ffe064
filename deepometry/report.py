"""Scores and pictures of how good a model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.files import writing

if TYPE_CHECKING:
    import pandas as pd

    from deepometry.power_law import Forecast

_INK = "#1f4e79"
_OTHER = "#d1661c"
_MOST_NUMBERED = 30
_MOST_NAMED = 60
_LARGEST = 24.0  # inches a side; a larger picture would take gigabytes


def scores(matrix: np.ndarray) -> dict[str, float]:
    """Sum a confusion matrix up.

    Parameters
    ----------
    matrix : ndarray of int, shape (classes, classes)
        Counts; rows are the true classes.

    Returns
    -------
    dict of str to float
        `accuracy`, and `balanced_accuracy`: the mean recall of the classes that occur.
    """
    totals = matrix.sum(1)
    recalls = np.diag(matrix)[totals > 0] / totals[totals > 0]
    return {
        "accuracy": float(np.trace(matrix) / max(matrix.sum(), 1)),
        "balanced_accuracy": float(recalls.mean()) if len(recalls) else 0.0,
    }


def normalized(matrix: np.ndarray) -> np.ndarray:
    """Divide each row of a confusion matrix by its sum; rows of absent classes are 0."""
    return matrix / np.maximum(matrix.sum(1, keepdims=True), 1)


def confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count the pairs of true and predicted classes.

    Returns
    -------
    ndarray of int64, shape (classes, classes)
        Rows are the true classes; every class has its row and column.
    """
    counts = np.bincount(true * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def classification_report(matrix: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Tell precision, recall and F1 of every class.

    Returns
    -------
    DataFrame
        Columns `label`, `precision`, `recall`, `f1-score`, `support`; a row a class, then
        `accuracy`, `balanced accuracy`, `macro avg` and `weighted avg` over the classes that
        occur.
    """
    import pandas as pd

    support, chosen, right = matrix.sum(1), matrix.sum(0), np.diag(matrix)
    precision = right / np.maximum(chosen, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(chosen + support, 1)
    each = np.stack([precision, recall, f1], 1)
    present = support > 0
    rows = [[label, *row, int(n)] for label, row, n in zip(labels, each, support, strict=True)]
    cells, total = int(support.sum()), scores(matrix)
    rows.append(["accuracy", None, None, total["accuracy"], cells])
    rows.append(["balanced accuracy", None, None, total["balanced_accuracy"], cells])
    rows.append(["macro avg", *each[present].mean(0), cells])
    rows.append(["weighted avg", *np.average(each, axis=0, weights=support), cells])
    return pd.DataFrame(rows, columns=["label", "precision", "recall", "f1-score", "support"])


def write_matrix(path: Path, matrix: np.ndarray, labels: Sequence[str]) -> None:
    """Write a confusion matrix; the first column is the true label."""
    import pandas as pd

    table = pd.DataFrame(matrix, index=pd.Index(labels, name="true label"), columns=list(labels))
    write_table(path, table.reset_index())


def write_scores(
    folder: Path, matrix: np.ndarray, labels: Sequence[str], target: str, prefix: str = ""
) -> None:
    """Write a confusion matrix as counts, shares and picture, and the classification report.

    Parameters
    ----------
    folder : Path
    matrix : ndarray of int, shape (classes, classes)
        Counts; rows are the true classes.
    labels : sequence of str
        The classes.
    target : str
        What they are values of.
    prefix : str
        Begins the name of every file.
    """
    write_matrix(folder / f"{prefix}confusion_matrix.csv", matrix, labels)
    write_matrix(folder / f"{prefix}confusion_matrix_normalized.csv", normalized(matrix), labels)
    report = classification_report(matrix, labels)
    write_table(folder / f"{prefix}classification_report.csv", report)
    title = f"{target}: accuracy {scores(matrix)['accuracy']:.3f}"
    plot_matrix(folder / f"{prefix}confusion_matrix_plot.png", matrix, labels, title)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8 .csv, whole or not at all."""
    with writing(path) as part:
        table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")


def plot_matrix(path: Path, matrix: np.ndarray, labels: Sequence[str], title: str) -> None:
    """Draw a confusion matrix: shades show the share of each true class, numbers the counts."""
    side = min(max(4.5, 0.62 * len(labels) + 2.5), _LARGEST)
    figure, axes = _figure((side + 1, side))
    shares = normalized(matrix)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = _named(len(labels))
    names = [labels[tick] for tick in ticks]
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(ticks, names, parse_math=False, **slanted)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set(xlabel="Predicted label", ylabel="True label")
    axes.set_title(title, parse_math=False)
    if len(labels) <= _MOST_NUMBERED:
        _number(axes, matrix, shares)
    figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="Share of the true class")
    _save(figure, path)


def _named(count: int) -> np.ndarray:
    """Choose the classes whose names are written: all, or evenly spaced ones of very many."""
    return np.arange(0, count, -(-count // _MOST_NAMED))


def _number(axes: Any, matrix: np.ndarray, shares: np.ndarray) -> None:
    for row, column in np.argwhere(matrix):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{share:.2f}\n{matrix[row, column]:,}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if share > 0.55 else "#222222",
        )


def plot_counts(path: Path, counts: Mapping[str, int], title: str) -> None:
    """Draw how many cells were given each label."""
    figure, axes = _figure((min(max(5.0, 0.6 * len(counts) + 2), _LARGEST), 4.0))
    labels, ticks = list(counts), _named(len(counts))
    bars = axes.bar(np.arange(len(labels)), list(counts.values()), color=_INK)
    if len(labels) <= _MOST_NUMBERED:
        axes.bar_label(bars, labels=[f"{n:,}" for n in counts.values()], padding=2, fontsize=8)
    slanted = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(ticks, [labels[tick] for tick in ticks], parse_math=False, **slanted)
    axes.set_ylabel("Cells")
    axes.set_title(title, parse_math=False)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def plot_history(path: Path, history: Sequence[Mapping[str, float]], best: int) -> None:
    """Draw loss and accuracy of training and validation against the epochs."""
    figure, panels = _figure((9.0, 3.8), columns=2)
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(panels, ("loss", "accuracy"), strict=True):
        for column, label, color in (
            (name, "training", _INK),
            (f"val_{name}", "validation", _OTHER),
        ):
            values = [row[column] for row in history]
            axes.plot(epochs, values, color=color, label=label, marker="." * (len(epochs) < 40))
        axes.axvline(best, color="#888888", linestyle=":", label=f"kept: epoch {best}")
        axes.set(xlabel="Epoch", ylabel=name.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    _save(figure, path)


def _figure(size: tuple[float, float], columns: int = 1) -> tuple[Any, Any]:
    """Make a figure without any global state of pyplot, so that threads may draw at once."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(1, columns)


def _save(figure: Any, path: Path) -> None:
    with writing(path) as part:
        figure.savefig(part, dpi=150, format=path.suffix.removeprefix("."))


def plot_importance(
    path: Path,
    names: Sequence[str],
    values: Sequence[float],
    shifts: np.ndarray,
    labels: Sequence[str],
) -> None:
    """Draw the most important features, and beside them how the classes differ in each.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Features, the most important first.
    values : sequence of float
        Their importance.
    shifts : ndarray of float, shape (features, classes)
        Mean of each class, in standard deviations from the mean of all.
    labels : sequence of str
        The classes.
    """
    wide = min(6.5 + 0.45 * len(labels), _LARGEST)
    figure, (left, right) = _figure((wide, 1.9 + 0.26 * len(names)), columns=2)
    places = np.arange(len(names))
    left.barh(places, values, color=_INK)
    left.set_yticks(places, names, parse_math=False, fontsize=8)
    left.set_ylim(len(names) - 0.5, -0.5)  # as the rows of the picture beside it
    left.set_xlabel("Rise of the loss when shuffled", fontsize=8)
    left.spines[["top", "right"]].set_visible(False)
    most = float(max(1.0, np.abs(shifts).max(initial=0.0)))
    image = right.imshow(shifts, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
    ticks = _named(len(labels))
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    right.set_xticks(ticks, [labels[tick] for tick in ticks], parse_math=False, **slanted)
    right.set_yticks([])
    told = "Mean of the class, in standard deviations"
    figure.colorbar(image, ax=right, fraction=0.05, pad=0.03, label=told)
    _save(figure, path)


def plot_learning_curve(
    path: Path, rows: Sequence[Mapping[str, float]], found: Forecast, target: str
) -> None:
    """Draw accuracy against the number of cells, the law fitted to it, and its forecast.

    Parameters
    ----------
    path : Path
    rows : sequence of dict
        With `cells`, `accuracy` and its `standard_error`; one a training.
    found : Forecast
    target : str
        What was learnt.
    """
    figure, axes = _figure((6.4, 4.4))
    cells = np.array([row["cells"] for row in rows])
    shown = np.array([row["accuracy"] for row in rows])
    errors = 1.96 * np.array([row["standard_error"] for row in rows])
    both = [np.minimum(errors, shown), np.minimum(errors, 1 - shown)]  # shares end at 0 and 1
    axes.errorbar(cells, shown, both, fmt="o", color=_INK, capsize=3, label="measured")
    between = np.geomspace(cells.min(), max(found.cells, cells.max()), 200)
    learnt = between <= cells.max()
    axes.plot(between[learnt], found.law.at(between[learnt]), color=_INK, label="a - b / n^c")
    if found.known:
        _draw_forecast(axes, found, between[~learnt])
    axes.set_xscale("log")
    ticks = sorted({int(n) for n in cells} | ({found.cells} if found.known else set()))
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks], rotation=30, ha="right")
    axes.minorticks_off()
    axes.set(xlabel="Cells to learn from", ylabel="Accuracy on cells left out")
    axes.set_title(f"{target}: accuracy against the number of cells", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    _save(figure, path)


def _draw_forecast(axes: Any, found: Forecast, between: np.ndarray) -> None:
    axes.plot(between, found.law.at(between), color=_OTHER, linestyle="--")
    spread = np.maximum([[found.accuracy - found.low], [found.high - found.accuracy]], 0)
    style = {"fmt": "s", "color": _OTHER, "capsize": 3, "label": "expected, 95 %"}
    axes.errorbar([found.cells], [found.accuracy], spread, **style)

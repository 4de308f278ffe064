"""Plots of confusion matrices, of counts of classes, and of the epochs of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.figure_style import (
    ACCENT,
    LARGEST,
    OTHER,
    make_figure,
    name_ticks,
    save_figure,
)
from deepometry.core.task_names import MEASURES

_MOST_NUMBERED = 30


def normalized(matrix: np.ndarray) -> np.ndarray:
    """Divide each row of a confusion matrix by its sum; rows of absent classes are 0."""
    return matrix / np.maximum(matrix.sum(1, keepdims=True), 1)


def plot_matrix(path: Path, matrix: np.ndarray, labels: Sequence[str], title: str) -> None:
    """Write a picture of a confusion matrix."""
    save_figure(draw_matrix(matrix, labels, title), path)


def draw_matrix(matrix: np.ndarray, labels: Sequence[str], title: str) -> Any:
    """Draw a confusion matrix: shades show the share of each true class, numbers the counts.

    Returns
    -------
    matplotlib.figure.Figure
    """
    side = min(max(4.5, 0.62 * len(labels) + 2.5), LARGEST)
    figure, ((axes,),) = make_figure((side + 1, side))
    shares = normalized(matrix)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    name_ticks(axes.xaxis, labels, slant=45)
    name_ticks(axes.yaxis, labels)
    axes.set(xlabel="Predicted label", ylabel="True label")
    axes.set_title(title, parse_math=False)
    if len(labels) <= _MOST_NUMBERED:
        _number(axes, matrix, shares)
    figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="Share of the true class")
    return figure


def _number(axes: Any, matrix: np.ndarray, shares: np.ndarray) -> None:
    style = {"ha": "center", "va": "center", "fontsize": 7}
    for row, column in np.argwhere(matrix):
        share = shares[row, column]
        colour = "white" if share > 0.55 else "#222222"
        text = f"{share:.2f}\n{matrix[row, column]:,}"
        axes.text(column, row, text, color=colour, **style)


def plot_counts(path: Path, counts: Mapping[str, int], title: str) -> None:
    """Draw the number of cells predicted as each class."""
    figure, ((axes,),) = make_figure((min(max(5.0, 0.6 * len(counts) + 2), LARGEST), 4.0))
    bars = axes.bar(np.arange(len(counts)), list(counts.values()), color=ACCENT)
    if len(counts) <= _MOST_NUMBERED:
        axes.bar_label(bars, labels=[f"{n:,}" for n in counts.values()], padding=2, fontsize=8)
    name_ticks(axes.xaxis, list(counts), slant=35)
    axes.set_ylabel("Cells")
    axes.set_title(title, parse_math=False)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def plot_history(
    path: Path, history: Sequence[Mapping[str, float]], best: int, measure: str = "accuracy"
) -> None:
    """Draw loss and measure of training and validation against the epochs."""
    figure, (panels,) = make_figure((9.0, 3.8), columns=2)
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(panels, ("loss", measure), strict=True):
        for prefix, label, color in (("", "training", ACCENT), ("val_", "validation", OTHER)):
            values = [row[prefix + name] for row in history]
            axes.plot(epochs, values, color=color, label=label, marker="." * (len(epochs) < 40))
        axes.axvline(best, color="#888888", linestyle=":", label=f"kept: epoch {best}")
        axes.set(xlabel="Epoch", ylabel=MEASURES.get(name, name).capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    save_figure(figure, path)

"""The plot of the scores of groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepometry.core.figure_style import (
    ACCENT,
    GREY,
    MOST_SHOWN,
    OTHER,
    legend,
    make_figure,
    plain_axes,
    shown,
)
from deepometry.evaluation.group_scores import GroupScores
from deepometry.evaluation.score_names import NAMES


def plot_groups(scores: GroupScores) -> Any:
    """Draw the two scores of every group with intervals; of very many groups, the worst ones."""
    worst_first = -1 if scores.names[0] == "mae" else 1
    groups = sorted(scores.groups, key=lambda each: worst_first * each.pair[0].value)
    groups = groups[:MOST_SHOWN]
    figure, grid = make_figure((8.6, 1.5 + 0.3 * max(len(groups), 2)), columns=2, sharey=True)
    places = np.arange(len(groups))
    for number, axes in enumerate(grid[0]):
        for place, group in zip(places, groups, strict=True):
            score = group.pair[number]
            axes.plot([score.low, score.high], [place, place], color=ACCENT, lw=3, alpha=0.4)
            axes.plot(score.value, place, "o", color=ACCENT, ms=5)
        _mark(axes, scores, number)
        names = [f"{shown([each.value])[0]}  ({each.cells:,})" for each in groups]
        axes.set_yticks(places, names, parse_math=False)
        axes.set_ylim(len(groups) - 0.4, -0.6)
        plain_axes(axes, NAMES[scores.names[number]])
        if scores.names[number] in ("accuracy", "balanced_accuracy"):
            axes.set_xlim(-0.02, 1.02)
    some = f", the worst {len(groups)}" if len(groups) < len(scores.groups) else ""
    grid[0, 0].set_ylabel(f"{scores.by} (cells){some}", parse_math=False)
    return figure


def _mark(axes: Any, scores: GroupScores, number: int) -> None:
    """Mark the score of all cells; and in random folds, where that is known."""
    axes.axvline(scores.pooled[number].value, color=GREY, lw=1.2, ls="--", label="all cells")
    price = scores.price
    if price and price.name == scores.names[number]:
        axes.axvline(price.mixed, color=OTHER, lw=1.2, ls=":", label="classical, random folds")
        handles, labels = axes.get_legend_handles_labels()
        legend(axes.figure, handles=handles, labels=labels, loc="outside lower center", ncols=2)

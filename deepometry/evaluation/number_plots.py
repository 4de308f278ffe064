"""The plots of predicted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.core.figure_style import (
    ACCENT,
    GREY,
    MOST_SHOWN,
    OTHER,
    legend,
    make_figure,
    plain_axes,
    save_figure,
    shown,
)
from deepometry.evaluation.evaluate_numbers import MOST_VALUES, NumberEvaluation
from deepometry.evaluation.number_samples import NumberSample

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_POINTS = 2000  # of more cells, the density is drawn
_BINS = 40


def with_unit(text: str, unit: str) -> str:
    """Add a unit to the title of an axis, if there is one."""
    return f"{text} ({unit})" if unit else text


def plot_against_true(evaluation: NumberEvaluation, target: str) -> Any:
    """Draw predicted against true numbers, with the line where they are equal."""
    figure, grid = make_figure((5.6, 5.2))
    axes = grid[0, 0]
    low, high = _ends(evaluation.true, evaluation.predicted)
    line = np.array([low, high])
    axes.plot(line, line, color=GREY, lw=1.2, ls=(0, (2, 3)), label="equal", zorder=3)
    if evaluation.half_width is not None:
        for sign, name in ((-1, "90 % interval"), (1, None)):
            moved = line + sign * evaluation.half_width
            axes.plot(line, moved, color=OTHER, lw=1, ls="--", label=name, zorder=3)
    if len(evaluation.ranges) <= MOST_VALUES and _are_single(evaluation):
        _draw_values(axes, evaluation)
    elif len(evaluation.true) > _MOST_POINTS:
        style = {"gridsize": 55, "bins": "log", "mincnt": 1, "cmap": "Blues", "linewidths": 0.1}
        drawn = axes.hexbin(evaluation.true, evaluation.predicted, **style)
        figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03, label="Cells")
    else:
        axes.plot(evaluation.true, evaluation.predicted, "o", color=ACCENT, ms=3, alpha=0.45, mew=0)
    names = (f"True {target}", f"Predicted {target}")
    x, y = (with_unit(name, evaluation.unit) for name in names)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    plain_axes(axes, _title(evaluation))
    legend(axes, loc="upper left")
    return figure


def _title(evaluation: NumberEvaluation) -> str:
    r2, mae = (evaluation.score(name) for name in ("r2", "mae"))
    return f"R2 {r2.value:.3f}, mean absolute error {mae.value:.4g}"


def _are_single(evaluation: NumberEvaluation) -> bool:
    return all(each.true_from == each.true_to for each in evaluation.ranges)


def _ends(*numbers: NDArray[Any]) -> tuple[float, float]:
    """Return limits of both axes that hold nearly all numbers, with a margin."""
    every = np.concatenate(numbers)
    low, high = np.quantile(every, [0.001, 0.999]).tolist()
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def _draw_values(axes: Any, evaluation: NumberEvaluation) -> None:
    """Draw the predicted numbers of each of few true ones: quartiles, and all but 10 %."""
    values = [each.true_from for each in evaluation.ranges]
    steps = np.diff(values) if len(values) > 1 else np.array([1.0])
    width = 0.32 * float(steps.min())
    rows = [evaluation.predicted[evaluation.true == value] for value in values]
    style: dict[str, Any] = {"color": ACCENT, "linewidth": 1.3}
    boxes = {"boxprops": {"facecolor": "#bcd7ec", "edgecolor": ACCENT}, "patch_artist": True}
    axes.boxplot(
        rows, positions=values, widths=width, whis=(5, 95), manage_ticks=False,
        showfliers=False, whiskerprops=style, capprops=style,
        medianprops=style | {"linewidth": 2}, **boxes,
    )  # fmt: skip
    axes.set_xticks(values, [f"{value:g}" for value in values])


def plot_numbers(path: Path, numbers: np.ndarray, title: str, unit: str) -> None:
    """Draw how many cells were predicted to have which number."""
    figure, grid = make_figure((5.6, 4.0))
    axes = grid[0, 0]
    axes.hist(numbers, bins=_BINS, color=ACCENT)
    axes.set_xlabel(with_unit("Predicted number", unit), parse_math=False)
    axes.set_ylabel("Cells")
    plain_axes(axes, title, grid="y")
    save_figure(figure, path)


def plot_number_samples(samples: Sequence[NumberSample], title: str, unit: str) -> Any:
    """Draw the predicted numbers of every sample: median, quartiles, and all but 10 %."""
    some = list(samples)[:MOST_SHOWN]
    figure, grid = make_figure((6.4, 1.2 + 0.36 * max(len(some), 2)))
    axes = grid[0, 0]
    for place, each in enumerate(some):
        axes.plot([each.q05, each.q95], [place, place], color=ACCENT, lw=1.3)
        axes.plot([each.q25, each.q75], [place, place], color=ACCENT, lw=7, alpha=0.4)
        axes.plot(each.median, place, "o", color=ACCENT, ms=5.5)
    names = [f"{shown([each.name])[0]}  ({each.cells:,})" for each in some]
    axes.set_yticks(range(len(some)), names, parse_math=False)
    axes.set_ylim(len(some) - 0.4, -0.6)
    axes.set_xlabel(with_unit("Predicted number", unit), parse_math=False)
    plain_axes(axes, title, grid="x")
    return figure

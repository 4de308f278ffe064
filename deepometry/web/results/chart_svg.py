"""A chart or a confusion matrix for papers and slides, drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from deepometry.core.figure_style import (
    GREY,
    colour_of,
    legend,
    make_figure,
    name_ticks,
    plain_axes,
    shown,
    style_of,
)
from deepometry.web.results.charts import Chart, Series

_BAR = 0.8  # of the room of a category, for all its bars


def svg_of(chart: Chart) -> bytes:
    """Draw a chart as .svg."""
    tall = 1.4 + 0.3 * len(chart.categories) if chart.sideways else 4.6
    figure, grid = make_figure((7.2, max(3.0, min(tall, 20.0))))
    axes = grid[0, 0]
    if chart.square:
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (2, 3)))
    (_draw_bars if chart.categories else _draw_lines)(axes, chart)
    if chart.mark is not None:
        axes.axvline(chart.mark, color=GREY, lw=1, ls="--")
    plain_axes(axes, chart.title)
    if 1 < len(chart.series) <= 14:
        legend(axes, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return _written(figure, "svg")


def matrix_picture(
    matrix: Sequence[Sequence[int]], labels: Sequence[str], target: str, kind: str
) -> bytes:
    """Draw a confusion matrix as .svg or .png, as the steps do beside their tables."""
    import numpy as np

    from deepometry.evaluation.confusion import matrix_title
    from deepometry.evaluation.confusion_plots import draw_matrix

    counts = np.array(matrix, np.int64)
    return _written(draw_matrix(counts, labels, matrix_title(counts, target)), kind)


def _written(figure: Any, kind: str) -> bytes:
    file, undated = io.BytesIO(), {"Date": None} if kind == "svg" else {}
    figure.savefig(file, format=kind, dpi=300, facecolor="white", metadata=undated)
    return file.getvalue()


def _draw_lines(axes: Any, chart: Chart) -> None:
    for each in chart.series:
        style = "" if each.points else "--" if each.dashed else style_of(each.colour)
        look = {"color": colour_of(each.colour), "ls": style, "lw": 1.6}
        marker = "o" if each.points or len(each.x) < 30 else ""
        (label,) = shown([each.label])
        axes.errorbar(each.x, each.y, _gaps(each), label=label, marker=marker, ms=4, **look)
    axes.set(xlabel=chart.x, ylabel=chart.y, xscale="log" if chart.log else "linear")
    if chart.shares:
        axes.set_ylim(-0.02, 1.03)


def _draw_bars(axes: Any, chart: Chart) -> None:
    import numpy as np

    places = np.arange(len(chart.categories))
    wide = _BAR if chart.stacked else _BAR / max(1, len(chart.series))
    foot = np.zeros(len(places))
    for number, each in enumerate(chart.series):
        aside = 0.0 if chart.stacked else (number - (len(chart.series) - 1) / 2) * wide
        look: dict[str, Any] = {"color": colour_of(each.colour), "label": shown([each.label])[0]}
        values, where = np.nan_to_num(np.asarray(each.y, float)), places + aside
        if chart.sideways:
            axes.barh(where, values, wide, left=foot, xerr=_gaps(each), **look)
        else:
            axes.bar(where, values, wide, bottom=foot, yerr=_gaps(each), **look)
        foot = foot + values if chart.stacked else foot
    name_ticks(axes.yaxis if chart.sideways else axes.xaxis, shown(chart.categories))
    if chart.sideways:
        axes.invert_yaxis()
        axes.set(xlabel=chart.y)
    else:
        axes.set(xlabel=chart.x, ylabel=chart.y)


def _gaps(each: Series) -> Any:
    """Return how far the ends of the intervals are from the values."""
    import numpy as np

    if not len(each.low):
        return None
    value, low, high = (np.asarray(ends, float) for ends in (each.y, each.low, each.high))
    return np.nan_to_num(np.maximum([value - low, high - value], 0))

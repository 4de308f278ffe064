"""The plots of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.core.figure_style import (
    ACCENT,
    GREY,
    INK,
    MOST_SHOWN,
    OTHER,
    colour_of,
    legend,
    make_figure,
    plain_axes,
    shown,
    style_of,
)
from deepometry.evaluation.curves import Curve, mean_areas
from deepometry.evaluation.intervals import wilson
from deepometry.evaluation.metrics import EACH, Score
from deepometry.evaluation.novelty import UNKNOWN
from deepometry.evaluation.sample_composition import Sample
from deepometry.evaluation.score_names import NAMES
from deepometry.evaluation.selective import UNSURE

if TYPE_CHECKING:
    from deepometry.evaluation.calibration import Reliability
    from deepometry.evaluation.selective import TradeOff

_PALE = 0.22
_FEWEST = 10  # labelled cells, below which an accuracy is not reliable


def plot_scores(scores: Sequence[Score], labels: Sequence[str]) -> Any:
    """Draw precision, recall and F1 of every class with their intervals."""
    names = list(labels)[:MOST_SHOWN]
    size = (9.0, 1.1 + 0.34 * max(len(names), 2))
    figure, grid = make_figure(size, columns=len(EACH), sharey=True)
    by_name = {(score.name, score.label): score for score in scores}
    places = np.arange(len(names))
    for axes, name in zip(grid[0], EACH, strict=True):
        rows = [by_name[name, label] for label in names]
        for place, row in zip(places, rows, strict=True):
            if not math.isnan(row.value):
                axes.plot([row.low, row.high], [place, place], color=ACCENT, lw=3, alpha=0.4)
                axes.plot(row.value, place, "o", color=ACCENT, ms=5.5)
        axes.set(xlim=(-0.02, 1.02), ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(places, shown(names), parse_math=False)
        plain_axes(axes, NAMES[name])
    return figure


def plot_curves(curves: Sequence[Curve], labels: Sequence[str]) -> Any:
    """Draw the ROC and the precision-recall curve of every class against all others."""
    figure, grid = make_figure((9.6, 4.9), columns=2)
    left, right = grid[0]
    left.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (2, 3)))
    codes = {label: code for code, label in enumerate(labels)}
    for curve in curves[:MOST_SHOWN]:
        look = {"color": colour_of(codes[curve.label]), "ls": style_of(codes[curve.label])}
        (name,) = shown([curve.label])
        legend_text = f"{name} {curve.roc_area:.3f}"
        left.plot(curve.false_positives, curve.true_positives, lw=1.6, label=legend_text, **look)
        legend_text = f"{name} {curve.average_precision:.3f}"
        steps = {"drawstyle": "steps-pre", "lw": 1.6}  # as the average precision is counted
        right.plot(curve.recall, curve.precision, label=legend_text, **steps, **look)
    roc, precision = mean_areas(curves)
    left.set(xlabel="False positive rate", ylabel="True positive rate (recall)")
    right.set(xlabel="Recall", ylabel="Precision")
    titles = (f"ROC: mean area {roc:.3f}", f"Precision-recall: mean {precision:.3f}")
    for axes, title in zip((left, right), titles, strict=True):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.03))
        plain_axes(axes, title)
        if 0 < len(curves) <= 14:
            legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)
    return figure


def plot_reliability(
    now: Reliability, before: Reliability | None, temperature: float | None
) -> Any:
    """Draw accuracy against probability, with the number of cells below."""
    figure, grid = make_figure((5.4, 5.2), rows=2, sharex=True, height_ratios=(4, 1))
    upper, lower = grid[:, 0]
    upper.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (2, 3)), label="perfect calibration")
    if before is not None:
        filled = before.cells > 0
        legend_text = f"without temperature: error {before.error:.3f}"
        style = {"color": OTHER, "marker": "s", "ms": 3.5, "lw": 1.2, "alpha": 0.75}
        upper.plot(before.confidence[filled], before.accuracy[filled], label=legend_text, **style)
    filled = now.cells > 0
    low, high = wilson(now.right, now.cells)
    gaps = np.maximum([now.accuracy - low, high - now.accuracy], 0)[:, filled]
    legend_text = "" if temperature is None else f"temperature {temperature:.2f}: "
    points = (now.confidence[filled], now.accuracy[filled])
    style = {"color": ACCENT, "marker": "o", "ms": 5, "lw": 1.8, "capsize": 2.5, "elinewidth": 1.2}
    upper.errorbar(*points, gaps, label=f"{legend_text}error {now.error:.3f}", **style)
    upper.set(ylabel="Accuracy", xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))
    plain_axes(upper, "Reliability diagram")
    legend(upper, loc="upper left")
    lower.bar(now.edges[:-1], now.cells, np.diff(now.edges) * 0.94, align="edge", color=ACCENT)
    lower.set(xlabel="Probability of the predicted class", ylabel="Cells")
    plain_axes(lower, grid="y")
    return figure


def plot_trade_off(trade_off: TradeOff, threshold: float | None) -> Any:
    """Draw the accuracy of the labels that are kept against their share."""
    figure, grid = make_figure((5.8, 4.0))
    axes = grid[0, 0]
    enough = trade_off.labelled >= min(_FEWEST, trade_off.cells)
    low, high = wilson(trade_off.right, trade_off.labelled)
    order = np.argsort(trade_off.share[enough])
    share = trade_off.share[enough][order]
    axes.fill_between(
        share, low[enough][order], high[enough][order], color=ACCENT, alpha=_PALE, lw=0
    )
    axes.plot(share, trade_off.accuracy[enough][order], color=ACCENT, lw=1.8)
    marks = [0.5, 0.8, 0.9, 0.95] if threshold is None else [threshold]
    for mark in marks:
        _mark(axes, trade_off, mark, threshold is not None)
    floor = float(np.min(trade_off.accuracy[enough], initial=1.0))
    axes.set(xlabel="Share of cells with a label", ylabel="Accuracy of the labelled cells")
    axes.set(xlim=(-0.02, 1.04), ylim=(max(-0.02, floor - 0.15), 1.02))
    plain_axes(axes, "Allowing an “unsure” label")
    return figure


def _mark(axes: Any, trade_off: TradeOff, threshold: float, chosen: bool) -> None:
    place = int(np.argmin(np.abs(trade_off.threshold - threshold)))
    if trade_off.labelled[place] < min(_FEWEST, trade_off.cells):
        return
    spot = (trade_off.share[place], trade_off.accuracy[place])
    axes.plot(*spot, "o", color=OTHER if chosen else ACCENT, ms=7 if chosen else 5)
    place_of_text = {"xytext": (-7, -12), "textcoords": "offset points", "ha": "right"}
    axes.annotate(f"unsure below {threshold:g}", spot, fontsize=8, color=INK, **place_of_text)


def plot_samples(samples: Sequence[Sample], labels: Sequence[str], title: str) -> Any:
    """Draw the composition of every sample as a bar, and beside it the corrected one."""
    corrected = any(each.corrected is not None for each in samples)
    some = list(samples)[:MOST_SHOWN]
    places = _places(some)
    keys = math.ceil((len(labels) + 1) / 5)
    size = (5.6 + 4.0 * corrected, 1.3 + 0.36 * (places[-1] + 1) + 0.2 * keys)
    figure, grid = make_figure(size, columns=1 + corrected, sharey=True)
    _bars(grid[0, 0], places, [_shares(each) for each in some], labels)
    plain_axes(grid[0, 0], title, grid="x")
    if corrected:
        _bars(grid[0, 1], places, [_corrected(each) for each in some], labels)
        plain_axes(grid[0, 1], "Corrected for the known confusion", grid="x")
    left = grid[0, 0]
    names = [f"{shown([each.name])[0]}  ({each.cells:,})" for each in some]
    left.set_yticks(places, names, parse_math=False)
    left.set_ylim(places[-1] + 0.6, -0.6)
    handles, names = left.get_legend_handles_labels()
    if len(names) <= MOST_SHOWN:
        where = {"loc": "outside lower center", "ncols": min(5, len(names))}
        legend(figure, handles=handles, labels=names, **where)
    return figure


def _places(samples: Sequence[Sample]) -> list[float]:
    """Leave some room between the levels."""
    places, here = [], 0.0
    for number, sample in enumerate(samples):
        if number:
            here += 1 if sample.level == samples[number - 1].level else 1.5
        places.append(here)
    return places


def _shares(sample: Sample) -> np.ndarray:
    unknown = 0 if sample.unknown is None else sample.unknown.sum()
    return np.append(sample.labelled, [sample.unsure.sum(), unknown]) / sample.cells


def _corrected(sample: Sample) -> np.ndarray:
    shares = np.zeros(len(sample.predicted)) if sample.corrected is None else sample.corrected[0]
    return np.append(shares, [0, 0])


def _bars(axes: Any, places: list[float], rows: list[np.ndarray], labels: Sequence[str]) -> None:
    table, left = np.array(rows), np.zeros(len(rows))
    for code, label in enumerate([*labels, UNSURE, UNKNOWN]):
        withheld = code >= len(labels)
        if withheld and not table[:, code].any():
            continue
        colour = GREY if withheld else colour_of(code)
        hatch = "" if withheld or code < 7 else "//" if code < 14 else ".."
        hatch = "xx" if code > len(labels) else hatch
        axes.barh(
            places, table[:, code], 0.72, left, color=colour, label=shown([label])[0],
            hatch=hatch, edgecolor="white", linewidth=0.5,
        )  # fmt: skip
        left += table[:, code]
    axes.set(xlim=(0, 1), xlabel="Share of the cells")

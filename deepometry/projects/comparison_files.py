"""The files of a comparison of runs: tables, plots, and the cells on which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.figure_style import (
    GREY,
    INK,
    colour_of,
    legend,
    make_figure,
    plain_axes,
    save_plots,
    shown,
    style_of,
)
from deepometry.core.progress import Progress
from deepometry.core.result_files import (
    AGREEMENT_TABLE,
    COMPARISON_PLOT,
    COMPARISON_RECORD,
    COMPARISON_TABLE,
    DIFFERING_TABLE,
    MATRICES_TABLE,
    PAIRED_TABLE,
)
from deepometry.core.run_records import write_json
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.core.task_names import MEASURES
from deepometry.evaluation.score_names import NAMES
from deepometry.exports.text_table import COMMA, TextTable
from deepometry.projects.compared_run import ComparedRun
from deepometry.projects.comparison import Comparison
from deepometry.projects.shared_cells import AT_ONCE, SharedCells

_DRAWN = ("accuracy", "balanced_accuracy", "macro_f1", "r2", "pearson", "spearman")


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write the tables of scores, tests, agreement and matrices, the plot, and all as JSON."""
    if any(comparison.scores):
        _write_rows(folder / COMPARISON_TABLE, _score_rows(comparison))
    if comparison.pairs and comparison.scored:
        _write_rows(folder / PAIRED_TABLE, _pair_rows(comparison))
    if comparison.pairs:
        _write_rows(folder / AGREEMENT_TABLE, _agreement_rows(comparison))
    if any(matrix is not None for matrix in comparison.matrices):
        _write_rows(folder / MATRICES_TABLE, _matrix_rows(comparison))
    write_json(folder / COMPARISON_RECORD, comparison.plain())
    if any(comparison.scores) or any(run.curve for run in comparison.runs):
        save_plots(_plot(comparison), folder, COMPARISON_PLOT)


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with table_file(path) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow(rows[0] if rows else [])
        writer.writerows([_text(value) for value in row.values()] for row in rows)


def _text(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}" if value == value else ""
    return value


def _score_rows(comparison: Comparison) -> list[dict[str, Any]]:
    each = zip(comparison.runs, comparison.scores, strict=True)
    of = "shared" if comparison.scored else "own"
    return [
        {
            "run": run.name,
            "score": score.name,
            "label": score.label,
            "value": score.value,
            "low": score.low,
            "high": score.high,
            "cells": score.cells,
            "cells_are": of if run.table else "own",
        }
        for run, scores in each
        for score in scores
    ]


def _pair_rows(comparison: Comparison) -> list[dict[str, Any]]:
    rows, tested = [], comparison.scored and not comparison.of_training
    for pair in comparison.pairs:
        one = pair.paired
        row: dict[str, Any] = {
            "first": comparison.runs[pair.first].name,
            "second": comparison.runs[pair.second].name,
            "cells": one.cells,
            "both_correct": one.both,
            "only_first_correct": one.only_first,
            "only_second_correct": one.only_second,
            "neither_correct": one.neither,
            "test": one.test if tested else "",
            "p_value": one.p_value if tested else "",
            "p_mid": one.p_mid if tested else "",
            "p_adjusted_holm": pair.p_adjusted if tested else "",
        }
        for gain in one.differences:
            names = (gain.name, f"{gain.name}_low", f"{gain.name}_high")
            row |= dict(zip(names, (gain.value, gain.low, gain.high), strict=True))
        rows.append(row | {"predicted_differently": pair.differ})
    return rows


def _matrix_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row for every true and predicted class, with the cells of every run."""
    there = [
        (run.name, matrix)
        for run, matrix in zip(comparison.runs, comparison.matrices, strict=True)
        if matrix is not None
    ]
    return [
        {"true_label": true, "predicted": named, **{name: int(m[t, p]) for name, m in there}}
        for t, true in enumerate(comparison.labels)
        for p, named in enumerate(comparison.labels)
    ] or [{"true_label": "", "predicted": ""}]


def _agreement_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row for every two classes that two runs predict the same cells as."""
    names, labels = [run.name for run in comparison.runs], comparison.labels
    return [
        {
            "first": names[pair.first],
            "second": names[pair.second],
            "predicted_first": labels[one],
            "predicted_second": labels[two],
            "cells": int(pair.agreement[one, two]),
        }
        for pair in comparison.pairs
        for one, two in np.argwhere(pair.agreement).tolist()
    ]


# --- cells -----------------------------------------------------------------------------------


def write_differing(
    folder: Path, runs: Sequence[ComparedRun], cells: SharedCells, progress: Progress
) -> None:
    """Write a row for every shared cell that not all runs predict as the same class.

    `row` is its place in the table of the first run, from 0.
    """
    assert runs[0].table is not None
    table = TextTable(runs[0].table, COMMA, "predicted")
    parts = zip(cells.slices(), table.pieces(AT_ONCE), strict=True)
    with table_file(folder / DIFFERING_TABLE) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow(_header(runs))
        for rows, (identity, _) in parts:
            progress.report(rows.start, len(cells), "Writing the cells that differ", "cells")
            chosen = np.asarray(cells.chosen[:, rows])
            differ = cells.shared(rows) & (chosen != chosen[0]).any(0)
            writer.writerows(_differing_rows(cells, rows, np.flatnonzero(differ), identity))


def _header(runs: Sequence[ComparedRun]) -> list[str]:
    header = ["row", "source", "object", "true_label", "seen"]
    return header + [f"{kind}_{run.name}" for run in runs for kind in ("predicted", "probability")]


def _differing_rows(
    cells: SharedCells, rows: slice, places: np.ndarray, identity: Any
) -> list[list[Any]]:
    labels = [*cells.labels, ""]
    sources, objects = (identity[n].to_numpy()[places] for n in ("source", "object"))
    true = np.maximum(cells.true[rows][places], -1)
    chosen, sure = cells.chosen[:, rows][:, places].T, cells.sure[:, rows][:, places].T
    seen = np.where(cells.seen[rows][places], "yes", "")
    each = zip(places.tolist(), sources, objects, true, seen, chosen, sure, strict=True)
    return [
        [
            rows.start + place,
            source,
            name,
            labels[code],
            str(known),
            *(v for c, p in zip(codes, shares, strict=True) for v in (labels[c], f"{p:.6g}")),
        ]
        for place, source, name, code, known, codes, shares in each
    ]


# --- the plot --------------------------------------------------------------------------------


def _plot(comparison: Comparison) -> Any:
    """Draw scores with intervals, differences from the first run, and learning curves."""
    curves, scores = any(run.curve for run in comparison.runs), any(comparison.scores)
    pairs = [pair for pair in comparison.pairs if pair.first == comparison.pairs[0].first]
    drawn = bool(pairs) and bool(comparison.scored)
    height = 1.6 + 0.34 * len(comparison.runs) * len(_drawn(comparison)) / 2
    ratios = [height] * scores + [3.4] * curves
    size = (10.0, sum(ratios))
    figure, grid = make_figure(size, columns=2, rows=len(ratios), height_ratios=ratios)
    if scores:
        _draw_scores(grid[0, 0], comparison)
        if drawn:
            _draw_gains(grid[0, 1], comparison, pairs)
        else:
            grid[0, 1].set_axis_off()
    if curves:
        _draw_curves(grid[-1, 0], comparison, "val_loss", "Validation loss")
        measure = "mae" if comparison.runs[0].number else "accuracy"
        title = f"Validation {MEASURES[measure]}"
        _draw_curves(grid[-1, 1], comparison, f"val_{measure}", title)
    return figure


def _drawn(comparison: Comparison) -> list[str]:
    """Return the names of the scores that are drawn: shares, or correlations of numbers."""
    return [name for name in _DRAWN if any(name in each for each in comparison.scores_by_name)]


def _draw_scores(axes: Any, comparison: Comparison) -> None:
    runs, drawn = len(comparison.runs), _drawn(comparison)
    for place, (run, scores) in enumerate(
        zip(comparison.runs, comparison.scores_by_name, strict=True)
    ):
        there = [(row, scores[name]) for row, name in enumerate(drawn) if name in scores]
        heights = [row + (place + 0.5) / runs * 0.8 - 0.4 for row, _ in there]
        values = np.array([score.value for _, score in there])
        bounds = np.array([[s.low, s.high] for _, s in there]).reshape(-1, 2)
        gaps = np.nan_to_num(np.abs(bounds - values[:, None])).T
        style = {"fmt": "o", "ms": 5, "lw": 1.6, "capsize": 2.5, "color": colour_of(place)}
        axes.errorbar(values, heights, xerr=gaps, label=shown([run.name])[0], **style)
    axes.set_yticks(range(len(drawn)), [NAMES[name] for name in drawn])
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    kind = "Training scores" if comparison.of_training else "Scores"
    plain_axes(axes, f"{kind} with 95 % intervals", grid="x")
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


def _draw_gains(axes: Any, comparison: Comparison, pairs: Sequence[Any]) -> None:
    axes.axvline(0, color=GREY, lw=1, ls=(0, (2, 3)))
    for place, pair in enumerate(pairs):
        gain = pair.paired.differences[0]
        gaps = np.nan_to_num([[gain.value - gain.low], [gain.high - gain.value]])
        style = {"fmt": "o", "ms": 5, "lw": 1.6, "capsize": 2.5, "color": colour_of(pair.second)}
        axes.errorbar([gain.value], [place], xerr=np.maximum(gaps, 0), **style)
    names = shown([comparison.runs[pair.second].name for pair in pairs])
    axes.set_yticks(range(len(pairs)), names, parse_math=False, color=INK)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    first = shown([comparison.runs[pairs[0].first].name])[0]
    plain_axes(axes, f"Accuracy less that of {first}, on the same cells", grid="x")


def _draw_curves(axes: Any, comparison: Comparison, name: str, title: str) -> None:
    for place, run in enumerate(comparison.runs):
        points = [(row["epoch"], row[name]) for row in run.curve if {"epoch", name} <= {*row}]
        if points:
            look = {"color": colour_of(place), "ls": style_of(place), "lw": 1.6}
            marker = "." if len(points) < 40 else ""
            axes.plot(*zip(*points, strict=True), marker=marker, label=shown([run.name])[0], **look)
    axes.set_xlabel("Epoch")
    plain_axes(axes, title)

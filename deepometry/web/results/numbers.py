"""What the page shows where numbers are predicted: beside the true ones, and of every sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from deepometry.core.folder_names import NUMBER
from deepometry.core.result_files import (
    AGAINST_TRUE_PLOT,
    BASELINE_PREFIX,
    RANGES_TABLE,
    SAMPLES_TABLE,
)
from deepometry.web.jobs.job import Job
from deepometry.web.results.charts import MOST_SERIES, Chart, Series, numbers, table
from deepometry.web.results.main_scores import score_in_words
from deepometry.web.results.output import Output
from deepometry.web.results.tabs import Tab

_TABLES = (RANGES_TABLE, f"{BASELINE_PREFIX}{RANGES_TABLE}")
_PLOTS = (f"{AGAINST_TRUE_PLOT}.png", f"{BASELINE_PREFIX}{AGAINST_TRUE_PLOT}.png")

Rows = list[dict[str, float]]


def of_numbers(output: Output) -> bool:
    """Return whether a run predicts a number, not a class; read from its record only."""
    return (output.record.get("task") or {}).get("kind") == NUMBER


def of_classes(there: Callable[[Output], bool]) -> Callable[[Output], bool]:
    """Return a check of a tab that only runs of classes have."""
    return lambda output: there(output) and not of_numbers(output)


def unit_of(output: Output) -> str:
    """Return the unit of the numbers of a run; may be empty."""
    return str((output.record.get("task") or {}).get("unit") or "")


# --- predicted against true -----------------------------------------------------------------------


def ranges_of(output: Output) -> Rows:
    """Return the errors by true number, a dict a range; empty where there are none."""
    names = [name for name in _TABLES if name in output.files]
    if output.verb == "baseline":
        names = [name for name in names if name.startswith(BASELINE_PREFIX)]
    if names:
        rows = table(output, names[0])
        return [{n: float(text or "nan") for n, text in row.items()} for row in rows]
    recorded = (output.record.get("validation") or {}).get("ranges") or []
    return [{n: math.nan if v is None else float(v) for n, v in row.items()} for row in recorded]


def has_ranges(output: Output) -> bool:
    """Return whether a run has predicted numbers beside true ones."""
    recorded = (output.record.get("validation") or {}).get("ranges")
    return of_numbers(output) and bool(recorded or any(name in output.files for name in _TABLES))


def against_true_values(output: Output) -> dict[str, Any]:
    """Return what the page shows of predicted numbers beside true ones."""
    rows = ranges_of(output)
    plots = [name for name in _PLOTS if name in output.files]
    if output.verb == "baseline":
        plots = [name for name in plots if name.startswith(BASELINE_PREFIX)]
    return {
        "unit": unit_of(output),
        "plot": plots[0] if plots else "",
        "ranges": [_told(row) for row in rows],
        "covered": any(row["coverage"] == row["coverage"] for row in rows),
    }


def _told(row: Mapping[str, float]) -> dict[str, str]:
    low, high = row["true_from"], row["true_to"]
    return {
        "name": f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}",
        "cells": f"{row['cells']:,.0f}",
        "median": f"{row['median']:.4g}",
        "between": f"{row['low']:.4g} to {row['high']:.4g}",
        "mae": f"{row['mae']:.4g}",
        "bias": f"{row['bias']:+.4g}",
        "coverage": score_in_words("coverage", row["coverage"]),
    }


def against_true_tab(view: Callable[[Job, Output], dict[str, Any]]) -> Tab:
    """Return the tab of predicted numbers beside true ones."""

    def values(job: Job, output: Output) -> dict[str, Any]:
        return view(job, output) | {"numbers": against_true_values(output)}

    title, template = "Predicted against true", "results/against_true.html"
    return Tab("against-true", title, template, values, has_ranges)


def against_true(output: Output) -> Chart:
    """Return the median of the predicted numbers, and all but 10 % of them, by true number."""
    rows = ranges_of(output)
    x, y, low, high = ([row[n] for row in rows] for n in ("mean_true", "median", "low", "high"))
    ends = [min(x, default=0.0), max(x, default=1.0)]
    series = [
        Series("Predicted: median, 5 % to 95 %", y, x, low, high, points=True),
        Series("Equal", ends, ends, colour=1, dashed=True),
    ]
    unit = f" ({unit_of(output)})" * bool(unit_of(output))
    about = "On the dashed line, predicted and true numbers are equal."
    names = (f"True number{unit}", f"Predicted number{unit}")
    return Chart("Predicted against true numbers", *names, series, about=about)


def number_samples(output: Output) -> Chart:
    """Return the predicted numbers of every sample: median, and all but 10 %."""
    rows = table(output, SAMPLES_TABLE)[:MOST_SERIES]
    names = [f"{_sample(row)} ({int(row['cells']):,} cells)" for row in rows]
    median, low, high = (numbers(rows, name) for name in ("median", "q05", "q95"))
    bars = Series("Median", median, low=low, high=high)
    unit = f" ({unit_of(output)})" * bool(unit_of(output))
    title = "Predicted numbers of each sample: median, 5 % to 95 %"
    return Chart(title, "Sample", f"Predicted number{unit}", [bars], names, sideways=True)


def _sample(row: Mapping[str, str]) -> str:
    return f"{row['level']} {row['value']}".strip()

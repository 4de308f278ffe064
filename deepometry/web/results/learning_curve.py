"""Results of a learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepometry.web.jobs.job import Job
from deepometry.web.results.charts import Chart, Charts, Series
from deepometry.web.results.output import Output


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a learning curve show."""
    record = output.record
    names = {"rows": [], "judged": 0, "forecast": {}, "warnings": []}
    return {"curve": {name: record.get(name) or blank for name, blank in names.items()}}


def _accuracy(output: Output) -> Chart:
    """Return the accuracy of every training, the law fitted to it, and its forecast."""
    rows, told = output.record.get("rows") or [], output.record.get("forecast") or {}
    cells, shares = [float(r["cells"]) for r in rows], [float(r["accuracy"]) for r in rows]
    errors = [1.96 * float(row.get("standard_error", 0)) for row in rows]
    both = list(zip(shares, errors, strict=True))
    low, high = [max(0.0, y - e) for y, e in both], [min(1.0, y + e) for y, e in both]
    series = [Series("Measured", shares, cells, low, high, points=True)]
    if told.get("law"):
        series.append(_law(told, cells))
    if told.get("reliable"):
        y, x, low, high = ([float(told[name])] for name in ("accuracy", "cells", "low", "high"))
        series.append(Series("Expected, 95 %", y, x, low, high, colour=1, points=True))
    axes = ("Training cells", "Accuracy on the held-out cells")
    return Chart("Accuracy against the number of cells", *axes, series, shares=True, log=True)


def _law(told: Mapping[str, Any], cells: Sequence[float]) -> Series:
    law, last = told["law"], told["cells"] if told.get("reliable") else max(cells)
    steps = [min(cells) * (last / min(cells)) ** (n / 60) for n in range(61)]
    heights = [law["a"] - law["b"] / n ** law["c"] for n in steps]
    return Series("a - b / n^c", heights, steps, dashed=True)


CHARTS: Charts = {"accuracy": _accuracy}

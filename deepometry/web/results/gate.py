"""Results of a gate: its limits on histograms, what it leaves out of each folder, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from deepometry.core.result_files import INSIDE_SHEET, OUTSIDE_SHEET
from deepometry.web.jobs.job import Job
from deepometry.web.results.charts import Chart, Charts, Series
from deepometry.web.results.output import Output

_MOST = 24  # histograms
_PICTURES = {
    OUTSIDE_SHEET: "Cells that are gated out",
    INSIDE_SHEET: "Cells that stay",
}


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a gate show."""
    record = output.record
    features = (record.get("features") or [])[:_MOST]
    return {
        "name": record.get("name", ""),
        "origin": record.get("origin", ""),
        "cells": record.get("cells", 0),
        "gated_out": record.get("gated_out", 0),
        "kept": not (output.option("preview") or not record.get("limits")),
        "warnings": record.get("warnings") or [],
        "limits": [_limit(each) for each in features if each.get("limits")],
        "text": "; ".join(_written(limit) for limit in record.get("limits") or []),
        "folders": record.get("folders") or [],
        "charts": [(f"feature-{n}", each["name"], bool(each["limits"])) for n, each in
                   enumerate(features)],
        "pictures": {n: text for n, text in _PICTURES.items() if n in output.files},
    }  # fmt: skip


def _limit(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the table of limits."""
    limit = feature["limits"][0]
    return {
        "feature": feature["name"],
        "low": limit.get("low"),
        "high": limit.get("high"),
        "outside": feature["outside"],
    }


def _written(limit: Mapping[str, Any]) -> str:
    """Write a limit as the field Limits takes it."""
    ends = (f"{limit[name]:.6g}" if name in limit else "" for name in ("low", "high"))
    return f"{limit['feature']} = {'..'.join(ends)}"


def _histogram(output: Output, number: int) -> Chart:
    """Return the histogram of a feature: all cells, those that stay, and the limits."""
    feature = output.record["features"][number]
    edges = feature["edges"]
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    most = max(feature["cells"])
    series = [
        Series("All cells", feature["cells"], middles),
        Series("Not gated out", feature["inside"], middles, colour=1),
    ]
    for limit in feature["limits"]:
        series += [
            Series(f"Limit {limit[end]:.6g}", [0, most], [limit[end]] * 2, colour=2, dashed=True)
            for end in ("low", "high")
            if end in limit
        ]
    return Chart(feature["name"], feature["name"], "Cells", series)


CHARTS: Charts = {f"feature-{n}": partial(_histogram, number=n) for n in range(_MOST)}

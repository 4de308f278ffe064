"""What the page shows of a comparison: of its own, and of one that was written to a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from deepometry.core.result_files import COMPARISON_RECORD
from deepometry.core.run_records import read_json
from deepometry.evaluation.score_names import NAMES
from deepometry.web.compare.charts import CHART_NAMES, charts_of
from deepometry.web.jobs.job import Job
from deepometry.web.results.charts import Chart
from deepometry.web.results.output import Output, Unknown

_OF_CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "kappa", "mcc", "log_loss")
_SHOWN = (*_OF_CLASSES, "mae", "r2", "pearson", "spearman")
_MOST_CLASSES = 40


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the results of a comparison show."""
    return values_of(read_json(output.path(COMPARISON_RECORD)))


def _chart(name: str, output: Output) -> Chart:
    made = charts_of(read_json(output.path(COMPARISON_RECORD)))
    if name not in made:
        raise Unknown(f"{name} is not a chart of this comparison.")
    return made[name]()


CHARTS: Mapping[str, Callable[[Output], Chart]] = {
    name: partial(_chart, name) for name in CHART_NAMES
}


def values_of(said: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs of a comparison, as `comparison.json` holds it."""
    there = {score["name"] for each in said["scores"] for score in each}
    return {
        "said": said,
        "columns": {name: NAMES[name] for name in _SHOWN if name in there},
        "scores": [{s["name"]: s for s in each if not s["label"]} for each in said["scores"]],
        "matrices": _matrices(said),
        "agreements": _agreements(said),
        "labels": said["labels"][:_MOST_CLASSES],
        "charts": list(charts_of(said)),
        "hidden": max(0, len(said["labels"]) - _MOST_CLASSES),
    }


def _matrices(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every confusion matrix as shares, and less that of the first, in percent points."""
    labels = said["labels"][:_MOST_CLASSES]
    first = next((matrix for matrix in said["matrices"] if matrix), None)
    return [
        {"run": run["name"], "labels": labels, "rows": _cells(matrix, first, len(labels))}
        for run, matrix in zip(said["runs"], said["matrices"], strict=True)
        if matrix
    ]


def _agreements(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how far every pair of runs agrees, and those with the first run class by class.

    Nothing for a comparison that an earlier version wrote.
    """
    names = [run["name"] for run in said["runs"]]
    return [
        {
            "first": names[pair["first"]],
            "second": names[pair["second"]],
            "same": said["cells"]["shared"] - pair["differ"],
            **pair["agreement"],
            "rows": _crossed(pair["agreement"]["cells"]) if not pair["first"] else [],
        }
        for pair in said["pairs"]
        if "agreement" in pair
    ]


def _crossed(cells: list[list[int]]) -> list[list[dict[str, Any]]]:
    """Return counts, and their shares of the class that the first run predicts."""
    return [
        [{"count": count, "share": count / max(1, sum(row))} for count in row[:_MOST_CLASSES]]
        for row in cells[:_MOST_CLASSES]
    ]


def _cells(matrix: list[list[int]], first: Any, most: int) -> list[list[dict[str, Any]]]:
    rows = []
    for own, other in zip(matrix[:most], first[:most], strict=True):
        sums = max(1, sum(own)), max(1, sum(other))
        rows.append(
            [
                {"count": count, "share": count / sums[0], "more": count / sums[0] - was / sums[1]}
                for count, was in zip(own[:most], other[:most], strict=True)
            ]
        )
    return rows

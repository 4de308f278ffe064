"""The charts of a comparison: scores, differences, and learning curves laid over each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deepometry.evaluation.score_names import NAMES
from deepometry.web.results.charts import Chart, Series

_OF_CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "kappa", "mcc")
_SCORES = (*_OF_CLASSES, "r2", "pearson", "spearman")
_ENDS = ("value", "low", "high")
_CURVES = {"loss": "Loss", "accuracy": "Accuracy", "mae": "Mean absolute error"}
CHART_NAMES = ("scores", "differences", *(f"curve_{name}" for name in _CURVES))


def charts_of(said: Mapping[str, Any]) -> dict[str, Callable[[], Chart]]:
    """Return the charts that a comparison has, by name."""
    made: dict[str, Callable[[], Chart]] = {}
    if any(said["scores"]):
        made["scores"] = lambda: _scores(said)
    if any(pair["tested"] for pair in said["pairs"]):
        made["differences"] = lambda: _differences(said)
    for name in _CURVES:
        if any(f"val_{name}" in row for run in said["runs"] for row in run["curve"]):
            made[f"curve_{name}"] = lambda name=name: _curve(said, name)  # type: ignore[misc]
    return made


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _scores(said: Mapping[str, Any]) -> Chart:
    by_name = [{s["name"]: s for s in scores if not s["label"]} for scores in said["scores"]]
    names = [name for name in _SCORES if any(name in each for each in by_name)]
    nothing = {"value": None, "low": None, "high": None}
    series = []
    for place, (run, each) in enumerate(zip(said["runs"], by_name, strict=True)):
        found = [each.get(name, nothing) for name in names]
        y, low, high = (_numbers([score[n] for score in found]) for n in _ENDS)
        series.append(Series(run["name"], y, low=low, high=high, colour=place))
    return Chart(
        "Scores with 95 % intervals",
        "",
        "Score",
        series,
        categories=[NAMES[name] for name in names],
        sideways=True,
        about=said["about"],
    )


def _differences(said: Mapping[str, Any]) -> Chart:
    """Draw the other runs less the first."""
    first = said["pairs"][0]["first"]
    pairs = [pair for pair in said["pairs"] if pair["first"] == first]
    series = []
    for place, name in enumerate(("accuracy", "balanced_accuracy")):
        gains = [next(d for d in pair["differences"] if d["name"] == name) for pair in pairs]
        y, low, high = (_numbers([gain[n] for gain in gains]) for n in _ENDS)
        series.append(Series(NAMES[name], y, low=low, high=high, colour=place))
    return Chart(
        f"Less than or more than {said['runs'][first]['name']}",
        "",
        "Difference on the same cells",
        series,
        categories=[said["runs"][pair["second"]]["name"] for pair in pairs],
        sideways=True,
        about="An interval that does not reach 0 shows a difference.",
    )


def _curve(said: Mapping[str, Any], name: str) -> Chart:
    """Draw validation as a line, training dashed, each run in its colour."""
    series = []
    for place, run in enumerate(said["runs"]):
        for column, dashed in ((f"val_{name}", False), (name, True)):
            rows = [row for row in run["curve"] if column in row]
            if rows:
                kind = "training" if dashed else "validation"
                x, y = [row["epoch"] for row in rows], [row[column] for row in rows]
                label = f"{run['name']}, {kind}"
                series.append(Series(label, y, x, colour=place, dashed=dashed))
    title = f"{_CURVES[name]} by epoch"
    return Chart(title, "Epoch", _CURVES[name], series, shares=name == "accuracy")

"""Charts of an evaluation: curves, calibration, scores of every class, samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deepometry.core.result_files import (
    CURVES_TABLE,
    RELIABILITY_TABLE,
    SAMPLES_TABLE,
    SCORES_TABLE,
    UNSURE_TABLE,
)
from deepometry.web.results.charts import MOST_SERIES, Chart, Charts, Series, numbers, table
from deepometry.web.results.numbers import against_true, number_samples, of_numbers
from deepometry.web.results.output import Output

_EACH = {"precision": "Precision", "recall": "Recall", "f1": "F1"}


def _by(rows: list[dict[str, str]], column: str) -> Mapping[str, list[dict[str, str]]]:
    """Group rows by a column, in the order in which its values occur."""
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def _curves(output: Output, kind: str, x: str, y: str, title: str) -> Chart:
    rows = [row for row in table(output, CURVES_TABLE) if row["curve"] == kind]
    series = [
        Series(label, numbers(points, "y"), numbers(points, "x"), colour=place)
        for place, (label, points) in enumerate(_by(rows, "label").items())
    ]
    square = kind == "roc"
    return Chart(title, x, y, series[:MOST_SERIES], square=square, shares=True)


def roc(output: Output) -> Chart:
    """Return the ROC curve of every class against all others."""
    axes = ("False positive rate", "True positive rate (recall)")
    return _curves(output, "roc", *axes, "ROC curves, each class against all others")


def precision_recall(output: Output) -> Chart:
    """Return the precision-recall curve of every class against all others."""
    title = "Precision-recall curves, each class against all others"
    return _curves(output, "precision-recall", "Recall", "Precision", title)


def _accuracy(rows: list[dict[str, str]], along: str) -> Series:
    """Return an accuracy with its interval along another column."""
    y, x, low, high = (numbers(rows, name) for name in ("accuracy", along, "low", "high"))
    return Series("Accuracy", y, x, low, high)


def reliability(output: Output) -> Chart:
    """Return accuracy against the predicted probability."""
    rows = table(output, RELIABILITY_TABLE)
    line = _accuracy(rows, "mean_probability")
    x = "Probability of the predicted class"
    return Chart("Reliability diagram", x, "Accuracy", [line], square=True, shares=True)


def confidence(output: Output) -> Chart:
    """Return how many cells have which probability."""
    rows = table(output, RELIABILITY_TABLE)
    names = [f"{float(r['probability_from']):g} to {float(r['probability_to']):g}" for r in rows]
    bars = Series("Cells", numbers(rows, "cells"))
    x = "Probability of the predicted class"
    return Chart("How sure the network is", x, "Cells", [bars], names)


def unsure(output: Output) -> Chart:
    """Return the accuracy of the labels against the share of the cells that get one."""
    rows = [row for row in table(output, UNSURE_TABLE) if row["accuracy"] != ""]
    line = _accuracy(rows, "share_labelled")
    title = "Allowing an “unsure” label"
    return Chart(
        title, "Share of cells with a label", "Accuracy of these labels", [line], shares=True
    )


def class_scores(output: Output) -> Chart:
    """Return precision, recall and F1 of every class with their intervals."""
    by_score = _by([row for row in table(output, SCORES_TABLE) if row["label"]], "name")
    names = [row["label"] for row in by_score.get("recall", [])][:MOST_SERIES]
    series = [
        Series(
            title,
            numbers(rows, "value"),
            low=numbers(rows, "low"),
            high=numbers(rows, "high"),
            colour=place,
        )
        for place, (name, title) in enumerate(_EACH.items())
        for rows in [by_score.get(name, [])[:MOST_SERIES]]
    ]
    return Chart("Scores of each class", "Class", "", series, names, sideways=True, shares=True)


def samples(output: Output) -> Chart:
    """Return the share of every predicted class in every sample, or its predicted numbers."""
    if of_numbers(output):
        return number_samples(output)
    by_label = _by(table(output, SAMPLES_TABLE), "label")
    names = [_sample(row) for row in next(iter(by_label.values()), [])][:MOST_SERIES]
    series = [
        Series(label, numbers(rows[:MOST_SERIES], "fraction"), colour=place)
        for place, (label, rows) in enumerate(by_label.items())
    ]
    chart = Chart("Share of each class in each sample", "Sample", "Share of cells", series, names)
    return replace(chart, stacked=True, sideways=True, shares=True)


def novel(output: Output) -> Chart:
    """Return the share of novel cells in every sample, with its interval."""
    rows = list({_sample(row): row for row in table(output, SAMPLES_TABLE)}.values())[:MOST_SERIES]
    y, low, high = (numbers(rows, f"novel_{name}") for name in ("fraction", "low", "high"))
    bars = Series("Novel cells", y, low=low, high=high)
    names, title = [_sample(row) for row in rows], "Novel cells in each sample"
    return Chart(title, "Sample", "Share of cells", [bars], names, sideways=True, shares=True)


def _sample(row: Mapping[str, str]) -> str:
    named = f"{row['level']} {row['value']}".strip()
    return f"{named} ({int(row['cells']):,} cells)"


EVALUATION: Charts = {
    "roc": roc,
    "precision-recall": precision_recall,
    "reliability": reliability,
    "confidence": confidence,
    "unsure": unsure,
    "class-scores": class_scores,
    "samples": samples,
    "novel": novel,
    "against-true": against_true,
}

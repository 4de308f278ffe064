"""Scores of the groups that a cross-validation left out whole, of a training or a baseline."""

from __future__ import annotations

from typing import Any

from deepometry.core.result_files import BASELINE_PREFIX, GROUPS_TABLE
from deepometry.evaluation.score_names import CLASS_PAIR, NAMES, NUMBER_PAIR
from deepometry.web.jobs.job import Job
from deepometry.web.results.charts import MOST_SERIES, Chart, Series, numbers, table
from deepometry.web.results.main_scores import score_in_words
from deepometry.web.results.numbers import unit_of
from deepometry.web.results.output import Output
from deepometry.web.results.tabs import Tab, written

_TABLES = (GROUPS_TABLE, f"{BASELINE_PREFIX}{GROUPS_TABLE}")
_MOST_ROWS = 200  # in the table of the page


def groups_in_words(output: Output) -> dict[str, Any]:
    """Return what the record of a run says of the groups left out; empty if there is nothing."""
    crossed = output.record.get("cross_validation") or {}
    return dict(crossed.get("groups") or {})


def _rows(output: Output) -> list[dict[str, str]]:
    name = next(name for name in _TABLES if name in output.files)
    return [row for row in table(output, name) if row["group"] != "pooled" or row["fold"]]


def _names(rows: list[dict[str, str]]) -> tuple[str, str]:
    return NUMBER_PAIR if rows and "mae" in rows[0] else CLASS_PAIR


def _view(job: Job, output: Output) -> dict[str, Any]:
    rows, unit = _rows(output), unit_of(output)
    names = _names(rows)
    shown = [
        {
            "group": row["group"],
            "cells": int(row["cells"]),
            "scores": [_between(row, name, unit) for name in names],
        }
        for row in rows[:_MOST_ROWS]
    ]
    titles = [NAMES[name] for name in names]
    hidden = len(rows) - len(shown)
    return {"groups": groups_in_words(output), "rows": shown, "titles": titles, "hidden": hidden}


def _between(row: dict[str, str], name: str, unit: str) -> tuple[str, str]:
    """Return a score of a group, and its interval, in words."""
    value, low, high = (
        score_in_words(name, numbers([row], column)[0], unit)
        for column in (name, f"{name}_low", f"{name}_high")
    )
    return value, "" if row[f"{name}_low"] == "" else f"{low} to {high}"


GROUPS_TAB = Tab("groups", "Groups", "results/groups.html", _view, written(*_TABLES))


def groups_chart(output: Output) -> Chart:
    """Return the scores of every group with their intervals; of numbers, the mean error."""
    rows = _rows(output)[:MOST_SERIES]
    pair = _names(rows)
    series = [
        Series(
            NAMES[name],
            numbers(rows, name),
            low=numbers(rows, f"{name}_low"),
            high=numbers(rows, f"{name}_high"),
            colour=place,
        )
        for place, name in enumerate(pair if pair == CLASS_PAIR else pair[:1])
    ]
    by = str(groups_in_words(output).get("by") or "group")
    names = [row["group"] for row in rows]
    shares = pair == CLASS_PAIR
    title, axis = f"Scores by {by}", "Score" if shares else NAMES[pair[0]]
    return Chart(title, by, axis, series, names, shares=shares, sideways=True)

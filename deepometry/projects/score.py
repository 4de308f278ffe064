"""The main number of a run, which stands for it in every list and on every page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from deepometry.core.text import counted


def main_score(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the main score of a run from the record of its step: `name` and `value`, or None.

    It is the accuracy, or the R2 of a number, that the results of the step show first; the name
    says of which cells.
    """
    for measure, key in (("R2", "r2"), ("accuracy", "accuracy")):
        for name, value in _scores(record, measure, key):
            if _is_number(value):
                return {"name": name, "value": value}
    return None


def main_number(record: Mapping[str, Any]) -> str:
    """Return the main number of a run in words: its score, or how much it made; or nothing."""
    score = main_score(record)
    return score_text(score) if score else _size(record)


def score_text(score: Mapping[str, Any]) -> str:
    """Return a main score in words, such as `accuracy 92.1 %` or `validation R2 0.85`."""
    if str(score["name"]).endswith("R2"):
        return f"{score['name']} {score['value']:.3f}"
    return f"{score['name']} {100 * score['value']:.1f}\N{NO-BREAK SPACE}%"


def cells_of(record: Mapping[str, Any]) -> int | None:
    """Return the number of cells of a run; None where its record has none."""
    cells = record.get("cells")
    parts = list(cells.values()) if isinstance(cells, Mapping) else [cells]
    numbers = [number for number in parts if type(number) is int]
    return sum(numbers) if numbers else None


def _scores(record: Mapping[str, Any], measure: str, key: str) -> Iterator[tuple[str, Any]]:
    """Yield a score of a run with its names, that of the most cells first."""
    yield f"cross-validated {measure}", _at(record, "cross_validation", "scores", key)
    yield f"validation {measure}", _at(record, "scores", f"val_{key}")
    yield f"{_whose(record)} {measure}".strip(), _at(record, "scores", key)
    yield f"validation {measure}", _at(record, "so_far", f"val_{key}")  # while it trains
    if key == "accuracy":
        yield "accuracy with all cells", _at(record, "forecast", "now")


def _whose(record: Mapping[str, Any]) -> str:
    """Return which cells the scores of a record are of; empty for others than in training."""
    if record.get("step") == "baseline":
        return "validation"
    if _at(record, "seen", "perhaps_training_scores"):
        return "possibly training"
    return "training" if _at(record, "seen", "training_scores") else ""


def _size(record: Mapping[str, Any]) -> str:
    """Return how much a run made, in words."""
    if isinstance(runs := record.get("runs"), list):  # of a comparison
        return counted(len(runs), "run")
    if record.get("step") == "summary" and isinstance(rows := record.get("rows"), list):
        return counted(len(rows), "group")
    cells, problems = cells_of(record), record.get("problems")
    if cells is None:
        return ""
    if record.get("step") == "gate" and type(out := record.get("gated_out")) is int:
        return f"{out:,} of {counted(cells, 'cell')} gated out"
    more = f", {counted(problems, 'problem')}" if type(problems) is int and problems else ""
    out = _at(record, "gated_out", "cells")
    more += f", {out:,} gated out" if type(out) is int and out else ""
    return counted(cells, "cell") + more


def _at(record: Mapping[str, Any], *names: str) -> Any:
    """Return what stands in a record under names; None where it, of another version, has none."""
    found: Any = record
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

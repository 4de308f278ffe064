"""The main number of a run, which stands for it in every list and on every page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from deepometry.core.text import counted


def main_score(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the main score of a run from the record of its step: `name` and `value`, or None.

    It is the accuracy that the results of the step show first; the name says of which cells.
    """
    for name, value in _accuracies(record):
        if _is_number(value):
            return {"name": name, "value": value}
    return None


def main_number(record: Mapping[str, Any]) -> str:
    """Return the main number of a run in words: its score, or how much it made; or nothing."""
    score = main_score(record)
    return score_text(score) if score else _size(record)


def score_text(score: Mapping[str, Any]) -> str:
    """Return a main score in words, such as `accuracy 92.1 %`."""
    return f"{score['name']} {100 * score['value']:.1f}\N{NO-BREAK SPACE}%"


def cells_of(record: Mapping[str, Any]) -> int | None:
    """Return the number of cells of a run; None where its record has none."""
    cells = record.get("cells")
    parts = list(cells.values()) if isinstance(cells, Mapping) else [cells]
    numbers = [number for number in parts if type(number) is int]
    return sum(numbers) if numbers else None


def _accuracies(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the accuracies of a run with their names, that of the most cells first."""
    yield "cross-validated accuracy", _at(record, "cross_validation", "scores", "accuracy")
    yield "validation accuracy", _at(record, "scores", "val_accuracy")
    yield _own_name(record), _at(record, "scores", "accuracy")
    yield "validation accuracy", _at(record, "so_far", "val_accuracy")  # while it trains
    yield "accuracy with all cells", _at(record, "forecast", "now")


def _own_name(record: Mapping[str, Any]) -> str:
    """Return which cells the scores of a record are of, with the score's name."""
    if record.get("step") == "baseline":
        return "validation accuracy"
    if _at(record, "seen", "perhaps_training_scores"):
        return "possibly training accuracy"
    return "training accuracy" if _at(record, "seen", "training_scores") else "accuracy"


def _size(record: Mapping[str, Any]) -> str:
    """Return how much a run made, in words."""
    if isinstance(runs := record.get("runs"), list):  # of a comparison
        return counted(len(runs), "run")
    if record.get("step") == "summary" and isinstance(rows := record.get("rows"), list):
        return counted(len(rows), "group")
    cells, problems = cells_of(record), record.get("problems")
    if cells is None:
        return ""
    more = f", {counted(problems, 'problem')}" if type(problems) is int and problems else ""
    return counted(cells, "cell") + more


def _at(record: Mapping[str, Any], *names: str) -> Any:
    """Return what stands in a record under names; None where it, of another version, has none."""
    found: Any = record
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

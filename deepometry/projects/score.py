"""The number that stands for a run in a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCORES = (("balanced_accuracy", "balanced accuracy"), ("accuracy", "accuracy"))
_VALIDATION = (
    ("val_balanced_accuracy", "balanced accuracy, validation"),
    ("val_accuracy", "accuracy, validation"),
)


def main_score(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the main score of a run from the record of its step: `name` and `value`, or None."""
    scores = record.get("scores")
    if not isinstance(scores, Mapping):
        return None
    for key, name in (*_SCORES, *_VALIDATION):
        value = scores.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"name": name, "value": value}
    return None


def cells_of(record: Mapping[str, Any]) -> int | None:
    """Return the number of cells of a run; None where its record has none."""
    cells = record.get("cells")
    parts = list(cells.values()) if isinstance(cells, Mapping) else [cells]
    numbers = [number for number in parts if type(number) is int]
    return sum(numbers) if numbers else None

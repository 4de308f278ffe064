"""What a result means, in two sentences, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepometry.web.results.predict_rows import ClassRow, MatrixCell

_WEAK = 0.7  # recall below which a class is named


def meaning(
    scores: Mapping[str, float], classes: Sequence[ClassRow], matrix: Sequence[Sequence[MatrixCell]]
) -> list[str]:
    """Say what the scores of a prediction mean: beside guessing, and where the errors are."""
    if not matrix:
        return []
    return [_beside_guessing(scores, classes), _most_confused(classes, matrix)]


def needs_the_cell(record: Mapping[str, Any]) -> list[str]:
    """Return the verdict of a shortcut audit that found nothing; a doubtful one is a warning."""
    audit = record.get("audit") or {}
    doubtful = audit.get("shortcut") or audit.get("informative")
    return [str(audit["verdict"])] if audit.get("rows") and not doubtful else []


def _beside_guessing(scores: Mapping[str, float], classes: Sequence[ClassRow]) -> str:
    share, balanced = scores.get("accuracy", 0.0), scores.get("balanced_accuracy", 0.0)
    cells = max(1, sum(row.true for row in classes))
    largest = max(row.true for row in classes) / cells
    kinds = max(1, sum(row.true > 0 for row in classes))
    return (
        f"{_percent(share)} of the cells are classified correctly, where always naming the largest "
        f"class would give {_percent(largest)}; averaged over the classes, {_percent(balanced)}, "
        f"where guessing gives {_percent(1 / kinds)}."
    )


def _most_confused(classes: Sequence[ClassRow], matrix: Sequence[Sequence[MatrixCell]]) -> str:
    wrong = [each for row in matrix for each in row if each.true != each.predicted and each.count]
    if not wrong:
        return "There is no error."
    worst = max(wrong, key=lambda each: each.count)
    labels = {row.code: row.label for row in classes}
    share = worst.count / sum(each.count for each in wrong)
    return (
        f"The most frequent error is {labels[worst.true]} predicted as {labels[worst.predicted]}: "
        f"{worst.count:,} cells, {_percent(share)} of all errors."
    )


def next_steps(
    classes: Sequence[ClassRow], of_training: bool, warnings: Sequence[Any], judged: bool
) -> list[tuple[str, str, str]]:
    """Say what to do next: a tab, what to press, and why."""
    if warnings:
        steps = [("audit", "Read the warnings", "they say what may make these predictions wrong")]
    else:
        steps = []
    if not judged:
        return [
            *steps,
            ("classes", "See how many cells of each class there are", ""),
            ("cells", "Look at the cells", "begin with those of the lowest probability"),
        ]
    if of_training:
        why = "these cells were used in training, and say nothing about new ones"
        return [*steps, ("audit", "Predict cells that were held out", why)]
    weak = _weakest_first(classes)
    look = ("confusion", "Look at the errors", f"press a number of {weak[0]}" if weak else "")
    more = "more cells of " + ", ".join(weak[:3]) + " would help most" if weak else ""
    return [
        *steps,
        look,
        *([("classes", "See the weakest classes", more)] if weak else []),
        ("calibration", "Choose what to label unsure", "where errors cost more than gaps"),
        ("export", "Take the labels to another program", ""),
    ]


def _weakest_first(classes: Sequence[ClassRow]) -> list[str]:
    weak = [row for row in classes if row.true and row.recall < _WEAK]
    return [row.label for row in sorted(weak, key=lambda row: row.recall)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"

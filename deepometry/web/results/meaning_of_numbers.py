"""What predicted numbers mean, in two or three sentences, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from deepometry.web.results.main_scores import score_in_words
from deepometry.web.results.numbers import ranges_of, unit_of
from deepometry.web.results.output import Output


def meaning_of_numbers(output: Output, scores: Mapping[str, Any]) -> list[str]:
    """Say what the scores of predicted numbers mean; nothing where there are none."""
    if scores.get("r2") is None:
        return []
    unit, r2 = unit_of(output), scores["r2"]
    error = score_in_words("mae", scores.get("mae"), unit)
    beside = "are no better than always predicting the mean of the true ones"
    if r2 > 0:
        beside = f"explain {_percent(r2)} of the variance of the true ones"
    sentences = [f"Predictions are wrong by {error} on average; they {beside} (R2 {r2:.3f})."]
    return [*sentences, *_about_ends(ranges_of(output)), *_about_coverage(scores)]


def _about_ends(rows: Sequence[Mapping[str, float]]) -> list[str]:
    """Say whether predictions are drawn to the middle."""
    if len(rows) < 3 or not rows[0]["bias"] > 0 > rows[-1]["bias"]:
        return []
    return [
        f"Small numbers are predicted too large, by {rows[0]['bias']:.4g} on average, and large "
        f"ones too small, by {-rows[-1]['bias']:.4g}: where the images say little, the mean is "
        "the safest guess."
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def _about_coverage(scores: Mapping[str, Any]) -> list[str]:
    share = scores.get("coverage")
    if share is None or math.isnan(share):
        return []
    text = f"{_percent(share)} of the intervals hold the true number, where {_percent(0.9)} should"
    less = "; these cells differ from those of the validation" if share < 0.8 else ""
    return [f"{text}{less}."]


def next_steps_of_numbers(judged: bool, warnings: Sequence[Any]) -> list[tuple[str, str, str]]:
    """Say what to do next after a prediction of numbers."""
    steps = [("audit", "Read the warnings", "they say what may make these predictions wrong")]
    steps = steps if warnings else []
    if judged:
        steps.append(("against-true", "See the errors of small and large numbers", ""))
    look = "begin with the largest errors" if judged else "sorted by the predicted number"
    return [
        *steps,
        ("cells", "Look at the cells", look),
        ("samples", "Compare the samples", ""),
        ("export", "Take the numbers to another program", ""),
    ]

"""The two scores that stand for all of a run, in words: of classes, or of a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deepometry.evaluation.score_names import IN_UNITS, NAMES, lowered, main_pair

_CORRELATIONS = ("r2", "pearson", "spearman")


def score_in_words(name: str, value: Any, unit: str = "") -> str:
    """Write a score: shares in percent, errors with their unit, correlations as they are."""
    if value is None or math.isnan(value):
        return "none"
    if name in IN_UNITS:
        return f"{value:.4g} {unit}".strip()
    return f"{value:.3f}" if name in _CORRELATIONS else f"{100 * value:.1f} %"


def pair_facts(
    scores: Mapping[str, Any], prefix: str = "", unit: str = "", kind: str = ""
) -> list[list[str]]:
    """Return the two scores that stand for all, each with its name and its value in words.

    `kind` begins the names, such as `Validation`; the names of `scores` begin with `prefix`.
    """
    pair = main_pair(scores, prefix)
    return [
        [
            f"{kind} {lowered(NAMES[name])}" if kind else NAMES[name],
            score_in_words(name, scores.get(prefix + name), unit),
        ]
        for name in pair
    ]


def pair_sentence(scores: Mapping[str, Any], unit: str = "") -> str:
    """Write the two scores in a line, such as `accuracy 92.1 %, balanced accuracy 91.0 %`."""
    each = pair_facts(scores, unit=unit)
    return ", ".join(f"{lowered(name)} {value}" for name, value in each)

"""What the report of a cross-validation tells besides: the folds, and what they were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from deepometry.evaluation.page import Facts


@dataclass(frozen=True, kw_only=True)
class FoldFacts(Facts):
    """What the report of a cross-validation tells of.

    Attributes
    ----------
    folds : sequence of dict
        As `CrossValidation` has them.
    pooled : dict of str to float
        `accuracy`, `balanced_accuracy` and `loss` of all cells together.
    group_by : str
        What was left out whole, such as Sample; blank for single cells.
    """

    template: ClassVar[str] = "report_folds.html"

    folds: Sequence[Mapping[str, float]]
    pooled: Mapping[str, float]
    group_by: str

"""Classes, and cells of the confusion matrix, as pages show them."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SHADES = 10


@dataclass(frozen=True)
class ClassRow:
    """A class as the page shows it: its cells, predictions and correct predictions."""

    code: int
    label: str
    predicted: int
    true: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the cells of this class that are classified correctly."""
        return self.right / self.true if self.true else 0.0


@dataclass(frozen=True)
class MatrixCell:
    """A cell of the confusion matrix: counts, share of the true class, and shade from 0 to 10."""

    true: int
    predicted: int
    count: int
    share: float

    @property
    def shade(self) -> int:
        """The step of colour; only 0 is blank."""
        return math.ceil(self.share * _SHADES)

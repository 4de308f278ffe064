"""How many cells of a prediction are novel, in numbers and words, and whether they are too many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.evaluation.intervals import wilson
from deepometry.evaluation.novelty import FEW, UNKNOWN

_FEWEST_NOVEL = 5  # that are worth a warning
_MARGIN = 0.01  # of the share of novel cells, beyond what chance explains


@dataclass(frozen=True)
class NoveltyTally:
    """How many cells are novel.

    Attributes
    ----------
    novel, cells : int
        Cells above the threshold, and all cells.
    ordinary : int
        Validation cells that the threshold rests on.
    threshold : float
    unknown : bool
        Whether novel cells are labelled unknown.
    """

    novel: int
    cells: int
    ordinary: int
    threshold: float
    unknown: bool

    @property
    def share(self) -> float:
        """Share of the cells that are novel."""
        return self.novel / max(self.cells, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the share."""
        low, high = wilson(np.array([self.novel]), np.array([self.cells]))
        return float(low[0]), float(high[0])

    @property
    def expected(self) -> float:
        """Share of ordinary cells that are above the threshold."""
        return 1 - self.threshold

    @property
    def too_many(self) -> bool:
        """Whether clearly more cells are novel than of ordinary ones.

        The share of ordinary cells above a threshold that rests on few of them varies itself.
        """
        doubt = 2 * np.sqrt(self.expected * self.threshold / self.ordinary)
        clear = self.interval[0] > self.expected + doubt + _MARGIN
        return bool(clear) and self.novel >= _FEWEST_NOVEL

    @property
    def sentence(self) -> str:
        """How many cells are novel, in words."""
        verb = "is" if self.novel == 1 else "are"
        low, high = self.interval
        text = (
            f"{self.novel:,} of {self.cells:,} cells ({_percent(self.share)}, 95 % interval "
            f"{_percent(low)} to {_percent(high)}) {verb} more novel than "
            f"{_percent(self.threshold)} of the validation cells"
        )
        return f"{text} and labelled {UNKNOWN}." if self.unknown else f"{text}."

    @property
    def caveat(self) -> str:
        """A sentence where the threshold rests on few cells; empty otherwise."""
        if self.ordinary >= FEW:
            return ""
        return (
            f"Novelty rests on {self.ordinary} validation cells: that threshold is approximate "
            f"below {FEW}."
        )

    @property
    def warning(self) -> str:
        """A warning where clearly more cells than expected are novel; empty otherwise."""
        if not self.too_many:
            return ""
        text = (
            f"{self.sentence} Of cells like those that the model learnt from it would be about "
            f"{_percent(self.expected)}: the others may be debris, doublets, another stain or a "
            "class that the model does not know. Look at the most novel cells."
        )
        return f"{text} {self.caveat}".strip()

    def plain(self) -> dict[str, object]:
        """Return it as plain values for the record."""
        low, high = self.interval
        return {
            "novel": self.novel,
            "share": self.share,
            "low": low,
            "high": high,
            "threshold": self.threshold,
            "validation_cells": self.ordinary,
            "message": " ".join(filter(None, [self.sentence, self.caveat])),
        }


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"

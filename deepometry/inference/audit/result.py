"""The result of an audit: a table of scores of changed images, and a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deepometry.inference.audit.scores import Estimate, Judged

if TYPE_CHECKING:
    import pandas as pd

SCORES = ("accuracy", "balanced_accuracy", "roc_area")


@dataclass(frozen=True)
class Row:
    """How a model does on images that are changed in one way.

    Attributes
    ----------
    name : str
        Such as `background`; see `variants`.
    channel : str
        The channel that is changed; empty where all are.
    about : str
        What is done, for people.
    cells : int
        Cells it was measured on.
    accuracy, balanced_accuracy, roc_area : Estimate
        The area is the mean of those under the ROC curve of each class against all others.
    guessing : float
        Balanced accuracy of the same predictions, shuffled between the cells.
    """

    name: str
    channel: str
    about: str
    cells: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    roc_area: Estimate
    guessing: float

    @classmethod
    def of(cls, name: str, channel: str, about: str, judged: Judged) -> Row:
        """Score the predictions of changed images."""
        scores = (judged.accuracy, judged.balanced_accuracy, judged.roc_area)
        return cls(name, channel, about, len(judged.true), *scores, judged.guessing)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        row: dict[str, Any] = {
            "variant": self.name,
            "channel": self.channel,
            "about": self.about,
            "cells": self.cells,
        }
        for name in SCORES:
            estimate: Estimate = getattr(self, name)
            row |= {name: estimate.value, f"{name}_low": estimate.low}
            row |= {f"{name}_high": estimate.high}
        return row | {"guessing": self.guessing}


@dataclass(frozen=True)
class Audit:
    """What a model goes by, on cells that it has not learnt from.

    Attributes
    ----------
    rows : tuple of Row
        Whole images first; empty where no audit was possible.
    verdict : str
        What follows, in sentences; why there is no audit, where there is none.
    shortcut : bool
        Whether the model predicts classes from the background, at least to a large part.
    informative : bool
        Whether the background alone predicts the classes, whatever this model uses.
    cells : int
        Cells that were looked at, as many of every class as there are, up to a number.
    seconds : float
        How long it took.
    """

    rows: tuple[Row, ...]
    verdict: str
    shortcut: bool = False
    informative: bool = False
    cells: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def doubtful(self) -> bool:
        """Whether scores of these cells may say little about the cells themselves."""
        return self.shortcut or self.informative

    def __getitem__(self, name: str) -> Row:
        """Return the row of this name; of several channels the first."""
        return next(row for row in self.rows if row.name == name)

    def table(self) -> pd.DataFrame:
        """Return a row for every way in which images were changed."""
        import pandas as pd

        return pd.DataFrame([row.plain() for row in self.rows])

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for the record."""
        return {
            "verdict": self.verdict,
            "shortcut": self.shortcut,
            "informative": self.informative,
            "cells": self.cells,
            "seconds": round(self.seconds, 1),
            "rows": [row.plain() for row in self.rows],
        }


def no_audit(reason: str) -> Audit:
    """Say why there is no audit."""
    return Audit((), f"No shortcut audit: {reason}")

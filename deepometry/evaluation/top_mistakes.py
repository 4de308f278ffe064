"""The most confident errors of a classifier, or the largest of numbers, with their pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.contact_sheet import BRIGHT, DIM, PLAIN
from deepometry.core.task_names import PREDICTED_VALUE, TRUE_VALUE
from deepometry.evaluation.cell_sheet import cell_sheet

if TYPE_CHECKING:
    import pandas as pd

MOST = 24
IDENTITY = ("source", "object")


@dataclass(frozen=True)
class Mistake:
    """A cell that was classified wrongly, or whose number was predicted badly.

    Attributes
    ----------
    source, object : str
        Which cell it is.
    true, predicted : str
        Classes, or numbers.
    probability : float
        Of the predicted class; NaN of a number.
    image : ndarray, shape (frame, frame, channels)
        Counts.
    numbers : (float, float) or None
        The true and the predicted number; None of classes.
    """

    source: str
    object: str
    true: str
    predicted: str
    probability: float
    image: np.ndarray
    numbers: tuple[float, float] | None = None

    @property
    def error(self) -> float:
        """Predicted less true number; 0 of classes."""
        return self.numbers[1] - self.numbers[0] if self.numbers else 0.0

    @property
    def size(self) -> str:
        """How sure the classifier was, or how large the error is, in words."""
        if self.numbers is not None:
            return f"error {self.error:+.4g}"
        return f"probability {100 * self.probability:.1f} %"


class Mistakes:
    """Collects the most confident errors of all batches, the most confident first."""

    def __init__(self, labels: Sequence[str], most: int = MOST) -> None:
        self._labels, self._most = labels, most
        self.top: list[Mistake] = []

    def look(
        self,
        cells: Sequence[tuple[object, str, str]],
        images: np.ndarray,
        true: np.ndarray,
        chosen: np.ndarray,
        confidence: np.ndarray,
    ) -> None:
        """Add the errors of a batch of cells (any, source, object), their images and classes.

        `confidence` (n,) is the probability of the predicted class.
        """
        wrong = np.flatnonzero(true != chosen)
        for place in wrong[np.argsort(-confidence[wrong], kind="stable")][: self._most].tolist():
            _, source, name = cells[place]
            classes = (self._labels[true[place]], self._labels[chosen[place]])
            probability, image = float(confidence[place]), images[place].copy()
            self.top.append(Mistake(source, name, *classes, probability, image))
        self.top.sort(key=lambda each: -each.probability)
        del self.top[self._most :]


class NumberMistakes:
    """Collects the cells of all batches whose numbers were predicted worst, the worst first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.top: list[Mistake] = []

    def look(
        self,
        cells: Sequence[tuple[object, str, str]],
        images: np.ndarray,
        true: np.ndarray,
        predicted: np.ndarray,
    ) -> None:
        """Add cells of a batch (any, source, object), their images and numbers; NaN for none."""
        errors = np.abs(predicted - true)
        known = np.flatnonzero(np.isfinite(errors))
        for place in known[np.argsort(-errors[known], kind="stable")][: self._most].tolist():
            _, source, name = cells[place]
            numbers = (float(true[place]), float(predicted[place]))
            text, other = (f"{number:.4g}" for number in numbers)
            image = images[place].copy()
            self.top.append(Mistake(source, name, text, other, math.nan, image, numbers))
        self.top.sort(key=lambda each: -abs(each.error))
        del self.top[self._most :]


def number_mistake_table(mistakes: Sequence[Mistake]) -> pd.DataFrame:
    """Return a row for every cell, the largest error first."""
    import pandas as pd

    rows = [(m.source, m.object, *(m.numbers or ()), m.error) for m in mistakes]
    return pd.DataFrame(rows, columns=[*IDENTITY, TRUE_VALUE, PREDICTED_VALUE, "error"])


def mistake_table(mistakes: Sequence[Mistake]) -> pd.DataFrame:
    """Return a row for every error, the most confident first."""
    import pandas as pd

    rows = [(m.source, m.object, m.true, m.predicted, m.probability) for m in mistakes]
    columns = [*IDENTITY, "true_label", "predicted", "probability"]
    return pd.DataFrame(rows, columns=columns)


def mistake_sheet(mistakes: Sequence[Mistake], channels: Sequence[str], path: Path) -> None:
    """Draw a gallery of mistakes: a picture per channel, the true and the predicted class."""
    kind = "most confident" if mistakes[0].numbers is None else "largest"
    texts = [
        [
            (f"{each.true}, predicted as {each.predicted}", BRIGHT),
            (f"{each.size}, object {each.object}", PLAIN),
            (each.source, DIM),
        ]
        for each in mistakes
    ]
    images = [each.image for each in mistakes]
    cell_sheet(f"The {len(mistakes)} {kind} errors", images, texts, channels, path)

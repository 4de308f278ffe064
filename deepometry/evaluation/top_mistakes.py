"""The most confident errors of a classifier, or the largest of numbers, with their pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.contact_sheet import (
    BRIGHT,
    DIM,
    GAP,
    LINE,
    MARGIN,
    PLAIN,
    ContactSheet,
    tile_side,
)
from deepometry.core.contrast import grey, stretch
from deepometry.core.task_names import PREDICTED_VALUE, TRUE_VALUE

if TYPE_CHECKING:
    import pandas as pd

MOST = 24
IDENTITY = ("source", "object")
_COLUMNS, _MOST_CHANNELS = 3, 6


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


def tiles(mistakes: Sequence[Mistake]) -> list[list[np.ndarray]]:
    """Return for every cell its grey pictures, uint8, one a channel, all with the same contrast."""
    if not mistakes:
        return []
    depth = mistakes[0].image.shape[2]
    ranges = [stretch([each.image[..., c] for each in mistakes]) for c in range(depth)]
    return [
        [grey(each.image[..., c], *between) for c, between in enumerate(ranges)]
        for each in mistakes
    ]


def mistake_sheet(mistakes: Sequence[Mistake], channels: Sequence[str], path: Path) -> None:
    """Draw a gallery of mistakes: a picture per channel, the true and the predicted class."""
    _Sheet(mistakes, channels).draw().save(path)


class _Sheet:
    """The layout of one picture."""

    def __init__(self, mistakes: Sequence[Mistake], channels: Sequence[str]) -> None:
        self._mistakes, self._channels = mistakes, channels[:_MOST_CHANNELS]
        self._side = tile_side(mistakes[0].image.shape[0])
        self._wide = max(len(self._channels) * (self._side + GAP) - GAP, 240)
        self._high = self._side + 3 * LINE + 27

    def draw(self) -> ContactSheet:
        """Draw everything."""
        columns = min(_COLUMNS, len(self._mistakes))
        rows = -(-len(self._mistakes) // columns)
        across = columns * (self._wide + MARGIN) + MARGIN
        sheet = ContactSheet((max(across, 420), rows * self._high + 78))
        kind = "most confident" if self._mistakes[0].numbers is None else "largest"
        title = f"The {len(self._mistakes)} {kind} errors"
        sheet.write_title(title, "In each row of pictures: " + ", ".join(self._channels))
        cells = zip(self._mistakes, tiles(self._mistakes), strict=True)
        for number, (mistake, planes) in enumerate(cells):
            row, column = divmod(number, columns)
            corner = (MARGIN + column * (self._wide + MARGIN), 72 + row * self._high)
            self._draw_one(sheet, corner, mistake, planes)
        return sheet

    def _draw_one(
        self,
        sheet: ContactSheet,
        corner: tuple[int, int],
        mistake: Mistake,
        planes: list[np.ndarray],
    ) -> None:
        x, y = corner
        for place, plane in enumerate(planes[: len(self._channels)]):
            sheet.paste(plane, (x + place * (self._side + GAP), y), (self._side, self._side))
        lines = [
            (f"{mistake.true}, predicted as {mistake.predicted}", BRIGHT),
            (f"{mistake.size}, object {mistake.object}", PLAIN),
            (mistake.source, DIM),
        ]
        sheet.write_lines((x, y + self._side + 6), lines, self._wide)

"""The cells of a prediction that are least like those that the model learnt from, with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.core.contact_sheet import BRIGHT, DIM, PLAIN
from deepometry.core.task_names import NOVELTY
from deepometry.evaluation.cell_sheet import cell_sheet
from deepometry.evaluation.top_mistakes import IDENTITY, MOST

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NovelCell:
    """A cell that is among the most novel.

    Attributes
    ----------
    source, object : str
        Which cell it is.
    predicted : str
        Class or number.
    ordinariness : float
        Share of ordinary cells that are as novel.
    image : ndarray, shape (frame, frame, channels)
        Counts.
    """

    source: str
    object: str
    predicted: str
    ordinariness: float
    image: np.ndarray

    @property
    def novelty(self) -> float:
        """Share of ordinary cells that are less novel."""
        return 1 - self.ordinariness

    @property
    def rarity(self) -> str:
        """How rare such a cell is among ordinary ones, in words."""
        if self.ordinariness < 1e-4:
            return "rarer than 1 in 10,000 ordinary cells"
        return f"more novel than {100 * self.novelty:.4g} % of ordinary cells"


class NovelCells:
    """Collects the most novel cells of all batches, the most novel first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.top: list[NovelCell] = []

    def look(
        self,
        cells: Sequence[tuple[object, str, str]],
        images: np.ndarray,
        predicted: Sequence[str],
        ordinariness: np.ndarray,
    ) -> None:
        """Add a batch of cells (any, source, object), their images and predictions.

        `ordinariness` (n,) is the share of ordinary cells that are as novel; infinite for cells
        that are left out.
        """
        order = np.argsort(ordinariness, kind="stable")[: self._most]
        for place in order[np.isfinite(ordinariness[order])].tolist():
            _, source, name = cells[place]
            share, image = float(ordinariness[place]), images[place].copy()
            self.top.append(NovelCell(source, name, predicted[place], share, image))
        self.top.sort(key=lambda each: each.ordinariness)
        del self.top[self._most :]


def novel_table(cells: Sequence[NovelCell]) -> pd.DataFrame:
    """Return a row for every cell, the most novel first."""
    import pandas as pd

    rows = [(each.source, each.object, each.predicted, each.novelty) for each in cells]
    return pd.DataFrame(rows, columns=[*IDENTITY, "predicted", NOVELTY])


def novel_sheet(cells: Sequence[NovelCell], channels: Sequence[str], path: Path) -> None:
    """Draw a gallery of the cells: a picture per channel, and what they are predicted as."""
    texts = [
        [
            (f"Predicted as {each.predicted}", BRIGHT),
            (f"{each.rarity}, object {each.object}", PLAIN),
            (each.source, DIM),
        ]
        for each in cells
    ]
    images = [each.image for each in cells]
    cell_sheet(f"The {len(cells)} most novel cells", images, texts, channels, path)

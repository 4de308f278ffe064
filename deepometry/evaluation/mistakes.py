"""The mistakes that a model was surest of: found as cells pass by, shown with their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepometry.files import writing
from deepometry.gallery_scale import GAP, grey, stretch
from deepometry.gallery_text import Pen

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

MOST = 24
_COLUMNS = 3
_CANVAS, _BRIGHT, _PLAIN, _DIM = (22, 24, 28), (240, 242, 245), (190, 195, 203), (128, 134, 144)
_WANTED, _LINE, _MARGIN = 96, 17, 24


@dataclass(frozen=True)
class Mistake:
    """A cell that was given another class than its own.

    Attributes
    ----------
    source, object : str
        Which cell it is.
    true, predicted : str
    probability : float
        Of the class it was given.
    image : ndarray, shape (frame, frame, channels)
        Counts.
    """

    source: str
    object: str
    true: str
    predicted: str
    probability: float
    image: np.ndarray


class Mistakes:
    """Keeps the surest mistakes of all cells that it is shown, and no more.

    Parameters
    ----------
    labels : sequence of str
        The classes.
    most : int
        How many are kept.
    """

    def __init__(self, labels: Sequence[str], most: int = MOST) -> None:
        self._labels, self._most = labels, most
        self._found: list[Mistake] = []

    def look(
        self,
        cells: Sequence[tuple[object, str, str]],
        images: np.ndarray,
        true: np.ndarray,
        chosen: np.ndarray,
        sure: np.ndarray,
    ) -> None:
        """Look at some cells.

        Parameters
        ----------
        cells : sequence of (any, source, object)
        images : ndarray, shape (n, frame, frame, channels)
        true, chosen : ndarray of int, shape (n,)
        sure : ndarray of float, shape (n,)
            Probability of the class given.
        """
        wrong = np.flatnonzero(true != chosen)
        for place in wrong[np.argsort(-sure[wrong], kind="stable")][: self._most].tolist():
            _, source, name = cells[place]
            real, given = self._labels[true[place]], self._labels[chosen[place]]
            image = images[place].copy()
            self._found.append(Mistake(source, name, real, given, float(sure[place]), image))
        self._found.sort(key=lambda each: -each.probability)
        del self._found[self._most :]

    @property
    def found(self) -> list[Mistake]:
        """The surest first."""
        return list(self._found)


def mistake_table(found: Sequence[Mistake]) -> pd.DataFrame:
    """Give a row a mistake, the surest first."""
    import pandas as pd

    rows = [(m.source, m.object, m.true, m.predicted, m.probability) for m in found]
    columns = ["source", "object", "true_label", "predicted", "probability"]
    return pd.DataFrame(rows, columns=columns)


def tiles(found: Sequence[Mistake]) -> list[list[np.ndarray]]:
    """Show every cell as grey pictures, one a channel, all with the same contrast.

    Returns
    -------
    list of list of ndarray of uint8, shape (frame, frame)
    """
    if not found:
        return []
    depth = found[0].image.shape[2]
    ranges = [stretch([each.image[..., c] for each in found]) for c in range(depth)]
    return [
        [grey(each.image[..., c], *between) for c, between in enumerate(ranges)] for each in found
    ]


def mistake_sheet(found: Sequence[Mistake], channels: Sequence[str], path: Path) -> None:
    """Draw a gallery of mistakes: a picture per channel, what they are and were taken for.

    Raises
    ------
    DeepometryError
        The file cannot be written.
    """
    picture = _Sheet(found, channels).draw()
    with writing(path) as part:
        picture.save(part, "png")


class _Sheet:
    """One picture: what stands where."""

    def __init__(self, found: Sequence[Mistake], channels: Sequence[str]) -> None:
        self._found, self._channels = found, channels
        frame = found[0].image.shape[0]
        self._side = frame * max(1, _WANTED // frame)
        self._shown = min(len(channels), 6)
        self._tiles = self._shown * (self._side + GAP) - GAP
        self._wide = max(self._tiles, 240)
        self._high = self._side + 3 * _LINE + 30
        self._pen = Pen()

    def draw(self) -> Image:
        """Draw everything."""
        from PIL import Image

        columns = min(_COLUMNS, len(self._found))
        rows = -(-len(self._found) // columns)
        across = columns * (self._wide + _MARGIN) + _MARGIN
        picture = Image.new("RGB", (max(across, 420), rows * self._high + 78), _CANVAS)
        self._pen.start(picture)
        room = picture.width - 2 * _MARGIN
        title = f"The {len(self._found)} mistakes that the model was surest of"
        self._pen.write((_MARGIN, 16), title, _BRIGHT, room, size=17)
        told = "In each row of pictures: " + ", ".join(self._channels[: self._shown])
        self._pen.write((_MARGIN, 43), told, _DIM, room)
        for number, (mistake, shown) in enumerate(
            zip(self._found, tiles(self._found), strict=True)
        ):
            row, column = divmod(number, columns)
            spot = (_MARGIN + column * (self._wide + _MARGIN), 72 + row * self._high)
            self._draw_one(picture, spot, mistake, shown)
        return picture

    def _draw_one(
        self, picture: Image, spot: tuple[int, int], mistake: Mistake, shown: list[np.ndarray]
    ) -> None:
        from PIL import Image

        x, y = spot
        for place, pixels in enumerate(shown[: self._shown]):
            tile = Image.fromarray(pixels).convert("RGB")
            tile = tile.resize((self._side, self._side), Image.Resampling.NEAREST)
            picture.paste(tile, (x + place * (self._side + GAP), y))
        y += self._side + 6
        lines = [
            (f"{mistake.true}, taken for {mistake.predicted}", _BRIGHT),
            (f"sure to {100 * mistake.probability:.1f} %, object {mistake.object}", _PLAIN),
            (mistake.source, _DIM),
        ]
        for text, colour in lines:
            self._pen.write((x, y), text, colour, self._wide)
            y += _LINE

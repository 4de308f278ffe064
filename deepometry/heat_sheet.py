"""A sheet of heat maps: a row a cell, its channels, and the heat over the first of them."""

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
    from PIL.Image import Image

_CANVAS, _BRIGHT, _PLAIN, _DIM = (22, 24, 28), (240, 242, 245), (190, 195, 203), (128, 134, 144)
_WANTED, _LINE, _MARGIN, _LABEL, _TOP = 96, 18, 24, 330, 106
_MOST_CHANNELS = 6
_STRENGTH = 0.6  # of the heat over the picture, where it is greatest


@dataclass(frozen=True)
class Shown:
    """A cell with its heat map.

    Attributes
    ----------
    source, object : str
        Which cell it is.
    predicted : str
        Class that the model gives it, with its `probability`.
    label : str
        Class that the heat is drawn for, with `probability_of_label`.
    image : ndarray, shape (frame, frame, channels)
        Counts.
    heat : ndarray of float, shape (frame, frame)
        From 0 to 1.
    """

    source: str
    object: str
    predicted: str
    probability: float
    label: str
    probability_of_label: float
    image: np.ndarray
    heat: np.ndarray


def heat_sheet(found: Sequence[Shown], channels: Sequence[str], stage: str, path: Path) -> None:
    """Draw a sheet of cells with their heat maps.

    Parameters
    ----------
    found : sequence of Shown
    channels : sequence of str
        Names of the channels.
    stage : str
        Stage of the network that was looked at.
    path : Path
        A .png file.

    Raises
    ------
    DeepometryError
        It cannot be written.
    """
    picture = _Sheet(found, channels, stage).draw()
    with writing(path) as part:
        picture.save(part, "png")


def glowing(plane: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat over a grey picture: clear where there is none, then red, yellow and white.

    Parameters
    ----------
    plane : ndarray of uint8, shape (height, width)
    heat : ndarray of float, shape (height, width)
        From 0 to 1.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    from matplotlib import colormaps

    colour = colormaps["inferno"](0.25 + 0.75 * heat)[..., :3] * 255
    share = (_STRENGTH * heat)[..., None]
    return np.rint(plane[..., None] * (1 - share) + colour * share).astype(np.uint8)


class _Sheet:
    """One picture: what stands where."""

    def __init__(self, found: Sequence[Shown], channels: Sequence[str], stage: str) -> None:
        self._found, self._stage = found, stage
        self._channels = list(channels)[:_MOST_CHANNELS]
        frame = found[0].image.shape[0]
        self._side = frame * max(1, _WANTED // frame)
        depth = range(len(self._channels))
        self._ranges = [stretch([each.image[..., c] for each in found]) for c in depth]
        self._pen = Pen()

    def draw(self) -> Image:
        """Draw everything."""
        from PIL import Image

        columns = len(self._channels) + 1
        across = 2 * _MARGIN + _LABEL + columns * (self._side + GAP)
        size = (across, _TOP + len(self._found) * (self._side + GAP) + _MARGIN)
        picture = Image.new("RGB", size, _CANVAS)
        self._pen.start(picture)
        room = across - 2 * _MARGIN
        self._pen.write((_MARGIN, 16), "Where the network looks", _BRIGHT, room, size=17)
        told = f"Grad-CAM of stage {self._stage}: the brighter, the more it speaks for the class."
        self._pen.write((_MARGIN, 43), told, _DIM, room)
        for place, name in enumerate([*self._channels, "heat"]):
            x = _MARGIN + _LABEL + place * (self._side + GAP)
            self._pen.write((x, _TOP - 22), name, _PLAIN, self._side)
        for row, shown in enumerate(self._found):
            self._draw_row(picture, _TOP + row * (self._side + GAP), shown)
        return picture

    def _draw_row(self, picture: Image, y: int, shown: Shown) -> None:
        planes = [grey(shown.image[..., c], *known) for c, known in enumerate(self._ranges)]
        tiles = [np.repeat(plane[..., None], 3, 2) for plane in planes]
        for place, pixels in enumerate([*tiles, glowing(planes[0], shown.heat)]):
            spot = (_MARGIN + _LABEL + place * (self._side + GAP), y)
            picture.paste(self._tile(pixels, smooth=place == len(tiles)), spot)
        top = y + max(0, (self._side - 4 * _LINE) // 2)
        for line, (text, colour) in enumerate(self._lines(shown)):
            self._pen.write((_MARGIN, top + line * _LINE), text, colour, _LABEL - _MARGIN)

    def _tile(self, pixels: np.ndarray, smooth: bool) -> Image:
        from PIL import Image

        how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
        return Image.fromarray(pixels).resize((self._side, self._side), how)

    def _lines(self, shown: Shown) -> list[tuple[str, tuple[int, int, int]]]:
        given = f"{shown.predicted}, {100 * shown.probability:.1f} %"
        drawn = f"heat for {shown.label}"
        if shown.label != shown.predicted:
            drawn += f", {100 * shown.probability_of_label:.1f} %"
        return [
            (given, _BRIGHT),
            (drawn, _PLAIN),
            (f"object {shown.object}", _DIM),
            (shown.source, _DIM),
        ]

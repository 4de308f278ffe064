"""Recognises images that show their channels side by side, and asks what they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.images.image_sizes import plain_images
from deepometry.images.pictures import picture_of
from deepometry.images.readers.find import Sources
from deepometry.images.readers.strips import MOST_TILES, split_strips

_LARGEST_TILE = 512
_RISE, _VALLEY = 1.5, 0.6
_JUMP = 2.5
_GAP = 4  # pixels between tiles in a picture


def read_strips(sources: Sources, tiles: int | None) -> Sources:
    """Split images into so many tiles; where that is not said, ask if they look like strips.

    Raises
    ------
    Question
        The images look as if they showed channels side by side.
    OptionsError
        They look like another number of tiles.
    """
    if tiles == 1:
        return sources
    if tiles is not None:
        images = plain_images(sources)
        if (number := tiles_in(images)) not in (0, tiles):
            raise _another_number(images[0], number, tiles)
        split = split_strips(sources, tiles)
        return Sources(split, sources.left_out, sources.taken, sources.analyses)
    images = plain_images(sources)
    if number := tiles_in(images):
        raise _question(images[0], number)
    return sources


def _another_number(image: np.ndarray, number: int, tiles: int) -> OptionsError:
    height, width = image.shape
    message = (
        f"Tiles: expected {number}, the square pictures that the images of {height} x {width} "
        f"pixels look like, or 1 for one picture, found {tiles}."
    )
    return OptionsError({"tiles": message})


def tiles_in(images: Sequence[np.ndarray]) -> int:
    """Return how many square tiles images show side by side; 0 if they are single pictures.

    Parameters
    ----------
    images : sequence of ndarray, shape (height, width)

    Notes
    -----
    All images must have one size, of which one side is a multiple of the other; and either most
    tiles hold something of their own, with nothing between them, or the pixels jump at most seams.
    Two tiles must have a jump: two cells that touch lie side by side, too.
    """
    if len({image.shape for image in images}) != 1:
        return 0
    side, length = sorted(images[0].shape)
    number = length // side
    if length % side or not 2 <= number <= MOST_TILES or side > _LARGEST_TILE or side < 8:
        return 0
    wide = [image if image.shape[0] == side else image.T for image in images]
    planes = [image.astype(np.float64) for image in wide]
    apart = _jumps(planes, side) or (number > 2 and _hold_their_own(planes, side))
    return number if apart else 0


def _hold_their_own(planes: Sequence[np.ndarray], side: int) -> bool:
    """Return whether most tiles have something in their middle, and nothing at their seams."""
    tiles = np.mean([_profiles(plane, side) for plane in planes], axis=0)
    edge, middle = max(1, side // 10), slice(side // 4, side - side // 4)
    sides = np.stack([tiles[:, :edge].mean(1), tiles[:, -edge:].mean(1)], axis=1)
    inner = tiles[:, middle].mean(1)
    full = inner > _RISE * sides.max(1) + 1e-9
    if full.sum() < max(2, 0.6 * len(tiles)):
        return False
    return bool((sides < _VALLEY * np.median(inner[full])).all())


def _profiles(plane: np.ndarray, side: int) -> np.ndarray:
    """Return how far each column is from the background of its tile, relative to the farthest."""
    tiles = plane.reshape(side, -1, side)
    far = np.abs(tiles - np.median(tiles, (0, 2), keepdims=True)).mean(0)
    profiles: np.ndarray = far / np.maximum(far.max(1, keepdims=True), 1e-9)
    return profiles


def _jumps(planes: Sequence[np.ndarray], side: int) -> bool:
    """Return whether the pixels jump at most seams, more than anywhere near them."""
    steps = np.mean([_steps(plane) for plane in planes], axis=0)
    seams = np.arange(side, len(steps) + 1, side) - 1
    near = np.stack([steps[seams + shift] for shift in (-3, -2, -1, 1, 2, 3)])
    return bool((steps[seams] > _JUMP * near.max(0) + 1e-9).mean() >= 0.5)


def _steps(plane: np.ndarray) -> np.ndarray:
    """Return how much each column differs from the next, relative to all."""
    steps = np.abs(np.diff(plane, axis=1)).mean(0)
    relative: np.ndarray = steps / max(steps.mean(), 1e-9)
    return relative


def _question(image: np.ndarray, tiles: int) -> Question:
    height, width = image.shape
    side = min(height, width)
    way = "side by side" if width > height else "one below the other"
    message = (
        f"Tiles: the images are {height} x {width} pixels and look like {tiles} square pictures "
        f"{way}, such as the channels of one cell; say whether they are."
    )
    channels = f"Every image becomes a cell of {side} x {side} pixels with {tiles} channels"
    whole = f"Every image is a cell of {height} x {width} pixels"
    axis = 1 if width > height else 0
    parts = [picture_of(image, gaps=(tiles, axis, _GAP)), picture_of(image)]
    return Question(
        "tiles",
        message,
        [
            Choice(str(tiles), f"{tiles} channels {way}", channels, parts[0]),
            Choice("1", "One picture", whole, parts[1]),
        ],
    )

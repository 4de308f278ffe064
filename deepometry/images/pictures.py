"""Small pictures of single images, beside a question about them."""

from __future__ import annotations

import numpy as np

from deepometry.core.contrast import grey, stretch

_LARGEST, _SMALLEST = 480, 160  # pixels of the longer side


def picture_of(
    image: np.ndarray,
    *,
    frame: int | None = None,
    gaps: tuple[int, int, int] | None = None,
) -> bytes:
    """Draw an image as a .png.

    Parameters
    ----------
    image : ndarray, shape (height, width)
    frame : int, optional
        Side of a square in its centre that is outlined.
    gaps : (tiles, axis, pixels), optional
        Cut it into so many tiles along an axis, so far apart.

    Returns
    -------
    bytes
    """
    from PIL import Image

    from deepometry.images.gallery import png_bytes

    thin = max(1, -(-max(image.shape) // (2 * _LARGEST)))
    shades = grey(image[::thin, ::thin], *stretch([image[::thin, ::thin]]))
    if gaps:
        shades = _cut(shades, *gaps)
    if frame:
        _outline(shades, frame // thin)
    longest = max(shades.shape)
    factor = min(_LARGEST / longest, max(1, _SMALLEST // longest))
    size = [max(1, round(side * factor)) for side in shades.shape[::-1]]
    return png_bytes(Image.fromarray(shades).resize((size[0], size[1])))


def _cut(shades: np.ndarray, tiles: int, axis: int, pixels: int) -> np.ndarray:
    parts = np.array_split(shades, tiles, axis)
    shape = list(shades.shape)
    shape[axis] = pixels
    gap = np.full(shape, 255, np.uint8)
    pieces = [piece for part in parts for piece in (gap, part)][1:]
    return np.concatenate(pieces, axis)


def _outline(shades: np.ndarray, frame: int) -> None:
    """Draw the square of a frame in white; what lies outside is darkened."""
    inside = np.zeros(shades.shape, bool)
    top, left = (max(0, (side - frame) // 2) for side in shades.shape)
    inside[top : top + frame, left : left + frame] = True
    shades[~inside] //= 2
    line = max(1, max(shades.shape) // _LARGEST)
    core = np.zeros_like(inside)
    core[top + line : top + frame - line, left + line : left + frame - line] = True
    shades[inside & ~core] = 255

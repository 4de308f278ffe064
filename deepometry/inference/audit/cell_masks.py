"""Where the cell is in each image, and what counts as its background."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.runs import number_pieces
from deepometry.classical.features.segmentation import background, find_mask

LEAST = 0.05
"""Share of an image that must be background, or there is none to look at."""

_LINES, _SMALL = 2, 24  # pixels at each side, where a line would be taken for part of the cell
_MARGIN = 12  # parts of the frame, one of which around the cell counts as cell: blur and rings
_LEAST_MARGIN = 1  # pixels
_DISC = 0.25  # radius, in frames, of the cell where nothing stands out in any image


def cell_masks(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the cell in images, with a margin around it.

    Parameters
    ----------
    images : ndarray, shape (n, frame, frame, channels)
        Counts.

    Returns
    -------
    masks : ndarray of bool, shape (n, frame, frame)
        What stands out from the background in any channel and reaches the middle of the image:
        the inner half of its height and width. Lines, labels and neighbours at the side are
        background, where no cell is. Where nothing stands out, a disc as large as the other cells.
    found : ndarray of bool, shape (n,)
        Where something does.
    """
    found = np.array([_in_any_channel(image) for image in images.astype(np.float64)])
    empty = np.asarray(~found.any((1, 2)))
    if empty.any():
        found[empty] = _disc(images.shape[1], found[~empty])
    wide = _widened(found)
    narrow = (~wide).mean((1, 2)) < LEAST
    wide[narrow] = found[narrow]
    return wide, ~empty


def has_background(masks: np.ndarray) -> np.ndarray:
    """Return of which cells enough background is in the image, bool (n,)."""
    share: np.ndarray = (~masks).mean((1, 2)) >= LEAST
    return share


def _in_any_channel(image: np.ndarray) -> np.ndarray:
    mask = np.zeros(image.shape[:2], bool)
    edge = min(_LINES, max(1, len(image) // _SMALL))
    for plane in np.moveaxis(image, -1, 0):
        inner = np.ascontiguousarray(plane[edge:-edge, edge:-edge])
        mask |= np.pad(_central(inner), edge, "edge")
    return mask


def _central(plane: np.ndarray) -> np.ndarray:
    """Find what stands out in one channel and reaches the middle."""
    level, spread = background(plane)
    mask = np.zeros(plane.shape, np.uint8)
    if not find_mask(plane - level, spread, mask):
        return mask > 0
    numbers, sizes = number_pieces(mask)
    high, wide = (side // 4 for side in plane.shape)
    inner = numbers[high : plane.shape[0] - high, wide : plane.shape[1] - wide]
    reaching = np.zeros(len(sizes), bool)
    reaching[np.unique(inner)] = True
    reaching[0] = False
    return reaching[numbers]


def _disc(frame: int, others: np.ndarray) -> np.ndarray:
    area = np.median(others.sum((1, 2))) if len(others) else np.pi * (_DISC * frame) ** 2
    y, x = np.mgrid[:frame, :frame] - (frame - 1) / 2
    return np.asarray(np.pi * (y**2 + x**2) <= area)


def _widened(masks: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_dilation, generate_binary_structure

    pixels = max(_LEAST_MARGIN, masks.shape[1] // _MARGIN)
    cross = generate_binary_structure(2, 1)[None]
    wide: np.ndarray = binary_dilation(masks, cross, iterations=pixels)
    return wide

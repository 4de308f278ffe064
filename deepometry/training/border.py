"""Numbers of the border of images, where no cell is: its level, spread and sharpness."""

from __future__ import annotations

import numpy as np

CORNER, SHARE = 5, 8
"""Side of the corners: at most so many pixels, and at most this part of the side of the image."""


def border_features(images: np.ndarray, sides: bool = True) -> np.ndarray:
    """Describe the border of images.

    Parameters
    ----------
    images : ndarray, shape (n, frame, frame, channels)
    sides : bool
        Whether to look at the sides, too, which large cells reach before they reach the corners.

    Returns
    -------
    ndarray of float64, shape (n, features)
        For every channel mean, standard deviation and sharpness (mean difference of neighbours)
        of the calmest corner; and of the two calmest sides the medians of level, spread and
        sharpness. A cell that reaches the border at some places changes none of them.
    """
    parts = [_corners(images)]
    if sides:
        parts.append(_sides(images))
    return np.concatenate(parts, axis=1)


def _corners(images: np.ndarray) -> np.ndarray:
    side = min(CORNER, images.shape[1] // SHARE)
    near, far = slice(None, side), slice(-side, None)
    places = [(near, near), (near, far), (far, near), (far, far)]
    corners = np.stack([images[:, y, x] for y, x in places], axis=1).astype(np.float64)
    spread = corners.std((2, 3))
    down, across = (np.abs(np.diff(corners, axis=axis)).mean((2, 3)) for axis in (2, 3))
    calmest = spread.argmin(1)[:, None]
    numbers = (corners.mean((2, 3)), spread, (down + across) / 2)
    chosen = [np.take_along_axis(each, calmest, axis=1)[:, 0] for each in numbers]
    return np.concatenate(chosen, axis=1)


def _sides(images: np.ndarray) -> np.ndarray:
    lines = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    numbers = []
    for line in lines:
        values = line.astype(np.float64)
        level = np.median(values, axis=1)
        spread = np.median(np.abs(values - level[:, None]), axis=1)
        numbers.append([level, spread, np.median(np.abs(np.diff(values, axis=1)), axis=1)])
    calmest = np.sort(np.array(numbers), axis=0)[:2].mean(0)  # statistic, image, channel
    return np.concatenate(list(calmest), axis=1)


def steps_of(image: np.ndarray) -> int:
    """Return the largest number that divides all counts of an image; 0 where that says nothing."""
    if image.dtype.kind not in "ui" or not image.any():
        return 0
    return int(np.gcd.reduce(np.unique(image)))

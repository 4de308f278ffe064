"""Cells of any size brought to one square frame, with no change of intensity.

Larger cells are cropped around their centre; smaller ones are padded with noise that looks like
their own background, so that no hard edge identifies them to a network.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deepometry.images.cif.cell import usable_backgrounds
from deepometry.images.frame_kernels import CORNER, calmest_corner, frame_all, frame_one
from deepometry.images.padding_noise import Noise, quantiles

__all__ = ["CORNER", "corner_background", "frame_cell", "frame_cells"]


def frame_cell(
    pixels: np.ndarray,
    frame: int,
    key: str,
    noise: Noise,
    background: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Crop or pad one cell to a square; each axis on its own.

    Parameters
    ----------
    pixels : ndarray, shape (height, width, channels)
        Counts.
    frame : int
        Side of the square, in pixels.
    key : str
        Identity of the cell, which fixes its noise.
    noise : Noise
        For as many channels as `pixels` has.
    background : ndarray of float, shape (channels, 2), optional
        Mean and standard deviation of the background of each channel; by default, or where
        they are no numbers, those of `corner_background`.
    mask : ndarray, shape (height, width, channels), optional
        Pixels where it is 0 become background too.

    Returns
    -------
    ndarray, shape (frame, frame, channels)
        In the dtype of `pixels`. floor((size - frame) / 2) pixels are cropped off the top and
        left, or floor((frame - size) / 2) pixels put before and the rest after. Noise is rounded
        and clipped to integer dtypes, so that it never wraps below zero.
    """
    wide = _wide(pixels)
    channels = pixels.shape[2]
    framed = np.empty((frame, frame, channels), wide.dtype)
    if background is not None and usable_backgrounds(background[None])[0]:
        level, spread = background.T.astype(np.float64)
    else:
        level, spread = _corners(wide)
    shown = _NO_MASK if mask is None else (mask != 0).transpose(0, 2, 1)
    frame_one(
        framed, wide, np.arange(channels), shown, mask is not None, level, spread,
        noise.states(key), quantiles(), *_range(wide.dtype),
    )  # fmt: skip
    return framed.astype(pixels.dtype, copy=False)


def frame_cells(
    pixels: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    order: np.ndarray,
    frame: int,
    states: np.ndarray,
    background: np.ndarray,
    masks: np.ndarray | None = None,
) -> np.ndarray:
    """Do to many cells, in one go and without holding up other threads, what `frame_cell` does.

    Parameters
    ----------
    pixels : ndarray of uint16, shape (n,)
        Cells one behind the other, each as (height, channels, width).
    starts : ndarray of int64, shape (cells,)
        Where each begins.
    sizes : ndarray of int64, shape (cells, 2)
        Height and width.
    order : ndarray of int64, shape (channels,)
        Place, among the channels of `pixels`, of each in the wanted order.
    frame : int
        Side of the square, in pixels.
    states : ndarray of uint64, shape (cells, channels)
        Of `Noise`, in the wanted order.
    background : ndarray of float64, shape (cells, channels, 2)
        Mean and standard deviation, in the order of `pixels`; where one of a cell is no number,
        all are taken from the corners.
    masks : ndarray of uint8, shape (n,), optional
        As `pixels`; those of every cell.

    Returns
    -------
    ndarray of uint16, shape (cells, frame, frame, channels)
    """
    framed = np.empty((len(starts), frame, frame, len(order)), pixels.dtype)
    shown = masks if masks is not None else np.empty(0, np.uint8)
    frame_all(
        framed, pixels, starts, sizes, order, shown, masks is not None, background,
        usable_backgrounds(background), states, quantiles(), *_range(pixels.dtype),
    )  # fmt: skip
    return framed


def corner_background(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the background of each channel from its calmest corner.

    Parameters
    ----------
    pixels : ndarray, shape (height, width, channels)
        Counts. Corners are `CORNER` pixels a side, at most a quarter of the image, rounded up.

    Returns
    -------
    mean, sd : ndarray of float64, shape (channels,)
        Of the corner with the lowest standard deviation, as in the protocol.
    """
    return _corners(_wide(pixels))


def _wide(pixels: np.ndarray) -> np.ndarray:
    """Return a cell as (height, channels, width), in a type that can be compiled for."""
    half = pixels.dtype == np.float16
    native = np.dtype(np.float32) if half else pixels.dtype.newbyteorder("=")
    return pixels.astype(native, copy=False).transpose(0, 2, 1)


def _corners(wide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([calmest_corner(wide, channel) for channel in range(wide.shape[1])])
    return corners[:, 0], corners[:, 1]


_NO_MASK = np.empty((0, 0, 0), bool)


@lru_cache(maxsize=16)
def _range(dtype: np.dtype) -> tuple[bool, float, float]:
    """Return whether a dtype is of whole numbers, and limits, as floats that lie inside it."""
    if dtype.kind not in "ui":
        return False, 0.0, 0.0
    limits = np.iinfo(dtype)
    most = float(limits.max)
    # 2**63 - 1 has no float64: the nearest one is beyond it and would wrap.
    inside = most if int(most) <= limits.max else float(np.nextafter(most, 0))
    return True, float(limits.min), inside

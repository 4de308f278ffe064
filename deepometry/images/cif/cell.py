"""One cell of an Amnis file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.images.cif.codec import CifError


@dataclass(frozen=True, slots=True)
class CifCell:
    """One object of an Amnis file.

    Attributes
    ----------
    object_id : int or None
        Its number in the file.
    image : ndarray of uint16, shape (height, width, channels)
        Counts; the channels in the order of `CifReader.channels`.
    mask : ndarray of uint8, shape (height, width, channels), or None
        0 is background; 1, 2 and 3 are foreground (2 and 3: cut off at the border). None where
        the file has none, or none was wanted.
    background : ndarray of float64, shape (channels, 2), or None
        Mean and standard deviation of the background of each channel, in counts.
    centre : tuple of two floats, or None
        x and y of the object in the stream, from the instrument.
    """

    object_id: int | None
    image: np.ndarray
    mask: np.ndarray | None
    background: np.ndarray | None
    centre: tuple[float, float] | None


def find_columns(wanted: Sequence[int], present: Sequence[int]) -> list[int]:
    """Find wanted channel numbers among those of the file; raise `CifError` if one is missing."""
    missing = [str(channel) for channel in wanted if channel not in present]
    if missing:
        verb = "channel {} is" if len(missing) == 1 else "channels {} are"
        in_use = ", ".join(map(str, present))
        raise CifError(f"{verb.format(', '.join(missing))} not in use (those in use: {in_use}).")
    return [present.index(channel) for channel in wanted]


def usable_backgrounds(backgrounds: np.ndarray) -> np.ndarray:
    """Return which cells, of (cells, channels, 2), have a mean and deviation of every channel."""
    return np.isfinite(backgrounds).all((1, 2)) & (backgrounds[:, :, 1] >= 0).all(1)

"""One cell of an Amnis file, whichever road it was read by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cif.codec import CifError


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
        x and y of the object in the stream, as the instrument gives them.
    """

    object_id: int | None
    image: np.ndarray
    mask: np.ndarray | None
    background: np.ndarray | None
    centre: tuple[float, float] | None


def find_columns(wanted: Sequence[int], present: Sequence[int]) -> list[int]:
    """Find where the wanted channels stand among those of the file.

    Parameters
    ----------
    wanted, present : sequence of int
        Channel numbers, as IDEAS counts them.

    Raises
    ------
    CifError
        The file does not have one of them.
    """
    missing = [str(channel) for channel in wanted if channel not in present]
    if missing:
        verb = "channel {} is" if len(missing) == 1 else "channels {} are"
        told = ", ".join(map(str, present))
        raise CifError(f"{verb.format(', '.join(missing))} not in use (those in use: {told}).")
    return [present.index(channel) for channel in wanted]

"""The map as plain arrays, for programs that draw a million cells at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepometry.embedding import PLACES, code_bytes
from deepometry.embedding.who import CONFIDENCE, Who
from deepometry.files import writing


def write_points(path: Path, who: Who, places: np.ndarray) -> None:
    """Write coordinates and codes.

    Parameters
    ----------
    path : Path
    who : Who
    places : ndarray of float32, shape (cells, dims)

    Notes
    -----
    `places`, `codes_<n>` of each column in order, and `confidence` where it is known.
    """
    arrays = {PLACES: places.astype("<f4")}
    for number, column in enumerate(who.columns.values()):
        # -1 becomes the largest number
        arrays[f"codes_{number}"] = column.codes.astype(f"<u{code_bytes(len(column.values))}")
    if who.confidence is not None:
        arrays[CONFIDENCE] = who.confidence.astype("<f4")
    with writing(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]

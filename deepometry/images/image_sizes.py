"""Sizes of the cells of sources, and a few of their images, before anything is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from deepometry.core.file_types import AMNIS, suffix_of
from deepometry.images.readers.base import Cell, Source, unusable
from deepometry.images.readers.cif import CifSource
from deepometry.images.readers.strips import OF_INSTRUMENTS

SAMPLED = 16
"""Images that are looked at to find out what they show."""


def sizes_of(source: Source, most: int) -> np.ndarray:
    """Return heights and widths of the cells of a source: all of .cif files, else of the first.

    Parameters
    ----------
    source : Source
    most : int
        Cells that are read where the files have no list of sizes.

    Returns
    -------
    ndarray of int64, shape (cells, 2)
        Of the cells that can be read, in pixels.
    """
    if isinstance(source, CifSource):
        return source.sizes
    sides = [cell.sides for cell in first_cells(source, most)]
    return np.array(sides, np.int64).reshape(-1, 2)


def first_cells(source: Source, most: int) -> list[Cell]:
    """Read the first channel of the first cells of a source, as far as they can be used."""
    try:
        read = list(islice(source.read(source.channels[:1]), most))
    except OSError:
        return []  # the parse that follows names the file
    return [cell for cell in read if isinstance(cell, Cell) and not unusable(cell)]


def plain_images(sources: Sequence[Source]) -> list[np.ndarray]:
    """Read the first channel of some images of files that hold nothing but pixels.

    Instruments that cut out the cells themselves write other files.

    Returns
    -------
    list of ndarray, shape (height, width)
        At most `SAMPLED`, of sources that are spread over all.
    """
    plain = [source for source in sources if _holds_pixels_alone(source)]
    chosen = plain[:: max(1, len(plain) // SAMPLED)][:SAMPLED]
    each = -(-SAMPLED // max(1, len(chosen)))
    cells = [cell for source in chosen for cell in first_cells(source, each)]
    images = [c.pixels[..., 0] for c in cells if suffix_of(c.source) not in AMNIS]
    return images[:SAMPLED]


def _holds_pixels_alone(source: Source) -> bool:
    return bool(source.channels) and not isinstance(source, OF_INSTRUMENTS)

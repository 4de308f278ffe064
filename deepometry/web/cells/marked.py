"""Cells that are selected on a map just now, which the gallery shows before they have a name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flask import current_app

from deepometry.core.errors import DeepometryError
from deepometry.web.results.cache import Cache
from deepometry.web.results.output import Gone, Output

if TYPE_CHECKING:
    import numpy as np

_KEPT = 64
"""How many are remembered: of a million cells, 8 MB in all."""


def read_bits(bits: bytes, cells: int) -> np.ndarray:
    """Read which cells are selected.

    Parameters
    ----------
    bits : bytes
        One bit a cell, the first cell in the lowest bit of the first byte.
    cells : int
        Number of cells of the run.

    Returns
    -------
    ndarray of bool, shape (cells,)

    Raises
    ------
    DeepometryError
        They are of another number of cells, or none is selected.
    """
    import numpy as np

    if len(bits) != (cells + 7) // 8:
        raise DeepometryError("The selection belongs to another map; reload the page.")
    flags = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[:cells]
    if not flags.any():
        raise DeepometryError("No cell is selected; draw a line around some cells first.")
    return flags.astype(bool)


def bits_of(flags: np.ndarray) -> bytes:
    """Write which cells are selected as one bit a cell, as `read_bits` reads them."""
    import numpy as np

    return np.packbits(flags, bitorder="little").tobytes()


def _marks() -> Cache:
    cache: Cache = current_app.extensions.setdefault("marked cells", Cache(_KEPT))
    return cache


def remember(output: Output, bits: bytes, cells: int) -> str:
    """Remember selected cells; return the mark by which the gallery asks for them."""
    read_bits(bits, cells)
    mark = hashlib.blake2b(bits, digest_size=16).hexdigest()
    _marks().get((output.id, mark), lambda: bits)
    return mark


def marked_cells(output: Output, mark: str, cells: int) -> np.ndarray:
    """Return remembered cells: bool, shape (cells,).

    Raises
    ------
    Gone
        They are forgotten: Deepometry was started anew, or many others were selected since.
    """
    bits = _marks().peek((output.id, mark))
    if bits is None:
        raise Gone("These cells are not selected any more; select them again, or reload the page.")
    return read_bits(bits, cells)

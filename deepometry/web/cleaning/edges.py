"""Cells on both sides of a limit, to set it by looking at them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepometry.web.cleaning.measured import Measured

if TYPE_CHECKING:
    import numpy as np

    from deepometry.cells.gates.gate import Limit

_SHOWN = 6  # cells of a row of pictures


@dataclass(frozen=True)
class Edge:
    """A row of pictures.

    Attributes
    ----------
    title : str
    outside : bool
        Whether a limit leaves these cells out.
    cells : list of (int, str)
        Rows of the data set, and what their value is.
    """

    title: str
    outside: bool
    cells: list[tuple[int, str]]


def edges_of(measured: Measured, limit: Limit) -> list[Edge]:
    """Choose the cells nearest to each end of a limit; without one, those of extreme values."""
    import numpy as np

    values = measured.column(limit.feature)
    order = np.argsort(values, kind="stable")  # cells without a value come last
    order = order[: int(np.isfinite(values).sum())]
    rising = values[order]
    first = int(np.searchsorted(rising, limit.low, "left"))
    last = int(np.searchsorted(rising, limit.high, "right"))
    parts = [("Smallest values", False, order[:_SHOWN])]
    if math.isfinite(limit.low):
        parts = [
            (f"Below {limit.low:.6g}, nearest first", True, order[:first][::-1][:_SHOWN]),
            (f"From {limit.low:.6g} up", False, order[first:last][:_SHOWN]),
        ]
    if math.isfinite(limit.high):
        parts += [
            (f"Up to {limit.high:.6g}, nearest first", False, order[first:last][::-1][:_SHOWN]),
            (f"Above {limit.high:.6g}, nearest first", True, order[last:][:_SHOWN]),
        ]
    else:
        parts.append(("Largest values", False, order[::-1][:_SHOWN]))
    edges = (Edge(title, out, _told(measured, values, at)) for title, out, at in parts)
    return [edge for edge in edges if edge.cells]


def _told(measured: Measured, values: np.ndarray, places: np.ndarray) -> list[tuple[int, str]]:
    rows = measured.rows[places].tolist()
    return [(row, f"{value:.4g}") for row, value in zip(rows, values[places].tolist(), strict=True)]

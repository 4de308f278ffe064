"""Histograms on which the page sets thresholds or limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BARS, _TICKS = 100, 4
_TAILS = (0.1, 99.9)  # percentiles that the bars reach; what lies beyond is in the first and last


@dataclass(frozen=True)
class Histogram:
    """Numbers of cells, as bars.

    Attributes
    ----------
    bars : tuple of float
        Heights, in percent of the highest.
    low, high : float
        Where the bars begin and end: values, or where there is a scale `asinh(value / scale)`.
    scale : float
        0 where the axis is linear.
    ticks : tuple of (float, str)
        Place in percent, and what stands there.
    """

    bars: tuple[float, ...]
    low: float
    high: float
    scale: float
    ticks: tuple[tuple[float, str], ...]


def histogram_of(values: np.ndarray, limits: Sequence[float] = ()) -> Histogram:
    """Count values, shape (cells,); those that are not known (NaN) are left out.

    The axis reaches limits that lie at most its own length beyond the values.
    """
    import numpy as np

    from deepometry.classical.stain import scale_of

    known = values[np.isfinite(values)].astype(np.float64)
    other = known[known != 0]  # many a feature is 0 in most cells
    scale = scale_of(other) if len(other) else 0.0
    known = np.arcsinh(known / scale) if scale else known
    low, high = np.percentile(known, _TAILS).tolist() if len(known) else (0.0, 1.0)
    high = high if high > low else low + 1.0
    ends = np.asarray([each for each in limits if math.isfinite(each)], np.float64)
    ends = np.arcsinh(ends / scale) if scale else ends
    near = ends[np.abs(ends - (low + high) / 2) <= 1.5 * (high - low)].tolist()
    low, high = min([low, *near]), max([high, *near])
    counts, _ = np.histogram(known.clip(low, high), _BARS, (low, high))
    places = np.linspace(0, 1, _TICKS)
    at = low + places * (high - low)
    shown = np.sinh(at) * scale if scale else at
    ticks = tuple(
        (100 * place, short(value))
        for place, value in zip(places.tolist(), shown.tolist(), strict=True)
    )
    bars = tuple((100 * counts / max(1, counts.max())).round(2).tolist())
    return Histogram(bars, low, high, scale, ticks)


def short(value: float) -> str:
    """Write a number in few characters: 66k for 66,012."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"

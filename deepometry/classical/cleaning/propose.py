"""Limits that the data propose: what is far from most cells of every folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.gates.gate import Limit

FAR = 3.5
"""Modified z-score of an outlier (Iglewicz and Hoaglin, Detect and Handle Outliers, 1993)."""

MOST_SATURATED = 1.0
"""Percent of a cell that may be saturated."""

_LEAST = 0.25  # of an aspect ratio or a logarithm: what is nearer is not far
_FEWEST = 10  # cells of a folder by which limits are judged
_MOST = 0.2  # of the cells that a proposal may leave out
_MAD, _MEAN = 1.4826, 1.2533  # from the median and the mean deviation to the standard one
_TESTED = (("Area", True, True), ("Aspect Ratio", False, False), ("Gradient RMS", True, False))
"""Features, whether their logarithm is judged, and whether large values are bad, too."""
_BRIGHTFIELD = ("brightfield", "bright field", "bf")


def propose(
    column: Callable[[str], np.ndarray], names: Sequence[str], channel: int, folders: np.ndarray
) -> tuple[Limit, ...]:
    """Propose limits.

    Parameters
    ----------
    column : callable
        Returns the values of a feature, shape (cells,).
    names : sequence of str
        All features.
    channel : int
        In which size, shape and focus are judged.
    folders : ndarray of int, shape (cells,)
        The folder of each cell.

    Returns
    -------
    tuple of Limit
        Of area, aspect ratio (lower) and gradient (lower) of the channel, and of saturation in
        every channel where cells are saturated. Rounded to three digits.

    Notes
    -----
    A value is far where its modified z-score exceeds `FAR`: the distance from the median, in
    median absolute deviations, which are taken on each side by itself because the distributions are
    skewed. Of folders, which are often classes, the widest limits count: cells of a rare class with
    another size are not taken for debris. A limit that would leave out more than a fifth of the
    cells is not proposed, nor one within a quarter of the median.
    """
    found = []
    for feature, as_log, above in _TESTED:
        name = f"{feature} Ch{channel}"
        low, high = _widest(column(name), folders, as_log)
        found.append(Limit(name, low, high if above else math.inf))
    found += [Limit(name, high=MOST_SATURATED) for name in names if name.startswith("Saturated ")]
    useful = (limit for limit in found if math.isfinite(limit.low) or math.isfinite(limit.high))
    return tuple(limit for limit in useful if _sound(limit, column(limit.feature)))


def proposal_channel(dataset: Dataset, asked: int | None = None) -> int:
    """Return the channel of a proposal: as asked, brightfield, or the first one."""
    if asked is not None:
        dataset.columns([asked])
        return asked
    numbers, names = dataset.channel_numbers, dataset.channel_names
    lit = (n for n in numbers if names.get(n, "").strip().casefold() in _BRIGHTFIELD)
    return next(lit, numbers[0])


def folders_of(dataset: Dataset) -> tuple[list[str], np.ndarray]:
    """Return the names of the folders, and the folder of every cell."""
    each = ["/".join(part.levels) for part in dataset.parts]
    names = list(dict.fromkeys(each))
    codes = np.array([names.index(name) for name in each], np.int64)
    return names, np.repeat(codes, [len(part.stored) for part in dataset.parts])


def _sound(limit: Limit, values: np.ndarray) -> bool:
    """Return whether a limit leaves out few cells; of saturation, some."""
    out = float(np.mean(limit.leaves_out(values)))
    return out <= _MOST and (out > 0 or not limit.feature.startswith("Saturated "))


def _widest(values: np.ndarray, folders: np.ndarray, as_log: bool) -> tuple[float, float]:
    """Return the widest limits of the folders that have enough cells, or else those of all."""
    there = values > 0  # of the others nothing stands out from the background
    values, folders = values[there], folders[there]
    if not len(values):
        return -math.inf, math.inf
    scale = np.log(values) if as_log else values
    large = [
        f for f, n in zip(*np.unique(folders, return_counts=True), strict=True) if n >= _FEWEST
    ]
    each = [limits(scale[folders == folder]) for folder in large] or [limits(scale)]
    low, high = min(low for low, _ in each), max(high for _, high in each)
    if as_log:
        low, high = math.exp(low), math.exp(high)
    return _rounded(low, math.floor), _rounded(high, math.ceil)


def limits(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of what is not far from the median of values, each side by itself."""
    median = float(np.median(values))
    below = FAR * _deviation(median - values[values <= median])
    above = FAR * _deviation(values[values >= median] - median)
    return median - max(below, _LEAST), median + max(above, _LEAST)


def _deviation(distances: np.ndarray) -> float:
    """Return a robust standard deviation; where most distances are 0, that of their mean."""
    return float(_MAD * np.median(distances) or _MEAN * distances.mean())


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    """Round to three digits, away from the cells inside; no limit below 0."""
    if value <= 0 or math.isinf(value):
        return -math.inf if towards is math.floor else value
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{towards(value / step) * step:.6g}")

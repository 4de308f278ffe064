"""What cells look like in each channel: level, spread, sharpness and polarity of the intensities.

A model file carries these numbers of the cells that the model learnt from, so that cells on another
scale, inverted, or in another focus can be recognised, see `deepometry.cells.unlike`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset

MEASURES = ("background", "mean", "spread", "sharpness", "skewness", "polarity")
MOST = 2000  # cells that are measured
_AT_ONCE = 256
_BORDER = 2  # pixels, as the scaling of the network takes it
_LEAST = 1e-9  # of what a logarithm is taken
_FEW, _MANY = 5, 10  # cells of a class that counts, and of one whose width counts
_ALWAYS, _LOGS = {"background", "mean", "spread"}, ("spread", "sharpness")
_MOST_LOG, _MOST_COUNTS = 100.0, 1e40
_LIMITS = ("lows", "medians", "highs", "range")
SHARES = (0.01, 0.16, 0.5, 0.84, 0.99)
ERRORS = (0.0, 1.52, 1.2533, 1.52, 0.0)
"""Standard errors of the quantiles `SHARES` of normal numbers, in deviations by root of cells."""

Limits = tuple[float, float]


def measure(images: np.ndarray) -> dict[str, np.ndarray]:
    """Measure cells, images (n, frame, frame, channels) of counts.

    Returns
    -------
    dict of str to ndarray of float64, shape (n, channels)
        `background`, the median of the border, and `mean`, in counts; `spread`, the natural
        logarithm of the standard deviation in counts; and three that neither a factor nor an
        offset changes, which are NaN in images without contrast: `sharpness`, the logarithm of the
        variance of the Laplacian over that of the image; `skewness`; and `polarity`, mean less
        background in standard deviations, positive for bright cells on dark.
    """
    counts = images.astype(np.float64)
    inside = np.zeros(counts.shape[1:3], bool)
    inside[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
    background, mean = np.median(counts[:, ~inside], 1), counts.mean((1, 2))
    deviation = counts.std((1, 2))
    flat = deviation <= _LEAST * np.maximum(1, np.abs(mean))
    unit = np.where(flat, np.nan, deviation)
    centred = (counts - mean[:, None, None]) / unit[:, None, None]
    energy = np.square(_laplacian(centred)).mean((1, 2))
    return {
        "background": background,
        "mean": mean,
        "spread": np.log(np.maximum(np.where(flat, 0, deviation), _LEAST)),
        "sharpness": np.log(np.maximum(energy, _LEAST)),
        "skewness": (centred**3).mean((1, 2)),
        "polarity": (mean - background) / unit,
    }


def _laplacian(images: np.ndarray) -> np.ndarray:
    middle = images[:, 1:-1, 1:-1]
    vertical = images[:, 2:, 1:-1] + images[:, :-2, 1:-1]
    horizontal = images[:, 1:-1, 2:] + images[:, 1:-1, :-2]
    return np.asarray(vertical + horizontal - 4 * middle)


def measure_cells(
    dataset: Dataset, indices: np.ndarray, columns: Sequence[int]
) -> dict[str, np.ndarray]:
    """Measure some cells of a data set, a few at a time."""
    blocks = [
        measure(dataset.read_numbers(indices[first : first + _AT_ONCE], columns))
        for first in range(0, len(indices), _AT_ONCE)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in MEASURES}


@dataclass(frozen=True)
class Distribution:
    """How one measure of one channel is distributed over the cells a model learnt from.

    Attributes
    ----------
    median : float
        Of all cells.
    lows, medians, highs : (float, float)
        Between which the 16 % quantiles, the medians and the 84 % quantiles of the classes lie,
        each with three standard errors: cells of one class only have theirs there, too.
    range : (float, float)
        Lowest 1 % and highest 99 % among the classes.
    deviation : float
        Half the width of the middle 68 % of a class, of the class where it is widest.
    """

    median: float
    lows: Limits
    medians: Limits
    highs: Limits
    range: Limits
    deviation: float


@dataclass(frozen=True)
class Appearance:
    """What the cells look like that a model learnt from.

    Attributes
    ----------
    cells : int
        Number of cells that were measured.
    dtype : str
        Type of their pixels, such as `uint16`.
    channels : tuple of dict of str to Distribution
        For every channel of the model, each of `MEASURES`; without one that no cell has.
    """

    cells: int
    dtype: str
    channels: tuple[Mapping[str, Distribution], ...]

    def plain(self) -> dict[str, Any]:
        """Return the same for a JSON file."""
        return asdict(self)


def appearance_of(
    dataset: Dataset, indices: np.ndarray, codes: np.ndarray, columns: Sequence[int]
) -> Appearance:
    """Measure training cells, evenly spaced ones of every class where there are very many.

    `codes` has the class of every cell of the data set.
    """
    chosen = spread_over(indices, codes[indices], MOST)
    measures, own = measure_cells(dataset, chosen, columns), codes[chosen]
    channels = []
    for place in range(len(columns)):
        each = {name: distribution(measures[name][:, place], own) for name in MEASURES}
        channels.append({name: found for name, found in each.items() if found})
    return Appearance(len(chosen), str(dataset.dtype), tuple(channels))


def spread_over(indices: np.ndarray, groups: np.ndarray, most: int) -> np.ndarray:
    """Choose among cells at most `most`, evenly spaced ones of every group, but one at least."""
    values = np.unique(groups)
    share = max(1, most // len(values))
    chosen = []
    for value in values:
        own = indices[groups == value]
        chosen.append(own[np.linspace(0, len(own) - 1, min(len(own), share)).astype(int)])
    return np.sort(np.concatenate(chosen))


def distribution(values: np.ndarray, groups: np.ndarray) -> Distribution | None:
    """Summarise a measure of cells, by class; None where no cell has it."""
    good = np.isfinite(values)
    values, groups = values[good], groups[good]
    if not len(values):
        return None
    each = [values[groups == group] for group in np.unique(groups)]
    each = [own for own in each if len(own) >= _FEW] or each  # a few cells may be anything
    quantiles = np.array([np.quantile(own, SHARES) for own in each]).T
    counts, widths = np.array(list(map(len, each))), (quantiles[3] - quantiles[1]) / 2
    errors = 3 * widths / np.sqrt(counts) * np.array(ERRORS)[:, None]
    below, above = (quantiles - errors).min(1).tolist(), (quantiles + errors).max(1).tolist()
    large = widths[counts >= min(_MANY, counts.max())]  # of few cells, a width says little
    return Distribution(
        median=float(np.median(values)),
        lows=(below[1], above[1]),
        medians=(below[2], above[2]),
        highs=(below[3], above[3]),
        range=(float(quantiles[0].min()), float(quantiles[4].max())),
        deviation=float(large.max()),
    )


def read_appearance(content: object, depth: int) -> Appearance | None:
    """Read what a model file has; None where it has nothing, or nothing that can be used."""
    try:
        return _read(content, depth)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _read(content: Any, depth: int) -> Appearance:
    channels = tuple(
        {name: _distribution(channel[name], name in _LOGS) for name in MEASURES if name in channel}
        for channel in content["channels"]
    )
    if len(channels) != depth or any(not set(channel) >= _ALWAYS for channel in channels):
        raise ValueError("other channels or measures")
    return Appearance(int(content["cells"]), str(content["dtype"]), channels)


def _distribution(content: Any, logarithm: bool) -> Distribution:
    limits = {name: tuple(map(float, content[name])) for name in _LIMITS}
    numbers = {name: float(content[name]) for name in ("median", "deviation")}
    whole = [number for pair in limits.values() for number in pair]
    # a file may say anything: no exponential of a logarithm in it may be too large
    usable = np.abs([*whole, *numbers.values()]) < (_MOST_LOG if logarithm else _MOST_COUNTS)
    if not usable.all() or len(whole) != 2 * len(_LIMITS):
        raise ValueError("no numbers, or none of a distribution")
    return Distribution(**limits, **numbers)  # type: ignore[arg-type]

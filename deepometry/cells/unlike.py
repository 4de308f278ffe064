"""Whether cells look like those that a model learnt from, and which factor would make them so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cells.appearance import ERRORS, SHARES, Appearance, Distribution

Measures = Mapping[str, np.ndarray]

# How far cells may lie beyond the classes without a warning. Stain, lamp and gain differ between
# days and plates: among 31 plates of nuclei, the standard deviation by up to a factor of 1.35
# (`tests/benchmarks/unlike_cells.py`).
_SPREAD = math.log(1.8)  # the standard deviation, by a factor
_SHARPNESS = 0.7  # the logarithm of the energy of the Laplacian; plates differ by 0.2
_LEVEL = 0.3  # the background, of itself, and one standard deviation of the pixels
_CERTAIN = {"level": 2}  # tolerances beyond single cells from where on there is no doubt; else 1
_OPPOSITE = {"skewness": 0.25, "polarity": 0.1}  # on the other side of 0, each by so much
_PART = np.array([0.75, 1.0, 0.75])  # of a tolerance, for quantiles beside the median
_ERRORS = 4.0  # standard errors, of few cells
_FACTOR, _LARGEST = 1.3, 1e6  # between which a rescaling is worth while, and of any use
_NICE = 0.04  # a factor this close to a usual one is meant to be that one
_USUAL = (10, 12, 100, 1000, 255, 1023, 4095, 16383, 65535, *(2**n for n in range(1, 16)))


@dataclass(frozen=True)
class Unlike:
    """A channel in which cells do not look like those that the model learnt from.

    Attributes
    ----------
    kind : str
        `spread`, `level`, `sharpness` or `reversed`.
    channel : int
        Position among the channels of the model.
    here, there : float
        Median of the measure over these cells, and over those that the model learnt from.
    certain : bool
        Whether it also lies beyond nearly every single cell that the model learnt from.
    """

    kind: str
    channel: int
    here: float
    there: float
    certain: bool


def differences(known: Appearance, measures: Measures) -> list[Unlike]:
    """Find in which channels cells differ from those that a model learnt from.

    `measures` are those of some of the cells, as `measure` returns them.
    """
    found: list[Unlike] = []
    for place, channel in enumerate(known.channels):
        own = {name: values[:, place] for name, values in measures.items()}
        found += [each for each in _of_channel(place, channel, own) if each]
    return found


def _of_channel(
    place: int, known: Mapping[str, Distribution], own: Measures
) -> Sequence[Unlike | None]:
    level = _level_tolerance(known)
    return (
        _beyond("spread", "spread", place, known, own, _SPREAD),
        _beyond("level", "background", place, known, own, level),
        _focus(place, known, own),
        _reversed(place, known, own),
    )


def _focus(place: int, known: Mapping[str, Distribution], own: Measures) -> Unlike | None:
    """Compare the sharpness; a brighter stain makes an image smoother, since noise counts less."""
    found = _beyond("sharpness", "sharpness", place, known, own, _SHARPNESS)
    if found is None:
        return None
    brighter = float(np.median(own["spread"])) - known["spread"].median
    smoother = found.there - found.here
    if brighter * smoother > 0 and abs(smoother) < _SHARPNESS + 2 * min(abs(brighter), _SPREAD):
        return None
    return found


def _level_tolerance(known: Mapping[str, Distribution]) -> float:
    return max(_LEVEL * abs(known["background"].median), math.exp(known["spread"].median))


def _beyond(
    kind: str,
    measure: str,
    place: int,
    known: Mapping[str, Distribution],
    own: Measures,
    tolerance: float,
) -> Unlike | None:
    """Compare the quantiles of a measure with those of the classes, and with single cells.

    All of them must lie beyond, on one side: another share of cells that have a stain moves the
    median alone.
    """
    there, values = known.get(measure), _finite(own[measure])
    if there is None or not len(values):
        return None
    if not _is_beyond(there, values, tolerance):
        return None
    here = float(np.median(values))
    certain = _outside(here, there.range) > _CERTAIN.get(kind, 1) * tolerance
    return Unlike(kind, place, here, there.median, certain)


def _is_beyond(there: Distribution, values: np.ndarray, tolerance: float) -> bool:
    quantiles = np.quantile(values, SHARES[1:4])
    limits = np.array([there.lows, there.medians, there.highs])
    error = _ERRORS * there.deviation / math.sqrt(len(values))
    allowed = np.array(ERRORS[1:4]) * error + tolerance * _PART
    above, below = quantiles - limits[:, 1] - allowed, limits[:, 0] - quantiles - allowed
    return bool((above > 0).all() or (below > 0).all())


def _finite(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[np.isfinite(values)])


def _outside(value: float, limits: tuple[float, float]) -> float:
    """Return how far a value lies outside of limits; 0 inside."""
    return max(limits[0] - value, value - limits[1], 0.0)


def _reversed(place: int, known: Mapping[str, Distribution], own: Measures) -> Unlike | None:
    """Find a channel where bright and dark are exchanged.

    Skewness and polarity change their signs then. One of them may be near 0 in some kinds of cells
    and say nothing; neither may contradict the other.
    """
    votes = [_opposite(known.get(name), own[name], far) for name, far in _OPPOSITE.items()]
    if True not in votes or False in votes:
        return None
    name = list(_OPPOSITE)[votes.index(True)]
    here, there = float(np.median(_finite(own[name]))), known[name]
    return Unlike("reversed", place, here, there.median, _outside(here, there.range) > 0)


def _opposite(there: Distribution | None, values: np.ndarray, far: float) -> bool | None:
    """Return whether a measure looks mirrored at 0; None where it says nothing."""
    values = _finite(values)
    if there is None or not len(values) or abs(there.median) < far:
        return None
    across = float(np.median(values)) * math.copysign(1, there.median) < -far
    return across and _is_beyond(there, values, 0.0) and not _is_beyond(there, -values, far)


# --- a factor that explains it ------------------------------------------------------------------


def multiplied(measures: Measures, factor: float) -> dict[str, np.ndarray]:
    """Return the measures of the same cells with every pixel multiplied by a factor."""
    changed = {name: measures[name] * factor for name in ("background", "mean")}
    return {**measures, **changed, "spread": measures["spread"] + math.log(factor)}


def plain_factor(known: Appearance, measures: Measures) -> float | None:
    """Find a factor that brings level and spread of all channels to those of the model.

    Returns None where none does, or the cells are on its scale already.
    """
    for factor in _candidates(known, measures):
        if _LARGEST > max(factor, 1 / factor) > _FACTOR and fits(known, measures, factor):
            return factor
    return None


def fits(known: Appearance, measures: Measures, factor: float) -> bool:
    """Return whether cells have the level and spread of the model once multiplied by a factor."""
    after = differences(known, multiplied(measures, factor))
    return not any(each.kind in ("spread", "level", "reversed") for each in after)


def _candidates(known: Appearance, measures: Measures) -> list[float]:
    """Estimate the factor from the background, which all cells share, and from the spread.

    The channels with the highest counts count most: those of 8 bits are rounded least there.
    """
    sums = np.zeros((2, 2))
    for place, channel in enumerate(known.channels):
        here = [float(np.median(measures[name][:, place])) for name in ("background", "spread")]
        level, spread = channel["background"].median, math.exp(channel["spread"].median)
        sums[1] += spread, math.exp(here[1])
        if here[0] > 0 and level > spread / 2:
            sums[0] += level, here[0]
    estimates = [float(there / here) for there, here in sums if there > 0 and here > 0]
    estimates = [each for each in estimates if 1 / _LARGEST < each < _LARGEST]
    return [usual_factor(each) for each in estimates] + estimates


def usual_factor(estimate: float) -> float:
    """Return the factor that an estimate of it stands for, such as 12 for 11.97."""
    large = max(estimate, 1 / estimate)
    near = min(_USUAL, key=lambda usual: abs(math.log(large / usual)))
    if abs(math.log(large / near)) > _NICE:
        return float(f"{estimate:.2g}")
    return float(near if estimate >= 1 else 1 / near)

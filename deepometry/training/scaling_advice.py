"""Which intensity scaling suits cells: from how backgrounds and contrasts differ between groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cells.groups import Level

_APART = 0.5
"""Contrasts of a cell that backgrounds of groups must be apart, for `background`."""

_STRONGER = 3.0
"""Factor between the contrasts of groups that are not classes, for `image`."""

_FEWEST = 5  # cells of a group


@dataclass(frozen=True)
class Facts:
    """What is measured of each cell and channel, float64 (cells, channels), in counts.

    Attributes
    ----------
    backgrounds : ndarray
        Median of the border of the image.
    contrasts : ndarray
        Standard deviation of the pixels of the image.
    """

    backgrounds: np.ndarray
    contrasts: np.ndarray


_Measure = Callable[[Facts, list[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class _Found:
    size: float
    channel: str
    level: str


def advice(
    facts: Facts, levels: Mapping[str, Level], target: str, channels: Sequence[str]
) -> tuple[str, str]:
    """Recommend a scaling.

    Parameters
    ----------
    facts : Facts
    levels : mapping of str to (values, codes)
        Groups of the cells by folder level, such as Day; codes are -1 for none.
    target : str
        The level whose values are the classes; empty for none.
    channels : sequence of str
        Names.

    Returns
    -------
    scaling, reason : str
        One of `background`, `channel` and `image`, and why, in a sentence.
    """
    others = {name: level for name, level in levels.items() if name.casefold() != target.casefold()}
    stronger = _largest(facts, others, channels, _factor)
    if stronger and stronger.size >= _STRONGER:
        return "image", (
            f"the contrast of {stronger.channel} differs between values of {stronger.level} by a "
            f"factor of {stronger.size:.1f}, which no common scale can even out."
        )
    apart = _largest(facts, levels, channels, _distance)
    if apart and apart.size >= _APART:
        return "background", (
            f"the background of {apart.channel} differs between values of {apart.level} by "
            f"{apart.size:.1f} times the contrast of a cell, which a network could learn instead "
            "of the cells."
        )
    if apart:
        return "channel", (
            "backgrounds differ little between folders, at most by "
            f"{apart.size:.2f} times the contrast of a cell ({apart.channel}, {apart.level}), and "
            "the intensities of cells stay comparable."
        )
    ratio = _between_cells(facts)
    place = int(ratio.argmax())
    many = f"{ratio[place]:.2f} times the contrast of a cell ({channels[place]})"
    if ratio[place] >= _APART:
        return "background", f"backgrounds differ from cell to cell by {many}."
    return "channel", (
        f"backgrounds hardly differ from cell to cell, by {many}, and the intensities of cells "
        "stay comparable."
    )


def _between_cells(facts: Facts) -> np.ndarray:
    """Return the spread of the backgrounds of all cells, in contrasts, for each channel."""
    low, high = np.percentile(facts.backgrounds, (2.5, 97.5), axis=0)
    ratio: np.ndarray = (high - low) / 4 / _contrast(facts)
    return ratio


def _contrast(facts: Facts) -> np.ndarray:
    contrast: np.ndarray = np.maximum(np.median(facts.contrasts, 0), 1e-9)
    return contrast


def _distance(facts: Facts, groups: list[np.ndarray]) -> np.ndarray:
    medians = np.array([np.median(facts.backgrounds[cells], 0) for cells in groups])
    distance: np.ndarray = np.ptp(medians, axis=0) / _contrast(facts)
    return distance


def _factor(facts: Facts, groups: list[np.ndarray]) -> np.ndarray:
    medians = np.array([np.median(facts.contrasts[cells], 0) for cells in groups])
    factor: np.ndarray = medians.max(0) / np.maximum(medians.min(0), 1e-9)
    return factor


def _largest(
    facts: Facts, levels: Mapping[str, Level], channels: Sequence[str], measure: _Measure
) -> _Found | None:
    """Find the level and the channel in which groups differ most."""
    found = []
    for name, (values, codes) in levels.items():
        groups = [np.flatnonzero(codes == code) for code in range(len(values))]
        groups = [cells for cells in groups if len(cells) >= _FEWEST]
        if len(groups) > 1:
            sizes = measure(facts, groups)
            place = int(sizes.argmax())
            found.append(_Found(float(sizes[place]), channels[place], name))
    return max(found, key=lambda each: each.size, default=None)

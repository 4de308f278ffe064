"""Which groups of cells look different, and in what: a map of standardised differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.appearance import MEASURES, measure_cells, spread_over
from deepometry.cells.dataset import Dataset
from deepometry.core.figure_style import make_figure, plain_axes, shown

if TYPE_CHECKING:
    import pandas as pd

MOST = 6000  # cells that are measured, of all groups together
_FEWEST = 10  # cells of a group that is compared
_SURE = 3.0  # standard errors that a difference has to be larger than
_LARGE = 1.0  # deviations of cells, from which on a difference is worth a sentence
_NAMED = 3  # sentences
_MOST_DRAWN = 40  # groups
_SATURATED = 2.0  # deviations with the strongest colours
_MEDIAN_ERROR = 1.2533  # standard error of a median of normal numbers, in deviations by root of n
TITLES = {
    "background": "background level",
    "mean": "mean intensity",
    "spread": "contrast",
    "sharpness": "sharpness",
    "skewness": "skewness of the intensities",
    "polarity": "brightness over the background",
}


@dataclass(frozen=True)
class Difference:
    """How a measure of a channel differs in one group from the usual.

    Attributes
    ----------
    group : str
    cells : int
        Of the group that were measured.
    channel, measure : str
        Such as `Ch1 DNA`, and one of `cells.appearance.MEASURES`.
    value : float
        Median of the group less the median of the medians of all groups, in standard deviations of
        the cells inside a group.
    error : float
        Its standard error.
    """

    group: str
    cells: int
    channel: str
    measure: str
    value: float
    error: float

    @property
    def is_sure(self) -> bool:
        """Whether it is larger than three standard errors."""
        return abs(self.value) > _SURE * self.error

    @property
    def sentence(self) -> str:
        """Such as `3: background level of Ch1 1.8 standard deviations higher`."""
        higher = "higher" if self.value > 0 else "lower"
        what = f"{TITLES[self.measure]} of {self.channel}"
        return f"{self.group}: {what} {abs(self.value):.1f} standard deviations {higher}"


@dataclass(frozen=True)
class GroupDifferences:
    """All differences of all groups, by group, channel and measure."""

    by: str
    differences: tuple[Difference, ...]

    @property
    def strongest(self) -> list[Difference]:
        """The largest sure difference of every group that has one, the largest first."""
        largest: dict[str, Difference] = {}
        for each in sorted(self.differences, key=lambda each: -abs(each.value)):
            if each.is_sure:
                largest.setdefault(each.group, each)
        return list(largest.values())

    @property
    def sentences(self) -> list[str]:
        """Which groups differ most, and in what."""
        largest = [each for each in self.strongest if abs(each.value) >= _LARGE][:_NAMED]
        if not largest:
            return [
                f"No {self.by} looks different from the others by a standard deviation of its "
                "cells or more."
            ]
        told = "; ".join(f"{self.by} {each.sentence}" for each in largest)
        return [f"What differs most from the usual {self.by}: {told}."]

    def table(self) -> pd.DataFrame:
        """Return a row for every group, channel and measure."""
        import pandas as pd

        return pd.DataFrame([vars(each) for each in self.differences])

    def plot(self) -> Any:
        """Draw a heat map, the group that differs most at the top."""
        size = {each.group: 0.0 for each in self.differences}
        for each in self.differences:
            size[each.group] = max(size[each.group], abs(each.value) * each.is_sure)
        groups = sorted(size, key=lambda name: -size[name])[:_MOST_DRAWN]
        columns = list(dict.fromkeys((d.channel, d.measure) for d in self.differences))
        values = np.full((len(groups), len(columns)), np.nan)
        rows = {name: row for row, name in enumerate(groups)}
        for each in self.differences:
            if each.group in rows:
                place = columns.index((each.channel, each.measure))
                values[rows[each.group], place] = each.value
        return _drawn(self.by, groups, columns, values)


def _drawn(
    by: str, groups: Sequence[str], columns: Sequence[tuple[str, str]], values: np.ndarray
) -> Any:
    figure, grid = make_figure((2.8 + 0.42 * len(columns), 2.6 + 0.27 * len(groups)))
    axes = grid[0, 0]
    limits = {"vmin": -_SATURATED, "vmax": _SATURATED}
    image = axes.imshow(values, cmap="RdBu_r", aspect="auto", **limits)
    names = [f"{channel}: {TITLES[measure]}" for channel, measure in columns]
    plain_axes(axes, f"Differences by {by}, in standard deviations of cells", grid="x")
    axes.grid(False)
    style = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(columns)), names, parse_math=False, **style)
    axes.set_yticks(range(len(groups)), shown(groups), parse_math=False)
    if values.size <= 400:
        for (row, column), value in np.ndenumerate(values):
            if not np.isnan(value):
                ink = "white" if abs(value) > 0.6 * _SATURATED else "black"
                text = f"{round(value, 1) + 0.0:.1f}"  # no minus before a zero
                axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    figure.colorbar(image, ax=axes, shrink=0.6, extend="both")
    return figure


def differences_between(
    dataset: Dataset, codes: np.ndarray, names: Sequence[str], by: str
) -> GroupDifferences | None:
    """Measure how groups of cells differ in the appearance of each channel.

    Parameters
    ----------
    dataset : Dataset
    codes : ndarray of int, shape (cells,)
        Group of every cell, a place in `names`; below 0 for none.
    names : sequence of str
    by : str
        What groups are, such as Day.

    Returns
    -------
    GroupDifferences or None
        None where there are fewer than two groups of 10 cells.

    Notes
    -----
    Medians and the half width of the middle 68 % stand for mean and deviation: a few odd cells
    move neither. The deviation is the median over groups, so that it is that of cells, not of
    groups. At most 6,000 cells are measured, evenly chosen from every group.
    """
    wanted = np.isin(codes, np.flatnonzero(np.bincount(codes[codes >= 0]) >= _FEWEST))
    if len(np.unique(codes[wanted])) < 2:
        return None
    indices = np.flatnonzero(wanted)
    chosen = spread_over(indices, codes[indices], MOST)
    measures = measure_cells(dataset, chosen, list(range(dataset.depth)))
    own, found = codes[chosen], []
    for place, channel in enumerate(dataset.channel_labels):
        for measure in MEASURES:
            values = measures[measure][:, place]
            found += _compared(values, own, names, (channel, measure))
    order = {name: place for place, name in enumerate(names)}
    found.sort(key=lambda each: order[each.group])
    return GroupDifferences(by, tuple(found))


def _compared(
    values: np.ndarray, codes: np.ndarray, names: Sequence[str], what: tuple[str, str]
) -> list[Difference]:
    """Compare one measure between groups; nothing where it does not vary inside of any."""
    good = np.isfinite(values)
    counts = np.bincount(codes[good])
    groups = np.flatnonzero(counts >= _FEWEST)
    if len(groups) < 2:
        return []
    quantiles = np.array(
        [np.quantile(values[good & (codes == group)], (0.16, 0.5, 0.84)) for group in groups]
    )
    deviation = float(np.median(quantiles[:, 2] - quantiles[:, 0])) / 2
    if deviation <= 0:
        return []
    shifts = (quantiles[:, 1] - np.median(quantiles[:, 1])) / deviation
    widths = (quantiles[:, 2] - quantiles[:, 0]) / 2 / deviation
    errors = _MEDIAN_ERROR * widths / np.sqrt(counts[groups])
    return [
        Difference(str(names[int(group)]), int(counts[group]), *what, float(shift), float(error))
        for group, shift, error in zip(groups, shifts, errors, strict=True)
    ]

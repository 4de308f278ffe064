"""How cells fit into their frame: how many are cropped or padded, and how much of them is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from deepometry.core.text import counted, percent
from deepometry.images.info_statistics import suggest_frame

MUCH, MANY = 1 / 3, 0.05
"""Cropping deserves a warning if more than `MANY` of the cells lose at least `MUCH` of theirs."""

_LARGEST_SIDE = 1 << 24


@dataclass(frozen=True, kw_only=True)
class FrameFit:
    """How cells fit into a frame.

    Attributes
    ----------
    cells, frame : int
        Number of cells, and the side of the frame in pixels.
    cropped : int
        Cells that are larger in one direction or both.
    lost_median, lost_most : float
        Share of the pixels of a cropped cell that is cut off: median over them, and the largest.
    much : int
        Cells that lose at least `MUCH` of their pixels.
    padded : int
        Cells that are smaller in one direction or both.
    added_median : float
        Share of the frame that is noise: median over the padded cells.
    suggested : int
        The frame that `info` suggests for them.
    """

    cells: int
    frame: int
    cropped: int = 0
    lost_median: float = 0.0
    lost_most: float = 0.0
    much: int = 0
    padded: int = 0
    added_median: float = 0.0
    suggested: int = 0

    @property
    def heavy(self) -> bool:
        """Whether so much is cut off that it deserves a warning."""
        return self.much > MANY * self.cells

    def sentences(self) -> list[str]:
        """Describe what was cropped and padded; nothing where every cell fits exactly."""
        return [*self._cropped(), *self._padded()]

    def _cropped(self) -> list[str]:
        if not self.cropped:
            return []
        larger = "was larger" if self.cropped == 1 else "were larger"
        typical = f"a typical one lost {percent(self.lost_median)} of its pixels"
        most = f", the worst {percent(self.lost_most)}"
        text = (
            f"{self.cropped:,} of {counted(self.cells, 'cell')} {larger} than the frame of "
            f"{self.frame} pixels and cropped: {typical}{most}"
        )
        return [f"{text}{self._advice()}."]

    def _advice(self) -> str:
        larger = self.suggested > self.frame
        return f"; a frame size of auto takes {self.suggested}" if larger else ""

    def _padded(self) -> list[str]:
        if not self.padded:
            return []
        smaller = "was smaller" if self.padded == 1 else "were smaller"
        return [
            f"{self.padded:,} of {counted(self.cells, 'cell')} {smaller} than the frame of "
            f"{self.frame} pixels and padded with noise of their own background: "
            f"{percent(self.added_median)} of a typical one."
        ]


class SizeCount:
    """Counts cells by their size, in little memory however many there are."""

    def __init__(self) -> None:
        self._cells: Counter[int] = Counter()

    def add(self, sizes: np.ndarray) -> None:
        """Count cells; `sizes` is int, shape (cells, 2), heights and widths."""
        heights, widths = sizes.astype(np.int64).T
        self._cells.update((heights * _LARGEST_SIDE + widths).tolist())

    def __len__(self) -> int:
        """Return the number of cells."""
        return self._cells.total()

    def suggest(self) -> int:
        """Return the smallest multiple of 8 that holds 95 % of the cells whole."""
        return suggest_frame(self._sides())[0]

    def _sides(self) -> Counter[int]:
        sides: Counter[int] = Counter()
        for size, cells in self._cells.items():
            sides[max(divmod(size, _LARGEST_SIDE))] += cells
        return sides

    def fit(self, frame: int) -> FrameFit:
        """Compute how the cells fit into a frame."""
        sizes = np.array([divmod(size, _LARGEST_SIDE) for size in self._cells], np.int64)
        sizes, cells = sizes.reshape(-1, 2), np.array([*self._cells.values()], np.int64)
        inside = np.minimum(sizes, frame).prod(1)
        large, small = (sizes > frame).any(1), (sizes < frame).any(1)
        lost, added = 1 - inside / sizes.prod(1), 1 - inside / frame**2
        return FrameFit(
            cells=len(self),
            frame=frame,
            cropped=int(cells[large].sum()),
            lost_median=_median(lost[large], cells[large]),
            lost_most=float(lost.max(initial=0)),
            much=int(cells[lost >= MUCH].sum()),
            padded=int(cells[small].sum()),
            added_median=_median(added[small], cells[small]),
            suggested=self.suggest(),
        )


def _median(values: np.ndarray, times: np.ndarray) -> float:
    """Return the median of values that occur several times; 0 of none."""
    if not values.size:
        return 0.0
    order = np.argsort(values)
    seen = np.cumsum(times[order])
    return float(values[order][np.searchsorted(seen, seen[-1] / 2)])

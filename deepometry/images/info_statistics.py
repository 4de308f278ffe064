"""Counting over many cells in little memory: sizes, intensities, problems."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepometry.core.options.fields import LARGEST_FRAME, SMALLEST_FRAME
from deepometry.images.frame import corner_background
from deepometry.images.info_parts import ChannelSet, ProblemKind, SourceInfo, Span
from deepometry.images.readers.base import Cell, Problem

SAMPLED = 8192
"""Cells, evenly spaced over all, whose intensities are kept for medians (at most twice as many)."""

_FRAME_STEP, _HELD_WHOLE = 8, 0.95
_LARGEST_CONTRAST = 1e6
_SMALLEST_SPREAD = 0.5  # counts: a background of one value only is rounded to it


@dataclass
class SizeTally:
    """What is counted of some cells: how many there are of each size and type.

    Attributes
    ----------
    heights, widths, sides : Counter of int
        Cells of each height, width, and of each larger one of the two sides that a frame has to
        hold.
    dtypes : Counter of str
        Cells of each type of pixels.
    backgrounds, centres : int
        Cells that came with them.
    """

    heights: Counter[int] = field(default_factory=Counter)
    widths: Counter[int] = field(default_factory=Counter)
    sides: Counter[int] = field(default_factory=Counter)
    dtypes: Counter[str] = field(default_factory=Counter)
    backgrounds: int = 0
    centres: int = 0

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.sides.total()

    def add(self, cell: Cell) -> None:
        """Count one cell."""
        height, width, _ = cell.pixels.shape
        self.heights[height] += 1
        self.widths[width] += 1
        self.sides[max(cell.sides)] += 1
        self.dtypes[str(cell.dtype)] += 1
        self.backgrounds += cell.background is not None
        self.centres += cell.centre is not None

    def merge(self, other: SizeTally) -> None:
        """Count all that another one has counted."""
        self.heights.update(other.heights)
        self.widths.update(other.widths)
        self.sides.update(other.sides)
        self.dtypes.update(other.dtypes)
        self.backgrounds += other.backgrounds
        self.centres += other.centres


def span(sizes: Mapping[int, int]) -> Span | None:
    """Return smallest, middle and largest of sizes that are counted; None of none."""
    if not sizes:
        return None
    half, seen = sum(sizes.values()) / 2, 0
    for size in sorted(sizes):
        seen += sizes[size]
        if seen >= half:
            break
    return Span(min(sizes), size, max(sizes))


def suggest_frame(sides: Mapping[int, int]) -> tuple[int, int]:
    """Find a frame that holds nearly all cells whole, from the numbers of cells of each size.

    Returns
    -------
    frame : int
        The smallest multiple of 8 that holds 95 % of the cells, within what parse accepts.
    cropped : int
        Cells that are larger.
    """
    cells = sum(sides.values())
    frame = SMALLEST_FRAME
    while frame < LARGEST_FRAME and _larger(sides, frame) > (1 - _HELD_WHOLE) * cells:
        frame += _FRAME_STEP
    return frame, _larger(sides, frame)


def _larger(sides: Mapping[int, int], frame: int) -> int:
    return sum(cells for side, cells in sides.items() if side > frame)


class IntensityTally:
    """Intensities of every channel: extremes of all cells, medians of an even sample."""

    def __init__(self, sampled: int = SAMPLED) -> None:
        self._sampled, self._seen, self._step = sampled, 0, 1
        self._extremes: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        self._cells: Counter[tuple[int, ...]] = Counter()
        self._sample: list[tuple[tuple[int, ...], np.ndarray]] = []

    def add(self, channels: tuple[int, ...], pixels: np.ndarray) -> None:
        """Count one cell, of shape (height, width, channels)."""
        # one plane after the other: several times faster than along the last axis
        planes = pixels.transpose(2, 0, 1).reshape(pixels.shape[2], -1)
        low, high = planes.min(1), planes.max(1)
        least, most = self._extremes.get(channels, (low, high))
        self._extremes[channels] = np.minimum(least, low), np.maximum(most, high)
        self._cells[channels] += 1
        if self._seen % self._step == 0:
            self._sample.append((channels, np.stack([low, high, _contrast(pixels, low, high)])))
            if len(self._sample) > 2 * self._sampled:
                self._sample, self._step = self._sample[::2], 2 * self._step
        self._seen += 1

    def channels(self) -> dict[int, dict[str, Any]]:
        """Return the numbers of `ChannelInfo` for every channel, rising."""
        numbers = sorted({number for channels in self._cells for number in channels})
        return {number: self._channel(number) for number in numbers}

    def _channel(self, number: int) -> dict[str, Any]:
        places = {c: c.index(number) for c in self._cells if number in c}
        rows = np.array([r[:, places[c]] for c, r in self._sample if c in places], float)
        extremes = ((place, *self._extremes[channels]) for channels, place in places.items())
        ends = [(low[place], high[place]) for place, low, high in extremes]
        # a rare set of channels may have no cell in the sample
        sampled = rows if len(rows) else np.array([[*ends[0], 0.0]], float)
        return {
            "cells": sum(self._cells[c] for c in places),
            "lowest": min(low.item() for low, _ in ends),
            "highest": max(high.item() for _, high in ends),
            "darkest": float(np.median(sampled[:, 0])),
            "brightest": float(np.median(sampled[:, 1])),
            "contrast": round(float(np.quantile(sampled[:, 2], 0.95)), 2),
        }


def _contrast(pixels: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how far each channel stands out from its background, in standard deviations of it."""
    mean, spread = corner_background(pixels)
    least = _SMALLEST_SPREAD if pixels.dtype.kind in "ui" else np.finfo(np.float64).tiny
    far = np.maximum(high - mean, mean - low)
    with np.errstate(over="ignore"):
        return np.minimum(far / np.maximum(spread, least), _LARGEST_CONTRAST)


class ProblemTally:
    """Problems counted by kind, so that a million of them fit in memory."""

    def __init__(self, most: int = 1000) -> None:
        self._most, self.number = most, 0
        self._first: dict[str, Problem] = {}
        self._kinds: Counter[str] = Counter()

    def add(self, problem: Problem) -> None:
        """Count one problem."""
        self.number += 1
        kind = _kind(problem)
        if kind in self._first or len(self._first) < self._most:
            self._first.setdefault(kind, problem)
            self._kinds[kind] += 1

    def kinds(self) -> tuple[ProblemKind, ...]:
        """Return every kind, as it first appeared."""
        return tuple(
            ProblemKind(first.source, first.object, first.reason, self._kinds[kind])
            for kind, first in self._first.items()
        )


def _kind(problem: Problem) -> str:
    """Return the reason without what differs from cell to cell: names and long numbers."""
    reason = problem.reason
    names = [problem.source.rpartition("/")[2]]
    names += [problem.object] if not problem.object.isdigit() else []
    for name in filter(None, names):
        reason = reason.replace(name, "")
    return re.sub(r"\d{3,}", "", reason)


def channel_sets(sources: Iterable[SourceInfo]) -> tuple[ChannelSet, ...]:
    """Count sources and cells by channels, that of most cells first, of equals the larger one."""
    cells: Counter[tuple[int, ...]] = Counter()
    files: Counter[tuple[int, ...]] = Counter()
    for source in sources:
        if source.channels:
            cells[source.channels] += source.cells
            files[source.channels] += 1
    order = sorted(cells, key=lambda channels: (-cells[channels], -len(channels)))
    return tuple(ChannelSet(channels, files[channels], cells[channels]) for channels in order)


def details_of(sources: Iterable[SourceInfo]) -> dict[str, dict[str, int]]:
    """Count the values of all metadata of the files."""
    details: dict[str, Counter[str]] = {}
    for source in sources:
        for name, value in source.details.items():
            details.setdefault(name, Counter())[value] += 1
    return {name: dict(values.most_common()) for name, values in details.items()}

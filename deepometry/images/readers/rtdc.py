"""An .rtdc file of a deformability cytometer (RT-DC) as a source of cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.text import counted
from deepometry.images.cif.cell import find_columns
from deepometry.images.cif.codec import CifError
from deepometry.images.readers.base import LEFT_OUT, NO_MASK, Cell, Problem
from deepometry.images.readers.cif import as_sentence
from deepometry.images.readers.numbered import Numbered
from deepometry.images.readers.rtdc_file import (
    BACKGROUNDS,
    IMAGE,
    MASK,
    RtdcError,
    details_of,
    feature_names,
    images_of,
    opened_events,
    own_array,
    rows_at_once,
    why,
)

_CHANNEL, _NAME = 1, "Brightfield"
_PLACE = ("pos_y", "pos_x", "size_y", "size_x")
_MARGIN = 0.5  # of the longer side of a cell, which a frame should show around it
_Place = tuple[()] | tuple[tuple[float, float] | None, tuple[int, int] | None]


class RtdcSource:
    """The cells of one .rtdc file: one channel, with masks, background and features.

    Objects are numbered from 0, the row of the event in the arrays of the file. Nothing outside
    the file is read: links to other files are refused.

    Raises
    ------
    DeepometryError
        It cannot be opened, or has no images of cells.
    """

    def __init__(self, path: Path, folder: tuple[str, ...], stem: str) -> None:
        self.path, self.folder, self.stem = path, folder, stem
        with opened_events(path) as events:
            images = images_of(path, events)
            self._cells, self._size = images.shape[0], images.shape[1:]
            self._rows = rows_at_once(images)
            pictures = [name for name in (MASK, *BACKGROUNDS) if self._fits(events, name)]
            self._lengths = {name: len(own_array(events, name)) for name in feature_names(events)}
            self.details = details_of(events.file.attrs) | self._left_out(events, pictures)
        self.has_masks = MASK in pictures
        self._background = next((name for name in BACKGROUNDS if name in pictures), "")
        self._lost = max([*self._lengths.values(), self._cells]) - self._cells
        self.channels: tuple[int, ...] = (_CHANNEL,)
        self.channel_names = {_CHANNEL: _NAME}
        self.brightfield: tuple[int, ...] = (_CHANNEL,)

    def _fits(self, events: Any, name: str) -> bool:
        """Return whether an array has pictures of the size of the images."""
        array = own_array(events, name)
        return array is not None and array.ndim == 3 and array.shape[1:] == self._size

    def _left_out(self, events: Any, pictures: Sequence[str]) -> dict[str, str]:
        odd = [name for name in (MASK, *BACKGROUNDS) if name in events and name not in pictures]
        text = f"{' and '.join(odd)}, not in the file itself or not of the size of its images"
        return {LEFT_OUT: text} if odd else {}

    @property
    def name(self) -> str:
        """Path below the input folder, with forward slashes."""
        return "/".join((*self.folder, self.path.name))

    @property
    def objects(self) -> Sequence[str]:
        """Event numbers, from 0; an empty one at the end stands for events without an image."""
        return Numbered(self._cells, blank=bool(self._lost))

    @property
    def keys(self) -> Sequence[str]:
        """File and event number of every cell."""
        return Numbered(self._cells, blank=bool(self._lost), before=f"{self.name}#")

    @cached_property
    def features(self) -> Mapping[str, np.ndarray]:
        """The features that the file has of its events, such as `area_um` and `deform`."""
        with opened_events(self.path) as events:
            arrays = {name: own_array(events, name)[: self._cells] for name in self._lengths}
        return {name: _padded(values, len(self.objects)) for name, values in arrays.items()}

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield every cell in the order of `objects`, or a `Problem` with the reason.

        With `masked`, a cell without a mask is a problem.
        """
        try:
            find_columns(channels, self.channels)
            with opened_events(self.path) as events:
                for first in range(0, self._cells, self._rows):
                    last = min(first + self._rows, self._cells)
                    yield from self._batch(events, first, last, masked)
        except DeepometryError as error:
            reason = as_sentence(error) if isinstance(error, CifError) else str(error)
            yield from (Problem(self.name, name, reason) for name in self.objects)
            return
        if self._lost:
            reason = f"The file has no image of the last {counted(self._lost, 'event')} of it."
            yield Problem(self.name, "", reason)

    def _batch(self, events: Any, first: int, last: int, masked: bool) -> Iterator[Cell | Problem]:
        """Read some events at once; one by one where that fails, to find those that are lost."""
        try:
            images, masks, backgrounds = self._arrays(events, first, last)
        except RtdcError as error:
            if last - first == 1:
                yield Problem(self.name, str(first), str(error))
                return
            for row in range(first, last):
                yield from self._batch(events, row, row + 1, masked)
            return
        for row, image in enumerate(images):
            mask = masks[row] != 0 if row < len(masks) else None
            if masked and (mask is None or not mask.any()):
                yield Problem(self.name, str(first + row), NO_MASK)
                continue
            level = _level(backgrounds[row]) if row < len(backgrounds) else None
            place = _outline(mask) or self._position(first + row)
            shown = mask[:, :, np.newaxis] if masked and mask is not None else None
            name = str(first + row)
            yield Cell(self.name, name, image[:, :, np.newaxis], level, None, shown, "", *place)

    def _arrays(self, events: Any, first: int, last: int) -> list[np.ndarray]:
        names = (IMAGE, MASK if self.has_masks else "", self._background)
        none = np.empty((0, 0, 0))
        try:
            return [own_array(events, name)[first:last] if name else none for name in names]
        except Exception as error:  # a damaged file can make the library raise anything
            raise RtdcError(f"Its image cannot be read: {why(error)}.") from error

    def _position(self, row: int) -> _Place:
        """Return where a cell is in its image by its position and size in micrometres."""
        scale = self._pixel_size
        y, x, height, width = (self._feature(name, row) for name in _PLACE)
        if not scale or not (math.isfinite(x) and math.isfinite(y)):
            return None, None
        known = math.isfinite(height) and math.isfinite(width)
        extent = _with_margin(height / scale, width / scale) if known else None
        return (y / scale, x / scale), extent

    def _feature(self, name: str, row: int) -> float:
        return float(self.features[name][row]) if name in self._lengths else math.nan

    @property
    def _pixel_size(self) -> float:
        try:
            return float(self.details.get("Pixel size", 0))
        except ValueError:
            return 0.0


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    """Return one value for each object, NaN where there is none."""
    if len(values) == length:
        return values
    padded = np.full(length, np.nan)
    padded[: len(values)] = values
    return padded


def _level(background: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation of a picture of the background, shape (1, 2)."""
    return np.array([[background.mean(), background.std()]])


def _outline(mask: np.ndarray | None) -> _Place:
    """Return where a cell is in its image by its mask; nothing without one."""
    if mask is None or not mask.any():
        return ()
    rows, columns = np.nonzero(mask)
    middle = float(rows.mean()) + 0.5, float(columns.mean()) + 0.5
    return middle, _with_margin(float(np.ptp(rows)) + 1, float(np.ptp(columns)) + 1)


def _with_margin(height: float, width: float) -> tuple[int, int]:
    margin = _MARGIN * max(height, width)
    return max(1, math.ceil(height + margin)), max(1, math.ceil(width + margin))

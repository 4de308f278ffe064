"""Folders of .tif files: one file for every cell and channel, or one file for every cell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from deepometry.names import natural_key
from deepometry.readers.base import Cell, Problem
from deepometry.readers.tiff_file import TiffError, read_channels, read_plane

_CHANNEL = re.compile(
    r"(?:(?P<base>.+)[_\- .])?(?:ch|channel)0*(?P<number>[0-9]{1,4})(?:\.ome)?\.tiff?",
    re.IGNORECASE | re.DOTALL,
)
_WHOLE = re.compile(r"(?P<base>.+?)(?:\.ome)?\.tiff?", re.IGNORECASE | re.DOTALL)
_WHOLE_CELL = -1  # in place of a channel number, for a file with all channels

# What files a cell has: (channel, what the file name has behind or before the cell's name). There
# are few layouts and many cells, so that cells share them.
Layout = tuple[tuple[int, str], ...]


class TiffSource:
    """The cells of the .tif files of one folder.

    A file named such as `cell_000123_Ch3.ome.tif` is one channel of a cell; its number is
    compared as a number, and case does not matter. Any other file is a cell with all channels.

    Parameters
    ----------
    path : Path
        The folder.
    folder : tuple of str
        Its path below the input folder, outermost first.
    stem : str
        Name of the stack that its cells go to.
    names : iterable of str
        Names of its .tif files, in any order.
    """

    def __init__(
        self, path: Path, folder: tuple[str, ...], stem: str, names: Sequence[str]
    ) -> None:
        self.path, self.folder, self.stem = path, folder, stem
        cells = _group(names, path.name or stem)
        self._objects = sorted(cells, key=natural_key)
        self._layouts = [cells[name] for name in self._objects]

    @property
    def objects(self) -> Sequence[str]:
        """Name of every cell, in natural order."""
        return self._objects

    @property
    def keys(self) -> Sequence[str]:
        """Folder and name of every cell."""
        return [self._below(name) for name in self._objects]

    @cached_property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels that most cells have; of equals, the larger set."""
        votes: Counter[tuple[int, ...]] = Counter()
        for layout, cells in Counter(self._layouts).items():
            votes[_channels_of(layout)] += cells
        whole = votes.pop((_WHOLE_CELL,), 0)
        if whole and (first := self._first_channels()):
            votes[first] += whole
        return max(sorted(votes), key=lambda found: (votes[found], len(found)), default=())

    @property
    def channel_names(self) -> dict[int, str]:
        """None: .tif files do not tell."""
        return {}

    @property
    def brightfield(self) -> tuple[int, ...]:
        """None: .tif files do not tell."""
        return ()

    @property
    def details(self) -> dict[str, str]:
        """None."""
        return {}

    @property
    def has_masks(self) -> bool:
        """None."""
        return False

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Give every cell in the order of `objects`, or the reason why it cannot be had.

        Parameters
        ----------
        channels : sequence of int
            The wanted channels, in the wanted order. Files of others are not read.
        """
        for name, layout in zip(self._objects, self._layouts, strict=True):
            source = self._below(_file_name(name, layout[0][1]))
            try:
                yield Cell(source, name, self._read_cell(name, layout, channels))
            except TiffError as error:
                yield Problem(source, name, str(error))

    def _read_cell(self, name: str, layout: Layout, channels: Sequence[int]) -> np.ndarray:
        if layout[0][0] == _WHOLE_CELL:
            found = read_channels(self._path(name, layout[0][1]))
            _check_wanted(channels, range(1, found.shape[2] + 1))
            return found[:, :, [channel - 1 for channel in channels]]
        files = _files(name, layout)
        _check_wanted(channels, files)
        planes = [read_plane(self._path(name, files[channel])) for channel in channels]
        return _stack(planes, channels)

    def _first_channels(self) -> tuple[int, ...]:
        """Find the channels of the first whole cell that can be read."""
        for name, layout in zip(self._objects, self._layouts, strict=True):
            if layout[0][0] == _WHOLE_CELL:
                try:
                    found = read_channels(self._path(name, layout[0][1]))
                except TiffError:
                    continue
                return tuple(range(1, found.shape[2] + 1))
        return ()

    def _path(self, name: str, pattern: str) -> str:
        return f"{self.path}/{_file_name(name, pattern)}"

    def _below(self, name: str) -> str:
        return "/".join((*self.folder, name))


def _group(names: Sequence[str], folder: str) -> dict[str, Layout]:
    """Find which files make a cell: the name of every cell, and its layout."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        base, number = _split(name, folder)
        found.setdefault(base, []).append((number, _pattern(name, base)))
    shared: dict[Layout, Layout] = {}
    cells: dict[str, Layout] = {}
    for base, files in found.items():
        for cell, layout in _cells(base, sorted(files)):
            cells[cell] = shared.setdefault(layout, layout)
    return cells


def _split(name: str, folder: str) -> tuple[str, int]:
    """Split a file name into cell and channel; one that is only a channel is of its folder."""
    if found := _CHANNEL.fullmatch(name):
        return found["base"] or folder, int(found["number"])
    whole = _WHOLE.fullmatch(name)
    return whole["base"] if whole else name, _WHOLE_CELL


def _pattern(name: str, base: str) -> str:
    """Give a file name with its cell's name left out, as `*`, which no file name can have."""
    return "*" + name[len(base) :] if name.startswith(base) else name


def _file_name(cell: str, pattern: str) -> str:
    return cell + pattern[1:] if pattern.startswith("*") else pattern


def _cells(base: str, files: list[tuple[int, str]]) -> Iterator[tuple[str, Layout]]:
    """Tell apart a cell in channels from whole cells of the same name, such as a.tif, a.tiff."""
    parts = [file for file in files if file[0] != _WHOLE_CELL]
    whole = [file for file in files if file[0] == _WHOLE_CELL]
    if parts:
        yield base, tuple(parts)
    for _, pattern in whole:
        if len(files) == 1:
            yield base, ((_WHOLE_CELL, pattern),)
        else:
            name = _file_name(base, pattern)
            yield name, ((_WHOLE_CELL, "*"),)


def _channels_of(layout: Layout) -> tuple[int, ...]:
    return tuple(sorted({channel for channel, _ in layout}))


def _files(name: str, layout: Layout) -> dict[int, str]:
    """Give the file name pattern of every channel."""
    files: dict[int, str] = {}
    for channel, pattern in layout:
        if channel in files:
            first, second = _file_name(name, files[channel]), _file_name(name, pattern)
            raise TiffError(
                f"Both {first} and {second} claim channel {channel}: remove one of them."
            )
        files[channel] = pattern
    return files


def _check_wanted(wanted: Sequence[int], present: Sequence[int] | dict[int, str]) -> None:
    if not wanted:
        raise TiffError("No channel of it is wanted.")
    missing = [channel for channel in wanted if channel not in present]
    if missing:
        verb = "channel {} is" if len(missing) == 1 else "channels {} are"
        told = ", ".join(map(str, sorted(present)))
        raise TiffError(f"{verb.format(', '.join(map(str, missing)))} missing (it has {told}).")


def _stack(planes: list[np.ndarray], channels: Sequence[int]) -> np.ndarray:
    """Put planes (height, width) side by side as (height, width, channels), natively ordered."""
    first = planes[0]
    pixels = np.empty((*first.shape, len(planes)), first.dtype.newbyteorder("="))
    for i, plane in enumerate(planes):
        if plane.shape != first.shape or plane.dtype.newbyteorder("=") != pixels.dtype:
            raise TiffError(
                f"channel {channels[0]} is {_look(first)}, but channel {channels[i]} is "
                f"{_look(plane)}; export all channels alike."
            )
        pixels[:, :, i] = plane
    return pixels


def _look(plane: np.ndarray) -> str:
    return f"{plane.shape[1]} x {plane.shape[0]} pixels of {plane.dtype.newbyteorder('=')}"

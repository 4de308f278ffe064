"""Folders of .tif files and pictures: a file for every cell and channel, or for every cell.

A file may also hold several cells, where `pages` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np

from deepometry.core.folder_names import natural_key
from deepometry.images.file_names.choose_naming import choose_naming
from deepometry.images.file_names.naming import OWN, WHOLE_CELL, Layout, Naming, file_name
from deepometry.images.readers.base import Cell, Problem, WithoutMetadata
from deepometry.images.readers.channel_planes import (
    as_grey,
    channel_order,
    check_wanted,
    files_by_channel,
    last_part,
    renamed,
    stack_planes,
    unequal,
)
from deepometry.images.readers.file_images import (
    SINGLE,
    Contents,
    FileError,
    FileImages,
    cell_suffixes,
    cells_in,
)
from deepometry.images.readers.intensities import SPREAD, joined_notes, spread
from deepometry.images.readers.tiff_file import TiffError, as_images, read_contents, read_file

_ONE = (1,)
_PICTURE = np.dtype(np.uint8)  # of pictures: grey ones can stand beside coloured ones
UNMATCHED: Layout = ((-2, OWN),)  # of a file that no pattern matches


class TiffSource(WithoutMetadata):
    """The cells of the .tif files and pictures of one folder.

    `naming` says which of them are channels of one cell, and which a cell with all channels; by
    default what the names of these files alone show. `names` may have folders in front. `pages`
    says how files are taken that hold several images which are not channels.

    Attributes
    ----------
    colour : bool
        Some pictures of the input are coloured, so that all have red, green and blue; without
        them pictures whose colours are equal have one channel.
    order : tuple of str
        Names of the channels in the order in which all files of the input are to be read; empty
        for that of the first file of this folder.
    """

    def __init__(
        self,
        path: Path,
        folder: tuple[str, ...],
        stem: str,
        names: Sequence[str],
        pages: str | None = None,
        naming: Naming | None = None,
    ) -> None:
        self.path, self.folder, self.stem = path, folder, stem
        self.pages, self.colour = pages, False
        self.order: tuple[str, ...] = ()
        self._found: list[Contents] | None = None
        self.naming = naming or choose_naming({(): names})
        cells, unmatched = self.group(names, path.name or stem)
        cells |= dict.fromkeys(unmatched, UNMATCHED)
        self._names = sorted(cells, key=natural_key)
        self._layouts = [cells[name] for name in self._names]

    def group(self, names: Sequence[str], own: str) -> tuple[dict[str, Layout], list[str]]:
        """Find which files make a cell, and those that no pattern matches."""
        return self.naming.cells(names, own)

    @cached_property
    def objects(self) -> Sequence[str]:
        """Name of every cell, in natural order; with the number of its page, such as `a#3`."""
        if self._suffixes is None:
            return self._names
        pairs = zip(self._names, self._suffixes, strict=True)
        objects = [name + suffix for name, suffixes in pairs for suffix in suffixes]
        if len(set(objects)) == len(objects):
            return objects
        pairs = zip(self.files(), self._suffixes, strict=True)  # a.tif and a#1.tif
        return [name + suffix for name, suffixes in pairs for suffix in suffixes]

    @cached_property
    def _suffixes(self) -> list[list[str]] | None:
        """What the cells of every file are called behind its name; None if each has only one."""
        if self.pages in (None, "channels"):
            return None
        return [cell_suffixes(contents, self.pages) for contents in self._contents]

    @property
    def _contents(self) -> list[Contents]:
        """What the first file of every cell holds."""
        if self._found is None:
            self.look(lambda: None)
        return self._found or []

    def look(self, check: Callable[[], None]) -> None:
        """Find out what each file holds; `check` is called between files, and may raise."""
        found = []
        for file in self.files():
            check()
            found.append(self.contents_of(file))
        self._found = found

    def contents_of(self, file: str) -> Contents:
        """Return what a file holds; what cannot be read counts as a single image."""
        try:
            return read_contents(f"{self.path}/{file}")
        except TiffError:
            return SINGLE

    def files(self) -> list[str]:
        """Return the name of the first file of every cell."""
        return [self.file(place) for place in range(len(self._names))]

    def file(self, place: int) -> str:
        """Return the name of the first file of the cell at a place."""
        return file_name(self._names[place], self._layouts[place][0][1])

    def joined_folders(self) -> list[str]:
        """Return a file of each of the folders that a pattern joins, relative to the input."""
        if self.naming.pattern is None or not self.naming.pattern.depth:
            return []
        cells = zip(self._names, self._layouts, strict=True)
        files = [file_name(name, file) for name, layout in cells for _, file in layout]
        return [self._below(file) for file in {f.rpartition("/")[0]: f for f in files}.values()]

    def is_channel(self, place: int) -> bool:
        """Return whether that file is one channel of the cell."""
        return self._layouts[place][0][0] != WHOLE_CELL

    @property
    def keys(self) -> Sequence[str]:
        """Folder and name of every cell."""
        return [self._below(name) for name in self.objects]

    @cached_property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels that most cells have; of equals, the larger set."""
        votes: Counter[tuple[int, ...]] = Counter()
        for layout, cells in self.layouts.items():
            votes[tuple(sorted({channel for channel, _ in layout}))] += cells
        votes.pop((UNMATCHED[0][0],), None)
        whole = votes.pop((WHOLE_CELL,), 0)
        if whole and (first := self._first_channels):
            votes[first] += whole
        return max(sorted(votes), key=lambda channels: (votes[channels], len(channels)), default=())

    @cached_property
    def channel_names(self) -> dict[int, str]:
        """Names of channels that file names have, or the first whole cell in its file."""
        numbers = {channel for layout in self.layouts for channel, _ in layout}
        named = {n: name for n, name in self.naming.channel_names.items() if n in numbers}
        return dict(enumerate(self.order or self._first[1], 1)) | named

    @property
    def layouts(self) -> Counter[Layout]:
        """How many cells have each layout."""
        return Counter(self._layouts)

    def read(self, channels: Sequence[int], masked: bool = False) -> Iterator[Cell | Problem]:
        """Yield cells or problems as `Source`; files of channels that are not wanted are left."""
        names, suffixes = iter(self.objects), self._suffixes
        for place, (name, layout) in enumerate(zip(self._names, self._layouts, strict=True)):
            source = self._below(file_name(name, layout[0][1]))
            objects = list(islice(names, len(suffixes[place]))) if suffixes else [next(names)]
            try:
                cells, note = self._read_cells(name, layout, channels)
                if len(cells) != len(objects):
                    raise unequal(len(cells), len(objects))
            except TiffError as error:
                yield from (Problem(source, each, str(error)) for each in objects)
            else:
                for each, pixels in zip(objects, cells, strict=True):
                    yield Cell(source, each, pixels, note=note)

    @property
    def names(self) -> Sequence[str]:
        """Names of the cells, without those of pages."""
        return self._names

    def read_at(self, place: int, channels: Sequence[int]) -> list[Cell | Problem]:
        """Read the cells of one name."""
        name, layout = self._names[place], self._layouts[place]
        source = self._below(self.file(place))
        try:
            cells, note = self._read_cells(name, layout, channels)
        except TiffError as error:
            return [Problem(source, name, str(error))]
        return [Cell(source, name, pixels, note=note) for pixels in cells]

    def _read_cells(
        self, name: str, layout: Layout, channels: Sequence[int]
    ) -> tuple[list[np.ndarray], str]:
        """Read the cells of a file, or of the files of one cell, with a note on what changed."""
        if layout is UNMATCHED:
            pattern = self.naming.pattern
            raise TiffError(f"Its name does not match the pattern {pattern and pattern.text}.")
        if layout[0][0] == WHOLE_CELL:
            return self._read_whole(self._path(name, layout[0][1]), channels)
        files = files_by_channel(name, layout)
        check_wanted(channels, files)
        read = [read_file(self._path(name, files[channel])) for channel in channels]
        if FileImages not in map(type, read):
            return [stack_planes(cast(list[np.ndarray], read), channels)], ""
        paths = [self._path(name, files[channel]) for channel in channels]
        planes, notes = zip(*map(self._planes, read, paths), strict=True)
        if len(numbers := set(map(len, planes))) > 1:
            raise unequal(*numbers)
        cells = [stack_planes(each, channels) for each in zip(*planes, strict=True)]
        return cells, joined_notes(*notes)

    def _planes(self, file: np.ndarray | FileImages, path: str) -> tuple[list[np.ndarray], str]:
        """Return the one channel that a file has of a cell, or of several cells."""
        if isinstance(file, np.ndarray):
            return [file], ""
        file = as_grey(file)
        cells = self._cells_in(file, path)
        if cells[0].shape[2] != 1:
            raise TiffError(
                f"{last_part(path)} holds {cells[0].shape[2]} images or colours where one is "
                "expected."
            )
        return [cell[:, :, 0] for cell in cells], file.note

    def _read_whole(self, path: str, channels: Sequence[int]) -> tuple[list[np.ndarray], str]:
        """Read whole cells with their channels in one order."""
        read = read_file(path)
        if isinstance(read, np.ndarray) and not self.colour:
            check_wanted(channels, _ONE)
            return [read.astype(read.dtype.newbyteorder("="))[:, :, np.newaxis]], ""
        cells, file, note = self._whole(read, path)
        count, (expected, names) = cells[0].shape[2], self._first
        check_wanted(channels, range(1, count + 1))
        if count > expected > 0:
            what = "colours" if file.colour else f"{count} channels"
            raise TiffError(
                f"{last_part(path)} has {what} where the first of its folder has {expected} "
                f"{'channels' if expected > 1 else 'channel'}; export all cells alike."
            )
        wanted = self.order or names
        order = channel_order(file.contents, wanted, count, last_part(path))
        note = joined_notes(note, renamed(file.contents.names, wanted))
        return [cell[:, :, [order[channel - 1] for channel in channels]] for cell in cells], note

    def _whole(
        self, read: np.ndarray | FileImages, path: str
    ) -> tuple[list[np.ndarray], FileImages, str]:
        """Return whole cells, what their file holds, and a note on what changed."""
        file = as_images(read) if self.colour else as_grey(as_images(read))
        cells = self._cells_in(file, path)
        if (
            self.colour
            and not file.colour
            and cells[0].shape[2] == 1
            and cells[0].dtype == _PICTURE
        ):
            return [spread(cell) for cell in cells], file, joined_notes(SPREAD, file.note)
        return cells, file, file.note

    def _cells_in(self, file: FileImages, path: str) -> list[np.ndarray]:
        try:
            return cells_in(file, self.pages)
        except FileError as error:
            raise TiffError(f"{last_part(path)} {error}.") from error

    def cells_of_pages(self) -> int:
        """Count the cells of those files."""
        if self._suffixes is None:
            return 0
        pairs = zip(self._suffixes, self._contents, strict=True)
        return sum(len(suffixes) for suffixes, each in pairs if each.images > 1)

    @property
    def parts_planes(self) -> bool:
        """Whether z planes or time points of one file are taken as cells of their own."""
        return self.pages == "cells" and any(each.has_planes for each in self._contents)

    def pages_of_files(self) -> Counter[int]:
        """Count the files by the number of their images, where these are not all channels."""
        if self.pages in (None, "channels"):
            return Counter()
        return Counter(each.images for each in self._contents if each.images > 1)

    @cached_property
    def _first(self) -> tuple[int, tuple[str, ...]]:
        """The number of channels of the first whole cell that can be read, and their names."""
        for name, layout in zip(self._names, self._layouts, strict=True):
            if layout[0][0] == WHOLE_CELL:
                try:
                    path = self._path(name, layout[0][1])
                    cells, file, _ = self._whole(read_file(path), path)
                except TiffError:
                    continue
                names = file.contents.names
                return cells[0].shape[2], names if len(names) == cells[0].shape[2] else ()
        return 0, ()

    @property
    def _first_channels(self) -> tuple[int, ...]:
        return tuple(range(1, self._first[0] + 1))

    def _path(self, name: str, pattern: str) -> str:
        return f"{self.path}/{file_name(name, pattern)}"

    def _below(self, name: str) -> str:
        return "/".join((*self.folder, name))

"""Which files of a folder make a cell, and which channels they are, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deepometry.core.name_pattern import NamePattern, stem_of
from deepometry.images.file_names.channel_numbers import number_channels
from deepometry.images.file_names.field_readings import Reading

WHOLE_CELL = -1
"""In place of a channel number, for a file with all channels."""

OWN = "\0"
"""In place of the cell's name in front of a file name; none can have this."""

# What files a cell has: (channel, what the file name has behind the cell's name, or all of it).
# There are few layouts and many cells, so that cells share them.
Layout = tuple[tuple[int, str], ...]
Folders = Mapping[tuple[str, ...], Sequence[str]]


def file_name(cell: str, pattern: str) -> str:
    """Return the name of a file of a layout."""
    return cell + pattern[1:] if pattern.startswith(OWN) else pattern


class Naming:
    """How the file names of an input are read.

    Parameters
    ----------
    readings : sequence of Reading
        The first that finds a channel in a name counts; a name without is a cell by itself.
    pattern : NamePattern or None
        In their place. A name that does not match is no cell.
    """

    def __init__(
        self, readings: Sequence[Reading] = (), pattern: NamePattern | None = None
    ) -> None:
        self._readings, self.pattern = readings, pattern
        self._numbers: dict[str, tuple[int, str]] = {}
        self._learnt: dict[str, tuple[str, str] | None] = {}

    def learn(self, folders: Folders) -> None:
        """Number the channels of all folders."""
        moved = self.regrouped(folders).values()
        self._learnt = {name: self.split(name) for names in moved for name in names}
        splits = self._learnt.values()
        self._numbers = number_channels({parts[1] for parts in splits if parts and parts[1]})

    def cell_names(self, folders: Folders) -> list[list[str]]:
        """Return the names of the cells of each folder; files that match no pattern have none."""
        return [
            list(dict.fromkeys(p[0] for name in names if (p := self._learnt.get(name)) and p[0]))
            for names in self.regrouped(folders).values()
        ]

    @property
    def depth(self) -> int:
        """How many folders the pattern describes."""
        return self.pattern.depth if self.pattern else 0

    @property
    def markers(self) -> list[str]:
        """The channels as names spell them, in the order of their numbers."""
        return [name or str(number) for number, name in self._numbers.values()]

    @property
    def channel_names(self) -> dict[int, str]:
        """Names of the channels that have one, by number."""
        return {number: name for number, name in self._numbers.values() if name}

    def split(self, name: str) -> tuple[str, str] | None:
        """Split a file name into cell and channel, both maybe blank; None if no pattern matches."""
        if self.pattern:
            return self.pattern.split(name)
        stem = stem_of(name)
        for reading in self._readings:
            if parts := reading.split(stem):
                return parts
        return stem, ""

    def regrouped(self, folders: Folders) -> dict[tuple[str, ...], list[str]]:
        """Move files to the folder above those that a pattern describes, such as `DAPI/001.tif`."""
        depth = self.pattern.depth if self.pattern else 0
        moved: dict[tuple[str, ...], list[str]] = {}
        for folder, names in folders.items():
            above = folder[: len(folder) - depth] if depth <= len(folder) else folder
            inside = "".join(f"{part}/" for part in folder[len(above) :])
            moved.setdefault(above, []).extend(f"{inside}{name}" for name in names)
        return moved

    def cells(self, names: Sequence[str], folder: str) -> tuple[dict[str, Layout], list[str]]:
        """Find which files of a folder make a cell.

        Parameters
        ----------
        names : sequence of str
            Of the files; with a pattern of folders, those are in front.
        folder : str
            Names the cell of files that are called by their channel alone.

        Returns
        -------
        (dict of str to Layout, list of str)
            The files of each cell, and those that do not match the pattern.
        """
        files_of: dict[str, list[tuple[int, str]]] = {}
        others = []
        for name in names:
            parts = self._learnt.pop(name, None) or self.split(name)
            if parts is None:
                others.append(name)
                continue
            if parts[1].casefold() not in self._numbers:  # files that were not learnt from
                parts = (parts[0] if self.pattern else stem_of(name)), ""
            cell, marker = parts[0] or folder, parts[1].casefold()
            number = self._numbers[marker][0] if marker else WHOLE_CELL
            files_of.setdefault(cell, []).append((number, _behind(name, cell)))
        return _share_layouts(files_of), others


def _behind(name: str, cell: str) -> str:
    """Return a file name with its cell's name left out, as `OWN`."""
    return OWN + name[len(cell) :] if name.startswith(cell) else name


def _share_layouts(files_of: dict[str, list[tuple[int, str]]]) -> dict[str, Layout]:
    shared: dict[Layout, Layout] = {}
    cells: dict[str, Layout] = {}
    for base, files in files_of.items():
        for cell, layout in _cells(base, sorted(files)):
            cells[cell] = shared.setdefault(layout, layout)
    return cells


def _cells(base: str, files: list[tuple[int, str]]) -> Iterator[tuple[str, Layout]]:
    """Separate a cell in channels from whole cells of the same name, such as a.tif, a.tiff."""
    parts = [file for file in files if file[0] != WHOLE_CELL]
    whole = [file for file in files if file[0] == WHOLE_CELL]
    if parts:
        yield base, tuple(parts)
    for _, pattern in whole:
        if len(files) == 1:
            yield base, ((WHOLE_CELL, pattern),)
        else:
            yield file_name(base, pattern), ((WHOLE_CELL, OWN),)

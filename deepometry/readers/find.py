"""Finding everything below a folder that holds images of cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deepometry.cif.codec import CifError
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import existing_folder
from deepometry.kinds import AMNIS, TIFF, suffix_of
from deepometry.names import natural_key
from deepometry.options import READERS
from deepometry.progress import Progress, Report, as_progress
from deepometry.readers.base import Source, UnreadableSource
from deepometry.readers.bioformats import BioformatsFiles, BioformatsSource
from deepometry.readers.bioformats_file import read_contents
from deepometry.readers.cif import CifSource, check_amnis
from deepometry.readers.tiff import TiffSource

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ENTRIES_BETWEEN_CHECKS = 10_000


def find_sources(
    input: Path, progress: Progress | Report | None = None, reader: str = "own"
) -> list[Source]:
    """Find all images of cells below a folder.

    Parameters
    ----------
    input : Path
        The folder, or a single file. Hidden files and folders (`.name`) are left out; links to
        folders are followed.
    progress : Progress or callable, optional
        Told the number of folders done; may cancel.
    reader : {"own", "bioformats"}
        Which one reads the files. Bio-Formats also reads other kinds of images (.czi, .nd2 and so
        on); .tif files are read by our own, which alone knows those of one cell by their names.

    Returns
    -------
    list of Source
        One for every .cif or .rif file, or other file that Bio-Formats is to read, and one for
        the .tif files of a folder; folder by folder, in natural order (`Day 2` before `Day 10`).
        A file or folder that cannot be opened is a source too, whose only entry is a `Problem`.

    Raises
    ------
    DeepometryError
        There is nothing to read, or no Bio-Formats where it is to read.
    Cancelled
        When asked to stop.
    """
    input = Path(input)
    if input.is_file():
        return [open_cells(input, reader)]
    told = as_progress(progress)
    second = BioformatsFiles(told.check) if _is_second(reader) else None
    search = _Search(input, told, second.suffixes if second else ())
    sources = [source for found in search.folders() for source in _sources_in(found, second)]
    _check_any(input, sources, search)
    return sources


def open_cells(path: Path, reader: str = "own") -> Source:
    """Open a single file of cells, whatever its name, by its content.

    Parameters
    ----------
    path : Path
        A .cif or .rif file, or a .tif file; any other image with the reader "bioformats".
    reader : {"own", "bioformats"}
        As in `find_sources`.

    Returns
    -------
    Source

    Raises
    ------
    DeepometryError
        It cannot be opened, or is neither.
    """
    path = Path(path)
    if path.is_dir():
        raise DeepometryError(f"{path}: expected a .cif or .tif file, found a folder.")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise explain_os_error(error, path) from error
    if _is_second(reader) and (found := _open_any(path)):
        return found
    if start not in _TIFF_MAGIC:
        raise DeepometryError(
            f"{path}: expected a .cif or .tif file, found one that begins with {start!r}; "
            "choose another file."
        )
    return _open_known(path)


def _is_second(reader: str) -> bool:
    """Tell whether it is Bio-Formats that reads."""
    if reader not in READERS:
        expected = " or ".join(READERS)
        raise DeepometryError(f"Reader: expected {expected}, found {reader!r}.")
    return reader == READERS[1]


def _open_any(path: Path) -> Source | None:
    """Open a file through Bio-Formats, unless it is a plain .tif file."""
    suffix = path.suffix.lower()
    amnis = suffix in AMNIS or _is_amnis(path)
    if suffix in TIFF and not amnis:
        return None
    return BioformatsSource(path, (), path.stem, read_contents(path, amnis=amnis), amnis)


def _is_amnis(path: Path) -> bool:
    try:
        check_amnis(path)
    except CifError:
        return False
    return True


def _open_known(path: Path) -> Source:
    """Open a file with the skeleton of a TIFF, which both kinds have."""
    try:
        source = CifSource(path, (), path.stem)
    except CifError:
        if path.suffix.lower() in AMNIS:
            raise
        return TiffSource(path.parent, (), path.stem, [path.name])
    if source.fault:
        raise DeepometryError(source.fault)
    return source


@dataclass
class _Folder:
    """What lies directly in one folder."""

    path: Path
    parts: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    amnis: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    tiffs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: int = 0
    example: str = ""
    fault: str = ""

    def add(self, entry: os.DirEntry[str]) -> None:
        name = entry.name
        if name.startswith("."):
            return
        suffix = suffix_of(name)
        if entry.is_dir():
            self.folders.append(name)
        elif suffix in TIFF:
            self.tiffs.append(name)
        elif suffix in AMNIS:
            self.amnis.append(name)
        elif name.lower().endswith(self.suffixes):
            self.foreign.append(name)
        else:
            self.others += 1
            self.example = min(self.example or name, name)


class _Search:
    """A walk through all folders; it counts what is of no use."""

    def __init__(self, input: Path, progress: Progress, suffixes: tuple[str, ...] = ()) -> None:
        self.input, self._progress, self.suffixes = input, progress, suffixes
        self.others, self.example = 0, ""
        self._done, self._known = 0, 1

    def folders(self) -> Iterator[_Folder]:
        """Give every folder, parents first, in natural order."""
        yield from self._below(existing_folder(self.input, "Input location"), (), frozenset())

    def _below(
        self, path: Path, parts: tuple[str, ...], above: frozenset[str]
    ) -> Iterator[_Folder]:
        real = os.path.normcase(os.path.realpath(path))
        if real in above:  # a link to a folder that holds it
            return
        self._progress.report(self._done, self._known, f"Looking for images in {path.name}")
        folder = self._list(path, parts)
        self._count(folder)
        yield folder
        for name in sorted(folder.folders, key=natural_key):
            yield from self._below(path / name, (*parts, name), above | {real})

    def _list(self, path: Path, parts: tuple[str, ...]) -> _Folder:
        folder = _Folder(path, parts, self.suffixes)
        try:
            with os.scandir(path) as entries:
                for number, entry in enumerate(entries, 1):
                    folder.add(entry)
                    if number % _ENTRIES_BETWEEN_CHECKS == 0:
                        self._progress.check()
        except OSError as error:
            if not parts:
                raise explain_os_error(error, path) from error
            folder.fault = str(explain_os_error(error, path))
        return folder

    def _count(self, folder: _Folder) -> None:
        self._done, self._known = self._done + 1, self._known + len(folder.folders)
        self.others += folder.others
        if not self.example and folder.example:
            self.example = "/".join((*folder.parts, folder.example))


def _sources_in(folder: _Folder, second: BioformatsFiles | None) -> Iterator[Source]:
    """Give the sources of one folder, each with a name of its own."""
    path = os.path.abspath(folder.path)  # noqa: PTH100 (a link keeps its own name)
    own = os.path.basename(path) or "cells"  # noqa: PTH119
    openers, tiffs = _openers(folder, second)
    stems = [os.path.splitext(name)[0] for name in openers]  # noqa: PTH122
    unique = _make_unique([*stems, own])
    for open_as, stem in zip(openers.values(), unique, strict=False):
        yield open_as(stem)
    if folder.fault:
        yield UnreadableSource(folder.parts, unique[-1], "", folder.fault)
    elif tiffs:
        yield TiffSource(folder.path, folder.parts, unique[-1], tiffs)


def _openers(
    folder: _Folder, second: BioformatsFiles | None
) -> tuple[dict[str, Callable[[str], Source]], list[str]]:
    """Give what opens each file that is a source, by its name, and the .tif files."""
    names = sorted([*folder.amnis, *folder.foreign], key=natural_key)
    if second is None:
        return {name: partial(_open_amnis, folder, name) for name in names}, folder.tiffs
    openers = second.look_into(folder.path, folder.parts, names, folder.amnis)
    return openers, second.without_parts(folder.path, folder.tiffs)


def _open_amnis(folder: _Folder, name: str, stem: str) -> Source:
    try:
        return CifSource(folder.path / name, folder.parts, stem)
    except CifError as error:
        return UnreadableSource(folder.parts, stem, name, str(error))


def _make_unique(stems: Sequence[str]) -> list[str]:
    """Number the repetitions of a name, which some systems would not tell apart by case."""
    given = {stem.casefold() for stem in stems}
    unique: list[str] = []
    taken: set[str] = set()
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in given):
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        unique.append(name)
    return unique


def _check_any(input: Path, sources: Sequence[Source], search: _Search) -> None:
    if not sources:
        found, hint = "nothing", ""
        if search.others:
            files = "file" if search.others == 1 else "files"
            found = f"{search.others:,} other {files}, such as {search.example}"
            hint = "" if search.suffixes else " (the reader bioformats knows more kinds of them)"
        raise DeepometryError(
            f"Input location {input}: expected .tif, .tiff or .cif images of cells, found "
            f"{found}; choose the folder that holds the images{hint}."
        )
    first = sources[0]
    if all(isinstance(source, UnreadableSource) for source in sources):
        raise DeepometryError(getattr(first, "reason", ""))
    if len(sources) == 1 and isinstance(first, CifSource) and first.fault:
        raise DeepometryError(first.fault)

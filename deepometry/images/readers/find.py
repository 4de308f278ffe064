"""Finding everything below a folder that holds images of cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import AMNIS, IFCB, IMAGES, PICTURES, RTDC, suffix_of
from deepometry.core.folder_names import natural_key
from deepometry.core.options.fields import READERS
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import counted
from deepometry.images.cif.codec import CifError
from deepometry.images.file_names.by_pattern import checked_pattern
from deepometry.images.file_names.choose_naming import choose_naming
from deepometry.images.file_names.masks import split_masks
from deepometry.images.file_names.naming import Naming
from deepometry.images.readers.archive import is_archive, split_path
from deepometry.images.readers.base import LEFT_OUT, Source, UnreadableSource
from deepometry.images.readers.bioformats import BioformatsFiles, BioformatsSource
from deepometry.images.readers.bioformats_file import read_contents
from deepometry.images.readers.buckets import BucketSource, joined_buckets, without_events
from deepometry.images.readers.cif import CifSource, check_amnis
from deepometry.images.readers.containers import (
    open_container,
    open_single_arrays,
    opener_of,
    single_arrays,
)
from deepometry.images.readers.depth_names import describe_planes, project_planes
from deepometry.images.readers.files_taken import files_taken
from deepometry.images.readers.other_kinds import advice_on
from deepometry.images.readers.picture_file import is_picture
from deepometry.images.readers.search import Folder, Search
from deepometry.images.readers.survey import settle
from deepometry.images.readers.tiff_file import MAGIC
from deepometry.images.readers.tiff_folder import TiffSource

_Openers = dict[str, Callable[[str], Source]]
_OF_INSTRUMENTS = (*AMNIS, *RTDC, *IFCB)
_FEW = 10  # .tif files for each picture
_MOST_TOLD = 3
_EXPECTED = ", ".join(IMAGES)


def find_sources(
    input: Path,
    progress: Progress | Report | None = None,
    reader: str = "own",
    pages: str | None = None,
    pattern: str | None = None,
) -> Sources:
    """Find all images of cells below a folder.

    Parameters
    ----------
    input : Path
        The folder, or a single file. Hidden files and folders (`.name`) are left out; links to
        folders are followed.
    progress : Progress or callable, optional
        Receives the number of folders done; may cancel.
    reader : {"own", "bioformats"}
        Which one reads the files. Bio-Formats also reads other kinds of images (.czi, .nd2 and so
        on); .tif files are read by our own, which alone knows those of one cell by their names.
    pages : {"channels", "cells", "z-max", "z-mean"} or None
        What the pages of a file are where it does not say that they are channels.
    pattern : str, optional
        Which part of the names of image files is the cell, and which the channel, such as
        `{cell}_{channel}.tif`; None to recognise it.

    Returns
    -------
    Sources
        A list: one for every file of many cells (.cif, .rif, .rtdc, .adc, .npy, .npz), or other
        file that Bio-Formats is to read, and one for the .tif files of a folder; folder by
        folder, in natural order (`Day 2` before `Day 10`). A .zip file is a folder.
        A file or folder that cannot be opened is a source too, whose only entry is a `Problem`.

    Raises
    ------
    DeepometryError
        There is nothing to read, or no Bio-Formats where it is to read, or the pattern does not
        fit the names.
    Question
        A file does not say what its pages are, and `pages` is None; or the names of files can be
        read in more than one way, and `pattern` is None.
    Cancelled
        When asked to stop.
    """
    input = Path(input)
    if input.is_file() and not is_archive(input):
        return Sources([open_cells(input, reader, pages)])
    progress = as_progress(progress)
    second = BioformatsFiles(progress.check) if _is_second(reader) else None
    search = Search(input, progress, second.suffixes if second else ())
    opened = [(folder, *_openers(folder, second, pages)) for folder in search.folders()]
    alone = not any(suffix_of(name) in _OF_INSTRUMENTS for _, each, _ in opened for name in each)
    names = {
        folder.parts: left
        for folder, _, tiffs in opened
        if (left := _without_previews(tiffs, folder.parts, alone, search))
    }
    names, search.others.masks = split_masks(names, checked_pattern(pattern))
    if pattern and "/" in pattern:  # which says itself what folders are
        how = (pages, choose_naming(names, pattern))
        names = how[1].regrouped(names)
    else:
        how = (pages, choose_naming(names if pattern else without_events(names), pattern))
        names = joined_buckets(names)
    found = [
        source
        for folder, openers, _ in opened
        for source in _sources_in(folder, openers, names.get(folder.parts, []), how)
    ]
    _check_any(input, found, search)
    settle(found, pages, progress)
    planes = project_planes(found, pages)
    taken = " ".join(filter(None, (describe_planes(planes), files_taken(planes))))
    return Sources(planes, _left_out(found, search), taken, search.others.analyses)


class Sources(list[Source]):
    """What was found.

    Attributes
    ----------
    left_out : str
        A sentence on files that are of no kind that is read; blank if there are none.
    taken : str
        A sentence on which files were taken for channels of one cell; blank without such files.
    analyses : tuple of str
        Analyses of IDEAS beside .cif files, relative to the input.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        left_out: str = "",
        taken: str = "",
        analyses: Sequence[str] = (),
    ) -> None:
        super().__init__(sources)
        self.left_out, self.taken, self.analyses = left_out, taken, tuple(analyses)


def _left_out(sources: Sequence[Source], search: Search) -> str:
    """Return sentences on files, and on parts of files, that are not read."""
    opened = [source for source in sources if not isinstance(source, CifSource)]
    inside = ((source, source.details.get(LEFT_OUT)) for source in opened)
    parts = [f"Left out of {'/'.join((*s.folder, s.stem))}: {text}." for s, text in inside if text]
    more = f"... and of {len(parts) - _MOST_TOLD:,} more files." * (len(parts) > _MOST_TOLD)
    return " ".join(filter(None, [search.others.left_out(), *parts[:_MOST_TOLD], more]))


def open_cells(path: Path, reader: str = "own", pages: str | None = None) -> Source:
    """Open a single file of cells, whatever its name, by its content.

    Images of kinds that the program does not read itself need the reader "bioformats".

    Raises
    ------
    DeepometryError
        It cannot be opened, or is neither.
    """
    path = Path(path)
    if path.is_dir():
        raise DeepometryError(f"{path}: expected a file of images, found a folder.")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise explain_os_error(error, path) from error
    if _is_second(reader) and (source := _open_any(path, pages)):
        settle([source], pages, Progress())
        return source
    if (opener := opener_of(path, start, pages)) is not None:
        return opener(path, (), path.stem)
    if start[:4] not in MAGIC and not is_picture(start):
        found = advice_on(path, _is_second(reader)) or (
            f"found one that begins with {start!r}; export the images as .tif files"
        )
        raise DeepometryError(
            f"{path}: expected images of cells ({_EXPECTED}); {found}, or choose another file."
        )
    source = _open_known(path, pages)
    settle([source], pages, Progress())
    return source


def _is_second(reader: str) -> bool:
    """Return whether it is Bio-Formats that reads."""
    if reader not in READERS:
        expected = " or ".join(READERS)
        raise DeepometryError(f"Reader: expected {expected}, found {reader!r}.")
    return reader == READERS[1]


def _open_any(path: Path, pages: str | None) -> Source | None:
    """Open a file through Bio-Formats, unless it is a plain .tif file."""
    suffix = path.suffix.lower()
    amnis = suffix in AMNIS or _is_amnis(path)
    if suffix in IMAGES and not amnis:
        return None
    contents = read_contents(path, amnis=amnis)
    return BioformatsSource(path, (), path.stem, contents, amnis, pages)


def _is_amnis(path: Path) -> bool:
    try:
        check_amnis(path)
    except CifError:
        return False
    return True


def _open_known(path: Path, pages: str | None) -> Source:
    """Open a file with the skeleton of a TIFF, which both kinds have."""
    try:
        source = CifSource(path, (), path.stem)
    except CifError:
        if path.suffix.lower() in AMNIS:
            raise
        return TiffSource(path.parent, (), path.stem, [path.name], pages)
    if source.fault:
        raise DeepometryError(source.fault)
    return source


def image_names(input: Path, progress: Progress, most: int) -> dict[tuple[str, ...], list[str]]:
    """Return the names of up to `most` image files below a place, by folder; nothing is opened."""
    names: dict[tuple[str, ...], list[str]] = {}
    for folder in Search(input, progress).folders():
        names[folder.parts] = folder.tiffs[:most]
        most -= len(names[folder.parts])
        if most <= 0:
            break
    return names


def _sources_in(
    folder: Folder, openers: _Openers, tiffs: Sequence[str], how: tuple[str | None, Naming]
) -> Iterator[Source]:
    """Yield the sources of one folder, each with a name of its own."""
    path = os.path.abspath(folder.path)  # noqa: PTH100 (a link keeps its own name)
    own = os.path.basename(path) or "cells"  # noqa: PTH119
    own = os.path.splitext(own)[0] if is_archive(folder.path) else own  # noqa: PTH122
    singles = single_arrays(folder, how[0])
    for name in singles:
        openers.pop(name, None)
    stems = [os.path.splitext(name)[0] for name in openers]  # noqa: PTH122
    unique = _make_unique([*stems, *[own] * bool(singles), own])
    for open_as, stem in zip(openers.values(), unique, strict=False):
        yield open_as(stem)
    if singles:
        yield open_single_arrays(folder, singles, unique[-2], how[0])
    if folder.fault:
        yield UnreadableSource(folder.parts, unique[-1], "", folder.fault)
    elif tiffs:
        buckets = how[1].depth == 0 and any("/" in name for name in tiffs)
        kind = BucketSource if buckets else TiffSource
        yield kind(folder.path, folder.parts, unique[-1], tiffs, *how)


def _openers(
    folder: Folder, second: BioformatsFiles | None, pages: str | None
) -> tuple[_Openers, list[str]]:
    """Return what opens each file that is a source, by its name, and the .tif files."""
    names = sorted([*folder.containers, *folder.foreign], key=natural_key)
    openers: _Openers
    openers = {name: partial(open_container, folder, name, pages) for name in folder.containers}
    if second is None or split_path(folder.path):  # archives are for our own readers
        return {name: openers[name] for name in names if name in openers}, folder.tiffs
    amnis = [name for name in names if suffix_of(name) in AMNIS]
    theirs = [name for name in names if name in amnis or name in folder.foreign]
    found = second.look_into(folder.path, folder.parts, theirs, amnis, pages)
    both = found | {name: opener for name, opener in openers.items() if name not in theirs}
    tiffs = second.without_parts(folder.path, folder.tiffs)
    return {name: both[name] for name in names if name in both}, tiffs


def _without_previews(
    names: list[str], parts: tuple[str, ...], alone: bool, search: Search
) -> list[str]:
    """Leave out pictures that may be plots or previews of other files, which hold the cells.

    These are pictures where there are files of instruments (not `alone`), and few pictures beside
    many .tif files.
    """
    pictures = [name for name in names if suffix_of(name) in PICTURES]
    if not pictures or (alone and _FEW * len(pictures) > len(names) - len(pictures)):
        return names
    search.others.pictures += ["/".join((*parts, name)) for name in pictures]
    left_out = set(pictures)
    return [name for name in names if name not in left_out]


def _make_unique(stems: Sequence[str]) -> list[str]:
    """Number the repetitions of a name, also those that differ in case only."""
    wanted = {stem.casefold() for stem in stems}
    unique: list[str] = []
    taken: set[str] = set()
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in wanted):
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        unique.append(name)
    return unique


def _check_any(input: Path, sources: Sequence[Source], search: Search) -> None:
    if not sources:
        others, second = search.others, bool(search.suffixes)
        content = "nothing"
        if others.number:
            content = f"{counted(others.number, 'other file')}, such as {others.example}"
        raise DeepometryError(
            f"Input location {input}: expected images of cells ({_EXPECTED}), found {content}; "
            f"{others.advice(input, second)}."
        )
    first = sources[0]
    if all(isinstance(source, UnreadableSource) for source in sources):
        raise DeepometryError(getattr(first, "reason", ""))
    if len(sources) == 1 and isinstance(first, CifSource) and first.fault:
        raise DeepometryError(first.fault)

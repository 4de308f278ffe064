"""A look at a few files before any is read: what must be asked, and which pictures are coloured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.file_types import PICTURES, suffix_of
from deepometry.core.options.fields import Z_PAGES
from deepometry.core.progress import Progress
from deepometry.core.text import counted
from deepometry.images.readers.base import Cell, Source
from deepometry.images.readers.bioformats import BioformatsSource
from deepometry.images.readers.channel_planes import as_grey, have_moved
from deepometry.images.readers.depth_names import planes_in_names
from deepometry.images.readers.file_images import (
    Contents,
    FileError,
    FileImages,
    cells_in,
    project,
    reading,
)
from deepometry.images.readers.pages_picture import black_and_white, draw_cells
from deepometry.images.readers.tiff_file import TiffError, read_images
from deepometry.images.readers.tiff_folder import TiffSource

FIRST = 3
"""Files of every folder that are looked at."""

MOST_PICTURES = 2_000
"""Coloured pictures of an input that are looked at while all are grey."""

_LABELS = {
    "channels": "They are the channels of one cell",
    "cells": "Each is a cell of its own",
    "z-max": "They are planes of one cell: take the highest value of each pixel",
    "z-mean": "They are planes of one cell: take the mean of each pixel",
}


def settle(sources: Sequence[Source], pages: str | None, progress: Progress) -> None:
    """Decide how the files of all sources are read, by the first ones of every folder.

    Parameters
    ----------
    sources : sequence of Source
        Those of .tif files and pictures are told what is decided.
    pages : {"channels", "cells", "z-max", "z-mean"} or None
        How files with several images are taken.
    progress : Progress
        May cancel.

    Raises
    ------
    Question
        A file has several images, does not say that they are channels, and `pages` is None.
    OptionsError
        `pages` projects z planes, and no file has any.
    """
    folders = [source for source in sources if isinstance(source, TiffSource)]
    looks = list(_first_looks(folders, pages is None, progress))
    several = [look for look in looks if look.contents.images > 1]
    if several and pages is None:
        raise _question(several[0])
    if pages is None:
        for folder in folders:
            _check_names(folder)
    if several and pages in Z_PAGES and not any(look.contents.can_project for look in several):
        message = (
            f"Pages: expected z planes to project, found {several[0].contents} in "
            f"{several[0].place}; choose cells or channels."
        )
        raise OptionsError({"pages": message})
    for each in sources:
        if isinstance(each, BioformatsSource):
            _check_planes(each, pages)
    if pages not in (None, "channels"):
        for source in folders:
            source.look(progress.check)
    _set_order(looks)
    colour = _is_coloured(folders, looks, progress)
    for source in folders:
        source.colour = colour


@dataclass(frozen=True)
class _Look:
    """One file that was looked at."""

    source: TiffSource
    file: str
    contents: Contents
    colour: bool
    coloured: bool
    is_channel: bool

    @property
    def place(self) -> str:
        return "/".join((*self.source.folder, self.file))


def _first_looks(
    folders: Sequence[TiffSource], until_several: bool, progress: Progress
) -> Iterator[_Look]:
    """Look at the first, the middle and the last file of every folder; those that can be read."""
    for source in folders:
        for place in _spread(len(source.files()), FIRST):
            progress.check()
            look = _look(source, place)
            if look:
                yield look
            if look and until_several and look.contents.images > 1:
                return


def _look(source: TiffSource, place: int) -> _Look | None:
    file = source.file(place)
    try:
        read = read_images(f"{source.path}/{file}")
    except TiffError:
        return None
    images = as_grey(read)
    is_channel = source.is_channel(place)
    return _Look(source, file, images.contents, read.colour, images.colour, is_channel)


def _spread(number: int, most: int) -> Sequence[int]:
    """Choose places at even distances, the first and the last among them."""
    if number <= most:
        return range(number)
    return [n * (number - 1) // max(1, most - 1) for n in range(most)]


# --- the question ------------------------------------------------------------------------------


def _question(look: _Look) -> Question:
    contents = look.contents
    if not contents.is_silent:
        what = "where one image is expected; choose how they make cells."
    elif contents.program:
        what = f"which {contents.program} calls slices, whatever they are; choose what they are."
    else:
        what = "and nothing in it says whether they are channels, cells or z planes of one cell; "
        what += "choose what they are."
    message = f"Pages: {look.place} holds {contents}, {what}"
    return Question("pages", message, _choices(look))


def _choices(look: _Look) -> list[Choice]:
    images, contents = as_grey(read_images(f"{look.source.path}/{look.file}")), look.contents
    ends = black_and_white(images.images)
    values = ["cells", *Z_PAGES] if contents.can_project else ["cells"]
    if contents.channels == 1 and not look.is_channel:
        values.append("channels")
    return [
        Choice(value, _LABELS[value], reading(contents, value), draw_cells(cells, ends))
        for value in values
        if (cells := _cells(images, value))
    ]


def _cells(images: FileImages, pages: str) -> list[np.ndarray]:
    """Return the cells of a file; none if it cannot be taken so."""
    try:
        return cells_in(images, pages)
    except FileError:
        return []


def _check_names(source: TiffSource) -> None:
    """Raise `Question` if the names of files number z planes."""
    groups = planes_in_names(source.names)
    if not groups:
        return
    first = next(places for places in groups.values() if len(places) > 1)
    read = [cell for place in first for cell in source.read_at(place, source.channels)]
    planes = [cell.pixels for cell in read if isinstance(cell, Cell)]
    if not planes or len({(plane.shape, plane.dtype) for plane in planes}) > 1:
        return
    stack, ends = np.stack(planes), black_and_white(planes)
    cells = {"cells": planes} | {pages: [project(stack, (0,), pages)] for pages in Z_PAGES}
    counts = {"cells": len(source.names)} | dict.fromkeys(Z_PAGES, len(groups))
    files = f"{counted(len(source.names), 'file')} of a z plane each"
    message = (
        f"Pages: the names of files such as {source.file(first[0])} and {source.file(first[1])} "
        "number z planes; choose how they make cells."
    )
    choices = [
        Choice(
            pages,
            _LABELS[pages],
            f"{files} = {counted(counts[pages], 'cell')}",
            draw_cells(shown, ends),
        )
        for pages, shown in cells.items()
    ]
    raise Question("pages", message, choices)


def _check_planes(source: BioformatsSource, pages: str | None) -> None:
    """Raise `Question` if a file of a microscope has planes, and it is not said what they are."""
    if not source.places or pages not in (None, "channels"):
        return
    values = ["cells", *Z_PAGES] if "z plane" in source.places else ["cells"]
    message = (
        f"Pages: {'/'.join((*source.folder, source.path.name))} holds {source.places}, where one "
        "image is expected; choose how they make cells."
    )
    raise Question("pages", message, [Choice(value, _LABELS[value]) for value in values])


# --- channels and colours ----------------------------------------------------------------------


def _set_order(looks: Sequence[_Look]) -> None:
    """Let all folders have the channels of the first file that names them, in its order.

    Where other names are all that a file says of its pages, its cells become problems.
    """
    named = [look for look in looks if look.contents.names and not look.is_channel]
    named = [n for n in named if n.contents.images == 1 or n.source.pages != "channels"]
    for look in named:
        first, names = named[0].contents.names, look.contents.names
        same = sorted(names) == sorted(first)
        if same or look.contents.named_pages or have_moved(names, first):
            look.source.order = first


def _is_coloured(folders: Sequence[TiffSource], looks: Sequence[_Look], progress: Progress) -> bool:
    """Return whether there is a picture of which red, green and blue differ."""
    if any(look.coloured for look in looks):
        return True
    with_colours = {look.source.folder for look in looks if look.colour}
    likely = [
        source
        for source in folders
        if source.folder in with_colours or any(suffix_of(f) in PICTURES for f in source.files())
    ]
    share = max(FIRST, MOST_PICTURES // max(1, len(likely)))
    for source in likely:
        for place in _spread(len(source.files()), share):
            progress.check()
            look = _look(source, place)
            if look and look.coloured:
                return True
    return False

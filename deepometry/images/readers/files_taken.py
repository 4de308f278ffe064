"""What the image files of folders were taken for, and their channels, in a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from deepometry.core.text import counted, shortened
from deepometry.images.file_names.cell_counts import describe_cells
from deepometry.images.file_names.naming import WHOLE_CELL
from deepometry.images.file_names.variants import find_variants
from deepometry.images.readers.base import Source
from deepometry.images.readers.tiff_folder import UNMATCHED, TiffSource

_NAMED = 4  # names that a sentence lists


def files_taken(sources: Sequence[Source]) -> str:
    """Describe in a sentence which files were taken for channels of one cell, or for many cells.

    Blank without files that hold a cell or a channel each.
    """
    counts: Counter[tuple[int, ...]] = Counter()
    names: dict[int, str] = {}
    pages: Counter[int] = Counter()
    cells_of_pages = 0
    for source in sources:
        if isinstance(source, TiffSource):
            names = source.naming.channel_names | names
            pages += source.pages_of_files()
            cells_of_pages += source.cells_of_pages()
            for layout, cells in source.layouts.items():
                counts[tuple(channel for channel, _ in layout)] += cells
    others = counts.pop(tuple(channel for channel, _ in UNMATCHED), 0)
    counts[(WHOLE_CELL,)] -= min(pages.total(), counts[(WHOLE_CELL,)])
    parts = [_describe_pages(pages, cells_of_pages), describe_cells(+counts, names, others)]
    return "; ".join(filter(None, parts)) + "." * any(parts)


def _describe_pages(files: Counter[int], cells: int) -> str:
    """Describe how pages made cells: `12 files of 10 pages = 120 cells`; blank if none did.

    Parameters
    ----------
    files : Counter of int
        Files by the number of their pages.
    cells : int
        That they made together.
    """
    if not files:
        return ""
    pages = f"{next(iter(files)):,} pages" if len(files) == 1 else "several pages"
    return f"{counted(files.total(), 'file')} of {pages} = {counted(cells, 'cell')}"


def left_channels(sources: Sequence[Source], kept: Sequence[int]) -> str:
    """Name, in a sentence, the channels that some cells have and that are not kept; or blank."""
    names: dict[int, str] = {}
    for source in sources:
        numbers = {*source.channels}
        if isinstance(source, TiffSource):
            numbers |= {n for layout in source.layouts for n, _ in layout if n > 0}
        names |= {n: source.channel_names.get(n, "") or names.get(n, "") for n in numbers}
    left = [f"{n} ({names[n]})" if names[n] else f"{n}" for n in sorted({*names} - {*kept})]
    many = len(left) > 1
    return f"Left out: channel{'s' * many} {', '.join(left)}, which many cells lack." * bool(left)


def differing_names(sources: Sequence[Source], channels: Sequence[int]) -> list[str]:
    """Find channels that are called differently in different files; return a sentence for each.

    Nothing but the number says then that they are the same channel.
    """
    sentences = []
    for number in channels:
        named: dict[str, str] = {}
        for source in sources:
            if number in source.channels and (name := source.channel_names.get(number)):
                place = "/".join(source.folder) or source.stem
                named.setdefault(re.sub(r"[\W_]+", "", name).casefold(), f"{name} in {place}")
        if len(named) > 1:
            sentences.append(
                f"Channel {number} is called {shortened([*named.values()], _NAMED)}. If these are "
                "different channels, a model learns that instead of the cells: export all images "
                "alike, and parse again."
            )
    return sentences


def parted_planes(sources: Sequence[Source]) -> str:
    """Warn, in a sentence, if images of one cell are cells that a split may part; or blank."""
    folders = [source for source in sources if isinstance(source, TiffSource)]
    if not any(source.parts_planes for source in folders):
        return _parted_images(folders)
    return (
        "Z planes and time points of one file are cells of their own, and stand on both sides of "
        "the split: if they show the same cell, the score is too good. Pages z-max or z-mean makes "
        "one cell of z planes; Split by keeps folders together."
    )


def _parted_images(sources: Sequence[TiffSource]) -> str:
    """Warn of files that the user called cells, and that may be several images of fewer cells."""
    asked = [source for source in sources if source.naming.pattern]
    joined = any(source.naming.pattern and source.naming.pattern.has_channel for source in asked)
    if not (variants := find_variants([source.names for source in asked], joined)):
        return ""
    names = " and ".join(each.cell for each in variants[:2])
    return (
        f"Images such as {names} are cells of their own, and stand on both sides of the split: if "
        "they show the same cell, the score is too good. Split by keeps folders together."
    )

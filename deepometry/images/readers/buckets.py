"""Images of a BD FACSDiscover: folders of ten thousand events each, which are no folders of cells.

Its software exports a file for each event, numbered as the rows of the .fcs file from 0, with a
page for each channel that has the channel's name. The files of events 0 to 9,999 are in a folder
`00000000`, the next ones in `00010000`, and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from deepometry.images.file_names.naming import OWN, Folders, Layout, Naming
from deepometry.images.readers.tiff_folder import TiffSource

_SIZE = 10_000
_NUMBER = re.compile(r"[0-9]{6,10}")
_DIGITS = re.compile(r"[0-9]+")


def joined_buckets(folders: Folders) -> dict[tuple[str, ...], list[str]]:
    """Move the files of buckets to the folder above, such as `00010000/a_00010042.tiff`.

    Parameters
    ----------
    folders : mapping of tuple of str to sequence of str
        The names of the files in each folder below the input.
    """
    joined: dict[tuple[str, ...], list[str]] = {}
    for folder, names in folders.items():
        if folder and is_bucket(folder[-1], names):
            inside = (f"{folder[-1]}/{name}" for name in names)
            joined.setdefault(folder[:-1], []).extend(inside)
        else:
            joined.setdefault(folder, []).extend(names)
    return joined


def without_events(folders: Folders) -> dict[tuple[str, ...], list[str]]:
    """Leave out the files of buckets that hold one for each event: their names hide no channels.

    What is left of the buckets of one folder is joined.
    """
    left: dict[tuple[str, ...], list[str]] = {}
    for folder, names in folders.items():
        bucket = bool(folder) and is_bucket(folder[-1], names)
        if not (bucket and _are_events(folder[-1], names)):
            left.setdefault(folder[:-1] if bucket else folder, []).extend(names)
    return left


def is_bucket_name(folder: str) -> bool:
    """Return whether a folder may hold the events of a range, by its name."""
    return bool(_NUMBER.fullmatch(folder)) and int(folder) % _SIZE == 0


def is_bucket(folder: str, names: Sequence[str]) -> bool:
    """Return whether a folder holds the events of a range, by its name, and its files if need be.

    A number without zeros in front may be anything, such as a concentration.
    """
    if not is_bucket_name(folder) or not names:
        return False
    inside = sum(_number_in(name, int(folder)) is not None for name in names)
    return folder.startswith("0") or 2 * inside > len(names)


def _are_events(bucket: str, names: Sequence[str]) -> bool:
    """Return whether every file of a bucket has a number of its own."""
    numbers = [_number_in(name, int(bucket)) for name in names]
    return None not in numbers and len(set(numbers)) == len(numbers)


def _number_in(name: str, first: int) -> int | None:
    """Return the number in a file name that is of the range of a bucket."""
    numbers = [int(digits) for digits in _DIGITS.findall(name.rpartition(".")[0] or name)]
    return next((n for n in reversed(numbers) if first <= n < first + _SIZE), None)


class BucketSource(TiffSource):
    """The cells of all buckets of one folder: objects are the numbers of the events."""

    def group(self, names: Sequence[str], own: str) -> tuple[dict[str, Layout], list[str]]:
        """Find which files make a cell, bucket by bucket."""
        buckets: dict[str, list[str]] = {}
        for name in names:
            bucket, _, file = name.rpartition("/")
            buckets.setdefault(bucket, []).append(file)
        cells: dict[str, Layout] = {}
        unmatched: list[str] = []
        for bucket, files in buckets.items():
            before = f"{bucket}/" if bucket else ""
            whole = bucket and not self.naming.pattern and _are_events(bucket, files)
            found, others = Naming().cells(files, own) if whole else super().group(files, own)
            cells |= {before + cell: _within(before, layout) for cell, layout in found.items()}
            unmatched += [before + name for name in others]
        return _sharing(cells), unmatched

    @cached_property
    def objects(self) -> Sequence[str]:
        """Numbers of the events; whole names where these are not their own."""
        whole = super().objects
        numbered = [_as_number(name) for name in whole]
        for names in (numbered, [name.rpartition("/")[2] for name in whole]):
            if len(set(names)) == len(names):
                return names
        return whole


def _as_number(name: str) -> str:
    """Return the number of an event, with that of a page behind it; the name where it has none."""
    bucket, _, cell = name.rpartition("/")
    cell, mark, page = cell.partition("#")
    number = _number_in(f"{cell}.", int(bucket)) if bucket else None
    return cell + mark + page if number is None else f"{number}{mark}{page}"


def _within(bucket: str, layout: Layout) -> Layout:
    """Put a bucket in front of the file names of a layout that are whole."""
    return tuple((n, file if file.startswith(OWN) else bucket + file) for n, file in layout)


def _sharing(cells: Mapping[str, Layout]) -> dict[str, Layout]:
    """Let equal layouts be one object: there are few, and many cells."""
    shared: dict[Layout, Layout] = {}
    return {cell: shared.setdefault(layout, layout) for cell, layout in cells.items()}

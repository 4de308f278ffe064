"""What the sources of cells are called, and of how many files they are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from deepometry.kinds import TIFF, suffix_of
from deepometry.readers import Source


class Place:
    """Names a source after its file, or after the folder of its files.

    Parameters
    ----------
    source : Source

    Attributes
    ----------
    file : str
        One of its files, relative to the input, or the folder that cannot be read; blank while
        there is none.
    """

    def __init__(self, source: Source) -> None:
        self._source, self._files, self.file = source, 0, ""

    def add(self, file: str) -> None:
        """Take in the file of the next cell."""
        self._files += file != self.file
        self.file = file

    @property
    def name(self) -> str:
        """The file, or the folder of several; `.` for the input itself."""
        folder = "/".join(self._source.folder)
        alone = self._files == 1 and not self.file.lower().endswith(TIFF)
        if alone or (self._files == 1 and not folder):
            return self.file
        return folder or ("." if self._files else self._source.stem)


def count_files(input: Path, files: Iterable[str]) -> dict[str, int]:
    """Count the image files of all sources by suffix.

    Parameters
    ----------
    input : Path
        The folder, or the only file.
    files : iterable of str
        One file of every source, relative to the folder: .tif files stand for all of their folder.

    Returns
    -------
    dict of str to int
        The most frequent suffix first.
    """
    if input.is_file():
        return {input.suffix.lower(): 1}
    found: Counter[str] = Counter()
    folders: set[Path] = set()
    for path in (input / file for file in files if file):
        if path.suffix.lower() in TIFF:
            folders.add(path.parent)
        elif path.is_file():
            found[path.suffix.lower()] += 1
    for folder in folders:
        found.update(_suffixes(folder))
    return dict(found.most_common())


def _suffixes(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = suffix_of(entry.name)
            if suffix in TIFF and not entry.name.startswith(".") and not entry.is_dir():
                yield suffix

"""What the sources of cells are called, and of how many files they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from deepometry.core.file_types import PLAIN_IMAGES, suffix_of
from deepometry.images.readers.archive import find_below, list_folder, split_path
from deepometry.images.readers.base import Source
from deepometry.images.readers.buckets import is_bucket_name


class Place:
    """Names a source after its file, or after the folder of its files.

    `file` is one of them, relative to the input, or the unreadable folder; blank for none yet.
    """

    def __init__(self, source: Source) -> None:
        self._source, self._files, self.file = source, 0, ""

    def add(self, file: str) -> None:
        """Add the file of the next cell."""
        self._files += file != self.file
        self.file = file

    @property
    def name(self) -> str:
        """The file, or the folder of several; `.` for the input itself."""
        folder = "/".join(self._source.folder)
        alone = self._files == 1 and not self.file.lower().endswith(PLAIN_IMAGES)
        if alone or (self._files == 1 and not folder):
            return self.file
        return folder or ("." if self._files else self._source.stem)


def count_files(input: Path, files: Iterable[str]) -> dict[str, int]:
    """Count image files by suffix, the most frequent first.

    There is one file of every source: .tif files stand for all of their folder.
    """
    if input.is_file():
        return {input.suffix.lower(): 1}
    counts: Counter[str] = Counter()
    folders: set[Path] = set()
    for path in (find_below(input, file) for file in files if file):
        if path.suffix.lower() in PLAIN_IMAGES:
            folders.update(_with_buckets(path.parent))
        elif path.is_file() or split_path(path):
            counts[path.suffix.lower()] += 1
    for folder in folders:
        counts.update(_suffixes(folder))
    return dict(counts.most_common())


def _with_buckets(folder: Path) -> Iterator[Path]:
    """Yield a folder; if it has the events of a range, all those beside it that have others."""
    yield folder
    if is_bucket_name(folder.name):
        for name, is_folder in list_folder(folder.parent):
            if is_folder and is_bucket_name(name):
                yield folder.parent / name


def _suffixes(folder: Path) -> Iterator[str]:
    for name, is_folder in list_folder(folder):
        suffix = suffix_of(name)
        if suffix in PLAIN_IMAGES and not name.startswith(".") and not is_folder:
            yield suffix

"""How many images and stacks lie in a folder and below it: counted cheaply, and never for long."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter, deque
from collections.abc import Iterator
from fnmatch import fnmatch

from deepometry.core.errors import explain_os_error
from deepometry.core.file_types import (
    ANALYSES,
    ARCHIVES,
    CONTAINERS,
    IMAGES,
    PLAIN_IMAGES,
    suffix_of,
)
from deepometry.core.progress import Progress
from deepometry.core.result_files import (
    BASELINE_MODEL_PATTERN,
    BASELINE_MODEL_SUFFIX,
    MODEL_PATTERN,
    MODEL_SUFFIX,
    PARSE_RECORD,
)
from deepometry.core.text import counted

STACKS = (".npy",)
MODELS = (MODEL_SUFFIX, ".h5", ".hdf5", BASELINE_MODEL_SUFFIX)
MOST_COUNTED = 10_000
"""Images or stacks of one folder beyond which they are shown as `10,000+`."""

MOST_ENTRIES = 50_000
ENTRIES_BETWEEN_CHECKS = 2_000
_NAMED = tuple(s for s in (*CONTAINERS, *ARCHIVES) if s not in STACKS)
_MODEL_NAMES = (MODEL_PATTERN, BASELINE_MODEL_PATTERN)


def is_hidden(entry: os.DirEntry[str]) -> bool:
    """Return whether it is hidden: a dot in front, or Windows' mark."""
    if entry.name.startswith("."):
        return True
    if os.name != "nt":
        return False
    try:
        marks = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    except OSError:
        return False
    return bool(marks & stat.FILE_ATTRIBUTE_HIDDEN)  # type: ignore[attr-defined,unused-ignore]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a folder or a link to one; False if that cannot be read."""
    try:
        return entry.is_dir()
    except OSError:
        return False


class Tally:
    """What is in one folder and below; filled step by step.

    Attributes
    ----------
    direct, below : Counter of str
        Files directly in it, and in its sub-folders, by suffix.
    folders : int
        Sub-folders found so far, at any depth.
    others : int
        Further entries.
    marks : set of str
        "parsed" and "model", where the folder itself is such a one.
    fault : str
        Why the folder cannot be read, in one sentence.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.direct: Counter[str] = Counter()
        self.below: Counter[str] = Counter()
        self.folders, self.others, self.seen = 0, 0, 0
        self.marks: set[str] = set()
        self.fault = ""
        self.capped = False
        self._queue: deque[str] = deque([path])
        self._links: set[str] = set()

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to count, or more than is shown."""
        return self.capped or not self._queue

    def step(self, progress: Progress) -> None:
        """Read one more folder.

        Raises
        ------
        Cancelled
            When asked to stop.
        """
        place = self._queue.popleft()
        try:
            with os.scandir(place) as entries:
                for number, entry in enumerate(entries, 1):
                    self._add(entry, self.direct if place == self.path else self.below)
                    if number % ENTRIES_BETWEEN_CHECKS == 0:
                        progress.check()
                    if self._is_enough():
                        return
        except OSError as error:
            if place == self.path:
                self.fault = str(explain_os_error(error, place))

    def _is_enough(self) -> bool:
        self.capped = (
            self.seen >= MOST_ENTRIES
            or max(self.number(IMAGES), self.number(STACKS)) >= MOST_COUNTED
        )
        return self.capped

    def _add(self, entry: os.DirEntry[str], counts: Counter[str]) -> None:
        if is_hidden(entry):
            return
        self.seen += 1
        suffix = suffix_of(entry.name)
        if is_folder(entry):
            self.folders += 1
            if self._is_new(entry):
                self._queue.append(entry.path)
        elif suffix in (*IMAGES, *STACKS, *MODELS, *ANALYSES):
            counts[suffix] += 1
        else:
            self.others += 1
        if counts is self.direct:
            self._mark(entry.name)

    def _is_new(self, entry: os.DirEntry[str]) -> bool:
        """Follow every link once: one to a folder above it would go round in circles."""
        if not entry.is_symlink():
            return True
        real = os.path.realpath(entry.path)
        new = real not in self._links and not f"{entry.path}{os.sep}".startswith(f"{real}{os.sep}")
        self._links.add(real)
        return new

    def _mark(self, name: str) -> None:
        if name == PARSE_RECORD:
            self.marks.add("parsed")
        elif any(fnmatch(name, pattern) for pattern in _MODEL_NAMES):
            self.marks.add("model")

    def number(self, suffixes: tuple[str, ...]) -> int:
        """Count the files of some kinds, in the folder and below."""
        return sum(self.direct[suffix] + self.below[suffix] for suffix in suffixes)

    def summary(self) -> str:
        """Summarise what is there: `28 .cif files, 3 stacks in sub-folders`."""
        if self.fault:
            return "no permission or not readable"
        numbers = {f"{suffix} file": self.number((suffix,)) for suffix in _NAMED}
        if "parsed" not in self.marks:  # whose montages are no cells
            numbers["image file"] = self.number(PLAIN_IMAGES)
        numbers["stack"] = self.number(STACKS)
        parts = [self.more(number, noun) for noun, number in numbers.items() if number]
        if parts or not self.finished:
            direct = any(self.direct[suffix] for suffix in (*IMAGES, *STACKS))
            return ", ".join(parts) + " in sub-folders" * (bool(parts) and not direct)
        return "" if self.seen else "empty"

    def more(self, number: int, noun: str) -> str:
        """Write a number that may not be the whole one: `10,000+ stacks`."""
        if self.finished and not self.capped:
            return counted(number, noun)
        return f"{min(number, MOST_COUNTED):,}+ {noun}s"


def count_in_turns(tallies: list[Tally], progress: Progress) -> Iterator[Tally]:
    """Count several folders, each a step at a time, so that a large one holds no other up.

    Yields
    ------
    Tally
        The one that took a step.
    """
    waiting = deque(tallies)
    while waiting:
        progress.check()
        tally = waiting.popleft()
        tally.step(progress)
        if not tally.finished:
            waiting.append(tally)
        yield tally


def count_within(seconds: float, tallies: list[Tally], progress: Progress) -> None:
    """Count several folders as far as that is possible in some seconds."""
    end = time.monotonic() + seconds
    for _ in count_in_turns(tallies, progress):
        if time.monotonic() > end:
            return

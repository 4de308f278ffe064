"""What the folder picker shows of one folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.file_types import (
    ANALYSES,
    ARCHIVES,
    CONTAINERS,
    LABEL_TABLES,
    is_text,
    suffix_of,
)
from deepometry.core.folder_names import natural_key
from deepometry.core.result_files import HAND_LABELS
from deepometry.core.text import filesize
from deepometry.web.browse.background import Task
from deepometry.web.browse.count_files import (
    ENTRIES_BETWEEN_CHECKS,
    MODELS,
    Tally,
    count_within,
    is_folder,
    is_hidden,
)

MOST_SHOWN = 500
"""Entries of a folder that are shown; typing narrows them down."""

FILES = {
    "raw": (*CONTAINERS, *ARCHIVES),
    "model": MODELS,
    "start": MODELS,
    "features": (".txt",),
    "predictions": (".csv",),
    "labels": (*LABEL_TABLES, *ANALYSES, ".zip", HAND_LABELS),
    "gate": (".json", *MODELS),
    "parsed": (),
    "folder": (),
}
"""For each kind of field, the suffixes of the files that can be chosen besides folders."""

_SECONDS = 4.0


@dataclass
class Entry:
    """One line of the picker."""

    name: str
    path: str
    folder: bool
    usable: bool
    tally: Tally | None = None
    size: int | None = None

    @property
    def summary(self) -> str:
        """What is in it, in words."""
        if not self.usable:
            return "name is not valid text: please rename"
        if self.size is not None:
            return filesize(self.size)
        return self.tally.summary() if self.tally else ""

    @property
    def marks(self) -> list[str]:
        """What kind of folder it is."""
        return sorted(self.tally.marks) if self.tally else []

    @property
    def closed(self) -> bool:
        """Whether it can be neither opened nor chosen."""
        return not self.usable or bool(self.tally and self.tally.fault)


@dataclass
class Listing:
    """A folder and what is to be shown of it.

    Attributes
    ----------
    choice : str
        The folder or file that was asked for, if it is there.
    entries : list of Entry
        Folders, then files, in natural order.
    hidden : int
        Further entries of the same kinds that are not shown.
    own : Tally
        What is in the folder and below.
    note : str
        A sentence on what was asked for.
    """

    here: Path
    choice: str = ""
    entries: list[Entry] = field(default_factory=list)
    hidden: int = 0
    note: str = ""
    own: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.own = Tally(str(self.here))


@dataclass(frozen=True)
class Wanted:
    """What the picker asks for.

    Attributes
    ----------
    typed : bool
        The path is being typed, and may end in the first letters of a name.
    inside : bool
        It ends in a separator.
    """

    path: Path
    kind: str
    typed: bool = False
    inside: bool = False


def list_folder(wanted: Wanted, task: Task) -> Listing:
    """Find out what to show; publish it as soon as the names are known, then count.

    Raises
    ------
    DeepometryError
        The folder is not there or cannot be read.
    Cancelled
        When asked to stop.
    """
    listing = _typed(wanted, task) if wanted.typed else _chosen(wanted, task)
    task.found = listing
    tallies = [listing.own, *(entry.tally for entry in listing.entries if entry.tally)]
    count_within(_SECONDS, tallies, task.progress)
    return listing


def _chosen(wanted: Wanted, task: Task) -> Listing:
    """List a folder, or the nearest one above what is not there."""
    here = wanted.path
    while not here.is_dir() and here != here.parent:
        here = here.parent
    listing = Listing(here, str(wanted.path) if wanted.path.exists() else "")
    if not listing.choice:
        listing.note = f"{wanted.path} does not exist (yet)."
    elif wanted.path.is_file() and suffix_of(wanted.path.name) not in FILES[wanted.kind]:
        listing.choice = str(here)
    _fill(listing, wanted.kind, "", task)
    return listing


def _typed(wanted: Wanted, task: Task) -> Listing:
    """List what a path that is being typed may become."""
    whole = wanted.path.is_dir()
    if whole and (wanted.inside or wanted.path == wanted.path.parent):
        listing = Listing(wanted.path, str(wanted.path))
        _fill(listing, wanted.kind, "", task)
        return listing
    listing = Listing(wanted.path.parent, str(wanted.path) if _can_choose(wanted) else "")
    if not listing.here.is_dir():
        raise DeepometryError(f"{listing.here} does not exist; check the path.")
    _fill(listing, wanted.kind, wanted.path.name, task)
    if whole and len(listing.entries) <= 1:
        listing = Listing(wanted.path, str(wanted.path))
        _fill(listing, wanted.kind, "", task)
    elif not listing.entries:
        listing.note = f"No name here contains “{wanted.path.name}”."
    return listing


def _can_choose(wanted: Wanted) -> bool:
    if wanted.path.is_file():
        return suffix_of(wanted.path.name) in FILES[wanted.kind]
    return wanted.path.is_dir()


def _fill(listing: Listing, kind: str, start: str, task: Task) -> None:
    """Read the entries whose names begin with `start`, else those that hold it."""
    folders, files = _scan(listing.here, kind, start.startswith("."), task)
    folders, files = _matching(folders, files, start.casefold())
    names = [*sorted(folders, key=natural_key), *sorted(files, key=natural_key)]
    listing.hidden = max(0, len(names) - MOST_SHOWN)
    there = set(folders)
    listing.entries = [_entry(listing.here, name, name in there) for name in names[:MOST_SHOWN]]


def _matching(folders: list[str], files: list[str], start: str) -> tuple[list[str], list[str]]:
    both = (folders, files)
    first, second = ([n for n in names if n.casefold().startswith(start)] for names in both)
    if not first and not second:
        first, second = ([n for n in names if start in n.casefold()] for names in both)
    return first, second


def _scan(here: Path, kind: str, hidden: bool, task: Task) -> tuple[list[str], list[str]]:
    """List the names of folders, and of files that can be chosen."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(here) as entries:
            for number, entry in enumerate(entries, 1):
                if number % ENTRIES_BETWEEN_CHECKS == 0:
                    task.progress.report(number, 0, f"Reading {here.name}")
                if not hidden and is_hidden(entry):
                    continue
                if suffix_of(entry.name) in FILES[kind] and not is_folder(entry):
                    files.append(entry.name)
                elif is_folder(entry):
                    folders.append(entry.name)
    except OSError as error:
        raise explain_os_error(error, here) from error
    return folders, files


def _entry(here: Path, name: str, folder: bool) -> Entry:
    path = str(here / name)
    usable = is_text(name)
    if folder:
        return Entry(name, path, True, usable, Tally(path) if usable else None)
    try:
        size = Path(path).stat().st_size
    except OSError:
        size = None
    return Entry(name, path, False, usable, size=size)

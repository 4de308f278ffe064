"""A walk through all folders of an input, which sorts what lies in them by kind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

from deepometry.core import result_files
from deepometry.core.errors import DeepometryError
from deepometry.core.file_types import (
    AMNIS,
    ANALYSES,
    ARCHIVES,
    CONTAINERS,
    IFCB,
    PLAIN_IMAGES,
    suffix_of,
)
from deepometry.core.files import existing_folder
from deepometry.core.folder_names import natural_key
from deepometry.core.progress import Progress
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import earlier_files, own_record
from deepometry.core.steps import STEPS
from deepometry.images.readers.archive import (
    is_archive,
    lies_unpacked,
    list_folder,
    split_path,
    start_of,
)
from deepometry.images.readers.other_kinds import Others

_ENTRIES_BETWEEN_CHECKS = 10_000
_IMAGEJ = b"Iout"  # how a region of ImageJ begins
_RECORDS = {step.record: step.name for step in STEPS.values() if step.record}
_RESULT_NAMES = {each for each in vars(result_files).values() if isinstance(each, str)}
_FOLDERS_OF_ONE_FILE = (".zarr", ".n5")


@dataclass
class Folder:
    """What lies directly in one folder.

    Attributes
    ----------
    path : Path
    parts : tuple of str
        Folders below the input, outermost first.
    suffixes : tuple of str
        Of files that the second reader reads.
    containers, foreign, tiffs, folders, archives : list of str
        Names: files of many cells, files for the second reader, .tif files, folders, .zip files.
    analyses : list of str
        Names of analyses of IDEAS.
    companions : dict of str to list of str
        For names of containers, the names of the files that belong to them.
    others : Others
        Files of no use.
    record : str
        Name of the record of a step, or of a file that is called so; blank without one.
    fault : str
        Why it cannot be read, in one sentence.
    """

    path: Path
    parts: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    containers: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    tiffs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    analyses: list[str] = field(default_factory=list)
    companions: dict[str, list[str]] = field(default_factory=dict)
    others: Others = field(default_factory=Others)
    record: str = ""
    fault: str = ""

    def add(self, name: str, is_folder: bool) -> None:
        """Sort one entry; those that are hidden do not count."""
        if name.startswith("."):
            return
        suffix = suffix_of(name)
        if is_folder and suffix not in _FOLDERS_OF_ONE_FILE:
            self.folders.append(name)
        elif is_folder:
            self.others.add(name, self.parts)
        elif suffix in PLAIN_IMAGES:
            self.tiffs.append(name)
        elif suffix in ARCHIVES:
            self.archives.append(name)
        elif suffix in IFCB:
            self.companions.setdefault(f"{name[: -len(suffix)]}{IFCB[0]}", []).append(name)
        elif suffix in CONTAINERS:
            self.containers.append(name)
        elif suffix in ANALYSES:
            self.analyses.append(name)
        elif name.lower().endswith(self.suffixes):
            self.foreign.append(name)
        else:
            self.others.add(name, self.parts)
            self.record = self.record or name * (name in _RECORDS)

    def settle(self) -> None:
        """Find out, when all names are known, which samples and which archives are to be read.

        An .roi file may also be of ImageJ, and an .hdr file of other programs. An archive whose
        files lie beside it would give the same cells twice.
        """
        for name in list(self.archives) if split_path(self.path) is None else []:
            stem = self.path / name[: -len(suffix_of(name))]
            if lies_unpacked(self.path / name, [stem, self.path]):
                self.archives.remove(name)
                self.others.unpacked.append("/".join((*self.parts, name)))
        paths = {name: "/".join((*self.parts, name)) for name in self.analyses}
        if any(suffix_of(name) in AMNIS for name in self.containers):
            self.others.analyses += paths.values()
        else:
            for name in paths:
                self.others.add(name, self.parts)
        samples, self.companions = self.companions, {}
        for names in samples.values():
            kinds = {suffix_of(name): name for name in names}
            table, regions = (kinds.get(suffix) for suffix in IFCB[:2])
            if table or (regions and start_of(self.path / regions, 4)[0] != _IMAGEJ):
                name = str(table or regions)
                self.containers.append(name)
                self.companions[name] = [other for other in names if other != name]
                continue
            for name in names:
                self.others.add(name, self.parts)

    def leave_out(self, files: Set[str]) -> None:
        """Count some files, given by their paths, among those of no use."""
        for names in (self.containers, self.foreign, self.tiffs, self.archives):
            left = {name for name in names if os.path.normpath(self.path / name) in files}
            names[:] = [name for name in names if name not in left]
            for name in left:
                self.others.add(name, self.parts)

    def below(self) -> Iterator[tuple[str, str]]:
        """Yield folders and archives, in natural order: what each is called, and its name.

        An archive is called like a folder, without its ending, unless a folder has that name.
        """
        taken = {name.casefold() for name in self.folders}
        called = {name: name for name in self.folders}
        for name in sorted(self.archives, key=natural_key):
            stem = name[: -len(suffix_of(name))]
            called[name] = stem if stem.casefold() not in taken else name
            taken.add(stem.casefold())
        for name in sorted(called, key=lambda name: natural_key(called[name])):
            yield called[name], name


class Search:
    """A walk through all folders below an input; it counts what is of no use."""

    def __init__(self, input: Path, progress: Progress, suffixes: tuple[str, ...] = ()) -> None:
        self.input, self._progress, self.suffixes = input, progress, suffixes
        self.others = Others()
        self._done, self._seen = 0, 1
        self._written: set[str] = set()

    def folders(self) -> Iterator[Folder]:
        """Yield every folder, parents first, in natural order."""
        archive = is_archive(self.input)
        place = self.input if archive else existing_folder(self.input, "Input location")
        yield from self._below(place, (), frozenset())

    def _below(self, path: Path, parts: tuple[str, ...], above: frozenset[str]) -> Iterator[Folder]:
        real = os.path.normcase(os.path.realpath(path))
        if real in above:  # a link to a folder that holds it
            return
        text = f"Looking for images in {path.name}"
        self._progress.report(self._done, self._seen, text, "folders")
        folder = self._list(path, parts)
        self._done, self._seen = self._done + 1, self._seen + len(list(folder.below()))
        self.others.update(folder.others)
        yield folder
        for called, name in folder.below():
            yield from self._below(path / name, (*parts, called), above | {real})

    def _list(self, path: Path, parts: tuple[str, ...]) -> Folder:
        folder = Folder(path, parts, self.suffixes)
        try:
            for number, (name, is_folder) in enumerate(list_folder(path), 1):
                folder.add(name, is_folder)
                if number % _ENTRIES_BETWEEN_CHECKS == 0:
                    self._progress.check()
            folder.settle()
            self._leave_out_results(folder)
        except DeepometryError as error:
            if not parts:
                raise
            folder.fault = str(error)
        return folder

    def _leave_out_results(self, folder: Folder) -> None:
        """Leave out what a step wrote: arrays, montages and plots are not to be read as cells."""
        record = folder.path / folder.record
        if folder.record and own_record(record, _RECORDS[folder.record]):
            if folder.record == PARSE_RECORD and not folder.parts:
                raise DeepometryError(
                    f"Input location {folder.path}: expected images of cells, found parsed ones; "
                    "give the folder of the images."
                )
            files = {*earlier_files(record, _RECORDS[folder.record]), *_RESULT_NAMES}
            self._written.update(os.path.normpath(folder.path / file) for file in files)
        if self._written:
            folder.leave_out(self._written)

"""Files in a .zip as if they lay in folders: `Demo.zip/Day 1/cell.tif`.

Images are read from the archive itself. Files that need random access (`extract`) are unpacked to a
private temporary folder, never beside the archive.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import psutil

from deepometry.core.errors import DeepometryError, Question, explain_os_error
from deepometry.core.file_types import ARCHIVES
from deepometry.images.readers.archive_file import ArchiveError, ArchiveFile

_MOST_COMPARED = 200  # files of an archive that are compared with unpacked ones
_TEMPORARY = "deepometry-unpacked-"
_MARK = f"{ARCHIVES[0]}/"
T = TypeVar("T")


def is_archive(path: Path) -> bool:
    """Return whether a path is a .zip file itself."""
    return path.suffix.lower() in ARCHIVES and path.is_file()


def split_path(path: Path | str) -> tuple[str, str] | None:
    """Split a path into archive and member; None where it leads through no .zip file.

    The member of an archive itself is blank.
    """
    text = os.fspath(path).replace(os.sep, "/")
    lower, at = f"{text.lower()}/", -1
    while (at := lower.find(_MARK, at + 1)) >= 0:
        archive = text[: at + len(_MARK) - 1]
        if os.path.isfile(archive):  # noqa: PTH113 (a Path for every cell is slow)
            return archive, text[at + len(_MARK) :]
    return None


def lies_unpacked(path: Path, places: Sequence[Path]) -> bool:
    """Return whether the files of an archive also lie in one of some places: by name and size."""
    try:
        files = _open(str(path)).sizes()
    except ArchiveError:
        return False
    some = files[:: max(1, len(files) // _MOST_COMPARED)]
    return bool(some) and any(_all_there(place, some) for place in places)


def _all_there(place: Path, files: Sequence[tuple[str, int]]) -> bool:
    try:
        return all((place / name).stat().st_size == size for name, size in files)
    except OSError:
        return False


def find_below(input: Path, file: str) -> Path:
    """Return the path of a file that a source names, where archives are called like folders."""
    place = input
    for part in Path(file).parts:
        inside = place / part
        if split_path(place) is None and not inside.exists():
            packed = (inside.with_name(f"{part}{end}") for end in (".zip", ".ZIP"))
            inside = next((path for path in packed if path.is_file()), inside)
        place = inside
    return place


def list_folder(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield what lies in a folder, or in one of an archive, and whether each is a folder.

    Raises
    ------
    DeepometryError
        It cannot be read.
    """
    if (inside := entries_of(path)) is not None:
        yield from inside
        return
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                yield entry.name, entry.is_dir()
    except OSError as error:
        raise explain_os_error(error, path) from error


def entries_of(path: Path | str) -> list[tuple[str, bool]] | None:
    """List what lies in a folder of an archive: names, and whether each is a folder.

    Returns
    -------
    list or None
        None where the path is not in an archive.

    Raises
    ------
    ArchiveError
        The archive is damaged, encrypted, or too large when unpacked, or lies in another one.
    """
    if (place := split_path(path)) is None:
        return None
    return _open(place[0]).entries(place[1])


def read_file(path: Path | str) -> bytes | None:
    """Read a file from an archive; None where the path is not in one.

    Raises
    ------
    ArchiveError
        It is damaged, too large, or not there.
    """
    if (place := split_path(path)) is None:
        return None
    return _open(place[0]).read(place[1])


def start_of(path: Path, length: int) -> tuple[bytes, int]:
    """Return the first bytes of a file, in an archive or not, and the size of all of it.

    Raises
    ------
    DeepometryError
        It cannot be read.
    """
    if (place := split_path(path)) is not None:
        return _open(place[0]).start(place[1], length)
    try:
        with path.open("rb") as file:
            return file.read(length), path.stat().st_size
    except OSError as error:
        raise explain_os_error(error, path) from error


def open_unpacked(folder: Path, names: Sequence[str], open_at: Callable[[Path], T]) -> T:
    """Open files of a folder: where they are, or unpacked from an archive.

    Parameters
    ----------
    folder : Path
    names : sequence of str
        What has to be unpacked.
    open_at : callable
        Receives the folder to open them in. A temporary one lasts as long as what it returns.
    """
    place = extract(folder, names)
    if place is None:
        return open_at(folder)
    try:
        opened = open_at(place)
    except DeepometryError as error:
        shutil.rmtree(place, ignore_errors=True)
        text = str(error).replace(str(place), str(folder))
        if isinstance(error, Question):
            raise Question(error.option, text, error.choices) from error
        raise ArchiveError(text) from error
    weakref.finalize(opened, shutil.rmtree, place, ignore_errors=True)
    return opened


def extract(folder: Path, names: Sequence[str]) -> Path | None:
    """Unpack files of a folder in an archive to a new temporary folder, for this user alone.

    Returns
    -------
    Path or None
        The temporary folder, which the caller deletes; None where `folder` is not in an archive.

    Raises
    ------
    ArchiveError
        They are damaged, or do not fit on the disk.
    """
    if (place := split_path(folder)) is None:
        return None
    archive = _open(place[0])
    target = _temporary_folder()
    try:
        for name in names:
            archive.unpack(f"{place[1]}/{name}".lstrip("/"), target / name)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def _temporary_folder() -> Path:
    """Make a folder for this user alone; delete those of processes that ended without doing so."""
    for left in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*-*"):
        process = left.name.removeprefix(_TEMPORARY).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)  # those of other users stay
    return Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{os.getpid()}-"))


def _open(path: str) -> ArchiveFile:
    try:
        about = os.stat(path)  # noqa: PTH116 (a Path for every cell is slow)
    except OSError as error:
        raise ArchiveError(str(explain_os_error(error, path))) from error
    return _opened(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=8)
def _opened(path: str, size: int, changed: int) -> ArchiveFile:
    """Read the directory of an archive; `size` and `changed` tell another file of that name."""
    return ArchiveFile(path, size)


def extract_arrays(path: Path) -> Path:
    """Unpack the arrays of an .npz file, which is a .zip, to a new temporary folder.

    Raises
    ------
    ArchiveError
        It is damaged, too large when unpacked, or does not fit on the disk.
    """
    archive = _open(str(path))
    target = _temporary_folder()
    try:
        for name, is_folder in archive.entries(""):
            if not is_folder and name.endswith(".npy"):
                archive.unpack(name, target / name)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target

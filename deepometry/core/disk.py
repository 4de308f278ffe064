"""Files under the hands of the disk: renamed whole, flushed, and locked by one process."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath

STAGE_PREFIX = ".deepometry-"
"""Begins the name of everything that is not whole yet."""

LOCK = "lock"
"""In a stage: held by the process that fills it."""

_MANY = 500  # files, beyond which the whole disk is flushed in one call


def is_below(name: str) -> bool:
    """Return whether a relative path stays in its folder, on any system."""
    path = PureWindowsPath(name)
    return bool(path.parts) and not path.drive and not path.root and ".." not in path.parts


def replace_file(new: Path, target: Path) -> None:
    """Rename over what is there; on Windows wait a while for programs that have it open."""
    for wait in (0.1, 0.3, 1.0, 2.0) if os.name == "nt" else ():
        try:
            new.replace(target)
            return
        except PermissionError:
            time.sleep(wait)
    new.replace(target)


def rename_new(part: Path, target: Path) -> None:
    """Rename a file; raise `FileExistsError` if there is one of that name already."""
    if os.name != "nt":
        try:
            os.link(part, target)
            return
        except FileExistsError:
            raise
        except OSError:  # a disk without links
            if target.exists():
                raise FileExistsError(target) from None
    part.rename(target)  # which Windows refuses where there is one


def same_file(one: Path, other: Path) -> bool:
    """Return whether two paths are one file; False where one is missing or not accessible."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def remove_below(folder: Path, name: str) -> None:
    """Delete one file below a folder, and the folders that this leaves empty."""
    path = folder / name
    with suppress(NotADirectoryError):
        path.unlink(missing_ok=True)
    prune(folder, path)


def prune(folder: Path, path: Path) -> None:
    """Delete the folders between a folder and what was a file below it, as far as empty."""
    for above in path.parents:
        if above == folder or folder not in above.parents:
            return
        try:
            above.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return  # not empty


def remove_tree(folder: Path) -> None:
    """Delete a folder as far as the system allows."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def held(stage: Path, patience: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a stage, by the system: it ends with the process. Yield whether it is held.

    A disk without locks counts as free.

    Raises
    ------
    OSError
        The lock cannot be made.
    """
    from filelock import FileLock, Timeout  # here, since reading alone does not need it

    lock, free = FileLock(stage / LOCK), True
    stage.mkdir(exist_ok=True)
    try:
        with suppress(NotImplementedError):
            lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        free = False
    try:
        yield free
    finally:
        lock.release()


# --- power cuts ------------------------------------------------------------------------------


def flush_files(files: Sequence[Path]) -> None:
    """Have files on the disk, not only in memory, before their names are changed."""
    if len(files) > _MANY and hasattr(os, "sync"):
        os.sync()
        return
    for path in files:
        _flush(path, os.O_RDWR)


def flush_folders(folders: Iterable[Path]) -> None:
    """Have the names in folders on the disk; Windows does so by itself."""
    if os.name != "nt":
        for folder in folders:
            _flush(folder, os.O_RDONLY)


def _flush(path: Path, mode: int) -> None:
    with suppress(OSError):  # some disks cannot, and what they hold is whole without a power cut
        number = os.open(path, mode)
        try:
            os.fsync(number)
        finally:
            os.close(number)

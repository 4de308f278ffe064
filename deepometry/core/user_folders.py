"""The folders that Deepometry chooses: for its own state, and for what can be made again."""

from __future__ import annotations

import getpass
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from deepometry.core.errors import DeepometryError, explain_os_error

_PRIVATE, _OTHERS = 0o700, 0o077
_STATE = (
    "jobs",
    "places.json",
    "projects.json",
    "values.json",
)  # what the page keeps, and beginnings of drafts
_NAME = "Deepometry" if sys.platform in ("win32", "darwin") else "deepometry"


def user_name() -> str:
    """Return the name of this user of the computer; blank where the system does not tell."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def state_folder() -> Path:
    """Return the folder of jobs and last entries: `DEEPOMETRY_HOME`, or the system's for state."""
    if chosen := os.environ.get("DEEPOMETRY_HOME"):
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_state_path(_NAME, appauthor=False)


def cache_folder() -> Path:
    """Return the folder of compiled functions: `NUMBA_CACHE_DIR`, or the system's for caches."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen) / _NAME
    return platformdirs.user_cache_path(_NAME, appauthor=False)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep other threads and processes from changing a file in the state folder meanwhile.

    The lock is the operating system's, beside the file: it ends with the process that holds it.

    Raises
    ------
    DeepometryError
        The folder cannot be made or written to.
    """
    from filelock import FileLock  # here, since most programs only ask for a folder

    lock = FileLock(file.with_name(f"{file.name}.lock"))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(NotImplementedError):  # some network drives have no locks
            lock.acquire()
    except OSError as error:
        raise explain_os_error(error, file) from error
    try:
        yield
    finally:
        lock.release()


def make_private(folder: Path) -> None:
    """Make the folder of the application's state, which only this user may read.

    Jobs are started from what it holds: who can write to it can run programs as this user.

    Raises
    ------
    DeepometryError
        It cannot be made or not be written to, or others can change it and that cannot be mended.

    Notes
    -----
    On Windows it lies in the user's profile, which is private, or else is left as it is.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        if sys.platform != "win32":
            _keep_others_out(folder)
    except OSError as error:
        raise DeepometryError(
            f"The folder for Deepometry's own state, {folder}, cannot be used ({error.strerror}); "
            "set DEEPOMETRY_HOME to a folder that you may write to."
        ) from error


def nobody_else_writes(folder: Path) -> bool:
    """Return whether what lies in a folder of ours can be this user's only, and keep it so."""
    if sys.platform == "win32":
        return True
    try:
        if folder.stat().st_mode & stat.S_IWOTH:
            return False  # who knows what lies there already
        _close(folder)
    except (OSError, DeepometryError):
        return False
    return True


def _keep_others_out(folder: Path) -> None:
    """Take the rights of others away, unless that would not help, or would harm them."""
    own = all(entry.name.lstrip(".").startswith(_STATE) for entry in folder.iterdir())
    if not own and folder.stat().st_mode & _OTHERS and folder.stat().st_uid == os.geteuid():
        raise _unsafe(folder, "it holds other files, and other users have rights there")
    _close(folder)


def _close(folder: Path) -> None:
    state = folder.stat()
    if state.st_uid != os.geteuid():
        raise _unsafe(folder, "it belongs to another user")
    _check_way(folder)
    if state.st_mode & _OTHERS:
        folder.chmod(_PRIVATE)
    if folder.stat().st_mode & _OTHERS:  # as on drives that know no rights
        raise _unsafe(folder, "it cannot be made private")


def _check_way(folder: Path) -> None:
    """Check that nobody else can put another folder in the place of this one."""
    for way in (folder, folder.resolve()):
        for part in (way, *way.parents):
            state = part.lstat()
            if stat.S_ISLNK(state.st_mode):
                if state.st_uid not in (os.geteuid(), 0):
                    raise _unsafe(folder, f"{part} is a link of another user's")
            elif part != way and _lets_others_move(state):
                raise _unsafe(folder, f"others can replace what lies in {part}")


def _lets_others_move(folder: os.stat_result) -> bool:
    """Return whether everybody may move what lies in a folder, or whoever owns a shared one."""
    # the sticky bit, as of /tmp, keeps all but the owner of the folder from it
    kept = folder.st_mode & stat.S_ISVTX and folder.st_uid in (os.geteuid(), 0)
    return bool(folder.st_mode & stat.S_IWOTH) and not kept


def _unsafe(folder: Path, why: str) -> DeepometryError:
    return DeepometryError(
        f"The folder for Deepometry's own state, {folder}, is not safe: {why}. Set DEEPOMETRY_HOME "
        "to a new folder, or to one that is yours alone."
    )

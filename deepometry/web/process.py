"""Processes that outlive the one that starts them, and a lock between processes, on any system."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import deepometry

_PROC = Path("/proc")
_CHILDREN: list[subprocess.Popen[bytes]] = []  # kept until they end, so that none stays a zombie
_log = logging.getLogger(__name__)


# --- who a process is ------------------------------------------------------------------------


def born(process: int) -> str | None:
    """Say when a process began, in a text that is the same for as long as it lives.

    Number and birth together name a process: a number alone is given to another one later.

    Parameters
    ----------
    process : int
        Its number.

    Returns
    -------
    str or None
        None if there is no such process, or if it has ended.
    """
    if sys.platform == "linux":
        return _born_on_linux(process)
    import psutil

    try:
        found = psutil.Process(process)
        ended = found.status() == psutil.STATUS_ZOMBIE
        return None if ended else f"{found.create_time():.3f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return "of another user"


def _born_on_linux(process: int) -> str | None:
    """Count from the start of the system: the time of day of a birth moves when clocks are set."""
    try:
        told = (_PROC / str(process) / "stat").read_text("utf-8", "replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
    words = told.rpartition(")")[2].split()  # a name in parentheses may hold anything
    return None if words[0] in "ZX" else f"{boot} {words[19]}"


def machine() -> str:
    """Name this computer where several may share a home folder; empty where they do not."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text("ascii", "replace").strip()
    return ""


def identity(process: int | None = None) -> dict[str, Any]:
    """Describe a process, this one by default, so that `alive` knows it again."""
    number = os.getpid() if process is None else process
    return {"pid": number, "born": born(number), "machine": machine()}


def alive(told: Mapping[str, Any]) -> bool:
    """Tell whether the process that `identity` described still runs.

    One of another computer is believed to: nothing here can know.
    """
    if told.get("machine", machine()) != machine():
        return True
    number = told.get("pid")
    found = born(number) if isinstance(number, int) else None
    return found is not None and found == told.get("born")


def end(told: Mapping[str, Any]) -> None:
    """End the process that `identity` described, and those it started, if it still runs."""
    import psutil

    if told.get("machine") != machine() or not alive(told):
        return
    with suppress(psutil.Error):
        found = psutil.Process(told["pid"])
        everyone = [*found.children(recursive=True), found]
        if not alive(told):  # it ended meanwhile, and its number may be of another one
            return
        for process in everyone:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(everyone, timeout=3)


# --- starting --------------------------------------------------------------------------------


def launch(module: str, argument: str, folder: Path, log: Path) -> dict[str, Any]:
    """Start `python -m module argument` so that it lives on when this process ends.

    Parameters
    ----------
    module, argument : str
        What to run.
    folder : Path
        Where it stands; its files are found before installed modules, so it must be a folder of
        our own.
    log : Path
        File for what it prints.

    Returns
    -------
    dict
        Its `identity`.

    Raises
    ------
    OSError
        It cannot be started.
    """
    with log.open("ab") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", module, argument],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_environment(),
            **_detached(),
        )
    _CHILDREN.append(child)
    return identity(child.pid)


def reap() -> None:
    """Take leave of the processes that were started here and have ended."""
    _CHILDREN[:] = [child for child in list(_CHILDREN) if child.poll() is None]


@atexit.register
def _release() -> None:
    """Say that what still runs at the end of this process was not forgotten: it is to go on."""
    reap()
    for child in _CHILDREN:
        child.returncode = 0


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        # a console of its own that nobody sees: without any, every program that Python starts
        # (and the python.exe of a virtual environment starts another) would open a window
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}


def _environment() -> dict[str, str]:
    """Let the new process find this very package, and write its log at once and in UTF-8."""
    told = {"PYTHONIOENCODING": "utf-8:backslashreplace", "PYTHONUNBUFFERED": "1"}
    place = Path(deepometry.__file__).resolve().parents[1]
    if place.name in ("site-packages", "dist-packages"):
        return {**os.environ, **told}
    path = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **told, "PYTHONPATH": os.pathsep.join(path)}


# --- a lock between processes ----------------------------------------------------------------


@contextmanager
def exclusive(path: Path, wait: float = 0.0) -> Iterator[bool]:
    """Hold a lock that only one process, and one thread, can have; the system frees it at its end.

    Parameters
    ----------
    path : Path
        A file for nothing else.
    wait : float
        Seconds to wait while another one has it.

    Yields
    ------
    bool
        Whether it was got.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        got, until = _try_lock(file), time.monotonic() + wait
        while not got and time.monotonic() < until:
            time.sleep(0.02)
            got = _try_lock(file)
        yield got
        if got and sys.platform == "win32":
            _unlock(file)  # on other systems closing does it


def _try_lock(file: IO[bytes]) -> bool:
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        # some network disks know no locks; a job still cannot run twice, see JobFolder.claim
        _log.warning("%s cannot be locked (%s): start one server only.", file.name, error)
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

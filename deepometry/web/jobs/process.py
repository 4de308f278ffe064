"""Processes that outlive the one that starts them, on any system."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import deepometry

_PROC = Path("/proc")
_CHILDREN: list[subprocess.Popen[bytes]] = []  # until they end, so that none stays a zombie


# --- who a process is ------------------------------------------------------------------------


def born(pid: int) -> str | None:
    """Return when a process began, in a text that is the same for as long as it lives.

    None if there is no such process, or if it has ended.
    """
    if sys.platform == "linux":
        return _born_on_linux(pid)
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else f"{process.create_time():.3f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return "of another user"


def _born_on_linux(pid: int) -> str | None:
    """Count from the start of the system: the time of day of a birth moves when clocks are set."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
    columns = stat.rpartition(")")[2].split()  # a name in parentheses may hold anything
    return None if columns[0] in "ZX" else f"{boot} {columns[19]}"


def machine() -> str:
    """Return the id of this computer where several may share a home folder, else nothing."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text("ascii", "replace").strip()
    return ""


@dataclass(frozen=True)
class Process:
    """A process, which number and birth together name: a number alone is later another one's."""

    pid: int
    born: str | None
    machine: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """Return the process that has a number now."""
        return cls(pid, born(pid), machine())

    def alive(self) -> bool:
        """Return whether it runs; of another computer's it is assumed, since nothing can know."""
        if self.machine != machine():
            return True
        now = born(self.pid)
        return now is not None and now == self.born

    def end(self) -> None:
        """End it, and those that it started, if it still runs on this computer."""
        import psutil

        if self.machine != machine() or not self.alive():
            return
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            everyone = [*process.children(recursive=True), process]
            if not self.alive():  # it ended meanwhile, and its number may be of another one
                return
            for each in everyone:
                with suppress(psutil.Error):
                    each.kill()
            psutil.wait_procs(everyone, timeout=3)


# --- starting --------------------------------------------------------------------------------


def launch(module: str, arguments: Sequence[str], folder: Path, log: Path) -> Process:
    """Start `python -m module arguments` so that it lives on when this process ends.

    Files in its working folder are found before installed modules, so it must be one of our own.

    Raises
    ------
    OSError
        It cannot be started.
    """
    with log.open("ab") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_environment(),
            **_detached(),
        )
    _CHILDREN.append(child)
    return Process.of(child.pid)


def reap() -> None:
    """Forget the processes that were started here and have ended, so that none stays a zombie."""
    for child in list(_CHILDREN):  # other threads may do the same
        if child.poll() is not None:
            with suppress(ValueError):
                _CHILDREN.remove(child)


@atexit.register
def _release() -> None:
    """Keep Python from warning, at the end of this process, of those that are to go on."""
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
    own = {"PYTHONIOENCODING": "utf-8:backslashreplace", "PYTHONUNBUFFERED": "1"}
    place = Path(deepometry.__file__).resolve().parents[1]
    if place.name in ("site-packages", "dist-packages"):
        return {**os.environ, **own}
    path = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **own, "PYTHONPATH": os.pathsep.join(path)}

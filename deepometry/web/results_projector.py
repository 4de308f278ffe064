"""TensorBoard's projector on extracted features, on this computer, started by a button."""

from __future__ import annotations

import atexit
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deepometry.errors import DeepometryError

HOST = "127.0.0.1"
_PATIENCE = 120.0  # seconds until TensorBoard answers: the first start compiles a lot


@dataclass(frozen=True)
class View:
    """What the page shows: `off`, `starting`, `running` or `failed`, the address, the error."""

    state: str
    url: str = ""
    error: str = ""


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    port: int
    secret: str
    log: IO[bytes]
    started: float


class Projectors:
    """The TensorBoards that were started, one a features folder."""

    def __init__(self) -> None:
        self._running: dict[Path, _Running] = {}
        self._lock = threading.Lock()
        atexit.register(self.stop_all)

    def start(self, folder: Path) -> View:
        """Start TensorBoard on a folder, unless it runs already.

        Raises
        ------
        DeepometryError
            TensorBoard cannot be started.
        """
        with self._lock:
            running = self._running.get(folder)
            if running is None or running.process.poll() is not None:
                self._forget(folder)
                self._running[folder] = _start(folder)
        return self.view(folder)

    def view(self, folder: Path) -> View:
        """Tell how it stands with the TensorBoard of a folder."""
        running = self._running.get(folder)
        if running is None:
            return View("off")
        if running.process.poll() is not None:
            return View("failed", error=_last_line(running.log))
        if _answers(running.port):
            return View("running", f"http://{HOST}:{running.port}/{running.secret}/#projector")
        if time.monotonic() - running.started > _PATIENCE:
            self.stop(folder)
            return View("failed", error=f"it did not answer within {_PATIENCE:.0f} seconds")
        return View("starting")

    def stop(self, folder: Path) -> None:
        """Stop the TensorBoard of a folder, if it runs."""
        with self._lock:
            self._forget(folder)

    def stop_all(self) -> None:
        """Stop all of them."""
        for folder in list(self._running):
            self.stop(folder)

    def _forget(self, folder: Path) -> None:
        running = self._running.pop(folder, None)
        if running is None:
            return
        running.process.terminate()
        try:
            running.process.wait(5)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
        if running.process.stdin is not None:
            running.process.stdin.close()
        running.log.close()


def _start(folder: Path) -> _Running:
    # TensorBoard answers anybody who finds it: other accounts, other sites. So its place is secret.
    port, secret = _free_port(), secrets.token_urlsafe(24)
    command = [sys.executable, "-m", "deepometry.web.projector_child", "--logdir", str(folder)]
    command += ["--host", HOST, "--port", str(port)]
    command += ["--path_prefix", f"/{secret}"]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
    except OSError as error:
        log.close()
        raise DeepometryError(f"TensorBoard cannot be started: {error.strerror}.") from error
    return _Running(process, port, secret, log, time.monotonic())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read()[-20_000:].decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it ended at once")

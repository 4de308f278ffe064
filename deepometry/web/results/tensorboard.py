"""TensorBoard's projector on extracted features, on this computer, started by a button."""

from __future__ import annotations

import atexit
import hashlib
import http.client
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from werkzeug.datastructures import Headers

from deepometry.core.errors import DeepometryError
from deepometry.web.results.output import Gone
from deepometry.web.results.tensorboard_child import ANSWERING, ASKING

PREFIX = "/tensorboard"
_HOST = "127.0.0.1"
_PATIENCE = 120.0  # seconds until TensorBoard answers: the first start compiles a lot
_PORT = re.compile(rb"^port (\d+)\r?$", re.MULTILINE)
_PASSED_ON = ("Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since")
_PIECE = 1 << 16  # bytes


@dataclass(frozen=True)
class View:
    """What the page shows: `off`, `starting`, `running` or `failed`, the address, the error."""

    state: str
    url: str = ""
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """What TensorBoard answers: status, headers and pieces of the body, to be closed at the end."""

    status: int
    headers: list[tuple[str, str]]
    pieces: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    known: dict[str, str]
    log: IO[bytes]
    started: float

    @property
    def port(self) -> int | None:
        """Where it listens, once it has said so."""
        self.log.seek(0)
        said = _PORT.search(self.log.read())
        return int(said[1]) if said else None


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
        """Return the state of the TensorBoard of a folder."""
        running = self._running.get(folder)
        if running is None:
            return View("off")
        if running.process.poll() is not None:
            return View("failed", error=_last_line(running.log))
        if running.port:
            return View("running", f"{running.known['prefix']}/#projector")
        if time.monotonic() - running.started > _PATIENCE:
            self.stop(folder)
            return View("failed", error=f"no answer within {_PATIENCE:.0f} seconds")
        return View("starting")

    def ask(self, key: str, method: str, path: str, headers: Mapping[str, str] | Headers) -> Answer:
        """Ask the TensorBoard of an address for something.

        Parameters
        ----------
        key : str
            What stands behind `PREFIX` in the address.
        path : str
            Path and query, as the browser sent them.

        Raises
        ------
        Gone
            None of this address runs.
        DeepometryError
            It does not answer.
        """
        running = self._find(key)
        port = running.port if running else None
        if running is None or port is None or running.process.poll() is not None:
            raise Gone(
                "TensorBoard does not run here any more; start it again beside the features."
            )
        connection = http.client.HTTPConnection(_HOST, port, timeout=_PATIENCE)
        sent = {name: headers[name] for name in _PASSED_ON if name in headers}
        try:
            connection.request(method, path, headers=sent | {ASKING: running.known["asks"]})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise DeepometryError(f"TensorBoard does not answer ({error}).") from error
        proof = answer.getheader(ANSWERING, "").encode("latin-1", "replace")
        if not secrets.compare_digest(proof, running.known["answers"].encode()):
            answer.close()  # another program took the port of one that has just ended
            connection.close()
            raise DeepometryError("TensorBoard has ended; start it again beside the features.")

        def close() -> None:
            answer.close()
            connection.close()

        pieces = iter(lambda: answer.read(_PIECE), b"")
        return Answer(answer.status, answer.getheaders(), pieces, close)

    def _find(self, key: str) -> _Running | None:
        every = list(self._running.values())
        return next((each for each in every if each.known["prefix"] == f"{PREFIX}/{key}"), None)

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
    # TensorBoard itself answers everybody on this computer: so it asks for a secret, which stands
    # neither in its arguments nor in its address, and only this server, which checks who asks, has
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    known = {"folder": str(folder), "prefix": f"{PREFIX}/{key}"}
    known |= {side: secrets.token_urlsafe(24) for side in ("asks", "answers")}
    command = [sys.executable, "-m", "deepometry.web.results.tensorboard_child"]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
        with suppress(BrokenPipeError):  # it ended at once: the log says why
            process.stdin.write(f"{json.dumps(known)}\n".encode())  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
    except OSError as error:
        log.close()
        raise DeepometryError(f"TensorBoard cannot be started: {error.strerror}.") from error
    return _Running(process, known, log, time.monotonic())


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read()[-20_000:].decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it stopped at once")

"""TensorBoard's projector as a process of its own, which answers only the server that started it.

Run as `python -m deepometry.web.results.tensorboard_child`. What it needs to know comes as a line
of JSON on the standard input, which nobody else can see, unlike arguments.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

ASKING, ANSWERING = "X-Deepometry-Asks", "X-Deepometry-Answers"
"""Headers by which both sides prove to each other who they are."""

_THREADS = 8


def main() -> None:
    """Run TensorBoard until the server ends."""
    known = json.loads(_read_line())
    end = threading.Thread(target=_end_with_the_server, daemon=True)
    end.start()
    port = _launch(known)
    sys.stdout.write(f"port {port}\n")
    sys.stdout.flush()
    end.join()


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):  # byte by byte: the rest waits
        line += byte
    return line


def _end_with_the_server() -> None:
    """Wait until the other end of the standard input closes, as it does when the server ends."""
    while os.read(0, 1):  # not sys.stdin, whose lock would trouble the end of the process
        pass
    os._exit(0)


def _launch(known: dict[str, str]) -> str:
    """Start the projector alone, and return its port."""
    # features are plain tables, for which TensorFlow, whose import takes long, is not needed
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
    from tensorboard import program
    from tensorboard.plugins.core.core_plugin import CorePluginLoader
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin

    board = program.TensorBoard(
        plugins=[CorePluginLoader(), ProjectorPlugin],
        server_class=lambda application, flags: _Guarded(application, known),
    )
    # without its data server, which would answer everybody
    board.configure(
        logdir=known["folder"], path_prefix=known["prefix"], load_fast="false", reload_interval=0
    )
    return str(board.launch())


class _Guarded:
    """A server, in the shape that TensorBoard expects, for who knows the secret."""

    def __init__(self, application: Callable[..., Iterable[bytes]], known: dict[str, str]) -> None:
        from deepometry.web.http_server import Server

        self._application, self._known = application, known
        self._server = Server(self._answer, [socket.create_server(("127.0.0.1", 0))], _THREADS)

    def get_url(self) -> str:
        return str(self._server.port)

    def serve_forever(self) -> None:
        self._server.start()
        while not self._server.wait(3600):
            pass

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        asked = environ.get("HTTP_" + ASKING.upper().replace("-", "_"), "")
        if not hmac.compare_digest(asked.encode("latin-1"), self._known["asks"].encode()):
            start("403 Forbidden", [])
            return [b""]
        proof = (ANSWERING, self._known["answers"])

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start(status, [*headers, proof], *more)

        return self._application(environ, started)


if __name__ == "__main__":
    main()

"""Serving the page on the user's computer: a free port, the browser, an end by Ctrl-C."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import sys
import threading
import webbrowser
from typing import Any

import click
import waitress
from flask import Flask

from deepometry.errors import DeepometryError
from deepometry.web import create_app, store
from deepometry.web.security import is_loopback, names_of

# A page with live progress holds a thread as long as it is open
THREADS = 96
_CONNECTIONS = 400
_TRIES = 50
_TAKEN = (errno.EADDRINUSE, errno.EACCES, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE))


def serve(port: int, browser: bool, host: str) -> None:
    """Serve until Ctrl-C; see `deepometry.web.main`."""
    store.make_private(store.home())
    listening = _listen(host, port)
    found = listening.getsockname()[1]
    if found != port and port:
        click.echo(
            f"Port {port} is taken by another program, or by a Deepometry that runs already; "
            f"this one takes {found}."
        )
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    app = create_app({"PORT": found, "TOKEN": token, "HOSTS": names_of(host)})
    server = _start(app, listening)
    address = f"http://{_name(host)}:{found}/" + (f"?token={token}" if token else "")
    click.echo(f"Deepometry is at {address}\nCtrl-C ends it; running jobs go on.")
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    _wait(app, server)


def _name(host: str) -> str:
    if is_loopback(host):
        return "[::1]" if host == "::1" else "localhost"
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    """Take the first free port from `port` on."""
    for number in range(port, port + _TRIES) if port else (0,):
        if number and _answers(number):
            continue
        try:
            return _bind(host, number)
        except (OSError, OverflowError) as error:
            if getattr(error, "errno", None) not in _TAKEN:
                raise DeepometryError(
                    f"--host {host}: expected an address of this computer, such as 127.0.0.1, and "
                    f"a port up to 65535, found {host} and {number} ({error})."
                ) from error
    raise DeepometryError(
        f"--port {port}: no port from {port} to {port + _TRIES - 1} is free; choose another one."
    )


def _answers(port: int) -> bool:
    """Tell whether another program answers there, on IPv6 too, where browsers look first."""
    try:
        socket.create_connection(("localhost", port), timeout=0.2).close()
    except (OSError, OverflowError):
        return False
    return True


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # where SO_REUSEADDR would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening


def _start(app: Flask, listening: socket.socket) -> threading.Thread:
    """Serve in threads that do not hold the program back when it ends."""
    server: Any = waitress.create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        connection_limit=_CONNECTIONS,
        channel_request_lookahead=5,  # notices a page that was closed, and frees its thread
        ident="Deepometry",
        clear_untrusted_proxy_headers=True,
    )
    app.extensions["jobs"].start()
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    return thread


def _wait(app: Flask, server: threading.Thread) -> None:
    try:
        while server.is_alive():
            server.join(0.5)  # on Windows a wait without end would not hear Ctrl-C
    except KeyboardInterrupt:
        running = any(job.state == "running" for job in app.extensions["jobs"].list())
        more = " A job is still running; start Deepometry again to find it." if running else ""
        click.echo(f"\nDeepometry's page has ended.{more}")
    finally:
        app.extensions["jobs"].stop()


def _has_screen() -> bool:
    """Tell whether a browser can open; a text browser would take over the terminal."""
    if sys.platform in ("win32", "darwin", "cygwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

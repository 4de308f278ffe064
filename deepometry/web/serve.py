"""Serving the page on the user's computer: a free port, the browser, an end by Ctrl-C."""

from __future__ import annotations

import atexit
import errno
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial

import click
from flask import Flask

from deepometry.core.errors import DeepometryError
from deepometry.core.user_folders import make_private, state_folder
from deepometry.web import create_app
from deepometry.web.connection_owner import can_tell
from deepometry.web.http_server import Server
from deepometry.web.security import is_loopback, names_of

# A page with live progress holds a thread as long as it is open
THREADS = 96
_TRIES = 50
_FILES = 4096
_TAKEN = (errno.EADDRINUSE, errno.EACCES, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE))


def serve(port: int, browser: bool, host: str) -> None:
    """Serve until Ctrl-C; see `deepometry.web.main`."""
    make_private(state_folder())
    _allow_files()
    listening = _listen(host, port)
    own_port = listening[0].getsockname()[1]
    if port not in (0, own_port):
        click.echo(
            f"Port {port} is taken by another program, or by a Deepometry that runs already; "
            f"this one takes {own_port}."
        )
    token, near, told = secrets.token_urlsafe(24), is_loopback(host), can_tell()
    address = f"http://{_name(host)}:{own_port}/"
    invitation = f"{address}?token={token}"
    security = {"TOKEN": token, "SHARED": not near}
    security["ON_UNKNOWN"] = cache(partial(_invite, invitation))  # once
    app = create_app({"PORT": own_port, "HOSTS": names_of(host), **security})
    printed = address if near and told else invitation
    # opened without the token where that does: the list of processes shows what is opened
    opened = (address if told else invitation) if browser and _has_screen() else ""
    _run(app, listening, printed, opened)


def _run(app: Flask, listening: list[socket.socket], printed: str, opened: str) -> None:
    before = set(threading.enumerate())
    server = Server(app, listening, THREADS)
    atexit.register(_leave_safely, before)
    with _ctrl_c() as asked:
        try:
            app.extensions["jobs"].start()
            server.start()
            click.echo(f"Deepometry is at {printed}\nCtrl-C ends it; running jobs go on.")
            if opened:
                threading.Thread(target=webbrowser.open, args=(opened,), daemon=True).start()
            while not asked and not server.wait(0.25):
                pass
        finally:
            _end(app, server, bool(asked))


def _invite(address: str) -> None:
    """Tell the user how to get in from where the system does not tell who asks."""
    click.echo(
        "Somebody without the token asked for the page and was refused. If it was you, from a "
        f"container or another system on this computer, open {address}"
    )


def _name(host: str) -> str:
    if is_loopback(host):
        return "[::1]" if host == "::1" else "localhost"
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> list[socket.socket]:
    """Take the first free port from `port` on."""
    for number in range(port, port + _TRIES) if port else (0,) * _TRIES:
        if number and _answers(number):
            continue
        try:
            return _bind_all(host, number)
        except (OSError, OverflowError) as error:
            if getattr(error, "errno", None) not in _TAKEN:
                raise DeepometryError(
                    f"--host {host}: expected an address of this computer, such as 127.0.0.1, and "
                    f"a port up to 65535, found {host} and {number} ({error})."
                ) from error
    raise DeepometryError(
        f"--port {port}: no port from {port} to {port + _TRIES - 1} is free; choose another one."
    )


def _bind_all(host: str, port: int) -> list[socket.socket]:
    """Take a port; by the name "localhost" on IPv6, too, where else somebody else could take it.

    Browsers look there first, and would show the token and what is typed to whoever answers.
    """
    first = _bind(host, port)
    if host.lower() not in ("127.0.0.1", "localhost"):
        return [first]
    try:
        return [first, _bind("::1", first.getsockname()[1])]
    except OSError as error:
        if error.errno not in _TAKEN:
            return [first]  # there is no IPv6
        first.close()
        raise


def _answers(port: int) -> bool:
    """Return whether another program answers there, on IPv6 too, where browsers look first."""
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
        if family == socket.AF_INET6 and host == "::1":
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening


def _end(app: Flask, server: Server, interrupted: bool) -> None:
    if interrupted:
        running = any(job.state == "running" for job in app.extensions["jobs"].list())
        more = " A job is still running; start Deepometry again to find it." if running else ""
        click.echo(f"\nDeepometry's page has ended.{more}")
    app.extensions["jobs"].stop()  # which ends the streams of events, too
    app.extensions["projectors"].stop_all()
    server.close()


@contextmanager
def _ctrl_c() -> Iterator[list[int]]:
    """Note Ctrl-C in a list, rather than raise: a second one must not break off an orderly end."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _leave_safely(before: set[threading.Thread]) -> None:
    """End the process at once where a thread is left, at the end of the program.

    Such a thread, as one that waits for a network disk, would run on in compiled code while Python
    takes itself apart, which can crash.
    """
    if set(threading.enumerate()) <= before:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(0)


def _allow_files() -> None:
    """Let the process open as many files as connections need; macOS allows 256 by default."""
    if sys.platform == "win32":
        return
    import resource

    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FILES:
        return
    wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _has_screen() -> bool:
    """Return whether a browser can open; a text browser would take over the terminal."""
    if sys.platform in ("win32", "darwin", "cygwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

"""The HTTP server around the page: its limits, and an end that leaves nothing behind.

The limits hold before anybody looks at a request: whoever can connect, be it another account of
this computer, must not be able to keep the user out by opening connections and sending little.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from deepometry.web.connection_owner import find_owner, is_own

OWNER = "deepometry.owner"
"""In a request's environment: the number of the user whose connection it is, None: not known."""

CONNECTIONS = 300  # in all: fewer than Windows can wait for, which are 512
A_PEER = 200  # of them by the same user, or from the same address
ANOTHER_USER = 8  # of them by an account of this computer that is refused anyway
HEADERS = 10.0  # seconds from the first byte, or from an empty connection, to the last header
BODY = 60.0  # seconds from the first byte of a request to its last
LARGEST_HEADERS = 64 * 1024  # bytes
LARGEST_BODY = 1024 * 1024  # bytes
_IDLE = 120  # seconds between two requests
_LOOK = 1  # seconds between two looks for connections that take too long
_ANY_NUMBER = 1_000_000

logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that many ask at once is no news


class _Task(WSGITask):
    """A request, which knows whose it is."""

    def get_environment(self) -> dict[str, Any]:
        environment = super().get_environment()
        environment[OWNER] = self.channel.owner
        return environment


class Channel(HTTPChannel):
    """One connection.

    Attributes
    ----------
    owner : int or None
        The user of this computer who made it, as it was when it was accepted.
    peer : int or str
        Whose connections are counted together: the owner's, or else those of an address.
    """

    task_class = _Task

    def __init__(
        self, server: _Listener, sock: socket.socket, address: Any, settings: Any, map: Any = None
    ) -> None:
        self.owner = _owner(sock, address)
        self.peer: int | str = address[0] if self.owner is None else self.owner
        self._since, self._silent = time.monotonic(), True
        super().__init__(server, sock, address, settings, map=map)
        _make_room(self, [each for each in self._map.values() if isinstance(each, Channel)])

    def received(self, data: bytes) -> bool:
        before, self._silent = self.request, False
        taken = super().received(data)
        if self.request is not before:
            self._since = time.monotonic()
        return taken

    @property
    def waits(self) -> bool:
        """Whether nothing is answered or sent: the far end has to say something."""
        return not self.requests and not self.total_outbufs_len

    @property
    def since(self) -> float:
        """When the request began that is not whole yet; without one, when the last one ended."""
        return self._since

    @property
    def too_slow(self) -> bool:
        """Whether the far end takes longer for a request than anybody needs."""
        if not self.waits or (self.request is None and not self._silent):
            return False
        headed = self.request is not None and self.request.headers_finished
        return time.monotonic() - self._since > (BODY if headed else HEADERS)


def _owner(sock: socket.socket, address: Any) -> int | None:
    with contextlib.suppress(OSError):
        return find_owner(address[:2], sock.getsockname()[:2])
    return None


def _make_room(new: Channel, channels: Sequence[Channel]) -> None:
    """Close the connection that waits longest where there are too many of a peer, or in all."""
    mine = [each for each in channels if each.peer == new.peer]
    others = new.owner is not None and not is_own(new.owner)
    if len(mine) > (ANOTHER_USER if others else A_PEER):
        _close_oldest(mine, new)
    elif len(channels) > CONNECTIONS:
        waiting = Counter(each.peer for each in channels if each.waits)
        most = max(waiting, key=waiting.__getitem__)
        _close_oldest([each for each in channels if each.peer == most], new)


def _close_oldest(channels: Sequence[Channel], new: Channel) -> None:
    waiting = [each for each in channels if each.waits and each is not new]
    min(waiting, key=lambda each: each.since, default=new).handle_close()


class _Listener(TcpWSGIServer):
    """One address that is listened on."""

    channel_class = Channel

    def maintenance(self, now: float) -> None:
        """Close what has been silent for long, or is too slow."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.too_slow:
                channel.handle_close()


class _Workers(ThreadedTaskDispatcher):
    """The threads that answer, remembered so that their end can be waited for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.started: list[threading.Thread] = []
        self.set_thread_count(count)

    def start_new_thread(self, target: Callable[[int], None], number: int) -> None:
        thread = threading.Thread(
            target=target, name=f"answer-{number}", args=(number,), daemon=True
        )
        self.started.append(thread)
        thread.start()

    def ended(self, patience: float) -> bool:
        """Wait for the end of all threads; return whether it has come."""
        end = time.monotonic() + patience
        for thread in self.started:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self.started)


class Server:
    """Serve a WSGI application on sockets that are bound already, until `close`.

    Parameters
    ----------
    application : callable
        What answers.
    listening : sequence of socket.socket
        TCP sockets, bound to their addresses; the server closes them.
    threads : int
        How many requests are answered at the same time.
    """

    def __init__(self, application: Any, listening: Sequence[socket.socket], threads: int) -> None:
        settings = Adjustments(
            threads=threads,
            connection_limit=_ANY_NUMBER,  # at which waitress would answer nobody any more
            channel_timeout=_IDLE,
            cleanup_interval=_LOOK,
            max_request_header_size=LARGEST_HEADERS,
            max_request_body_size=LARGEST_BODY + 1,
            channel_request_lookahead=5,  # notices a page that was closed, and frees its thread
            asyncore_use_poll=True,  # select fails from the 1024th open file on
            ident="Deepometry",
            clear_untrusted_proxy_headers=True,
        )
        self.port = int(listening[0].getsockname()[1])
        self._map: dict[int, Any] = {}
        self._workers = _Workers(threads)
        self._listeners = [self._listen(application, each, settings) for each in listening]
        self._thread = threading.Thread(
            target=wasyncore.loop,
            kwargs={"timeout": _LOOK, "map": self._map, "use_poll": True},
            name="server",
            daemon=True,
        )

    def _listen(self, application: Any, place: socket.socket, settings: Adjustments) -> _Listener:
        about = (place.family, place.type, place.proto, place.getsockname())
        return _Listener(
            application,
            self._map,
            True,
            place,
            dispatcher=self._workers,
            adj=settings,
            sockinfo=about,
            bind_socket=False,
        )

    def start(self) -> None:
        """Serve in a thread that does not hold the program back when it ends."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait some seconds, or until the server has ended; return whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self, patience: float = 5.0) -> bool:
        """Accept nothing more, let what is being answered end, and close every connection.

        What waits for news, as a stream of events, must have been told before.

        Parameters
        ----------
        patience : float
            Seconds that answers have to end by themselves.

        Returns
        -------
        bool
            Whether all threads have ended.
        """
        self._in_loop(self._stop_listening)
        self._workers.shutdown(timeout=patience)
        self._in_loop(self._finish_channels)
        end = time.monotonic() + 1
        while self._channels() and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)  # what was answered is on its way
        self._in_loop(self._close_channels)
        if not self._workers.ended(1.0):
            return False  # its threads may still write to what wakes the loop: it stays
        self._in_loop(self._close_triggers)
        return self.wait(2.0)

    def _in_loop(self, act: Callable[[], None]) -> None:
        """Do something in the thread of the loop, which nobody else may take sockets from."""
        done = threading.Event()

        def acted() -> None:
            with contextlib.suppress(OSError):
                act()
            done.set()

        if self._thread.is_alive():
            self._listeners[0].trigger.pull_trigger(acted)
            done.wait(5.0)
        else:
            acted()

    def _channels(self) -> list[Channel]:
        return [each for each in list(self._map.values()) if isinstance(each, Channel)]

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)  # not its own, which ends what wakes the loop

    def _finish_channels(self) -> None:
        for channel in self._channels():
            channel.close_when_flushed = True

    def _close_channels(self) -> None:
        for channel in self._channels():
            channel.handle_close()

    def _close_triggers(self) -> None:
        for listener in self._listeners:
            listener.trigger.close()

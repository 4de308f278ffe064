"""Who is kept out of a real server, and what it bears: accounts, floods and slow requests."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from deepometry.web import create_app, http_server
from deepometry.web.connection_owner import can_tell, find_owner
from deepometry.web.http_server import Server
from deepometry.web.serve import _listen

ATTACKER = Path(__file__).with_name("web_attacker.py")
STRANGER = 54321  # no account needs to have this number
TOKEN = "secret"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose it is")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another account"
)


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


IPV6 = _has_ipv6()


class Page:
    """The page on a free port, of IPv4 and IPv6 where there is one."""

    def __init__(self, home: Path) -> None:
        places = [socket.create_server(("127.0.0.1", 0))]
        self.port = places[0].getsockname()[1]
        if IPV6:
            places.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        self.app = create_app({"HOME": home, "PORT": self.port, "TOKEN": TOKEN})
        self.reached: list[str] = []
        self.app.before_request(self._let_in)
        self.server = Server(self.app, places, threads=8)
        self.server.start()

    def _let_in(self) -> None:
        from flask import request

        self.reached.append(request.path)  # after all checks

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((host, self.port), timeout=20)

    def get(self, path: str = "/", host: str = "127.0.0.1", headers: dict | None = None):
        connection = http.client.HTTPConnection(host, self.port, timeout=20)
        own = {"Host": f"localhost:{self.port}"} | (headers or {})
        connection.request("GET", path, headers=own)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def open(self) -> int:
        return len(self.server._channels())


@pytest.fixture
def page(tmp_path):
    made = Page(tmp_path)
    yield made
    assert made.server.close()


def ended(place: socket.socket) -> bool:
    """Whether the server closes a connection without an answer."""
    try:
        return place.recv(4096) == b""
    except ConnectionResetError:
        return True


# --- accounts --------------------------------------------------------------------------------


@on_linux
@as_root
def test_another_account_never_gets_the_page(page):
    with page.connect() as mine:
        taken = mine.getsockname()[1]
        words = [sys.executable, "-I", str(ATTACKER)]
        run = subprocess.run(
            [*words, str(STRANGER), str(page.port), str(taken)],
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert len(found) == 11
    for name, text in found.items():
        assert "200 OK" not in text and "csrf" not in text.lower(), name
    ways = ["plain", "old", "pipelined", "many", "same_port", *["ipv6", "mapped"] * IPV6]
    for name in ways:
        assert "belongs to another user" in found[name], (name, found[name])
    assert page.reached == []  # nor did any request of a closed connection do anything


@on_linux
def test_the_user_gets_the_page_in_every_way(page):
    for host in ("127.0.0.1", "::1") if IPV6 else ("127.0.0.1",):
        answer, text = page.get(host=host)
        assert answer.status == 200 and "Preprocessing" in text
    ask = f"GET /jobs HTTP/1.1\r\nHost: localhost:{page.port}\r\n"
    with page.connect() as pipelined:
        pipelined.sendall((f"{ask}\r\n" * 3 + f"{ask}Connection: close\r\n\r\n").encode())
        text = b"".join(iter(lambda: pipelined.recv(65536), b""))
        assert text.count(b"200 OK") == 4


def test_who_is_not_known_needs_the_token(page, monkeypatch):
    monkeypatch.setattr(http_server, "find_owner", lambda *ends: None)
    answer, text = page.get()
    assert answer.status == 403 and "open the whole address, with ?token=" in text
    assert page.get("/?token=wrong")[0].status == 403
    answer, _ = page.get(f"/?token={TOKEN}")
    cookie = answer.getheader("Set-Cookie")
    assert answer.status == 302 and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert cookie.startswith(f"deepometry-token-{page.port}=")
    answer, _ = page.get(headers={"Cookie": cookie.partition(";")[0]})
    assert answer.status == 200


@on_linux
@pytest.mark.skipif(not IPV6, reason="there is no IPv6")
def test_the_user_is_known_by_an_ipv4_address_in_ipv6(page):
    with socket.socket(socket.AF_INET6) as mapped:
        mapped.connect(("::ffff:127.0.0.1", page.port))
        assert find_owner(mapped.getsockname()[:2], ("127.0.0.1", page.port)) == os.geteuid()


@on_linux
def test_the_owner_of_an_end_is_told_by_the_kernel():
    assert can_tell()
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = server.getsockname()
        browser = socket.create_connection(near)
        far = browser.getsockname()
        accepted, _ = server.accept()
        assert find_owner(far, near) == os.geteuid()
        assert find_owner(("127.0.0.2", far[1]), near) is None  # the same port elsewhere
        assert find_owner(("192.0.2.1", far[1]), near) is None
        assert find_owner(near, far) == os.geteuid()
        browser.shutdown(socket.SHUT_WR)
        assert find_owner(far, near) == os.geteuid()
        browser.close()  # nobody's any more: the kernel says root
        assert find_owner(far, near) is None
        accepted.close()
        assert find_owner(near, ("127.0.0.1", 1)) is None  # not who listens there
        assert find_owner(("nonsense", 1), near) is None


@pytest.mark.skipif(not IPV6, reason="there is no IPv6")
def test_nobody_else_can_answer_by_the_name_localhost():
    """Browsers look at the IPv6 address first."""
    places = _listen("127.0.0.1", 0)
    assert len({place.getsockname()[1] for place in places}) == 1
    assert [place.family for place in places] == [socket.AF_INET, socket.AF_INET6]
    taken = places[0].getsockname()[1]
    places[0].close()
    again = _listen("localhost", taken)  # of which somebody has one half
    assert taken not in {place.getsockname()[1] for place in again}
    for place in (*places, *again):
        place.close()


# --- floods ----------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["", "GET / HTTP/1.1\r\nHost: localhost:{port}\r\n"])
def test_five_hundred_half_requests_do_not_stop_the_page(page, said):
    held = [page.connect() for _ in range(500)]
    for each in held:
        with suppress(OSError):  # closed already
            each.sendall(said.format(port=page.port).encode())
    answer, _ = page.get(f"/?token={TOKEN}")
    assert answer.status in (200, 302)
    assert page.open() <= http_server.A_PEER
    for each in held:
        each.close()


@on_linux
def test_what_another_account_holds_open_costs_the_user_nothing(page, monkeypatch):
    with page.connect() as kept:
        kept.sendall(f"GET /jobs HTTP/1.1\r\nHost: localhost:{page.port}\r\n".encode())
        while not page.open():
            time.sleep(0.01)
        monkeypatch.setattr(http_server, "find_owner", lambda *ends: STRANGER)
        held = [page.connect() for _ in range(3 * http_server.ANOTHER_USER)]
        assert all(ended(each) for each in held[: http_server.ANOTHER_USER])
        monkeypatch.undo()
        assert page.open() <= http_server.ANOTHER_USER + 1
        kept.sendall(b"\r\n")
        assert b"200 OK" in kept.recv(4096)
        for each in held:
            each.close()


def test_many_addresses_leave_room_for_one_more(page, monkeypatch):
    monkeypatch.setattr(http_server, "CONNECTIONS", 20)
    numbers = iter(range(1000, 2000))
    monkeypatch.setattr(http_server, "is_own", lambda user: True)
    monkeypatch.setattr(http_server, "find_owner", lambda *ends: next(numbers))
    held = [page.connect() for _ in range(60)]
    assert page.get(f"/?token={TOKEN}")[0].status in (200, 302, 403)
    assert page.open() <= 20
    for each in held:
        each.close()


def test_slow_requests_are_cut(page, monkeypatch):
    monkeypatch.setattr(http_server, "HEADERS", 0.2)
    monkeypatch.setattr(http_server, "BODY", 0.2)
    head = f"POST /run/parse HTTP/1.1\r\nHost: localhost:{page.port}\r\nContent-Length: 9\r\n"
    kinds = (b"", b"GET / HT", head.encode(), f"{head}\r\nabc".encode())
    slow = [page.connect() for _ in kinds]
    for each, said in zip(slow, kinds, strict=True):
        each.sendall(said)
    for each, said in zip(slow, kinds, strict=True):
        assert ended(each), said
        each.close()
    assert page.reached == []


def test_too_large_is_refused_before_it_is_read(page):
    head = f"POST /run/parse HTTP/1.1\r\nHost: localhost:{page.port}\r\n"
    size = http_server.LARGEST_BODY + 1
    with page.connect() as large:
        large.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        assert b" 413 " in large.recv(4096)
    with page.connect() as chunked:
        chunked.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n".encode())
        chunked.sendall(b"x" * size)
        assert b" 413 " in chunked.recv(4096)
    with page.connect() as headers:
        headers.sendall(head.encode() + b"X: " + b"x" * http_server.LARGEST_HEADERS)
        assert b" 431 " in headers.recv(4096)
    assert page.reached == []


def test_the_end_closes_what_is_open(tmp_path):
    made = Page(tmp_path)
    held = [made.connect() for _ in range(5)]
    assert made.get(f"/?token={TOKEN}")[0].status in (200, 302)
    assert made.server.close()
    assert all(ended(each) for each in held)
    with pytest.raises(OSError):
        made.connect()
    for each in held:
        each.close()


def test_an_answer_that_does_not_end_is_told(tmp_path):
    asked, goes_on = threading.Event(), threading.Event()

    def slow(environ, start):
        asked.set()
        goes_on.wait()
        start("200 OK", [])
        return [b"late"]

    server = Server(slow, [socket.create_server(("127.0.0.1", 0))], threads=2)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as place:
        place.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(20)
        assert not server.close(patience=0.1)
        assert ended(place)  # the browser does not wait for it
    goes_on.set()
    assert server.close()

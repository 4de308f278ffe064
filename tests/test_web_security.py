"""Who may talk to the page's server."""

from __future__ import annotations

import os
import re
import socket
import sys

import pytest

from deepometry.web import create_app, peers, security
from deepometry.web.security import is_loopback, names_of

OWN = "localhost:5000"


def client(home, **config):
    app = create_app({"HOME": home, "TESTING": True, "PORT": 5000, **config})
    return app.test_client()


def csrf_token(browser) -> str:
    page = browser.get("/", headers={"Host": OWN}).text
    return re.search(r'"X-CSRFToken": "([^"]+)"', page)[1]


@pytest.mark.parametrize("host", [OWN, "127.0.0.1:5000", "[::1]:5000", "LOCALHOST:5000"])
def test_this_computer_is_answered(tmp_path, host):
    assert client(tmp_path).get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:5000",
        "localhost.evil.example:5000",
        "localhost:5001",
        "localhost",
        "",
        "evil@localhost:5000",
        "localhost:5000/x",
    ],
)
def test_other_names_are_refused(tmp_path, host):
    for path in ("/", "/static/app.css", "/jobs"):
        answer = client(tmp_path).get(path, headers={"Host": host})
        assert answer.status_code == 403, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:5001"},
        {"Referer": "http://evil.example/localhost:5000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": f"http://{OWN}"},
    ],
)
def test_posts_from_other_sites_are_refused(tmp_path, headers):
    browser = client(tmp_path)
    own = {"Host": OWN, "X-CSRFToken": csrf_token(browser)}
    answer = browser.post("/run/parse", headers=own | headers)
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_a_post_of_the_page_itself_is_taken(tmp_path):
    browser = client(tmp_path)
    headers = {"Host": OWN, "Origin": f"http://{OWN}", "X-CSRFToken": csrf_token(browser)}
    answer = browser.post("/run/parse", headers=headers | {"HX-Request": "true"})
    assert answer.status_code == 200
    assert 'id="form-parse"' in answer.text


def test_other_sites_cannot_load_pieces_of_the_page_but_may_link_to_it(tmp_path):
    browser = client(tmp_path)
    foreign = {"Host": OWN, "Sec-Fetch-Site": "cross-site"}
    for path in ("/", "/browse", "/jobs", "/static/app.js"):
        assert browser.get(path, headers=foreign | {"Sec-Fetch-Mode": "no-cors"}).status_code == 403
    link = foreign | {"Sec-Fetch-Mode": "navigate"}
    assert browser.get("/", headers=link).status_code == 200


@pytest.mark.parametrize("token", [None, "made up"])
def test_a_page_older_than_the_server_is_loaded_again(tmp_path, token):
    headers = {"Host": OWN, "HX-Request": "true"} | ({"X-CSRFToken": token} if token else {})
    answer = client(tmp_path).post("/run/parse", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["HX-Refresh"] == "true"
    assert answer.headers["X-Deepometry-Stale"]
    plain = client(tmp_path).post("/run/parse", headers={"Host": OWN})
    assert "Load the page again" in plain.text


def test_the_token_of_one_start_is_none_of_the_next(tmp_path):
    old = csrf_token(client(tmp_path))
    headers = {"Host": OWN, "HX-Request": "true", "X-CSRFToken": old}
    assert "HX-Refresh" in client(tmp_path).post("/run/parse", headers=headers).headers


@pytest.mark.parametrize("path", ["/", "/static/app.css", "/jobs", "/nothing"])
def test_every_answer_carries_the_headers(tmp_path, path):
    with client(tmp_path).get(path, headers={"Host": OWN}) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_hold_no_script_or_style_of_their_own(tmp_path):
    page = client(tmp_path).get("/", headers={"Host": OWN}).text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|hx-on", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_cookies_are_of_this_server_only(tmp_path):
    cookie = client(tmp_path).get("/", headers={"Host": OWN}).headers["Set-Cookie"]
    assert cookie.startswith("deepometry-5000=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_beyond_this_computer_a_token_is_needed(tmp_path):
    browser = client(tmp_path, TOKEN="secret", HOSTS=("lab.example",))
    host = {"Host": "lab.example:5000"}
    for path in ("/", "/?token=wrong", "/static/app.js", "/jobs"):
        assert browser.get(path, headers=host).status_code == 403, path
    answer = browser.get("/?token=secret", headers=host)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"
    cookie = answer.headers["Set-Cookie"]
    # not strict, with which the address would not work as a link in a mail
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    browser.set_cookie("deepometry-token-5000", "secret", domain="lab.example")
    assert browser.get("/", headers=host).status_code == 200


def test_names_of_the_address_listened_on():
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("lab.example")
    assert "localhost" in names_of("127.0.0.1")
    assert names_of("192.0.2.7") == ("192.0.2.7",)
    assert "127.0.0.1" in names_of("0.0.0.0")


def test_other_accounts_of_this_computer_are_refused(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(security, "is_another_user", lambda *ports: asked.append(ports) or True)
    place = {"Host": OWN}
    other = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000", "SERVER_PORT": "5000"}
    answer = client(tmp_path).get("/", headers=place, environ_overrides=other)
    assert answer.status_code == 403 and "another user" in answer.text
    assert asked == [(40000, 5000)]


TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:9C40 0100007F:1388 01 00000000:00000000 00:00000000 00000000  4321        0
   1: 0100007F:1388 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0
   2: 0100007F:9C41 0100007F:1388 01 00000000:00000000 00:00000000 00000000     0        0
   3: 0100007F:9C42 0100007F:1388 06 00000000:00000000 00:00000000 00000000     0        0
"""


def test_the_owner_of_a_connection_is_told_by_the_kernel(tmp_path, monkeypatch):
    (tmp_path / "tcp").write_text(TABLE)
    monkeypatch.setattr(peers, "_TABLES", (str(tmp_path / "tcp"), str(tmp_path / "none")))
    monkeypatch.setattr(peers.sys, "platform", "linux")
    monkeypatch.setattr(peers.os, "getuid", lambda: 1000, raising=False)
    assert peers.is_another_user(40000, 5000)
    assert not peers.is_another_user(40001, 5000)  # the system's own, as of a tunnel
    assert not peers.is_another_user(40002, 5000)  # closed already
    assert not peers.is_another_user(5000, 40000)
    monkeypatch.setattr(peers.os, "getuid", lambda: 4321, raising=False)
    assert not peers.is_another_user(40000, 5000)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_an_own_connection_is_found_in_the_real_table():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as browser:
            mine = browser.getsockname()[1]
            found = {user for *ports, user in peers._connections() if ports == [mine, port]}
            assert found == {os.getuid()}
            assert not peers.is_another_user(mine, port)


def test_headers_that_are_ignored_far_away_are_not_sent(tmp_path):
    name = "Cross-Origin-Opener-Policy"
    near = client(tmp_path).get("/", headers={"Host": OWN})
    far = client(tmp_path, HOSTS=("lab.example",)).get("/", headers={"Host": "lab.example:5000"})
    assert near.headers[name] == "same-origin" and name not in far.headers

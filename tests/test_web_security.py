"""Who may talk to the page's server."""

from __future__ import annotations

import os
import re

import pytest

from deepometry.web import create_app
from deepometry.web.http_server import OWNER
from deepometry.web.security import is_loopback, names_of

OWN = "localhost:5000"


def client(home, **config):
    app = create_app({"HOME": home, "TESTING": True, "PORT": 5000, **config})
    return app.test_client()


def csrf_token(browser) -> str:
    page = browser.get("/", headers={"Host": OWN}).text
    return re.search(r'"X-CSRFToken": "([^"]+)"', page)[1]


def test_without_a_token_of_its_own_nobody_unknown_comes_in(tmp_path):
    app = create_app({"HOME": tmp_path, "PORT": 5000})
    answer = app.test_client().get("/", headers={"Host": OWN})
    assert answer.status_code == 403 and "asks for a token" in answer.text


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
    for path in ("/", "/static/page/page.css", "/jobs"):
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
    for path in ("/", "/browse", "/jobs", "/static/page/forms.js"):
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


@pytest.mark.parametrize("path", ["/", "/static/page/page.css", "/jobs", "/nothing"])
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
    for path in ("/", "/?token=wrong", "/static/page/forms.js", "/jobs"):
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


@pytest.mark.parametrize(
    ("owner", "token", "status"),
    [
        (1000, "", 200),  # the user who started the server
        (0, "", 200),  # the system itself, as of a tunnel
        (1001, "", 403),
        (1001, "?token=secret", 403),  # even who has learnt the token
        (65534, "", 403),
        (None, "", 403),  # not known is not allowed
        (None, "?token=wrong", 403),
        (None, "?token=secret", 302),
    ],
)
def test_who_is_let_in(tmp_path, monkeypatch, owner, token, status):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    asked = []
    browser = client(tmp_path, TOKEN="secret", ON_UNKNOWN=lambda: asked.append("told"))
    whose = {"environ_overrides": {OWNER: owner}, "headers": {"Host": OWN}}
    assert browser.get(f"/{token}", **whose).status_code == status
    assert bool(asked) == (owner is None and status == 403)


@pytest.mark.parametrize(
    ("owner", "token", "status"),
    [(1000, "", 200), (1001, "", 403), (1001, "?token=secret", 302), (None, "", 403)],
)
def test_who_is_let_in_where_the_page_is_shared(tmp_path, monkeypatch, owner, token, status):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    browser = client(tmp_path, TOKEN="secret", SHARED=True)
    whose = {"environ_overrides": {OWNER: owner}, "headers": {"Host": OWN}}
    assert browser.get(f"/{token}", **whose).status_code == status


def test_headers_that_are_ignored_far_away_are_not_sent(tmp_path):
    name = "Cross-Origin-Opener-Policy"
    near = client(tmp_path).get("/", headers={"Host": OWN})
    far = client(tmp_path, HOSTS=("lab.example",)).get("/", headers={"Host": "lab.example:5000"})
    assert near.headers[name] == "same-origin" and name not in far.headers

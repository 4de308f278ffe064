"""Who may talk to the server: only the user's own browser, on pages of ours.

A server on the user's own computer can be reached by every page that this user has open: by a
post from another site, or by a name that another site lets point here (DNS rebinding). So every
request must name this computer as its host, every change must come from a page of ours and carry
its CSRF token. Whoever is not proven to be the user who started the server must know the token of
this start: other accounts of this computer, and everybody beyond it.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, current_app, redirect, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response as AnyResponse

from deepometry.web.connection_owner import is_own
from deepometry.web.http_server import OWNER

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STALE_HEADER = "X-Deepometry-Stale"
_OTHER_SITE = "This was asked for by a page of another site, not by Deepometry's own."
_SAFE = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer, with which browsers hide the origin of a plain form
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(app: Flask) -> None:
    """Put the checks before every request of `app`, and the headers on every answer."""
    port = app.config["PORT"]
    # Browsers keep cookies by host, not by port: two servers must not take each other's
    app.config["SESSION_COOKIE_NAME"] = f"deepometry-{port or 'page'}"
    app.before_request(_check_host)
    app.before_request(_check_visitor)
    app.before_request(_check_site)
    app.before_request(_check_origin)
    CSRFProtect(app)
    app.register_error_handler(CSRFError, _stale)
    app.after_request(_guarded)


def is_loopback(host: str) -> bool:
    """Return whether only this computer can reach a server that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str) -> tuple[str, ...]:
    """Return the names by which browsers may call a server that listens on `host`."""
    if is_loopback(host):
        return (*LOOPBACK, host.lower())
    if host not in ("0.0.0.0", "::", ""):
        return (host.lower(),)
    name, whole = socket.gethostname().lower(), socket.getfqdn().lower()
    return (*LOOPBACK, name, whole, f"{name}.local", *_own_addresses())


def _own_addresses() -> Iterable[str]:
    import psutil

    for addresses in psutil.net_if_addrs().values():
        yield from (each.address.split("%")[0].lower() for each in addresses)


def _check_host() -> AnyResponse | None:
    """Refuse names that are not ours: another site may let its own name point here."""
    name, port = _split(request.headers.get("Host", ""))
    names = current_app.config.get("HOSTS") or LOOPBACK
    wanted = current_app.config["PORT"]
    if name in names and (wanted is None or port == wanted):
        return None
    return _refused(
        f"This server does not answer to the name {request.headers.get('Host')!r}: open the "
        f"address that it printed, such as http://localhost:{wanted or port}/. In a tunnel, use "
        "the same port at both ends."
    )


def _split(host: str) -> tuple[str, int | None]:
    if set(host) & set("@/?#\\"):
        return "", None  # parts of an address, but not of a host
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "").lower(), parts.port or 80
    except ValueError:
        return "", None


def _check_visitor() -> AnyResponse | None:
    """Let in the user who started the server, and who knows its token; refuse anybody else."""
    owner, token = request.environ.get(OWNER), current_app.config["TOKEN"]
    if owner is not None and is_own(owner):
        return None
    if owner is not None and not current_app.config["SHARED"]:
        return _refused("This Deepometry belongs to another user of this computer; start your own.")
    if not token or _equal(request.cookies.get(_cookie(), ""), token):
        return None
    if request.method == "GET" and _equal(request.args.get("token", ""), token):
        return _let_in(token)
    current_app.config["ON_UNKNOWN"]()
    return _refused(
        "This server asks for a token: open the whole address, with ?token=, that it printed where "
        "it was started."
    )


def _cookie() -> str:
    return f"deepometry-token-{current_app.config['PORT'] or 'page'}"


def _equal(text: str, token: str) -> bool:
    return hmac.compare_digest(text.encode(), token.encode())


def _let_in(token: str) -> AnyResponse:
    """Move the token from the address, which others may see, to a cookie."""
    rest = {name: value for name, value in request.args.items() if name != "token"}
    # lax, so that the address works as a link in a mail, too; changes ask for more than a cookie
    answer = redirect(request.path + (f"?{urlencode(rest)}" if rest else ""))
    answer.set_cookie(_cookie(), token, httponly=True, samesite="Lax")
    return answer


def _check_site() -> AnyResponse | None:
    """Refuse what pages of other sites load; a link or an address that was typed is no such."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    link = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if site in ("same-origin", "none") or (link and request.path == "/"):
        return None
    return _refused(_OTHER_SITE)


def _check_origin() -> AnyResponse | None:
    """Refuse changes asked for by pages of other sites."""
    if request.method in _SAFE:
        return None
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        return _refused(_OTHER_SITE)
    return None


def _refused(reason: str) -> AnyResponse:
    return Response(f"{reason}\n", 403, mimetype="text/plain")


def _stale(error: CSRFError) -> AnyResponse:
    """Answer a page that was loaded before the server was restarted: load it again.

    The page's script keeps what was typed over the reload.
    """
    if request.headers.get("HX-Request"):
        return Response("", 200, {"HX-Refresh": "true", STALE_HEADER: "yes"})
    text = "The page is older than the server, which was restarted. Load the page again."
    return Response(render_template("page/error.html", text=text), 400)


def _guarded(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.is_secure or is_loopback(_split(request.host)[0]):
        answer.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")  # others ignore it
    if request.endpoint != "static":
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer

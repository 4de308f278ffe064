"""The one place where the page turns errors into sentences."""

from __future__ import annotations

import logging

from flask import Flask, Response, render_template, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError

from deepometry.core.errors import DeepometryError, explain_os_error

_log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Answer errors of `app` with a sentence: above the forms, or as a page of its own."""
    app.register_error_handler(DeepometryError, _mistake)
    app.register_error_handler(OSError, _system)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def _mistake(error: DeepometryError) -> Response:
    if request.headers.get("HX-Request"):
        text = f'<p class="problem" role="alert">{escape(str(error))}</p>'
        return Response(text, 200, {"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
    return Response(render_template("page/error.html", text=str(error)), 400)


def _system(error: OSError) -> Response:
    return _mistake(explain_os_error(error))


def _unknown(error: Exception) -> Response | HTTPException:
    """Report an error that should not happen, and write its traceback to the server's log."""
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    text = f"Something went wrong that should not ({reason}). The server's terminal shows where."
    return _http(InternalServerError(text))


def _http(error: HTTPException) -> Response | HTTPException:
    """Answer browsers that ask for a page with one; scripts and pictures with plain text."""
    text = error.description or error.name
    if request.headers.get("HX-Request"):
        return Response(text, error.code, mimetype="text/plain")
    if "text/html" not in request.headers.get("Accept", ""):
        return error
    return Response(render_template("page/error.html", text=text), error.code)

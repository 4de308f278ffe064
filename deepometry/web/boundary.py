"""The one place where the page turns errors into words."""

from __future__ import annotations

import logging

from flask import Flask, Response, render_template, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError

from deepometry.errors import DeepometryError, explain_os_error

_log = logging.getLogger(__name__)


def guard(app: Flask) -> None:
    """Answer errors of `app` in a sentence: beside the forms, or as a page of its own."""
    app.register_error_handler(DeepometryError, _mistake)
    app.register_error_handler(OSError, _system)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def _mistake(error: DeepometryError) -> Response:
    if request.headers.get("HX-Request"):
        text = f'<p class="problem" role="alert">{escape(str(error))}</p>'
        return Response(text, 200, {"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
    return Response(render_template("error.html", text=str(error)), 400)


def _system(error: OSError) -> Response:
    return _mistake(explain_os_error(error))


def _unknown(error: Exception) -> Response | HTTPException:
    """Say that something went wrong that should not, and keep all of it in the server's log."""
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    text = f"Something went wrong that should not ({told}). What the server printed says where."
    return _http(InternalServerError(text))


def _http(error: HTTPException) -> Response | HTTPException:
    """Tell browsers that ask for a page; scripts and pictures get the plain answer."""
    text = error.description or error.name
    if request.headers.get("HX-Request"):
        return Response(text, error.code, mimetype="text/plain")
    if "text/html" not in request.headers.get("Accept", ""):
        return error
    return Response(render_template("error.html", text=text), error.code)

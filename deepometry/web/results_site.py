"""What all pages of results share: the blueprint, a job's output, and how mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request

from deepometry.errors import DeepometryError
from deepometry.web.results_cache import Cache
from deepometry.web.results_files import in_words
from deepometry.web.results_output import Gone, JobLike, Output, Unknown, open_output, stamp_of
from deepometry.web.results_projector import Projectors
from deepometry.web.security import is_loopback

blueprint = Blueprint("results", __name__)
_DAY = 24 * 3600  # seconds
_PARTIALS = {"show", "more_files", "cells", "projector", "start_projector", "stop_projector"}
_PARTIALS |= {"draw_heat"}
_PARTIALS |= {"export", "exported", "stop_export", "find"}


@blueprint.record_once
def _prepare(state: Any) -> None:
    state.app.extensions["results"] = Cache()
    state.app.extensions["projectors"] = Projectors()
    state.app.jinja_env.filters.setdefault("filesize", in_words)


def find_job(id: str) -> JobLike:
    """Find a job; one that is not there is answered with 404."""
    try:
        return current_app.extensions["jobs"].get(id)
    except KeyError:
        abort(404)


def find_output(id: str, verb: str | None = None) -> Output:
    """Open the output of a job; of another verb it has nothing of that kind."""
    job = find_job(id)
    if verb is not None and job.verb != verb:
        abort(404)
    cache: Cache = current_app.extensions["results"]
    return cache.get((job.id, stamp_of(job), "output"), lambda: open_output(job))


def kept(output: Output, what: str, make: Callable[[], Any]) -> Any:
    """Work something out once for as long as the output stays as it is."""
    cache: Cache = current_app.extensions["results"]
    return cache.get((output.id, output.stamp, what), make)


@blueprint.errorhandler(DeepometryError)
def _told(error: DeepometryError) -> tuple[Any, int]:
    """Tell in a sentence what is wrong, in the form that was asked for."""
    if (request.endpoint or "").removeprefix("results.") in _PARTIALS:
        return render_template("results_note.html", text=str(error)), 200  # htmx drops others
    status = 410 if isinstance(error, Gone) else 404 if isinstance(error, Unknown) else 409
    if "text/html" in request.headers.get("Accept", ""):  # a link that leaves the page
        return render_template("error.html", text=str(error)), status
    return {"error": str(error)}, status


def peek(output: Output, what: str) -> Any:
    """Give what was worked out, if it was."""
    return current_app.extensions["results"].peek((output.id, output.stamp, what))


def forget(output: Output, what: str) -> None:
    """Work something out anew when it is next wanted."""
    current_app.extensions["results"].drop((output.id, output.stamp, what))


def projectors() -> Projectors:
    """Give the TensorBoards that were started."""
    return current_app.extensions["projectors"]


def number(name: str, default: int) -> int:
    """Read a whole number of the address."""
    return request.args.get(name, default, type=int)


def is_here() -> bool:
    """Tell whether the browser runs on the same computer as the server."""
    return is_loopback(request.remote_addr or "")


def picture(png: bytes) -> Response:
    """Send a picture that the browser may keep."""
    answer = Response(png, mimetype="image/png")
    answer.cache_control.private = True
    answer.cache_control.max_age = _DAY  # its address changes when the results do
    return answer

"""Pages of TensorBoard's projector."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Response, render_template, request

from deepometry.web.results.output import Output
from deepometry.web.results.shared import (
    blueprint,
    find_output,
    projectors,
)
from deepometry.web.results.tensorboard import PREFIX, View

_OTHER_PLACES = re.compile(r"\s+https?://[^\s;]+")
_SENT_BACK = ("content-type", "content-encoding", "content-length", "etag", "last-modified")


def _projector(output: Output, view: View) -> str:
    return render_template("results/projector.html", output=output, view=view)


@blueprint.get("/jobs/<id>/results/projector")
def projector(id: str) -> str:
    """Show the state of TensorBoard."""
    output = find_output(id, "extract")
    return _projector(output, projectors().view(output.root))


@blueprint.post("/jobs/<id>/results/projector")
def start_projector(id: str) -> str:
    """Start TensorBoard on the features of a job."""
    output = find_output(id, "extract")
    return _projector(output, projectors().start(output.root))


@blueprint.post("/jobs/<id>/results/projector/stop")
def stop_projector(id: str) -> str:
    """Stop it."""
    output = find_output(id, "extract")
    projectors().stop(output.root)
    return _projector(output, View("off"))


@blueprint.get(f"{PREFIX}/<key>/")
@blueprint.get(f"{PREFIX}/<key>/<path:rest>")
def tensorboard(key: str, rest: str = "") -> Response:
    """Hand a request on to TensorBoard, after all checks of the page, and its answer back."""
    path = f"{quote(request.path)}?{request.query_string.decode('latin-1')}".rstrip("?")
    found = projectors().ask(key, request.method, path, request.headers)
    answer = Response(found.pieces, found.status)
    answer.call_on_close(found.close)
    answer.headers.clear()
    for name, value in found.headers:
        if name.lower() in _SENT_BACK:
            answer.headers[name] = value
        elif name.lower() == "content-security-policy":
            # it shows itself in a frame, and neither it nor this page loads anything from elsewhere
            policy = _OTHER_PLACES.sub("", value)
            answer.headers[name] = f"{policy}; base-uri 'self'; frame-ancestors 'self'"
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer

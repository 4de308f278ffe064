"""Live progress for the page: server-sent events of one job, or of all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, abort, current_app, request

from deepometry.web.jobs.queue import FINAL, Jobs
from deepometry.web.jobs.store import Event

blueprint = Blueprint("events", __name__)

HEARTBEAT = 15.0  # seconds
LOOK = 1.0  # seconds between two looks whether the browser is still there
_SLACK = 2.0  # seconds that a browser's last event may lie behind what it missed
MOST = 80  # streams: each holds one of the server's threads, and the forms need some, too
PLACES = threading.BoundedSemaphore(MOST)


@blueprint.get("/jobs/<id>/events")
def of_job(id: str) -> Response:
    """Stream the events of a job, from the one after `Last-Event-ID` or `?after=` on.

    The data is JSON, the id the event's number. The stream ends after "end"; a browser that comes
    back for more gets 204, upon which it stays away.
    """
    jobs, after = _jobs(), int(_after())
    try:
        ended = jobs.get(id).state in FINAL and not jobs.events(id, after)
    except KeyError:
        abort(404)
    if ended:
        return Response(status=204)
    return _stream(jobs, jobs.follow(id, after), lambda event: _message(event, event.number))


@blueprint.get("/events")
def of_all() -> Response:
    """Stream state, progress and end of all jobs, each with the id of its `job` in the data.

    It begins with all jobs that have not ended, and those that ended after the time in
    `Last-Event-ID` or `?after=`. The ids are times, in seconds since 1970.
    """
    jobs = _jobs()
    batches = jobs.follow_all((_after() or time.time()) - _SLACK)
    return _stream(jobs, batches, lambda event: _message(event, event.time, job=event.job))


def _jobs() -> Jobs:
    jobs: Jobs = current_app.extensions["jobs"]
    return jobs


def _after() -> float:
    """Return where to go on; 0, the beginning, if it is no number."""
    try:
        after = float(request.headers.get("Last-Event-ID") or request.args.get("after") or 0)
    except ValueError:
        return 0.0
    return after if 0 <= after < 1e15 else 0.0


def _stream(
    jobs: Jobs, batches: Iterator[list[Event]], message: Callable[[Event], str]
) -> Response:
    if not PLACES.acquire(blocking=False):
        abort(503, f"More than {MOST} pages are open already: close some of them.")
    gone = request.environ.get("waitress.client_disconnected") or (lambda: False)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    body = _messages(jobs, batches, message, gone)
    response = Response(body, mimetype="text/event-stream", headers=headers)
    response.call_on_close(PLACES.release)
    return response


def _messages(
    jobs: Jobs,
    batches: Iterator[list[Event]],
    message: Callable[[Event], str],
    gone: Callable[[], bool],
) -> Iterator[str]:
    """Yield every event, and a comment after a long silence, until the browser or server goes."""
    yield "retry: 2000\n\n"
    version, last = jobs.version, time.monotonic()
    while not (jobs.stopped or gone()):
        events = next(batches, None)
        if events is None:
            return
        yield from map(message, events)
        if events:
            last = time.monotonic()
        elif time.monotonic() - last >= HEARTBEAT:
            last = time.monotonic()
            yield ": still here\n\n"
        version = jobs.wait(version, LOOK)


def _message(event: Event, id: float, **more: str) -> str:
    """Return the text of an event; JSON has no line ends that would cut it."""
    data = json.dumps({**event.data, **more}, separators=(",", ":"))
    return f"id: {id:.15g}\nevent: {event.kind}\ndata: {data}\n\n"

"""Live progress for the page: server-sent events of one job, or of all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, abort, current_app, request

from deepometry.web.feed import Event
from deepometry.web.jobs import FINAL, Jobs

blueprint = Blueprint("events", __name__)

HEARTBEAT = 15.0  # seconds
_LOOK = 1.0  # seconds between two looks whether the browser is still there
_SLACK = 2.0  # seconds that a browser's last event may lie behind what it missed
MOST = 80  # streams: each holds one of the server's threads, and the forms need some, too
_places = threading.BoundedSemaphore(MOST)
_SHARED = ("state", "progress", "end")


@blueprint.get("/jobs/<id>/events")
def of_job(id: str) -> Response:
    """Stream what a job tells, from the event after `Last-Event-ID` or `?after=` on.

    One event a kind of `Event`, its data as JSON, its number as id. The stream ends after "end";
    a browser that comes back for more gets 204, which tells it to stay away.
    """
    jobs, after = _jobs(), int(_after())
    try:
        ended = jobs.get(id).state in FINAL and not jobs.events(id, after)
    except KeyError:
        abort(404)
    return Response(status=204) if ended else _stream(_of_job(jobs, id, after, _gone()))


@blueprint.get("/events")
def of_all() -> Response:
    """Stream state, progress and end of all jobs, each with the id of its `job` in the data.

    It begins with all jobs that have not ended, and those that ended after the time that
    `Last-Event-ID` or `?after=` tells. The ids are times, in seconds since 1970.
    """
    jobs = _jobs()
    return _stream(_of_all(jobs, _after() or time.time(), _gone()))


def _jobs() -> Jobs:
    jobs: Jobs = current_app.extensions["jobs"]
    return jobs


def _after() -> float:
    """Read where to go on; from the beginning if it is no number."""
    try:
        told = float(request.headers.get("Last-Event-ID") or request.args.get("after") or 0)
    except ValueError:
        return 0.0
    return told if 0 <= told < 1e15 else 0.0


def _gone() -> Callable[[], bool]:
    """Give a function that tells whether the browser went away, where the server knows."""
    found = request.environ.get("waitress.client_disconnected")
    return found if callable(found) else lambda: False


def _stream(told: Iterator[str]) -> Response:
    if not _places.acquire(blocking=False):
        abort(503, f"More than {MOST} pages listen already: close some of them.")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    answer = Response(told, mimetype="text/event-stream", headers=headers)
    answer.call_on_close(_places.release)
    return answer


def _of_job(jobs: Jobs, id: str, after: int, gone: Callable[[], bool]) -> Iterator[str]:
    yield "retry: 2000\n\n"
    for beat in _beats(jobs, gone):
        try:
            found = jobs.events(id, after)
        except KeyError:
            return  # it was taken off the list
        for event in found:
            after = event.number
            yield _written(str(event.number), event.kind, event.data)
            if event.kind == "end":
                return
        yield from beat.pulse(bool(found))


def _of_all(jobs: Jobs, since: float, gone: Callable[[], bool]) -> Iterator[str]:
    yield "retry: 2000\n\n"
    seen: dict[str, int] = {}
    over = {job.id for job in jobs.list() if _ended_before(job.finished, since)}
    for beat in _beats(jobs, gone):
        told = False
        for id in [id for id in reversed(jobs.ids()) if id not in over]:
            for event in _since(jobs, id, seen):
                told = True
                yield _written(f"{event.time:.3f}", event.kind, {**event.data, "job": id})
                if event.kind == "end":
                    over.add(id)
        yield from beat.pulse(told)


def _ended_before(finished: float | None, since: float) -> bool:
    return finished is not None and finished < since - _SLACK


def _since(jobs: Jobs, id: str, seen: dict[str, int]) -> list[Event]:
    """Give what a job told of late that is for all, and remember it."""
    try:
        found = jobs.events(id, seen.get(id, 0))
    except KeyError:
        return []
    if found:
        seen[id] = found[-1].number
    return [event for event in found if event.kind in _SHARED]


class _Beat:
    """Keeps a connection alive when there is nothing to tell."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def pulse(self, told: bool) -> Iterator[str]:
        """Give a comment if nothing was sent for a while."""
        now = time.monotonic()
        silent = not told and now - self._told >= HEARTBEAT
        if told or silent:
            self._told = now
        if silent:
            yield ": still here\n\n"


def _beats(jobs: Jobs, gone: Callable[[], bool]) -> Iterator[_Beat]:
    """Come back whenever a job told something, until the browser or the server goes."""
    beat, version = _Beat(), jobs.version
    while not (jobs.stopped or gone()):
        yield beat
        version = jobs.wait(version, _LOOK)


def _written(number: str, kind: str, data: dict[str, Any]) -> str:
    """Write an event; JSON has no line ends that would cut it."""
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"

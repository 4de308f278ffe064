"""Blueprint `pages`: the page itself, its forms, and the cards of the jobs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from deepometry.errors import explain_os_error
from deepometry.options import ExampleOptions, settings
from deepometry.web import browse_places, flow
from deepometry.web.companions import COMPANIONS, companions_of
from deepometry.web.forms import StepForm, empty_form, filled_form
from deepometry.web.jobs import Job, Jobs
from deepometry.web.memory import remember, remembered
from deepometry.web.steps import STEPS
from deepometry.web.words import UNFINISHED

blueprint = Blueprint("pages", __name__)
EXAMPLE = "demo-data"
_EXAMPLE_FOLDER = "Deepometry example"
_LISTED = 25  # past jobs at first, and each time that more are asked for


def _jobs() -> Jobs:
    return current_app.extensions["jobs"]


def _home() -> Path:
    return Path(current_app.extensions["home"])


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "STEPS": STEPS,
        "offered": flow.offered,
        "has_results": lambda job: bool(flow.form_of(job)) and flow.has_results(job),
        "form_of": flow.form_of,
        "companions_of": companions_of,
        "entered": flow.entered,
        "resumed": flow.resumed,
        "resumable": flow.resumable,
        "waits_for": lambda job: flow.waits_for(job, _jobs().list()),
        "metrics": lambda job: _jobs().metrics(job.id),
        "now": time.time(),
        "listed": _LISTED,
    }


@blueprint.get("/")
def index() -> str:
    """The page."""
    return _page()


def _page(asked: StepForm | None = None, **values: Any) -> str:
    """Render the whole page; `asked` stands in for the form that was sent."""
    jobs, last = _jobs().list(), remembered(_home())
    offers = flow.newest_offers(jobs)
    columns = []
    for verb in STEPS:
        start = flow.starting_values(verb, last.get(verb, {}), offers[verb])
        form = asked if asked and asked.step.verb == verb else empty_form(verb, start)
        also = [{"verb": c.verb, **_column(jobs, c.verb)} for c in companions_of(verb)]
        more = {**_column(jobs, verb), "companions": also}
        columns.append({"form": form, "offers": offers[verb], **more})
    return render_template(
        "index.html", columns=columns, jobs=jobs, shown=_LISTED, **(_about_example(jobs) | values)
    )


def _column(jobs: list[Job], verb: str) -> dict[str, Any]:
    """Choose what stands below the button of a step."""
    cards = _cards(jobs, verb)
    return {"cards": cards, "shown": _shown(jobs, verb, cards)}


def _about_example(jobs: list[Job]) -> dict[str, Any]:
    return {
        "first": all(job.verb == EXAMPLE for job in jobs),
        "example_cards": _cards(jobs, EXAMPLE),
        "example_folder": _free_folder(),
        "example_error": "",
        "example_cells": settings(ExampleOptions)["cells"][1],
    }


def _cards(jobs: list[Job], verb: str) -> list[Job]:
    """Choose the jobs that a form's column shows: all that go on, or else the last one."""
    own = [job for job in jobs if job.verb == verb]
    return [job for job in own if job.state in UNFINISHED] or own[:1]


def _shown(jobs: list[Job], verb: str, cards: list[Job]) -> Job | None:
    """Choose the job whose results stand below cards that have none: the newest that has some."""
    if any(map(flow.has_results, cards)):
        return None  # a card fetches its own
    return next((job for job in jobs if job.verb == verb and flow.has_results(job)), None)


def _from_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


@blueprint.post("/run/<verb>")
def run(verb: str) -> str | AnyResponse:
    """Start a job with what a form says, or show what is wrong with it."""
    companion = COMPANIONS.get(verb)
    asked = companion.form if companion else verb
    if asked not in STEPS:
        abort(404)
    form = filled_form(asked)
    options = form.options()
    if options is not None:
        _remember(form, options)
        _jobs().submit(companion.from_form(options, form.texts()) if companion else options)
    if not _from_htmx():
        return _page(form) if options is None else redirect(url_for("pages.index"))
    jobs = _jobs().list()
    values: dict[str, Any] = {"form": form, "offers": flow.newest_offers(jobs)[asked]}
    if options is None:
        return render_template("form.html", **values)
    cards = _cards(jobs, verb)
    return render_template("ran.html", **values, verb=verb, cards=cards)


def _remember(form: StepForm, options: Any) -> None:
    """Keep what was entered for the next visit, and its folders among the recent places."""
    remember(_home(), form.step.verb, form.texts())
    places = (getattr(options, name) for name in form.step.kinds)
    browse_places.remember(_home(), *(place for place in places if place))


@blueprint.post("/example")
def make_example() -> str | AnyResponse:
    """Start the job that draws the example cells."""
    folder = request.form.get("folder", "").strip()
    error = _begin_example(folder)
    if not _from_htmx():
        if not error:
            return redirect(url_for("pages.index"))
        return _page(example_folder=folder, example_error=error)
    values = _about_example(_jobs().list())
    values |= {"example_folder": folder, "example_error": error}
    return render_template("example.html", **values)


def _begin_example(folder: str) -> str:
    """Submit the job; give what is wrong with the folder, if anything."""
    try:
        place = settings(ExampleOptions)["output"][0].read(folder)
        if not folder or not place.is_absolute():
            return f"Expected a whole path, such as {_free_folder()}, found {folder!r}."
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            return f"{place} is in use: expected a new or empty folder; choose another name."
    except OSError as error:
        return str(explain_os_error(error, folder))
    except ValueError as error:
        return str(error)
    _jobs().submit(ExampleOptions(output=place / flow.IMAGES))
    return ""


def _free_folder() -> str:
    """Find a folder for the example that does not exist yet."""
    place, number = Path.home() / _EXAMPLE_FOLDER, 1
    while place.exists():
        number += 1
        place = Path.home() / f"{_EXAMPLE_FOLDER} {number}"
    return str(place)


# --- jobs --------------------------------------------------------------------------------------


def _job(id: str) -> Job:
    try:
        return _jobs().get(id)
    except KeyError:
        abort(404, "There is no such job any more; load the page again.")


@blueprint.get("/jobs")
def past() -> str:
    """The list of the newest jobs, as many as the page asks for."""
    asked = request.values.get("shown", _LISTED, type=int)
    return render_template("jobs.html", jobs=_jobs().list(), shown=max(asked, _LISTED))


@blueprint.get("/jobs/<id>")
def card(id: str) -> str:
    """The card of one job."""
    return render_template("job.html", job=_job(id))


@blueprint.post("/jobs/<id>/cancel")
def cancel(id: str) -> str:
    """Ask a job to stop; its end is told by the events."""
    _job(id)
    _jobs().cancel(id)
    return card(id)


@blueprint.post("/jobs/<id>/forget")
def forget(id: str) -> str:
    """Remove a finished job from the list; what it wrote stays."""
    if _job(id).state not in UNFINISHED:
        _jobs().forget(id)
    return past()


@blueprint.get("/jobs/<id>/log")
def log(id: str) -> str | Response:
    """What a job said: as text, or escaped for the page."""
    _job(id)
    text = _jobs().log(id)
    if _from_htmx():
        return render_template("log.html", text=text)
    return Response(text, mimetype="text/plain")

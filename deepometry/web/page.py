"""Blueprint `pages`: the page itself, its forms, and the cards of the jobs."""

from __future__ import annotations

import json
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
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from deepometry.core.errors import explain_os_error
from deepometry.core.options.example import ExampleOptions
from deepometry.core.options.fields import settings
from deepometry.core.step_options import restored
from deepometry.core.steps import STEPS
from deepometry.projects.project import change_project, create_project
from deepometry.web.browse import places as browse_places
from deepometry.web.browse.look import read_by
from deepometry.web.forms import prefill as flow
from deepometry.web.forms.build import StepForm, empty_form, filled_form
from deepometry.web.forms.last_values import remember, remembered
from deepometry.web.forms.recipe_choices import counted_choices, recipe_choices
from deepometry.web.forms.steps import FORMS, buttons_of, options_of
from deepometry.web.jobs.question import ONCE
from deepometry.web.jobs.queue import Job, Jobs
from deepometry.web.projects import current, prefill
from deepometry.web.projects.folding import is_folded
from deepometry.web.projects.views import proposal
from deepometry.web.text_filters import UNFINISHED

blueprint = Blueprint("pages", __name__)
# not by the context, which imported macros do not see
blueprint.add_app_template_global(recipe_choices)
blueprint.add_app_template_global(counted_choices)
EXAMPLE = "example"
_EXAMPLE_FOLDER = "Deepometry example"
_LISTED = 25  # past jobs at first, and each time that more are asked for


def _jobs() -> Jobs:
    return current_app.extensions["jobs"]


def _home() -> Path:
    return Path(current_app.extensions["home"])


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "offered": current.offered,
        "has_results": lambda job: bool(flow.form_of(job)) and flow.has_results(job),
        "form_of": flow.form_of,
        "buttons_of": buttons_of,
        "entered": current.own_entries,
        "resumed": flow.resumed,
        "resumable": flow.resumable,
        "waits_for": lambda job: flow.waits_for(job, _jobs().list()),
        "metrics": lambda job: _jobs().metrics(job.id),
        "now": time.time(),
        "notice": _jobs().notice,
        "listed": _LISTED,
        "read_by": read_by(),
    }


@blueprint.get("/")
def index() -> str:
    """The page."""
    return _page()


def _page(asked: StepForm | None = None, **values: Any) -> str:
    """Render the whole page; `asked` stands in for the form that was sent."""
    jobs, last = current.own_jobs(_jobs().list()), remembered(current.values_home())
    offers = flow.newest_offers(jobs, current.offered)
    entered = session.pop("entered", {})  # by another page, such as that of labels
    columns = []
    for verb in FORMS:
        start = flow.starting_values(verb, last.get(verb, {}), offers[verb])
        start |= prefill.starting_values(verb, jobs) | entered.get(verb, {})
        form = asked if asked and asked.spec.step.name == verb else empty_form(verb, start)
        also = [{"verb": s.name, **_column(jobs, s.name)} for s, _ in buttons_of(verb)]
        more = {**_column(jobs, verb), "companions": also}
        beside = [job for each in also for job in each["cards"]]
        more["again"] = verb in entered or prefill.run_again(verb, jobs) is not None
        folded = is_folded(form, more["newest"], beside, jobs)
        more["folded"] = folded and verb not in entered
        columns.append({"form": form, "offers": offers[verb], **more})
    return render_template(
        "page/index.html",
        columns=columns,
        jobs=jobs,
        shown=_LISTED,
        **(_about_example(jobs) | proposal() | values),
    )


def _column(jobs: list[Job], verb: str) -> dict[str, Any]:
    """Choose what stands below the button of a step."""
    cards = _cards(jobs, verb)
    shown = _shown([*jobs, *current.runs_as_jobs(jobs, verb)], verb, cards)
    return {"cards": cards, "shown": shown, "newest": cards[0] if cards else shown}


def _about_example(jobs: list[Job]) -> dict[str, Any]:
    return {
        "first": all(job.verb == EXAMPLE for job in jobs) and bool(jobs or not current.opened()),
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
    """Start a job with the values of a form, or show what is wrong with them."""
    step = STEPS.get(verb)
    if step is None or not step.form:
        abort(404)
    form = filled_form(step.form)
    options = prefill.named_options(form, current.own_jobs(_jobs().list()))
    if options is not None:
        _remember(form, options)
        own = options if step.form == verb else options_of(step, options, form.texts())
        _jobs().submit(prefill.placed(step, own))
    if not _from_htmx():
        return _page(form) if options is None else redirect(url_for("pages.index"))
    jobs = current.own_jobs(_jobs().list())
    if options is not None:
        prefill.renew(form, jobs)
    values: dict[str, Any] = {
        "form": form,
        "offers": flow.newest_offers(jobs, current.offered)[step.form],
    }
    if options is None:
        return render_template("forms/form.html", **values)
    cards = _cards(jobs, verb)
    return render_template("forms/submitted.html", **values, verb=verb, cards=cards)


def _remember(form: StepForm, options: Any) -> None:
    """Store what was entered for the next visit, and its folders among the recent places."""
    entered = {name: value for name, value in form.texts().items() if name not in ONCE}
    remember(current.values_home(), form.spec.step.name, entered)
    places = (getattr(options, name) for name in form.spec.kinds)
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
    values = _about_example(current.own_jobs(_jobs().list()))
    values |= {"example_folder": folder, "example_error": error}
    reply = Response(render_template("page/example.html", **values))
    if not error:  # all of the page is about the new project
        reply.headers["HX-Redirect"] = url_for("pages.index")
    return reply


def _begin_example(folder: str) -> str:
    """Make a project, and submit the job; return what is wrong with the folder, if anything."""
    try:
        place = settings(ExampleOptions)["output"][0].read(folder)
        if not folder or not place.is_absolute():
            return f"Expected a whole path, such as {_free_folder()}, found {folder!r}."
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            return f"{place} is in use: expected a new or empty folder; choose another name."
        project = create_project(place)
    except OSError as error:
        return str(explain_os_error(error, folder))
    except ValueError as error:
        return str(error)
    current.open_on_page(change_project(project, images=place / flow.IMAGES))
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
        abort(404, "This job no longer exists; reload the page.")


@blueprint.get("/jobs")
def past() -> str:
    """The list of the newest jobs, as many as the page asks for."""
    asked = request.values.get("shown", _LISTED, type=int)
    jobs = current.own_jobs(_jobs().list())
    return render_template("jobs/list.html", jobs=jobs, shown=max(asked, _LISTED))


@blueprint.get("/jobs/<id>")
def card(id: str) -> str:
    """The card of one job."""
    return render_template("jobs/card.html", job=_job(id))


@blueprint.post("/jobs/<id>/cancel")
def cancel(id: str) -> str:
    """Ask a job to stop; the events report its end."""
    _job(id)
    _jobs().cancel(id)
    return card(id)


@blueprint.post("/jobs/<id>/answer")
def answer(id: str) -> AnyResponse | str:
    """Start a run again with the user's answer to what it asked; it takes the place of that one."""
    job, value = _job(id), request.form.get("answer", "")
    asked = job.question or {"choices": ()}
    if value not in [choice["value"] for choice in asked["choices"]]:
        abort(400, "This is no answer to the question; reload the page.")
    new = _jobs().submit(restored(STEPS[job.verb], {**job.options, asked["option"]: value}))
    _jobs().forget(id)
    told = _keep_answer(job, asked["option"], value)
    if not _from_htmx():
        return redirect(url_for("pages.index"))
    reply = Response(render_template("jobs/card.html", job=new))
    if told:
        reply.headers["HX-Trigger"] = json.dumps({"deepometry:answered": told})
    return reply


def _keep_answer(job: Job, option: str, value: str) -> dict[str, Any]:
    """Remember an answer in its form, as if it had been entered; return what is to be entered."""
    form = flow.form_of(job)
    if not form or option not in FORMS[form].fields or option in ONCE:
        return {}
    last = remembered(current.values_home()).get(form, {})
    remember(current.values_home(), form, {**last, option: value == "true" or value})
    return {form: {option: value}}


@blueprint.post("/jobs/<id>/forget")
def forget(id: str) -> str:
    """Remove a finished job from the list; what it wrote stays."""
    if _job(id).state not in UNFINISHED:
        _jobs().forget(id)
    return past()


@blueprint.get("/jobs/<id>/log")
def log(id: str) -> str | Response:
    """What a job printed: as text, or escaped for the page."""
    _job(id)
    text = _jobs().log(id)
    if _from_htmx():
        return render_template("jobs/log.html", text=text)
    return Response(text, mimetype="text/plain")

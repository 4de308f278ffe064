"""The results of a run as pages of their own: a tab a question, each with an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from deepometry.core.errors import DeepometryError
from deepometry.core.steps import STEPS
from deepometry.projects.score import main_number
from deepometry.web.jobs.job import Job
from deepometry.web.projects import current
from deepometry.web.results import downloads
from deepometry.web.results.charts import chart_of
from deepometry.web.results.output import Output, place_of
from deepometry.web.results.project_runs import name_of, run_name
from deepometry.web.results.shared import (
    blueprint,
    cached,
    chart_answer,
    find_job,
    find_output,
    is_here,
    status_of,
)
from deepometry.web.results.tabs import Tab, tabs_of
from deepometry.web.text_filters import TITLES

# not by the context, which is made for every template
blueprint.add_app_template_global(run_name)


@blueprint.get("/runs/<id>")
def run(id: str) -> Response | tuple[str, int]:
    """Lead to the first tab of a run."""
    try:
        output = find_output(id)
    except DeepometryError as error:
        return _without_results(id, error)
    first = tabs_of(STEPS[output.verb], output)[0]
    return redirect(url_for("results.tab", id=id, name=first.name))


@blueprint.get("/runs/<id>/<name>")
def tab(id: str, name: str) -> str | tuple[str, int]:
    """Show a tab of a run."""
    job = find_job(id)
    try:
        output = find_output(id)
        tabs = tabs_of(STEPS[job.verb], output)
        shown = next((each for each in tabs if each.name == name), None)
        if shown is None:
            abort(404, f"The results of this run have no part {name}.")
        return _page(job, output, tabs, shown)
    except DeepometryError as error:
        return _without_results(id, error)


def _page(job: Any, output: Output, tabs: list[Tab], shown: Tab) -> str:
    return render_template(
        "results/run.html",
        job=job,
        output=output,
        tabs=tabs,
        shown=shown,
        files=downloads.list_files(output),
        here=is_here(),
        run=name_of(output.root, output.verb),
        **shown.view(job, output),
    )


def _without_results(id: str, error: DeepometryError) -> tuple[str, int]:
    """Say why a run shows nothing."""
    job = find_job(id)
    told = render_template("results/run.html", job=job, output=None, tabs=(), error=str(error))
    return told, status_of(error)


@blueprint.get("/runs/<id>/line")
def line(id: str) -> str:
    """Show a run in a line, for the home page."""
    return render_template("results/line.html", **line_of(find_job(id)))


def line_of(job: Job) -> dict[str, Any]:
    """Return what the line of a run says: its main number, or why it has none any more."""
    place, told, gone = place_of(job), "", ""
    try:
        told = main_number(find_output(job.id).record)
    except DeepometryError as error:
        gone = str(error)
    about = {"what": _what(job, place), "headline": told, "gone": gone, "place": place}
    return {"job": job, **about}


def _what(job: Job, place: Path) -> str:
    """Name a run: of a step whose form stands beside the line, the name of the run is enough."""
    title, project = TITLES[job.verb], current.opened()
    name = name_of(place, job.verb)["name"]
    if not name and project and place.is_relative_to(project.folder):
        name = place.name
    if not name:
        return title
    return name if STEPS[job.verb].form == job.verb else f"{title}: {name}"


@blueprint.get("/runs/<id>/charts/<name>.<any(json, csv, svg):kind>")
def chart(id: str, name: str, kind: str) -> Response:
    """Send a chart of a run."""
    output = find_output(id)
    made = cached(output, f"chart {name}", lambda: chart_of(output, name))
    return chart_answer(made, name, kind)

"""Blueprint `projects`: opening and making projects, and the list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from deepometry.core.errors import DeepometryError
from deepometry.core.files import lies_in
from deepometry.core.options.fields import read_path
from deepometry.core.steps import STEPS
from deepometry.core.text import filesize
from deepometry.projects.chain import Outdated, chain_to
from deepometry.projects.delete import delete_run, doomed_by
from deepometry.projects.project import create_project, find_project
from deepometry.projects.run import Run, change_run
from deepometry.web.forms.build import StepForm
from deepometry.web.forms.steps import FORMS
from deepometry.web.jobs.job import Job
from deepometry.web.projects import current
from deepometry.web.projects.run_list import A_PAGE, SORTS, chosen, rows_of
from deepometry.web.text_filters import STATES, TITLES, UNFINISHED

blueprint = Blueprint("projects", __name__)


@blueprint.app_context_processor
def _tools() -> dict[str, Any]:
    return {
        "project": current.opened(),
        "recent_projects": current.recent,
        "folded_places": _folded,
        "uses_of": _uses,
        "back": request.args.get("back") or request.full_path.rstrip("?"),
    }


def _folded(form: StepForm) -> list[str]:
    """Return the paths of a form that stand under "Other locations", as a project knows them."""
    kinds = form.spec.kinds if current.opened() and "output" in form else {}
    images = [name for name, kind in kinds.items() if kind == "raw" and not form[name].data]
    return [name for name in kinds if name not in (*images, *form.spec.step.asks)]


# --- projects ----------------------------------------------------------------------------------


@blueprint.get("/projects")
def index() -> str:
    """The page on which projects are made and opened."""
    return _page()


def _page(**values: Any) -> str:
    return render_template("projects/projects.html", **(proposal() | values))


def proposal() -> dict[str, Any]:
    """Return what the form of a new project shows at first."""
    number, parent = 1, Path.home() / "Deepometry"
    while (parent / f"Experiment {number}").exists():
        number += 1
    name = f"Experiment {number}"
    return {"new": {"name": name, "folder": str(parent / name), "images": ""}, "wrong": {}}


@blueprint.post("/projects")
def create() -> str | AnyResponse:
    """Make a project and open it, or show what is wrong with the form."""
    entered = {name: request.form.get(name, "").strip() for name in ("name", "folder", "images")}
    wrong: dict[str, str] = {}
    images = _place(entered, "images", wrong) if entered["images"] else None
    folder = _place(entered, "folder", wrong)
    if folder is not None and not wrong:
        try:
            current.open_on_page(create_project(folder, entered["name"], images))
            return redirect(url_for("pages.index"))
        except DeepometryError as error:
            first = str(error)[:6]
            wrong[{"Images": "images", "Name: ": "name"}.get(first, "folder")] = str(error)
    return _page(new=entered, wrong=wrong)


def _place(entered: dict[str, str], name: str, wrong: dict[str, str]) -> Path | None:
    """Read a path of the form; note what is wrong with it."""
    try:
        place = read_path(entered[name])
        if entered[name] and place.is_absolute():
            if name == "images" and not place.exists():
                wrong[name] = f"{place} does not exist; check the path, or use Browse."
            return place
    except (ValueError, OSError) as error:
        wrong[name] = str(error)
        return None
    wrong[name] = f"Expected a whole path, such as {Path.home() / 'Experiment X'}; use Browse."
    return None


@blueprint.post("/projects/open")
def open_folder() -> str | AnyResponse:
    """Open the project of a folder; a folder of results without one becomes a project."""
    entered = {"open": request.form.get("open", "").strip()}
    wrong: dict[str, str] = {}
    folder = _place(entered, "open", wrong)
    if folder is not None and not folder.is_dir():
        wrong["open"] = f"{folder}: expected a folder, found none there."
    if folder is not None and not wrong:
        try:
            current.open_on_page(find_project(folder) or create_project(folder))
            return redirect(url_for("pages.index"))
        except DeepometryError as error:
            wrong["open"] = str(error)
    return _page(wrong=wrong, opening=entered["open"])


@blueprint.post("/projects/close")
def close() -> AnyResponse:
    """Close the open project: the page then works with any paths."""
    current.open_on_page(None)
    return redirect(url_for("pages.index"))


@blueprint.get("/projects/uses/<verb>")
def uses(verb: str) -> str:
    """Show what a run of a form would come from, for the paths that it holds now."""
    if current.opened() is None or verb not in FORMS:
        abort(404)
    return render_template("projects/uses.html", verb=verb, **_uses(verb, request.args))


def _uses(verb: str, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run of a form comes from, what is missing, and what has changed since."""
    project, form, runs = current.opened(), FORMS[verb], current.runs()
    if project is None:
        return {}
    values = {name: _typed(texts.get(name)) for name in form.kinds}
    links, outdated = chain_to(project, form.step, values, runs), Outdated(runs)
    missing = [form.fields[n][0].label for n in form.required if n in form.kinds and not values[n]]
    old = [text for link in links if link.run and (text := outdated.of(link.run))]
    output = values.get("output")
    name = output.name if output else ""
    return {"links": links, "missing": missing, "outdated": old[:1], "name": name}


def _typed(text: Any) -> Path | None:
    try:
        return read_path(text) if text and str(text).strip() else None
    except ValueError:
        return None


# --- runs --------------------------------------------------------------------------------------


@blueprint.get("/runs")
def runs() -> str | AnyResponse:
    """The list of the runs of the open project, as it is searched and sorted."""
    if current.opened() is None:
        return redirect(url_for("projects.index"))
    asked = {name: request.args.get(name, "") for name in ("q", "step", "state", "sort")}
    jobs = current.own_jobs(current_app.extensions["jobs"].list())
    rows = rows_of(current.runs(), jobs)
    shown = chosen(rows, asked["q"], asked["step"], asked["state"], asked["sort"])
    steps = {
        row.step: row.title for row in sorted(rows, key=lambda each: [*STEPS].index(each.step))
    }
    states = {state: STATES[state] for state in dict.fromkeys(row.state for row in rows)}
    first, pages = _page_of(len(shown))
    about = {"steps": steps, "states": states, "asked": asked, "page": first // A_PAGE + 1}
    about |= {"rows": shown[first : first + A_PAGE], "found": len(shown), "total": len(rows)}
    return render_template("projects/runs.html", sorts=SORTS, pages=pages, **about)


def _page_of(rows: int) -> tuple[int, int]:
    """Return the first row of the page that is asked for, from 0, and the number of pages."""
    pages = max(1, -(-rows // A_PAGE))
    page = min(max(request.args.get("page", 1, type=int), 1), pages)
    return (page - 1) * A_PAGE, pages


def _run(id: str) -> Run:
    run = next((run for run in current.runs() if run.id == id), None)
    if run is None:
        abort(404, "This run no longer exists; reload the page.")
    return run


def _back() -> AnyResponse:
    address = request.form.get("back", "")
    return redirect(address if _is_list(address) else url_for("projects.runs"))


def _is_list(address: str) -> bool:
    """Return whether an address is that of the list, with whatever it is filtered by."""
    return address == "/runs" or address.startswith("/runs?")


@blueprint.post("/runs/<id>/about")
def change(id: str) -> AnyResponse:
    """Give a run another name or note; what was not changed stays as another tab may have left it.

    Raises
    ------
    DeepometryError
        What was changed has become another one since it was shown.
    """
    run = _run(id)
    changes: dict[str, str] = {}
    for name in ("name", "note"):
        stored = _in_a_field(getattr(run, name))
        shown = _in_a_field(request.form.get(f"shown_{name}", stored))
        wanted = _in_a_field(request.form.get(name, shown))
        if wanted not in (shown, stored) and stored != shown:
            raise DeepometryError(
                f"{name.capitalize()}: it has become {stored!r} elsewhere since this page was "
                "loaded, and nothing was saved; reload the page, then change it."
            )
        if wanted != shown:
            changes[name] = wanted
    if changes:
        change_run(run, **changes)
    return _back()


def _in_a_field(text: str) -> str:
    """Return a text as a field of one line shows it."""
    return "".join(text.splitlines()).strip()


@blueprint.post("/runs/<id>/pin")
def pin(id: str) -> AnyResponse:
    """Pin a run, or take its pin away."""
    run = _run(id)
    change_run(run, pinned=not run.pinned)
    return _back()


@blueprint.get("/runs/<id>/delete")
def ask_to_delete(id: str) -> str:
    """Say what would be deleted with a run."""
    run = _run(id)
    if used := _use_of(run):
        return render_template("projects/delete.html", used=used)
    doomed = doomed_by(run)
    return render_template(
        "projects/delete.html", run=run, doomed=doomed, size=filesize(doomed.size)
    )


def _use_of(run: Run) -> str:
    """Say which job that has not ended reads a run, or writes there; empty for none."""
    for job in current_app.extensions["jobs"].list():
        if job.state in UNFINISHED and (does := _does(job, run)):
            name = f" {job.output.name}" if job.output else ""
            return (
                f"{run.name} is not deleted: {TITLES[job.verb]}{name} ({STATES[job.state].lower()})"
                f" {does}; cancel that job first, or wait until it has ended."
            )
    return ""


def _does(job: Job, run: Run) -> str:
    if job.output and lies_in(job.output, run.folder):
        return "writes there"
    values = (v if isinstance(v, list) else [v] for v in job.options.values())
    places = (Path(text) for text in chain.from_iterable(values) if isinstance(text, str))
    reads = any(place.is_absolute() and lies_in(place, run.folder) for place in places)
    return "reads it" if reads else ""


@blueprint.post("/runs/<id>/delete")
def delete(id: str) -> AnyResponse:
    """Delete a run with its files, and its job."""
    run, jobs = _run(id), current_app.extensions["jobs"]
    if used := _use_of(run):
        raise DeepometryError(used)
    delete_run(run)
    for job in jobs.list():
        if job.id == id and not _is_elsewhere(job, run):
            jobs.forget(id)
    return _back()


def _is_elsewhere(job: Job, run: Run) -> bool:
    """Return whether a job has results of its own, of which the run was a copy."""
    return job.output is not None and job.output != run.folder and job.output.is_dir()

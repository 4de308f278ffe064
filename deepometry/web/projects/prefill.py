"""The forms as an open project fills them in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import request

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import read_path
from deepometry.core.step import Button, Step
from deepometry.core.steps import STEPS
from deepometry.projects.new_run import fill, propose
from deepometry.projects.project import Project, folder_of
from deepometry.web.forms.build import StepForm
from deepometry.web.forms.last_values import Values
from deepometry.web.forms.steps import FORMS, FormSpec
from deepometry.web.jobs.job import Job
from deepometry.web.projects import current

NAME = "run_name"
"""The field of a form for the name of the new run."""


def starting_values(verb: str, jobs: Iterable[Job]) -> Values:
    """Return what a form of the open project holds at first; nothing if none is open."""
    project = current.opened()
    if project is None:
        return {}
    form, earlier = FORMS[verb], run_again(verb, jobs)
    values = _made_with(form, earlier) if earlier else _also(form) | _inputs(form, project)
    return values | _outputs(form, project, jobs)


def _made_with(form: FormSpec, run: Job) -> Values:
    """Return every field as a run had it; what it left blank is not filled in."""
    return {name: form.default(name) for name in form.fields} | current.own_entries(run)


def _also(form: FormSpec) -> Values:
    """Return what goes with the model that a form is to read, such as the target it was made for.

    The forms of jobs offer it, too; runs that no job made have only their record.
    """
    made = (run for run in current.runs() if STEPS[run.step].writes == "model")
    model = next(made, None) if form.form.extra and "model" in form.kinds.values() else None
    options = {} if model is None else model.options
    return {name: str(options[name]) for name in form.form.extra if options.get(name)}


def _inputs(form: FormSpec, project: Project) -> Values:
    """Return the paths that a form reads, as the project has them."""
    kinds = {n: k for n, k in form.kinds.items() if k != "folder" and n not in form.step.asks}
    return {n: "" if k == "start" else _input(form.step, n, project) for n, k in kinds.items()}


def _outputs(form: FormSpec, project: Project, jobs: Iterable[Job]) -> Values:
    """Return a new folder for the run of a form."""
    names = [name for name, kind in form.kinds.items() if kind == "folder"]
    return {n: str(propose(project, form.step, taken=current.taken(jobs))) for n in names}


def _input(step: Step, name: str, project: Project) -> str:
    try:
        return str(fill(project, step, {name: None}, runs=current.runs()).values[name] or "")
    except DeepometryError:  # there is none yet
        return ""


def run_again(verb: str, jobs: Iterable[Job]) -> Job | None:
    """Return the run of a form that is to be made again, with changes, as the address asks."""
    id = request.args.get("again", "")
    job = next((job for job in jobs if id and job.id == id), None) or current.run_as_job(id)
    return job if job is not None and STEPS[job.verb].form == verb else None


# --- a form that was sent ----------------------------------------------------------------------


def named_options(form: StepForm, jobs: Iterable[Job]) -> Any | None:
    """Build the options of a form, whose output follows from the name of the run in a project.

    None where fields are wrong, which then carry errors.
    """
    wrong = ""
    try:
        if place := _named_output(form, current.taken(jobs)):
            form["output"].data = str(place)
    except DeepometryError as error:
        wrong = str(error)
    options = form.options()
    if not wrong:
        return options
    form["output"].errors = [wrong]
    return None


def _named_output(form: StepForm, taken: Collection[Path]) -> Path | None:
    """Return where a run goes that was given a name; None where a place of its own was entered."""
    if "output" not in form:
        return None
    project, typed = current.opened(), str(form["output"].data or "").strip()
    if project is None or form.texts().get("resume"):  # which goes on in the folder of a run
        return None
    parent, name = project.folder / folder_of(form.spec.step), request.form.get(NAME, "")
    try:
        place = read_path(typed) if typed else parent / name
    except ValueError:  # the form says so
        return None
    # with a blank name, it is the folder of the step itself that was entered
    return (
        propose(project, form.spec.step, name, taken) if parent in (place, place.parent) else None
    )


def placed(step: Step, options: Any) -> Any:
    """Give a step that a further button of a form started an output of its own, in a project."""
    project = current.opened()
    if project is None or not isinstance(step.place, Button):
        return options
    if options.output.parent != project.folder / folder_of(STEPS[step.form]):
        return options  # a place of its own was entered
    output = fill(project, step, {"output": None}, runs=current.runs()).values["output"]
    return replace(options, output=output)


def renew(form: StepForm, jobs: Iterable[Job]) -> None:
    """Give a form whose run has been started the name of another new run."""
    project = current.opened()
    if project is not None and "output" in form:
        place = propose(project, form.spec.step, taken=current.taken(jobs))
        form["output"].data = str(place)

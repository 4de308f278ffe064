"""The project that is open on the page, and what belongs to it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from flask import current_app, g

from deepometry.core.steps import STEPS
from deepometry.projects.project import Project
from deepometry.projects.recent import current_project, recent_projects, remember_project
from deepometry.projects.run import Run
from deepometry.projects.runs import list_runs
from deepometry.web.forms import prefill
from deepometry.web.forms.last_values import Values
from deepometry.web.forms.prefill import Offers, entered
from deepometry.web.forms.steps import FORMS
from deepometry.web.jobs.job import Job
from deepometry.web.text_filters import UNFINISHED


def home() -> Path:
    """Return the folder of the user's state."""
    return Path(current_app.extensions["home"])


def opened() -> Project | None:
    """Return the project that is open; it is read once a request."""
    if "project" not in g:
        g.project = current_project(home())
    project: Project | None = g.project
    return project


def recent() -> list[Project]:
    """Return the projects that were open lately, without the open one."""
    return [each for each in recent_projects(home()) if each != opened()]


def runs() -> list[Run]:
    """Return the runs of the open project, newest first; they are read once a request."""
    if "runs" not in g:
        project = opened()
        g.runs = [] if project is None else list_runs(project)
    listed: list[Run] = g.runs
    return listed


def values_home() -> Path:
    """Return the folder of what was entered last: each project has its own."""
    project = opened()
    if project is None:
        return home()
    name = hashlib.blake2b(str(project.folder).encode(), digest_size=8).hexdigest()
    return home() / "projects" / name


def own_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs that write to the open project; all of them if none is open."""
    project = opened()
    return [job for job in jobs if project is None or _writes_to(job, project)]


def _writes_to(job: Job, project: Project) -> bool:
    place = job.output or Path(str(job.options.get("input")))  # labels go to the cells themselves
    return place.is_relative_to(project.folder)


def taken(jobs: Iterable[Job]) -> list[Path]:
    """Return the folders that unfinished jobs write to."""
    return [job.output for job in jobs if job.state in UNFINISHED and job.output]


def open_on_page(project: Project | None) -> None:
    """Open a project on the page, or close the open one.

    Raises
    ------
    DeepometryError
        The folder of the user's state cannot be written to.
    """
    remember_project(home(), project)
    g.pop("project", None)
    g.pop("runs", None)


def offered(job: Job) -> Offers:
    """Return what a job offers the forms, which in a project choose their outputs themselves."""
    offers = prefill.offered(job)
    if opened() is None:
        return offers
    example = job.verb in STEPS and STEPS[job.verb].writes == "raw"
    return {
        verb: {name: text for name, text in values.items() if _is_wanted(verb, name, example)}
        for verb, values in offers.items()
    }


def _is_wanted(verb: str, name: str, example: bool) -> bool:
    kind = FORMS[verb].kinds.get(name, "")
    return kind in ("", "raw") if example else kind != "folder"


def own_entries(job: Job) -> Values:
    """Return a job's options as they are entered in its form; its output is for itself alone."""
    form = FORMS[STEPS[job.verb].form]
    outputs = [name for name, kind in form.kinds.items() if kind == "folder"]
    values = entered(job) | _of_model(job, form.form.extra)
    return {n: text for n, text in values.items() if n not in outputs or opened() is None}


def _of_model(job: Job, names: Collection[str]) -> Values:
    """Return options of the model that a job read; blank where the project does not know it."""
    place = Path(job.options.get("model") or "")
    made = (run for run in runs() if names and STEPS[run.step].writes == "model")
    model = next((run for run in made if place.is_relative_to(run.folder)), None)
    options = model.options if model else {}
    return {name: str(options.get(name) or "") for name in names}


def run_as_job(id: str) -> Job | None:
    """Return a run of the open project that no job made as if one had; None if there is none."""
    run = next((run for run in runs() if run.id == id), None)
    return None if run is None else _as_job(run)


def runs_as_jobs(jobs: Iterable[Job], step: str = "") -> list[Job]:
    """Return the runs of the open project, or of a step in it, that none of these jobs made."""
    made = {job.id for job in jobs}
    return [_as_job(run) for run in runs() if run.id not in made and step in ("", run.step)]


def every_run(step: str) -> list[Job]:
    """Return the runs of a step, newest first: all jobs, and those of the open project."""
    jobs = current_app.extensions["jobs"].list()
    named = [*(at_home(j) for j in jobs if j.verb == step), *runs_as_jobs(jobs, step)]
    return sorted(named, key=lambda job: job.created, reverse=True)


def at_home(job: Job) -> Job:
    """Return a job with the places that its run has in the open project, where it is found there.

    A project may have been moved, renamed or copied since the job wrote to it.
    """
    project = opened()
    if project is None or (_writes_to(job, project) and job.output and job.output.is_dir()):
        return job  # without reading all runs of the project
    run = next((run for run in runs() if run.id == job.id and run.step == job.verb), None)
    if run is None:
        return job
    return replace(job, options={**job.options, **_places(run)}, output=run.folder)


def _places(run: Run) -> dict[str, str]:
    """Return what a run read and where it wrote to: as the project lies now."""
    read = {name: str(run.project.absolute(each["path"])) for name, each in run.inputs.items()}
    return {**read, "output": str(run.folder)}


def _as_job(run: Run) -> Job:
    return Job(
        id=run.id,
        verb=run.step,
        options={**run.options, **_places(run)},
        command="",
        state=run.state,
        created=run.started,
        started=None,  # whatever stands in the folder now is of this run
        finished=None,
        done=0,
        total=0,
        text="",
        seconds_left=None,
        error="",
        result={"stopped": run.state == "cancelled"},
        output=run.folder,
    )

"""The runs that can be compared on the page: those of jobs, and those of the open project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import current_app

from deepometry.core.options.compare import COMPARED, MOST
from deepometry.core.steps import STEPS
from deepometry.projects.recent import current_project
from deepometry.projects.run_facts import facts_of
from deepometry.projects.runs import list_runs
from deepometry.web.jobs.job import Job
from deepometry.web.jobs.queue import Jobs
from deepometry.web.projects.current import at_home
from deepometry.web.results.output import Unknown
from deepometry.web.results.project_runs import name_of

COMPARABLE = {step.name: step for step in STEPS.values() if step.record in COMPARED}
"""Steps whose runs can be compared."""


@dataclass(frozen=True)
class Candidate:
    """A run that can be compared.

    Attributes
    ----------
    id : str
        That of its job, or of the run in the project.
    name : str
        That of its folder, or the one that the user gave it.
    title : str
        Of its step.
    folder : Path
    created : float or str
        When it was made: seconds since 1970, or ISO 8601.
    score : str
        Its main score; empty where it has none.
    """

    id: str
    name: str
    title: str
    folder: Path
    created: float | str
    score: str = ""


def candidates() -> list[Candidate]:
    """Return all runs that can be compared and are still there, newest first."""
    listed = {each.folder: each for each in [*_of_jobs(), *_of_project()]}
    return sorted(listed.values(), key=lambda each: each.id, reverse=True)


def chosen(ids: list[str]) -> list[Candidate]:
    """Return the runs with these ids, in their order.

    Raises
    ------
    Unknown
        One of them is not there any more, or there are more than eight.
    """
    if len(ids) > MOST:
        raise Unknown(f"Expected at most {MOST} runs to compare, found {len(ids)}; choose fewer.")
    return [_find(id) for id in ids]


def _find(id: str) -> Candidate:
    """Find a run by its id: the job, else the run of the open project."""
    jobs: Jobs = current_app.extensions["jobs"]
    try:
        found = _of_job(at_home(jobs.get(id)))
    except KeyError:
        found = next((each for each in _of_project() if each.id == id), None)
    if found is None:
        raise Unknown(
            f"Run {id}: expected a prediction, a classification or a training, found none; it was "
            "deleted or moved, or belongs to another project. Choose another."
        )
    return found


def _of_jobs() -> Iterator[Candidate]:
    """Yield the runs of jobs, a later one in the same folder last."""
    jobs: Jobs = current_app.extensions["jobs"]
    found = map(_of_job, map(at_home, sorted(jobs.list(), key=lambda job: job.id)))
    yield from (each for each in found if each)


def _of_job(job: Job) -> Candidate | None:
    step = COMPARABLE.get(job.verb)
    if step is None or job.result is None or not (job.output or job.options.get("output")):
        return None
    place = Path(job.output or job.options["output"]).absolute()
    facts = facts_of(place, step)
    if not facts:
        return None
    name = name_of(place, job.verb)["name"] or place.name
    created = job.finished or job.created
    return Candidate(job.id, name, step.title, place, created, _score(facts))


def _of_project() -> Iterator[Candidate]:
    project = current_project(Path(current_app.extensions.get("home", "")))
    for run in list_runs(project) if project else ():
        if run.step in COMPARABLE:
            facts = (run.id, run.name, run.title, run.folder, run.created)
            yield Candidate(*facts, run.number if run.score else "")


def _score(facts: Mapping[str, Any]) -> str:
    return str(facts["number"]) if facts["score"] else ""

"""The list of runs: those on disk and the jobs that have not left any results, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from deepometry.core.steps import STEPS
from deepometry.projects.chain import Outdated, by_id, chain_among
from deepometry.projects.run import Run
from deepometry.web.jobs.job import Job

SORTS = {
    "when": "Newest first",
    "name": "Name",
    "step": "Step",
    "score": "Best score first",
    "time": "Longest first",
}


A_PAGE = 100
"""Rows that are shown at once."""


@dataclass(frozen=True)
class Runs:
    """All runs of a project, by their ids, and which of them are out of date."""

    by_id: Mapping[str, Run]
    outdated: Outdated


@dataclass(frozen=True)
class Row:
    """A row of the list.

    Attributes
    ----------
    id, name, note, step : str
    title : str
        Of the step.
    score : float or None
        The main score, by which rows are sorted.
    number : str
        The main number as text.
    created : float
        Seconds since 1970.
    seconds : float or None
    state : str
        That of its job.
    run : Run or None
        None for a job without results.
    job : Job or None
    runs : Runs
        All of the project, by which is looked up what takes time, where it is asked for.
    """

    id: str
    name: str
    note: str
    step: str
    title: str
    score: float | None
    number: str
    created: float
    seconds: float | None
    state: str
    pinned: bool
    run: Run | None
    job: Job | None
    runs: Runs

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of what it read, from the images on."""
        links = chain_among(self.run, self.runs.by_id)[:-1] if self.run else ()
        return tuple(link.name for link in links)

    @cached_property
    def outdated(self) -> str:
        """Which input has changed since; empty for none."""
        return self.runs.outdated.of(self.run) if self.run else ""

    def has(self, words: str) -> bool:
        """Return whether all words stand in what the row shows."""
        if not words.strip():
            return True
        text = " ".join((self.name, self.note, self.title, self.step, *self.inputs)).casefold()
        return all(word in text for word in words.casefold().split())


def rows_of(runs: Iterable[Run], jobs: Iterable[Job]) -> list[Row]:
    """Return a row for every run, and for every job of a step with results that has left none."""
    runs, of_jobs = list(runs), {job.id: job for job in jobs}
    project = Runs(by_id(runs), Outdated(runs))
    rows = [_of_run(run, of_jobs.get(run.id), project) for run in runs]
    waiting = [j for id, j in of_jobs.items() if id not in project.by_id and j.state != "done"]
    shown = (job for job in waiting if job.verb in STEPS and STEPS[job.verb].record)
    return rows + [_of_job(job, project) for job in shown]


def _of_run(run: Run, job: Job | None, project: Runs) -> Row:
    return Row(
        id=run.id,
        name=run.name,
        note=run.note,
        step=run.step,
        title=run.title,
        score=run.score["value"] if run.score else None,
        number=run.number,
        created=run.started,
        seconds=run.seconds,
        state=job.outcome if job else run.state,
        pinned=run.pinned,
        run=run,
        job=job,
        runs=project,
    )


def _of_job(job: Job, project: Runs) -> Row:
    return Row(
        id=job.id,
        name=job.output.name if job.output else job.id,
        note="",
        step=job.verb,
        title=STEPS[job.verb].title,
        score=None,
        number="",
        created=job.created,
        seconds=job.finished - job.started if job.finished and job.started else None,
        state=job.outcome,
        pinned=False,
        run=None,
        job=job,
        runs=project,
    )


def chosen(rows: list[Row], words: str, step: str, state: str, sort: str) -> list[Row]:
    """Return the rows that fit, pinned ones first, in an order of `SORTS`.

    `state` is that of a job, or "outdated"; blank takes all.
    """
    kept = [row for row in rows if row.has(words) and step in ("", row.step)]
    kept = [
        row for row in kept if state in ("", row.state) or (state == "outdated" and row.outdated)
    ]
    return sorted(kept, key=lambda row: (not row.pinned, *_place(row, sort)))


def _place(row: Row, sort: str) -> tuple[object, ...]:
    if sort == "name":
        return (row.name.casefold(), -row.created)
    if sort == "step":
        return ([*STEPS].index(row.step), -row.created)
    if sort == "score":
        return (row.score is None, -(row.score or 0), -row.created)
    if sort == "time":
        return (-(row.seconds or 0), -row.created)
    return (-row.created,)

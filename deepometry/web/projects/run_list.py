"""The list of runs: those on disk and the jobs that have not left any results, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deepometry.core.steps import STEPS
from deepometry.projects.chain import Outdated, chain
from deepometry.projects.run import Run
from deepometry.web.jobs.job import Job

SORTS = {
    "when": "Newest first",
    "name": "Name",
    "step": "Step",
    "score": "Best score first",
    "time": "Longest first",
}


@dataclass(frozen=True)
class Row:
    """A row of the list.

    Attributes
    ----------
    id, name, note, step : str
    title : str
        Of the step.
    inputs : tuple of str
        Names of what it read, from the images on.
    score : float or None
        The main score, by which rows are sorted.
    number : str
        The main number as text.
    created : float
        Seconds since 1970.
    seconds : float or None
    state : str
        That of its job.
    outdated : str
        Which input has changed since; empty for none.
    run : Run or None
        None for a job without results.
    job : Job or None
    """

    id: str
    name: str
    note: str
    step: str
    title: str
    inputs: tuple[str, ...]
    score: float | None
    number: str
    created: float
    seconds: float | None
    state: str
    outdated: str
    pinned: bool
    run: Run | None
    job: Job | None

    def has(self, words: str) -> bool:
        """Return whether all words stand in what the row shows."""
        text = " ".join((self.name, self.note, self.title, self.step, *self.inputs)).casefold()
        return all(word in text for word in words.casefold().split())


def rows_of(runs: Iterable[Run], jobs: Iterable[Job]) -> list[Row]:
    """Return a row for every run, and for every job of a step with results that has left none."""
    runs, by_id = list(runs), {job.id: job for job in jobs}
    outdated = Outdated(runs)
    rows = [_of_run(run, by_id.get(run.id), outdated, runs) for run in runs]
    listed = {run.id for run in runs}
    waiting = [job for id, job in by_id.items() if id not in listed and job.state != "done"]
    return rows + [_of_job(job) for job in waiting if job.verb in STEPS and STEPS[job.verb].record]


def _of_run(run: Run, job: Job | None, outdated: Outdated, runs: list[Run]) -> Row:
    return Row(
        id=run.id,
        name=run.name,
        note=run.note,
        step=run.step,
        title=run.title,
        inputs=tuple(link.name for link in chain(run, runs)[:-1]),
        score=run.score["value"] if run.score else None,
        number=run.number,
        created=run.started,
        seconds=run.seconds,
        state=job.outcome if job else run.state,
        outdated=outdated.of(run),
        pinned=run.pinned,
        run=run,
        job=job,
    )


def _of_job(job: Job) -> Row:
    return Row(
        id=job.id,
        name=job.output.name if job.output else job.id,
        note="",
        step=job.verb,
        title=STEPS[job.verb].title,
        inputs=(),
        score=None,
        number="",
        created=job.created,
        seconds=job.finished - job.started if job.finished and job.started else None,
        state=job.outcome,
        outdated="",
        pinned=False,
        run=None,
        job=job,
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

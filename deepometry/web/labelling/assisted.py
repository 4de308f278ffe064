"""Assistance on the labelling page: its orders, its panel, and the job that measures the cells."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from flask import current_app

from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.options.fields import read_path
from deepometry.core.options.measure import MeasureOptions
from deepometry.core.options.suggest import DIFFERENT, LIKELY, UNCERTAIN
from deepometry.web.browse.background import MOMENT, Task, Tasks
from deepometry.web.jobs.job import Job
from deepometry.web.labelling.answers import sent_json, who_asks
from deepometry.web.labelling.board import Board
from deepometry.web.labelling.helper import DOUBTFUL, Helper, make_helper
from deepometry.web.labelling.opened import asked_board
from deepometry.web.labelling.orders import ORDERS, Asked, Order, Ordered
from deepometry.web.labelling.views import blueprint
from deepometry.web.text_filters import STATES, UNFINISHED

_UNMEASURED = "To sort the cells, measure them first: see Assistance."
_READING = "Cells in random order: their features are still being read."


def helper_of(board: Board) -> Task | None:
    """Return the work that makes the helper of a board; None where no features were measured."""
    from deepometry.cells.cell_features import features_path

    tasks: Tasks = current_app.extensions["helpers"]
    path = features_path(board.places.root)
    try:
        state = path.stat()
    except OSError:
        return None
    key = (board.places.root, board.labels.name, state.st_mtime_ns, state.st_size, id(board))
    watcher = f"helper {board.places.root} {board.labels.name}"
    make = partial(_make, board)
    task = tasks.ask(key, make, watcher, float("inf"))
    task.wait(MOMENT)
    return task


def _make(board: Board, task: Task) -> Helper | str:
    return make_helper(board, task.progress)


@blueprint.record_once
def _prepare(state: Any) -> None:
    state.app.extensions["helpers"] = Tasks(2)


# --- orders --------------------------------------------------------------------------------------


def _ordered(name: str, asked: Asked) -> Ordered:
    task = helper_of(asked.board)
    helper = task.found if task is not None else None
    if isinstance(helper, Helper):
        return helper.ordered(name, asked)
    note = _UNMEASURED if task is None or task.over else _READING
    return Ordered(asked.board.shuffled, note[:12], False, note)


ORDERS |= {
    UNCERTAIN: Order("most uncertain", partial(_ordered, UNCERTAIN)),
    LIKELY: Order("most likely of class", partial(_ordered, LIKELY), of_class=True),
    DIFFERENT: Order("most different from labelled", partial(_ordered, DIFFERENT)),
    DOUBTFUL: Order("likely mislabelled", partial(_ordered, DOUBTFUL), of_labelled=True),
}


# --- the panel -----------------------------------------------------------------------------------


@blueprint.get("/assist.json")
def assist() -> dict[str, Any]:
    """Describe the assistance: whether the cells are measured, how good the classifier is."""
    board = asked_board()
    job = _measuring(board.places.root)
    told: dict[str, Any] = {"job": None if job is None else _job_told(job)}
    if job is not None and job.state in UNFINISHED:
        return told | {"state": "measuring"}
    task = helper_of(board)
    if task is None:
        return told | {"state": "missing"}
    if not task.over:
        done, total, text, _ = task.reported
        return told | {"state": "reading", "text": text, "done": done, "total": total}
    if not isinstance(task.found, Helper):
        return told | {"state": "missing", "reason": task.error or task.found}
    task.found.follow(board.look(who_asks()))
    return {"state": "ready"} | _helper_told(task.found)


def _helper_told(helper: Helper) -> dict[str, Any]:
    from deepometry.evaluation.running_accuracy import FEWEST

    told = helper.progression
    values = {"features": helper.features, "labels": helper.labels, "busy": helper.busy}
    values |= {"error": helper.error, "accuracy": None, "fewest": FEWEST}
    if told is None:
        return values
    accuracy = told.accuracy
    if accuracy.is_reliable:
        numbers = (accuracy.accuracy, accuracy.low, accuracy.high)
        values["accuracy"] = [round(100 * number) for number in numbers]
    return values | {"cells": accuracy.cells, "advice": told.advice, "enough": told.enough}


def _measuring(home: Path) -> Job | None:
    """Find the last job that measures these cells."""
    jobs = (job for job in current_app.extensions["jobs"].list() if job.verb == "measure")
    mine = [job for job in jobs if Path(job.options["input"]) == home]
    return max(mine, key=lambda job: job.created, default=None)


def _job_told(job: Job) -> dict[str, Any]:
    return {
        "state": job.state,
        "text": f"{STATES[job.state]}: {job.text}" if job.text else STATES[job.state],
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "cancelling": job.cancelling,
    }


@blueprint.post("/measure")
def measure() -> dict[str, Any]:
    """Start the job that keeps features of all cells, classical ones or those of an extraction."""
    board, typed = asked_board(), str(sent_json().get("features", "")).strip()
    try:
        folder = read_path(typed) if typed else None
        options = MeasureOptions(input=board.places.root, features=folder)
    except (OptionsError, ValueError) as error:
        raise DeepometryError(f"Features: {error}") from error
    job = _measuring(board.places.root)
    if job is None or job.state not in UNFINISHED:
        job = current_app.extensions["jobs"].submit(options)
    return {"state": "measuring", "job": _job_told(job)}


@blueprint.post("/measure/cancel")
def cancel_measuring() -> dict[str, Any]:
    """Ask the job that measures these cells to stop."""
    job = _measuring(asked_board().places.root)
    if job is not None and job.state in UNFINISHED:
        current_app.extensions["jobs"].cancel(job.id)
    return assist()

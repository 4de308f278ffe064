"""The record that every run of a step leaves in its folder, where that lies in a project."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import PREDICTED_TABLE
from deepometry.core.run_records import new_run_id
from deepometry.core.step import Step
from deepometry.projects.earlier import compare_with_earlier
from deepometry.projects.inputs import plain_inputs
from deepometry.projects.project import Project, find_project
from deepometry.projects.run import write_run
from deepometry.projects.runs import by_folder, list_runs, with_writers

Finish = Callable[[Any, Progress | Report | None], None]


def begin_run(step: Step, options: Any, id: str = "") -> Finish:
    """Look at what a run is about to read; return what writes its record in the end.

    Parameters
    ----------
    step : Step
    options : Options
        Of the step.
    id : str
        That of the job, if it is one.

    Returns
    -------
    callable
        Takes the result and the progress of the run. Outside of projects it does nothing.
    """
    output, started = Path(options.output).absolute(), time.time()
    try:
        project = find_project(output)
        inputs = plain_inputs(project, step, vars(options)) if project else {}
    except (DeepometryError, OSError) as error:
        return _telling(error)
    if project is None:
        return lambda result, progress: None

    def finish(result: Any, progress: Progress | Report | None) -> None:
        state = "cancelled" if getattr(result, "stopped", False) else "done"
        about = {"id": id or new_run_id(started), "state": state, "seconds": time.time() - started}
        about["created"] = datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds")
        try:
            _record(project, step, output, {**about, "inputs": inputs})
        except (DeepometryError, OSError) as error:  # the results are there all the same
            _telling(error)(result, progress)
        if step.table == PREDICTED_TABLE:
            compare_with_earlier(project, output, as_progress(progress))

    return finish


def _telling(error: Exception) -> Finish:
    def finish(result: Any, progress: Progress | Report | None) -> None:
        as_progress(progress).say(f"The run is not listed with its inputs in its project: {error}")

    return finish


def _record(project: Project, step: Step, output: Path, about: dict[str, Any]) -> None:
    """Write the record of a run that has ended, with name and note of one that it replaces."""
    runs = list_runs(project)
    run = next((r for r in runs if r.folder == output and r.step == step.name), None)
    if run is None:
        return  # it left no results
    write_run(with_writers(replace(run, **about), by_folder(runs)))

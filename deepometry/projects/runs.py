"""The runs of a project: every folder in it that holds the results of a step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.run_records import own_record, read_json
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.projects.inputs import inputs_of, kinds_of
from deepometry.projects.project import Project, whole_path
from deepometry.projects.run import OWN, Run, record_path
from deepometry.projects.score import cells_of, main_number, main_score

_DEPTH = 5  # folders below that of the project
_INSIDE = ("fold_",)  # folders of a training that are no runs of their own
_WITH_RECORD = tuple(step for step in STEPS.values() if step.record)


def list_runs(project: Project) -> list[Run]:
    """Return the runs of a project, newest first.

    Folders that were made without projects are listed as they are; nothing is moved or written.
    """
    runs = [run for folder in _folders(project) for run in _runs_in(project, folder)]
    named = [with_writers(run, runs) for run in runs]
    return sorted(named, key=lambda run: run.id, reverse=True)


def find_run(project: Project, text: str) -> Run:
    """Return the run with an id, a name, or a folder, as users give it.

    Raises
    ------
    DeepometryError
        There is none, or there are several of that name.
    """
    runs, place = list_runs(project), os.path.normpath(text)
    for same in (
        [run for run in runs if run.id == text],
        [run for run in runs if os.path.normpath(run.place) == place],
        [run for run in runs if run.folder == whole_path(text)],
        [run for run in runs if text in (run.name, run.folder.name)],
    ):
        if len(same) == 1:
            return same[0]
        if same:
            places = ", ".join(run.place for run in same)
            raise DeepometryError(f"{text}: expected one run, found {len(same)}: {places}.")
    names = ", ".join(run.place for run in runs[:5]) or "none yet"
    raise DeepometryError(f"{text}: expected a run of {project.name}, found none; it has {names}.")


# --- reading ---------------------------------------------------------------------------------


def _folders(project: Project) -> Iterator[Path]:
    """Yield the folders in which there may be results."""
    todo = [(project.folder, 0)]
    while todo:
        folder, depth = todo.pop()
        yield folder
        if depth < _DEPTH and not (folder / STEPS["parse"].record).is_file():
            todo += [(each, depth + 1) for each in _below(folder) if each != project.images]


def _below(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:  # nobody may look
        return []
    return [folder / name for name in names if not name.startswith((".", *_INSIDE))]


def _runs_in(project: Project, folder: Path) -> list[Run]:
    """Return a run for every step that left its record in a folder."""
    runs = (_run_of(project, folder, step) for step in _WITH_RECORD)
    return [run for run in runs if run is not None]


def _run_of(project: Project, folder: Path, step: Step) -> Run | None:
    facts = facts_of(folder, step)
    return _read(project, folder, step, facts) if facts else None


def facts_of(folder: Path, step: Step) -> dict[str, Any]:
    """Return what lists show of a run: `options`, `written`, `score`, `cells` and `number`.

    Empty where there is no record of the step, or a damaged one, which whoever reads it tells.
    """
    try:
        state = (folder / step.record).stat()
        return _summary(folder / step.record, step.name, state.st_mtime_ns, state.st_size)
    except (OSError, DeepometryError):
        return {}


@lru_cache(maxsize=4096)
def _summary(path: Path, step: str, modified: int, size: int) -> dict[str, Any]:
    """Read what a list shows of the record of a step; empty if it is of another one."""
    record = own_record(path, step)
    if not record:
        return {}
    facts = {name: record.get(name) for name in ("options", "written")}
    about = {"score": main_score(record), "cells": cells_of(record), "number": main_number(record)}
    return facts | about


def _read(project: Project, folder: Path, step: Step, record: Mapping[str, Any]) -> Run:
    written = str(record.get("written") or "")
    run = _own(folder, step)
    facts = {name: run[name] for name in OWN if name in run}
    return Run(
        **{
            "project": project,
            "folder": folder,
            "step": step.name,
            "id": _derived_id(project.relative(folder), step, written),
            "name": folder.name,
            "created": written,
            "inputs": _recorded_inputs(project, folder, step, record),
            **{name: record[name] for name in ("score", "cells", "number")},
            **facts,
        }
    )


def _own(folder: Path, step: Step) -> dict[str, Any]:
    """Read the record of a run; empty if there is none that can be read."""
    try:
        path = record_path(folder, step)
        record = read_json(path) if path.is_file() else {}
    except DeepometryError:
        return {}
    return record if record.get("step") == step.name else {}


def _derived_id(place: str, step: Step, written: str) -> str:
    """Make an id for a run that has no record, which is the same each time."""
    mark = hashlib.blake2b(f"{step.name} {place}".encode(), digest_size=2).hexdigest()
    try:
        time = datetime.fromisoformat(written).astimezone(UTC)
    except ValueError:
        time = datetime.fromtimestamp(0, UTC)
    return f"{time:%Y%m%d-%H%M%S-%f}-{mark}"


def _recorded_inputs(
    project: Project, folder: Path, step: Step, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the inputs of a run that was made without projects, from the options it recorded."""
    options = record.get("options")
    if not isinstance(options, Mapping):
        return {}
    before = _root_before(project, folder, str(options.get("output")))
    paths = inputs_of(step, options)
    return {
        name: {"path": project.relative(_moved(p, before, project))} for name, p in paths.items()
    }


def _root_before(project: Project, folder: Path, output: str) -> Path:
    """Return where the project stood when a run was made, which may have been moved since."""
    below, recorded = folder.relative_to(project.folder).parts, Path(output)
    same = bool(below) and recorded.parts[-len(below) :] == below
    return Path(*recorded.parts[: -len(below)]) if same else project.folder


def _moved(path: Path, before: Path, project: Project) -> Path:
    return project.folder / path.relative_to(before) if path.is_relative_to(before) else path


def with_writers(run: Run, runs: Sequence[Run]) -> Run:
    """Name for every input of a run the one of all runs that wrote it, where none is named yet."""
    kinds = kinds_of(STEPS[run.step])
    inputs = {
        name: {"run": _writer(run, each, kinds.get(name, ""), runs), "fingerprint": "", **each}
        for name, each in run.inputs.items()
    }
    return replace(run, inputs=inputs)


def _writer(run: Run, each: Mapping[str, Any], kind: str, runs: Sequence[Run]) -> str | None:
    path, kind = run.project.absolute(str(each["path"])), "model" if kind == "start" else kind
    places = (path, *path.parents[:2])
    fitting = [r for r in runs if r.folder in places and STEPS[r.step].writes == kind]
    return max(fitting, key=lambda r: len(r.folder.parts)).id if fitting else None

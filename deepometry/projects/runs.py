"""The runs of a project: every folder in it that holds the results of a step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.projects.inputs import inputs_of, kinds_of
from deepometry.projects.project import Project, whole_path
from deepometry.projects.run import OWN, Run
from deepometry.projects.run_facts import MOST_KEPT, facts_of, own_facts, states_of

_DEPTH = 5  # folders below that of the project
_INSIDE = ("fold_",)  # folders of a training that are no runs of their own
_WITH_RECORD = tuple(step for step in STEPS.values() if step.record)


def list_runs(project: Project) -> list[Run]:
    """Return the runs of a project, newest first.

    Folders that were made without projects are listed as they are; nothing is moved or written.
    """
    runs = [run for place in _folders(project) for run in _runs_in(project, *place)]
    writers = by_folder(runs)
    named = [with_writers(run, writers) for run in runs]
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


def _folders(project: Project) -> Iterator[tuple[Path, frozenset[str]]]:
    """Yield the folders in which there may be results, and the names of the files there."""
    todo = [(project.folder, 0)]
    while todo:
        folder, depth = todo.pop()
        below, files = _entries(folder)
        yield folder, files
        if depth < _DEPTH and STEPS["parse"].record not in files:
            todo += [(each, depth + 1) for each in below if each != project.images]


def _entries(folder: Path) -> tuple[list[Path], frozenset[str]]:
    """List the folders in a folder that may hold runs, and its files."""
    try:
        with os.scandir(folder) as entries:
            kinds = {each.name: each.is_dir(follow_symlinks=False) for each in entries}
    except OSError:  # nobody may look
        return [], frozenset()
    below = [n for n, is_dir in kinds.items() if is_dir and not n.startswith((".", *_INSIDE))]
    return [folder / name for name in below], frozenset(kinds) - {*below}


def _runs_in(project: Project, folder: Path, files: frozenset[str]) -> list[Run]:
    """Return a run for every step that left its record in a folder."""
    steps = (step for step in _WITH_RECORD if step.record in files)
    there = (_read(project, folder, s.name, states_of(folder, s, files)) for s in steps)
    return [run for run in there if run is not None]


@lru_cache(maxsize=MOST_KEPT)
def _read(project: Project, folder: Path, name: str, states: tuple[Any, ...]) -> Run | None:
    """Read a run; once for as long as the states of its records stay."""
    step = STEPS[name]
    record, run = facts_of(folder, step), own_facts(folder, step)
    if not record:
        return None
    written = str(record.get("written") or "")
    facts = {name: run[name] for name in OWN if name in run}
    if "inputs" not in facts:
        facts["inputs"] = _recorded_inputs(project, folder, step, record)
    return Run(
        **{
            "project": project,
            "folder": folder,
            "step": step.name,
            "id": _derived_id(project.relative(folder), step, written),
            "name": folder.name,
            "created": written,
            **{name: record[name] for name in ("score", "cells", "number")},
            **facts,
        }
    )


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


def by_folder(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return runs by the folder of their results."""
    folders: dict[str, list[Run]] = {}
    for run in runs:
        folders.setdefault(str(run.folder), []).append(run)
    return folders


def with_writers(run: Run, writers: Mapping[str, Sequence[Run]]) -> Run:
    """Name for every input of a run the one that wrote it, where none is named yet.

    `writers` are all runs of the project, as `by_folder` returns them.
    """
    kinds = kinds_of(STEPS[run.step])
    inputs = {
        name: {"run": _writer(run, each, kinds.get(name, ""), writers), "fingerprint": "", **each}
        for name, each in run.inputs.items()
    }
    return replace(run, inputs=inputs)


def _writer(
    run: Run, each: Mapping[str, Any], kind: str, writers: Mapping[str, Sequence[Run]]
) -> str | None:
    kind = "model" if kind == "start" else kind
    for place in _around(run.project, str(each["path"])):  # the nearest one
        for writer in writers.get(place, ()):
            if STEPS[writer.step].writes == kind:
                return writer.id
    return None


@lru_cache(maxsize=MOST_KEPT)
def _around(project: Project, place: str) -> tuple[str, ...]:
    """Return a path of a project as text, and the two folders that it lies in."""
    path = project.absolute(place)
    return tuple(map(str, (path, *path.parents[:2])))

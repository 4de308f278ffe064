"""What a run comes from, and whether that has changed since."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.projects.inputs import has_changed, inputs_of, kinds_of
from deepometry.projects.project import Project
from deepometry.projects.run import Run
from deepometry.projects.runs import by_folder, list_runs, with_writers


@dataclass(frozen=True)
class Link:
    """One thing that a run comes from, or the run itself.

    Attributes
    ----------
    title : str
        What it is, such as "Images" or "Model training".
    name : str
    path : Path
    run : Run or None
        The run that wrote it; None for images, and for what was made elsewhere.
    """

    title: str
    name: str
    path: Path
    run: Run | None = None


_TITLES = {"raw": "Images", "parsed": "Parsed cells", "model": "Model", "start": "Earlier model"}


def chain(run: Run, runs: Iterable[Run] | None = None) -> list[Link]:
    """Return what a run comes from, first the images, last the run itself.

    Parameters
    ----------
    run : Run
    runs : iterable of Run, optional
        All of the project, where they have been read already.
    """
    return chain_among(run, by_id(list_runs(run.project) if runs is None else runs))


def by_id(runs: Iterable[Run]) -> dict[str, Run]:
    """Return runs by their ids."""
    return {run.id: run for run in runs}


def chain_among(run: Run, runs: Mapping[str, Run]) -> list[Link]:
    """Return what a run comes from as `chain` does, given all runs of the project by their ids."""
    links: dict[Path, Link] = {}
    _collect(run, runs, links)
    return list(links.values())


def chain_to(
    project: Project, step: Step, values: Mapping[str, Any], runs: Sequence[Run]
) -> list[Link]:
    """Return what a run would come from that has not been started yet, itself left out.

    Parameters
    ----------
    project : Project
    step : Step
    values : mapping
        Of its options by name, as paths or text.
    runs : sequence of Run
        All of the project.
    """
    inputs = {n: {"path": project.relative(p)} for n, p in inputs_of(step, values).items()}
    new = Run(project, Path(), "", step.name, "", inputs=inputs)
    return chain(with_writers(new, by_folder(runs)), runs)[:-1]


def _collect(run: Run, runs: Mapping[str, Run], links: dict[Path, Link]) -> None:
    """Add the links of a run behind those of its inputs."""
    for name, each in run.inputs.items():
        source, path = runs.get(str(each["run"])), run.project.absolute(str(each["path"]))
        if source is None:
            kind = kinds_of(STEPS[run.step]).get(name, "")
            links.setdefault(path, Link(_TITLES.get(kind, kind.capitalize()), path.name, path))
        elif source.folder not in links and source.id != run.id:
            _collect(source, runs, links)
    links.setdefault(run.folder, Link(run.title, run.name, run.folder, run))


def out_of_date(run: Run, runs: Sequence[Run] | None = None) -> str:
    """Say in a sentence which input of a run has changed since; empty if none has."""
    return Outdated(list_runs(run.project) if runs is None else runs).of(run)


class Outdated:
    """Tells which of many runs are out of date; every input is looked at once.

    Parameters
    ----------
    runs : sequence of Run
        All of a project.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = by_id(runs)
        self._changed: dict[tuple[Path, str], bool] = {}
        self._said: dict[str, str] = {}

    def of(self, run: Run) -> str:
        """Say which input of a run has changed since; empty if none has."""
        if run.id not in self._said:
            self._said[run.id] = ""  # should records name each other in a circle
            self._said[run.id] = next(self._changes(run), "")
        return self._said[run.id]

    def _changes(self, run: Run) -> Iterator[str]:
        for each in run.inputs.values():
            path, source = run.project.absolute(str(each["path"])), self._runs.get(str(each["run"]))
            name = source.name if source else path.name
            if not os.path.exists(path):  # noqa: PTH110 - False where nobody may look
                yield f"{name}, which this run used, was deleted or moved since."
            elif self._has_changed(run, each, path, source):
                yield f"{name}, which this run used, has changed since: run this step again."
            elif source and (reason := self.of(source)):
                yield f"{name}, which this run used, is out of date itself: {reason}"

    def _has_changed(
        self, run: Run, each: Mapping[str, Any], path: Path, source: Run | None
    ) -> bool:
        if not each["fingerprint"]:  # a run made without projects: there are only the times
            return bool(source and source.created > run.created)
        asked = path, str(each["fingerprint"])
        if asked not in self._changed:
            self._changed[asked] = has_changed(*asked)
        return self._changed[asked]

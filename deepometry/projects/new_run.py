"""A new run in a project: where it writes to, and what it reads."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from deepometry.cells.labels.label_folder import has_labels
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import HOLD_OUT, TRAIN, find_targets
from deepometry.core.options.fields import settings
from deepometry.core.safe_names import safe_name
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.projects.inputs import kinds_of
from deepometry.projects.project import Project, folder_of, refuse_long_name
from deepometry.projects.run import Run
from deepometry.projects.runs import list_runs

# What steps read that name no kind of it, since it may be anything
_ALSO = {("info", "input"): "raw", ("show", "source"): "raw", ("export", "input"): "predictions"}


@dataclass(frozen=True)
class Filled:
    """The values of a run that a project fills in.

    Attributes
    ----------
    values : dict
        By option; what was given stays.
    told : tuple of str
        What was chosen among several, a sentence each.
    """

    values: dict[str, Any]
    told: tuple[str, ...]


def propose(project: Project, step: Step, name: str = "", taken: Collection[Path] = ()) -> Path:
    """Return a folder for a new run, which does not exist yet.

    Parameters
    ----------
    project : Project
    step : Step
        One that writes results.
    name : str
        What to call it; by default what it writes and the next number, such as `model_2`.
    taken : collection of Path
        Folders of runs that have not begun to write yet.

    Raises
    ------
    DeepometryError
        There is a run of that name already, or the name is too long.
    """
    parent = project.folder / folder_of(step)
    if not name.strip():
        base = step.run_name or step.writes.replace(" ", "_")
        return parent / _next_name(parent, base, taken)
    refuse_long_name(name)
    place = parent / safe_name(name.strip())
    if os.path.lexists(place) or place in taken:
        raise DeepometryError(
            f"Name: {place} exists already, and no run is written over; choose another name, such "
            f"as {_next_name(parent, place.name, taken)}."
        )
    return place


def _next_name(parent: Path, base: str, taken: Collection[Path] = ()) -> str:
    """Return the base with the first number above all that are there."""
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    names += [place.name for place in taken if place.parent == parent]
    pattern = re.compile(re.escape(base) + r"_(\d{1,6})", re.IGNORECASE)
    numbers = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
    return f"{base}_{max(numbers, default=0) + 1}"


def reads_project(step: Step) -> bool:
    """Return whether a project can fill in anything of a step."""
    return bool(step.record or kinds_of(step) or any(name == step.name for name, _ in _ALSO))


def fill(
    project: Project,
    step: Step,
    values: Mapping[str, Any],
    name: str = "",
    runs: Sequence[Run] | None = None,
) -> Filled:
    """Fill in what a run reads and where it writes to, as far as that is left blank.

    Its inputs are the newest runs that fit; its output is a new folder.

    Parameters
    ----------
    project : Project
    step : Step
    values : mapping
        By option, what was given; None or blank where the project is to choose.
    name : str
        What to call the run.
    runs : sequence of Run, optional
        All of the project, newest first, where they have been read already.

    Raises
    ------
    DeepometryError
        There is nothing yet that the step could read, or a run of that name already.
    """
    choice = _Choice(project, step, list_runs(project) if runs is None else runs)
    blank = [
        name for name, value in values.items() if value in (None, "") and name not in step.asks
    ]
    chosen = {option: choice.of(option) for option in blank if option in choice.kinds}
    if "output" in blank and step.record:
        chosen["output"] = choice.output(name)
    chosen = {option: path for option, path in chosen.items() if path is not None}
    return Filled({**values, **chosen}, tuple(choice.told))


class _Choice:
    """Chooses the inputs of one run."""

    def __init__(self, project: Project, step: Step, runs: Sequence[Run]) -> None:
        self.project, self.step, self.runs = project, step, runs
        also = {option: kind for (name, option), kind in _ALSO.items() if name == step.name}
        self.kinds = {**kinds_of(step), **also}
        self.told: list[str] = []

    def of(self, option: str) -> Path | None:
        """Choose what an option reads; None for one that may stay blank, as it would choose."""
        kind, needed = self.kinds[option], self._is_needed(option)
        if kind == "raw":
            return self._images()
        if not needed:
            return self._predictions() if kind == "predictions" else None
        return self._newest(option, kind)

    def _is_needed(self, option: str) -> bool:
        return settings(self.step.options)[option][1] is MISSING

    def _images(self) -> Path:
        if self.project.images is None:
            raise DeepometryError(
                f"{self.project.name} has no images yet: say where they are, as INPUT, or with "
                f'deepometry project show "{self.project.folder}" --images FOLDER'
            )
        return self.project.images

    def _newest(self, option: str, kind: str) -> Path:
        setting = settings(self.step.options)[option][0]
        fitting = [run for run in self.runs if STEPS[run.step].writes == kind]
        if not fitting:
            steps = [step.name for step in STEPS.values() if step.writes == kind]
            raise DeepometryError(
                f"{setting.label}: expected {kind} in {self.project.name}, found none yet; run "
                f"{' or '.join(steps)} first."
            )
        if len(fitting) > 1:
            self.told.append(f"{setting.label}: {fitting[0].place}, the newest of {len(fitting)}.")
        return part_of(fitting[0].folder, setting.part) if kind == "parsed" else fitting[0].folder

    def _predictions(self) -> Path | None:
        """Return the newest predictions by the network whose features are to be read."""
        features = next((run for run in self.runs if STEPS[run.step].writes == "features"), None)
        fitting = (run for run in self.runs if STEPS[run.step].writes == "predictions")
        same = (run.folder for run in fitting if features and _model(run) == _model(features))
        return next(same, None)

    def output(self, name: str) -> Path:
        """Choose where to write: a new folder, or for a baseline beside the network."""
        if self.step.writes == "baseline" and not name:
            trained = next((run for run in self.runs if run.step == "train"), None)
            if trained and not (trained.folder / self.step.record).exists():
                return trained.folder
        return propose(self.project, self.step, name)


def _model(run: Run) -> Any:
    return run.inputs.get("model", {}).get("run") or run.inputs.get("model", {}).get("path")


def part_of(parsed: Path, part: str) -> Path:
    """Return the part of parsed cells for a use, where they were split and have labels."""
    place = parsed / part
    if not part or not place.is_dir():
        return parsed
    labelled = has_labels(parsed) or _is_labelled(place)
    return place if part not in (HOLD_OUT, TRAIN) or labelled else parsed


def _is_labelled(place: Path) -> bool:
    """Return whether the folders below one name classes."""
    walked = ((folder, names) for folder, _, names in os.walk(place))
    holding = [Path(f) for f, names in walked if any(name.endswith(".npy") for name in names)]
    return bool(find_targets({folder.relative_to(place).parts: 1 for folder in holding}))

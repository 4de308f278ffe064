"""A run of a step in a project: what is known of it, and the record in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.run_records import FORMAT_VERSION, own_record, write_json
from deepometry.core.steps import STEPS
from deepometry.projects.project import Project, refuse_long_name
from deepometry.projects.run_facts import facts_of, record_path

OWN = ("id", "name", "note", "pinned", "created", "seconds", "inputs", "state")
"""What a run has that the record of its step has not."""

_FACTS = ("score", "cells")  # which the record of the step has, too
_DONE = "done"


@dataclass(frozen=True)
class Run:
    """A run of a step in a project.

    Attributes
    ----------
    project : Project
    folder : Path
        Of its results; its name never changes.
    id : str
        As the job's; sorts by the time.
    step : str
    name, note : str
        As the user wrote them; the name is at first that of the folder.
    pinned : bool
    created : str
        ISO 8601, UTC.
    seconds : float or None
        How long it took.
    inputs : dict
        By option: `path`, relative where it lies in the project, `run`, the id of the run that
        wrote it or None, and `fingerprint`, empty where it is not known.
    score : dict or None
        The main score: `name` and `value`.
    cells : int or None
    number : str
        The main number in words: the score, or else how much it made; empty for none.
    state : str
        "done", or "cancelled" for a training that was stopped and kept what it had.
    """

    project: Project
    folder: Path
    id: str
    step: str
    name: str
    note: str = ""
    pinned: bool = False
    created: str = ""
    seconds: float | None = None
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    score: Mapping[str, Any] | None = None
    cells: int | None = None
    number: str = ""
    state: str = _DONE

    @property
    def title(self) -> str:
        """What its step is called."""
        return STEPS[self.step].title

    @property
    def place(self) -> str:
        """Its folder, relative to that of the project."""
        return self.project.relative(self.folder)

    @property
    def started(self) -> float:
        """When it was made, in seconds since 1970; 0 where that is not known."""
        try:
            return datetime.fromisoformat(self.created).timestamp()
        except ValueError:
            return 0.0

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of its step, as its record has them; empty where they cannot be read."""
        options = facts_of(self.folder, STEPS[self.step]).get("options")
        return options if isinstance(options, dict) else {}

    def record(self) -> dict[str, Any]:
        """Read the record of its step: options, versions and whatever the step wrote there."""
        return own_record(self.folder / STEPS[self.step].record, self.step)


def change_run(run: Run, **changes: Any) -> Run:
    """Change name, note or pin of a run; its folder stays where it is.

    Raises
    ------
    DeepometryError
        The name is blank or too long, or its folder cannot be written to.
    """
    if not str(changes.get("name", "name")).strip():
        raise DeepometryError("Name: expected a name for the run, found none.")
    refuse_long_name(changes.get("name", ""))
    changed = replace(run, **changes)
    write_run(changed)
    return changed


def rename_run(run: Run, name: str) -> Run:
    """Give a run another name; its folder, and whatever leads there, stays as it is."""
    return change_run(run, name=name.strip())


def write_run(run: Run) -> None:
    """Write the record of a run into its folder."""
    content = {"format_version": FORMAT_VERSION, "step": run.step}
    content |= {name: getattr(run, name) for name in (*OWN, *_FACTS)}
    write_json(record_path(run.folder, STEPS[run.step]), content)

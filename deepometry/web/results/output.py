"""What a job left on disk: where it lies, what its record says, and which files are its own."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.result_files import (
    CROSS_VALIDATION_RECORD,
    LOSS_PLOT,
    TRAINING_TABLE,
    VALIDATION_TABLE,
    layer_table,
)
from deepometry.core.run_records import earlier_files, read_json
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.web.jobs.job import Job

_TRAINED = (TRAINING_TABLE, LOSS_PLOT)
_CLOCK_SLACK = 5.0  # seconds: records hold whole ones, and network disks have clocks of their own
_DAMAGE = (KeyError, ValueError, TypeError, IndexError, StopIteration, csv.Error)


class Gone(DeepometryError):
    """Results that were there and are not any more, or not those of this job."""


class Unknown(DeepometryError):
    """Something that a job never had."""


@dataclass(frozen=True)
class Output:
    """The files of one job, and its record.

    Attributes
    ----------
    options : mapping
        Its options, as plain text and numbers.
    record : dict
        What the step wrote of itself.
    files : tuple of str
        All files it wrote, below `root`, with forward slashes.
    stamp : str
        Changes when the results do.
    """

    id: str
    verb: str
    options: Mapping[str, Any]
    root: Path
    record: Mapping[str, Any]
    files: tuple[str, ...]
    stamp: str

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(self.files)

    @property
    def writes(self) -> str:
        """What its step leaves, such as "predictions"."""
        return STEPS[self.verb].writes

    def path(self, name: str) -> Path:
        """Find a file of the job by its name in `files`.

        Raises
        ------
        Unknown
            The job has no such file, or a link there leads out of its folder.
        Gone
            It was moved or deleted since.
        """
        if name not in self._listed:
            raise Unknown(f"{name} is not a file of this run.")
        try:
            place = (self.root / name).resolve(strict=True)
        except OSError as error:
            raise _vanished(self.root / name) from error
        if not place.is_relative_to(self.root.resolve()):
            raise Unknown(f"{name} links to a place outside {self.root} and is not shown.")
        if not place.is_file():
            raise _vanished(self.root / name)
        return place

    def option(self, name: str) -> Any:
        """Return an option of the run, from the job or else from its record."""
        value = self.options.get(name)
        return self.record.get("options", {}).get(name) if value is None else value


def open_output(job: Job) -> Output:
    """Open what a job wrote.

    Raises
    ------
    Gone
        There is nothing, it was moved or deleted, or a later run wrote over it.
    """
    step = STEPS.get(job.verb)
    if job.result is None or step is None or not step.view:
        raise Gone("This run has no results to show.")
    root = place_of(job)
    if not root.is_dir():
        raise Gone(
            f"{root} no longer exists: the results were moved, renamed or deleted. Put the "
            "folder back to see them here, or run the step again."
        )
    record = _read_record(root / step.record, job) if step.record else {}
    files = _files(root, step, record)
    return Output(job.id, job.verb, job.options, root, record, files, stamp_of(job))


def stamp_of(job: Job) -> str:
    """Return a text that changes with the output of a job and its place; empty if there is none."""
    place = place_of(job)
    try:
        state = (place / STEPS[job.verb].record).stat()
    except OSError:
        return ""
    mark = hashlib.blake2b(str(place).encode("utf-8", "surrogateescape"), digest_size=4)
    return f"{state.st_mtime_ns:x}-{state.st_size:x}-{mark.hexdigest()}"


def place_of(job: Job) -> Path:
    """Return the output folder of a job."""
    return Path(job.output or job.options["output"])


@contextmanager
def reading(path: Path, changed: str) -> Iterator[None]:
    """Raise errors of reading a file as sentences; `changed` says what a damaged one is not."""
    try:
        yield
    except DeepometryError:
        raise
    except OSError as error:
        raise explain_os_error(error, path) from error
    except _DAMAGE as error:
        raise DeepometryError(f"{path} {changed}") from error


def _vanished(path: Path) -> Gone:
    return Gone(f"{path} no longer exists: it was moved or deleted after this run.")


def _read_record(path: Path, job: Job) -> dict[str, Any]:
    """Read what the step wrote of itself, and check that it was this job."""
    try:
        record = read_json(path)
    except DeepometryError as error:
        raise Gone(f"The results cannot be shown: {error}") from error
    if record.get("step") != job.verb or not (
        _in_time(record, job) or _of_other_layer(record, job)
    ):
        raise Gone(
            f"A later run replaced the results of this one in {path.parent}. Open the later run in "
            "the list to see them; to keep the results of both, use different output folders."
        )
    return record


def _in_time(record: Mapping[str, Any], job: Job) -> bool:
    """Return whether a record was written while the job ran."""
    try:
        written = datetime.fromisoformat(record["written"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return False
    first = (job.started or 0) - _CLOCK_SLACK
    return first <= written <= (job.finished or float("inf")) + _CLOCK_SLACK


def _of_other_layer(record: Mapping[str, Any], job: Job) -> bool:
    """Return whether a later extraction of another layer kept the table of this one."""
    layer = job.options.get("layer")
    other = record.get("options", {}).get("layer")
    listed = layer_table(str(layer)) in record.get("files", ())
    return job.verb == "extract" and layer != other and listed


def _cross_validated(root: Path) -> list[str]:
    """List what a cross-validation wrote, all of it and fold by fold."""
    place, step = root / CROSS_VALIDATION_RECORD, "cross-validation"
    return [name for key in ("files", "fold_files") for name in earlier_files(place, step, key)]


def _files(root: Path, step: Step, record: Mapping[str, Any]) -> tuple[str, ...]:
    if not step.record:
        return ()
    if step.name == "train":
        own = [str(record.get("model", "")), *_TRAINED, step.record]
        own += [VALIDATION_TABLE] if record.get("validation") else []
        there = [name for name in own if Path(name).name == name]
        there += _cross_validated(root) if record.get("cross_validation") else []
        return tuple(name for name in there if (root / name).is_file())
    listed = earlier_files(root / step.record, step.name)
    return tuple(dict.fromkeys([*listed, step.record]))


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return nothing, for a template that needs the record and the folder alone."""
    return {}

"""What a job left on disk: where it lies, what its record says, and which files are its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from deepometry.errors import DeepometryError
from deepometry.files import earlier_files, read_json
from deepometry.names import CROSS_VALIDATION

RECORDS = {
    "parse": "parse.json",
    "train": "train.json",
    "baseline": "baseline.json",
    "learning-curve": "learning_curve.json",
    "predict": "predict.json",
    "extract": "extract.json",
    "embed": "embed.json",
    "gradcam": "gradcam.json",
}
_TRAINED = ("training.csv", "train_val_loss.png")
_CLOCK_SLACK = 5.0  # seconds: the record tells whole ones, and network disks have clocks


class JobLike(Protocol):
    """What the results need to know of a job."""

    @property
    def id(self) -> str: ...
    @property
    def verb(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> str: ...
    @property
    def started(self) -> float | None: ...
    @property
    def finished(self) -> float | None: ...
    @property
    def result(self) -> Mapping[str, Any] | None: ...
    @property
    def output(self) -> Path | None: ...


class Gone(DeepometryError):
    """Results that were there and are not any more, or not those of this job."""


class Unknown(DeepometryError):
    """Something that a job never had."""


@dataclass(frozen=True)
class Output:
    """The files of one job, and its record.

    Attributes
    ----------
    id, verb : str
        Of the job.
    options : mapping
        Its options, as plain text and numbers.
    root : Path
        Its output folder.
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

    def path(self, name: str) -> Path:
        """Find a file of the job.

        Parameters
        ----------
        name : str
            As in `files`.

        Raises
        ------
        Unknown
            The job has no such file, or a link there leads out of its folder.
        Gone
            It was moved or deleted since.
        """
        if name not in self._listed:
            raise Unknown(f"{name} is no file of this run.")
        try:
            found = (self.root / name).resolve(strict=True)
        except OSError as error:
            raise _vanished(self.root / name) from error
        if not found.is_relative_to(self.root.resolve()):
            raise Unknown(f"{name} is a link to a place outside {self.root}; it is not shown.")
        if not found.is_file():
            raise _vanished(self.root / name)
        return found

    def option(self, name: str) -> Any:
        """Give an option of the run; what the job does not tell, its record may."""
        told = self.options.get(name)
        return self.record.get("options", {}).get(name) if told is None else told


def open_output(job: JobLike) -> Output:
    """Open what a job wrote.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Output

    Raises
    ------
    Gone
        There is nothing, it was moved or deleted, or a later run wrote over it.
    """
    if job.result is None or job.verb not in RECORDS:
        raise Gone("This run has no results to show.")
    root = place_of(job)
    if not root.is_dir():
        raise Gone(
            f"{root} does not exist any more: the results were moved, renamed or deleted. Put the "
            "folder back to see them here, or run the step again."
        )
    path = root / RECORDS[job.verb]
    record = _read_record(path, job)
    files = _files(root, job.verb, record)
    return Output(job.id, job.verb, job.options, root, record, files, stamp_of(job))


def stamp_of(job: JobLike) -> str:
    """Give a text that changes when the output of a job does; empty if there is none."""
    try:
        found = (place_of(job) / RECORDS.get(job.verb, "")).stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def place_of(job: JobLike) -> Path:
    """Give the output folder of a job."""
    return Path(job.output or job.options["output"])


def _vanished(path: Path) -> Gone:
    return Gone(f"{path} does not exist any more: it was moved or deleted after this run.")


def _read_record(path: Path, job: JobLike) -> dict[str, Any]:
    """Read what the step wrote of itself, and check that it was this job."""
    try:
        record = read_json(path)
    except DeepometryError as error:
        raise Gone(f"The results cannot be shown: {error}") from error
    if record.get("step") != job.verb or not (_in_time(record, job) or _kept(record, job)):
        raise Gone(
            f"A later run wrote over the results of this one in {path.parent}. The later run in "
            "the list of runs shows what is there now; to keep both, choose another output folder."
        )
    return record


def _in_time(record: Mapping[str, Any], job: JobLike) -> bool:
    """Tell whether a record was written while the job ran."""
    try:
        written = datetime.fromisoformat(record["written"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return False
    first = (job.started or 0) - _CLOCK_SLACK
    return first <= written <= (job.finished or float("inf")) + _CLOCK_SLACK


def _kept(record: Mapping[str, Any], job: JobLike) -> bool:
    """Tell whether a later extraction of another layer kept the table of this one."""
    layer = job.options.get("layer")
    other = record.get("options", {}).get("layer")
    kept = f"features_extracted_by_{layer}.txt" in record.get("files", ())
    return job.verb == "extract" and layer != other and kept


def _cross_validated(root: Path) -> list[str]:
    """List what a cross-validation wrote, all of it and fold by fold."""
    place, step = root / CROSS_VALIDATION, "cross-validation"
    return [name for key in ("files", "fold_files") for name in earlier_files(place, step, key)]


def _files(root: Path, verb: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    if verb == "train":
        own = [str(record.get("model", "")), *_TRAINED, RECORDS[verb]]
        there = [name for name in own if Path(name).name == name]
        there += _cross_validated(root) if record.get("cross_validation") else []
        return tuple(name for name in there if (root / name).is_file())
    listed = earlier_files(root / RECORDS[verb], verb)
    return tuple(dict.fromkeys([*listed, RECORDS[verb]]))

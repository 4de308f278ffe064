"""Deleting a run together with its files, once its user has agreed to what that is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deepometry.core.disk import is_below, remove_below
from deepometry.core.errors import explain_os_error
from deepometry.core.files import files_below
from deepometry.core.result_files import HAND_LABELS, LABELS_FOLDER, RUN_RECORD
from deepometry.core.run_records import earlier_files
from deepometry.core.steps import STEPS
from deepometry.core.text import counted, filesize
from deepometry.projects.project import folder_of
from deepometry.projects.run import Run
from deepometry.projects.run_facts import record_path
from deepometry.projects.runs import list_runs
from deepometry.training.output_folder import training_files


@dataclass(frozen=True)
class Doomed:
    """What would be deleted with a run.

    Attributes
    ----------
    files : tuple of str
        Relative to its folder.
    size : int
        In bytes.
    whole : bool
        Whether its folder is deleted with all that is in it.
    runs : tuple of Run
        Other runs whose results lie in that folder.
    users : tuple of Run
        Other runs that read its results; they stay.
    labels : tuple of str
        Names of labels given by hand that lie in it, which no run can make again.
    """

    files: tuple[str, ...]
    size: int
    whole: bool
    runs: tuple[Run, ...]
    users: tuple[Run, ...]
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        also = "".join(f"; with {run.name} ({run.title}), which lies in it" for run in self.runs)
        also += f"; with labels given by hand: {', '.join(self.labels)}" if self.labels else ""
        names = ", ".join(run.name for run in self.users)
        return f"{counted(len(self.files), 'file')}, {filesize(self.size)}{also}" + (
            f"; used by {names}, which stays" if names else ""
        )


def doomed_by(run: Run) -> Doomed:
    """List what would be deleted with a run.

    A folder that was made for a run in the project is deleted whole; of another folder only what
    the record of the step lists.
    """
    others = [each for each in list_runs(run.project) if each.id != run.id]
    whole = _is_own(run)
    files = files_below(run.folder) if whole else _listed(run)
    inside = [each for each in others if whole and each.folder.is_relative_to(run.folder)]
    users = [r for r in others if any(each["run"] == run.id for each in r.inputs.values())]
    size = sum(_size(run.folder / name) for name in files)
    places = [PurePosixPath(name) for name in files]
    by_hand = [p.stem for p in places if (p.parent.name, p.suffix) == (LABELS_FOLDER, HAND_LABELS)]
    return Doomed(tuple(files), size, whole, tuple(inside), tuple(users), tuple(by_hand))


def delete_run(run: Run) -> Doomed:
    """Delete a run with its files.

    Raises
    ------
    DeepometryError
        A file cannot be deleted, as one that another program has open on Windows; the run stays
        on the list until all of it is gone.
    """
    doomed = doomed_by(run)
    try:
        if doomed.whole:
            # by another name first: nothing is left that looks like results, whatever happens
            part = run.folder.with_name(f".deepometry-deleted-{run.folder.name}")
            shutil.rmtree(run.folder.rename(part))
        else:
            for name in doomed.files:
                remove_below(run.folder, name)
            run.folder.rmdir() if not any(run.folder.iterdir()) else None
    except OSError as error:
        raise explain_os_error(error, run.folder) from error
    return doomed


def _is_own(run: Run) -> bool:
    """Return whether a folder was made for this run: `<kind>/<name>` with its record in it."""
    kind = run.project.folder / folder_of(STEPS[run.step])
    own = record_path(run.folder, STEPS[run.step])
    return run.folder.parent == kind and own.name == RUN_RECORD and own.is_file()


def _listed(run: Run) -> list[str]:
    step = STEPS[run.step]
    if run.step == "train":
        names = training_files(run.folder)
    else:
        names = earlier_files(run.folder / step.record, run.step)
    names = [*dict.fromkeys([*names, step.record, record_path(run.folder, step).name])]
    return [name for name in names if is_below(name) and (run.folder / name).is_file()]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

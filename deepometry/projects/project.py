"""A project: a folder with a name, images, and a folder for every run of a step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import lies_in
from deepometry.core.result_files import PROJECT_RECORD
from deepometry.core.run_records import FORMAT_VERSION, NewerFormatError, read_json, write_json
from deepometry.core.step import Step

_LONGEST_NAME = 100  # characters


@dataclass(frozen=True)
class Project:
    """An experiment.

    Attributes
    ----------
    folder : Path
        Absolute.
    name : str
    images : Path or None
        Where its images are; absolute.
    created : str
        ISO 8601, UTC.
    """

    folder: Path
    name: str
    images: Path | None
    created: str

    def relative(self, path: Path) -> str:
        """Return a path as the project's files name it: relative where it lies in the project."""
        try:
            return path.relative_to(self.folder).as_posix()
        except ValueError:
            return str(path)

    def absolute(self, path: str) -> Path:
        """Return the path that `relative` was made from."""
        return self.folder / path


def whole_path(path: str | Path) -> Path:
    """Return a path from the root, without `..`; links stay as the user named them."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - which would follow links


def folder_of(step: Step) -> str:
    """Return the name of the folder for the runs of a step; empty for one that has none."""
    if not step.record:
        return ""
    return step.runs or step.writes


def create_project(folder: Path, name: str = "", images: Path | None = None) -> Project:
    """Make a folder a project; what lies in it stays as it is, and its results become runs.

    A damaged record of a project is kept under another name, such as `deepometry.damaged.json`.

    Raises
    ------
    DeepometryError
        It is a project already, is a file, or cannot be written to; or the name is one of dots or
        too long.
    """
    _refuse_dots(folder, name)
    refuse_long_name(name)
    folder = whole_path(folder.expanduser())
    if folder.exists() and not folder.is_dir():
        raise DeepometryError(f"{folder} is a file: expected a folder, which may be a new one.")
    damaged = _is_damaged(folder)
    if (folder / PROJECT_RECORD).exists() and not damaged:
        raise DeepometryError(f"{folder} is a project already: open it, or choose another folder.")
    if images is not None and not images.exists():
        raise DeepometryError(f"Images {images}: expected a file or folder, found none there.")
    if images is not None and lies_in(folder, images):
        raise DeepometryError(
            f"{folder} lies in the images {images}, which are read as a whole: choose a folder "
            "outside for the project."
        )
    created = datetime.now(UTC).isoformat(timespec="seconds")
    place = None if images is None else whole_path(images)
    if damaged:
        _set_aside(folder / PROJECT_RECORD)
    return _write(Project(folder, name.strip() or folder.name, place, created))


class DamagedProjectError(DeepometryError):
    """The record of a project that holds something else, or nothing."""


def _is_damaged(folder: Path) -> bool:
    """Return whether a folder has a damaged record of a project."""
    try:
        if (folder / PROJECT_RECORD).is_file():
            open_project(folder)
    except DamagedProjectError:
        return True
    except DeepometryError:  # of a later version, or nobody may read it
        return False
    return False


def _set_aside(record: Path) -> None:
    """Give a damaged record another name, which none has yet."""
    stem, number = f"{record.stem}.damaged", 1
    while os.path.lexists(kept := record.with_name(f"{stem}{f'_{number}' * (number > 1)}.json")):
        number += 1
    try:
        record.rename(kept)
    except OSError as error:
        raise explain_os_error(error, record) from error


def _refuse_dots(folder: Path, name: str) -> None:
    """Refuse `..` and the like as a new project: it would be a folder that is there already."""
    if name.strip() and not name.strip(" ."):
        raise DeepometryError(
            f"Name: expected the name of a project, such as Experiment 1, found {name.strip()!r}."
        )
    if folder.name == "..":
        raise DeepometryError(
            f"{folder}: expected the name of a project's folder at the end, found '..'; to make "
            f"that folder a project, write {whole_path(folder.expanduser())}"
        )


def refuse_long_name(name: str) -> None:
    """Refuse a name of a project or a run that no list has the space for."""
    if len(name.strip()) > _LONGEST_NAME:
        raise DeepometryError(
            f"Name: expected at most {_LONGEST_NAME} characters, found {len(name.strip())}; "
            "shorten it."
        )


def change_project(project: Project, **changes: Any) -> Project:
    """Give a project another name or other images.

    Raises
    ------
    DeepometryError
        The name is too long, or its folder cannot be written to.
    """
    refuse_long_name(changes.get("name", ""))
    return _write(Project(**{**vars(project), **changes}))


def _write(project: Project) -> Project:
    images = project.images and project.relative(project.images)
    content = {"format_version": FORMAT_VERSION, "name": project.name, "images": images}
    try:
        project.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, project.folder) from error
    write_json(project.folder / PROJECT_RECORD, content | {"created": project.created})
    return project


def open_project(folder: Path) -> Project:
    """Read a project.

    Raises
    ------
    DeepometryError
        The folder is no project, or its record is damaged or of a later version.
    """
    folder = whole_path(folder.expanduser())
    path = folder / PROJECT_RECORD
    if not path.is_file():
        raise DeepometryError(
            f"{folder} is no project: expected {PROJECT_RECORD} in it, found none; make it one "
            f'with: deepometry project new "{folder}"'
        )
    content = _read(path)
    images = content.get("images")
    place = folder / images if isinstance(images, str) else None
    return Project(folder, content["name"], place, str(content.get("created", "")))


def _read(path: Path) -> dict[str, Any]:
    """Read the record of a project."""
    try:
        content = read_json(path)
    except NewerFormatError:
        raise
    except DeepometryError as error:
        if isinstance(error.__cause__, OSError):
            raise
        raise _damaged(path) from error
    if not isinstance(content.get("name"), str):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> DamagedProjectError:
    return DamagedProjectError(
        f"{path} is damaged: put it back from a copy, or make {path.parent} a project again, on "
        f'the page with New project or with: deepometry project new "{path.parent}" - its runs '
        "stay, and the damaged file is kept under another name."
    )


def find_project(path: Path) -> Project | None:
    """Return the project that a path lies in, the nearest; None if there is none.

    Raises
    ------
    DeepometryError
        The record of the project is damaged or of a later version.
    """
    path = whole_path(path)
    for folder in (path, *path.parents):
        if os.path.isfile(folder / PROJECT_RECORD):  # noqa: PTH113 - False where nobody may look
            return open_project(folder)
    return None

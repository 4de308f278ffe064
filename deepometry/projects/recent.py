"""Which projects were open lately, and which one is open on the page, for this user."""

from __future__ import annotations

import logging
from pathlib import Path

from deepometry.core.errors import DeepometryError
from deepometry.core.run_records import read_json, write_json
from deepometry.core.user_folders import locked
from deepometry.projects.project import Project, open_project

FILE = "projects.json"
_MOST = 12
_log = logging.getLogger(__name__)


def recent_projects(home: Path) -> list[Project]:
    """Return the projects that were open lately and are still there, the last first."""
    projects = []
    for folder in _read(home)[0]:
        try:
            projects.append(open_project(Path(folder)))
        except (DeepometryError, OSError):  # it was moved or deleted, or its disk is away
            continue
    return projects


def current_project(home: Path) -> Project | None:
    """Return the project that is open on the page; None if there is none."""
    folder = _read(home)[1]
    try:
        return open_project(Path(folder)) if folder else None
    except (DeepometryError, OSError):
        return None


def remember_project(home: Path, project: Project | None, current: bool = True) -> None:
    """Keep a project among the recent ones, and open it on the page; None closes the open one.

    Raises
    ------
    DeepometryError
        The folder of the user's state cannot be written to.
    """
    with locked(home / FILE):
        folders, opened = _read(home)
        own = [] if project is None else [str(project.folder)]
        opened = (*own, "")[0] if current else opened
        listed = [*own, *(each for each in folders if each not in own)][:_MOST]
        write_json(home / FILE, {"format_version": 1, "recent": listed, "open": opened})


def _read(home: Path) -> tuple[list[str], str]:
    """Return the folders of recent projects, and that of the open one."""
    if not (home / FILE).is_file():
        return [], ""
    try:
        content = read_json(home / FILE)
    except DeepometryError as error:  # no reason to refuse anything: it is written anew
        _log.warning("%s", error)
        return [], ""
    recent, opened = content.get("recent"), content.get("open")
    folders = [each for each in recent if isinstance(each, str)] if isinstance(recent, list) else []
    return folders, opened if isinstance(opened, str) else ""

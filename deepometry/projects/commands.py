"""The command `deepometry project`: projects, and the runs in them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import read_path
from deepometry.core.step_options import plain
from deepometry.core.text import counted, table
from deepometry.core.user_folders import state_folder
from deepometry.projects.chain import Outdated, chain
from deepometry.projects.delete import delete_run, doomed_by
from deepometry.projects.project import (
    Project,
    change_project,
    create_project,
    find_project,
    open_project,
    whole_path,
)
from deepometry.projects.recent import recent_projects, remember_project
from deepometry.projects.run import Run, change_run, rename_run
from deepometry.projects.runs import find_run, list_runs


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(name="project", cls=_InOrder)
def project_commands() -> None:
    """Keep an experiment in one folder, with every run of a step in a folder of its own.

    Every step then takes --project FOLDER in place of its paths. Where FOLDER is left out here, the
    project of the current folder is meant. RUN is the name of a run, its folder or its id.
    """


_folder = click.argument("folder", required=False)
_project = click.option("--project", "folder", metavar="FOLDER", help="The project.")
_run = click.argument("run")
_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for other programs.")


def _opened(folder: str | None) -> Project:
    """Open the project of a folder, by default that of the current one."""
    if folder:
        return open_project(read_path(folder))
    project = find_project(Path.cwd())
    if project is None:
        raise DeepometryError(
            f"{Path.cwd()} lies in no project: give its folder, or make one with: deepometry "
            "project new FOLDER"
        )
    return project


@project_commands.command()
@click.argument("folder")
@click.option("--name", default="", help="What to call it; by default as the folder.")
@click.option("--images", metavar="PATH", help="Its images: a folder, or a file of cells.")
def new(folder: str, name: str, images: str | None) -> None:
    """Make FOLDER a project; results that lie in it already become its runs."""
    place = None if images is None else read_path(images)
    project = create_project(read_path(folder), name, place)
    remember_project(state_folder(), project)
    found = list_runs(project)
    click.echo(f"{project.name}: {project.folder}")
    if found:
        click.echo(f"Found {counted(len(found), 'earlier run')}: they stay where they are.")


@project_commands.command(name="list")
@_json
def list_projects(as_json: bool) -> None:
    """List the projects that were open lately, the last first."""
    projects = recent_projects(state_folder())
    if as_json:
        click.echo(json.dumps(plain(projects), indent=2, ensure_ascii=False))
        return
    rows = [(project.name, str(project.folder)) for project in projects]
    click.echo("\n".join(table(rows, "<<")) if rows else "No projects yet.")


@project_commands.command()
@_folder
@click.option("--images", metavar="PATH", help="Change where its images are.")
@click.option("--name", help="Change its name.")
def show(folder: str | None, images: str | None, name: str | None) -> None:
    """Show a project: its images, its runs by step, and what the newest run comes from."""
    project = _opened(folder)
    changes: dict[str, Any] = {"name": name} if name else {}
    if images:
        changes["images"] = whole_path(read_path(images))
    project = change_project(project, **changes) if changes else project
    remember_project(state_folder(), project)
    found = list_runs(project)
    rows = [("Name", project.name), ("Folder", str(project.folder))]
    rows += [("Images", str(project.images or "not known"))]
    rows += [(title, counted(len(runs), "run")) for title, runs in _by_step(found).items()]
    if found:
        rows.append(("Newest", " > ".join(link.name for link in chain(found[0], found))))
    click.echo("\n".join(table(rows, "<<")))


def _by_step(found: list[Run]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in reversed(found):
        groups.setdefault(run.title, []).append(run)
    return groups


@project_commands.command()
@_folder
@click.option("--step", help="Only runs of this step.")
@_json
def runs(folder: str | None, step: str | None, as_json: bool) -> None:
    """List the runs of a project, newest first."""
    every = list_runs(_opened(folder))
    found = [run for run in every if step in (None, run.step)]
    outdated = Outdated(every)
    if as_json:
        click.echo(json.dumps([_plain(run, outdated) for run in found], indent=2))
        return
    head = ("", "Name", "Step", "When", "Score", "Note")
    rows = [(_marks(r, outdated), r.name, r.step, _when(r), r.number, r.note) for r in found]
    click.echo("\n".join(table([head, *rows], "<<<<<<")) if rows else "No runs yet.")
    for run in found:
        if text := outdated.of(run):
            click.echo(f"! {run.name}: {text}")


def _plain(run: Run, outdated: Outdated) -> dict[str, Any]:
    facts = {name: value for name, value in vars(run).items() if name != "project"}
    return {**plain(facts), "out_of_date": outdated.of(run)}


def _marks(run: Run, outdated: Outdated) -> str:
    return "*" * run.pinned + "!" * bool(outdated.of(run))


def _when(run: Run) -> str:
    try:
        return f"{datetime.fromisoformat(run.created).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return ""


@project_commands.command()
@_run
@click.argument("name")
@_project
def rename(run: str, name: str, folder: str | None) -> None:
    """Give RUN another NAME; its folder stays as it is."""
    changed = rename_run(find_run(_opened(folder), run), name)
    click.echo(f"{changed.place}: {changed.name}")


@project_commands.command()
@_run
@click.argument("text")
@_project
def note(run: str, text: str, folder: str | None) -> None:
    """Write a note on RUN, in place of an earlier one."""
    changed = change_run(find_run(_opened(folder), run), note=text.strip())
    click.echo(f"{changed.name}: {changed.note or 'no note'}")


@project_commands.command()
@_run
@click.option("--off", is_flag=True, help="Take the pin away.")
@_project
def pin(run: str, off: bool, folder: str | None) -> None:
    """Pin RUN, so that it stands first in lists."""
    changed = change_run(find_run(_opened(folder), run), pinned=not off)
    click.echo(f"{changed.name}: {'pinned' if changed.pinned else 'not pinned'}")


@project_commands.command()
@_run
@click.option("--yes", is_flag=True, help="Do not ask.")
@_project
def delete(run: str, yes: bool, folder: str | None) -> None:
    """Delete RUN together with its files, after asking."""
    found = find_run(_opened(folder), run)
    doomed = doomed_by(found)
    click.echo(f"{found.name} ({found.place}): {doomed}.")
    if not yes:
        click.confirm("Delete it with its files?", abort=True)
    delete_run(found)
    click.echo("Deleted.")

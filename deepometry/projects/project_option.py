"""The options `--project` and `--name`, which the command of every step has."""

from __future__ import annotations

from typing import Any

import click

from deepometry.core.errors import OptionsError
from deepometry.core.options.fields import is_place, read_path, settings
from deepometry.core.step import Step
from deepometry.core.user_folders import state_folder
from deepometry.projects.new_run import fill, reads_project
from deepometry.projects.project import open_project
from deepometry.projects.recent import remember_project


def project_options(step: Step) -> list[click.Parameter]:
    """Make the options that fill in the paths of a step."""
    if not reads_project(step):
        return []
    project = "Project to work in: what is left out of the paths is taken from it."
    name = "Name of the new run, and of its folder in the project; proposed where left out."
    # it is read first, since it decides whether others may be left out
    kept: dict[str, Any] = {"callback": _keep, "expose_value": False, "is_eager": True}
    options = [click.Option(["--project"], metavar="FOLDER", help=project, **kept)]
    return [
        *options,
        *([click.Option(["--name", "run_name"], help=name, **kept)] if step.record else []),
    ]


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    ctx.meta[f"deepometry.{parameter.name}"] = value or ""


class Place(click.Argument):
    """An argument that a project can fill in."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value, or None where it is left to the project."""
        return None if _is_left(self, ctx, value) else super().process_value(ctx, value)


class Flag(click.Option):
    """A required option that a project can fill in."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value, or None where it is left to the project."""
        return None if _is_left(self, ctx, value) else super().process_value(ctx, value)


def _is_left(parameter: click.Parameter, ctx: click.Context, value: Any) -> bool:
    return bool(ctx.meta.get("deepometry.project")) and parameter.value_is_missing(value)


def _own_words(step: Step, values: dict[str, Any]) -> dict[str, Any]:
    """Take as many words as there are for what a project does not know: a table, a cell."""
    about = settings(step.options)
    places = [name for name, each in about.items() if is_place(name, *each)]
    asked = [name for name in places if about[name][0].positional or name == "object"]
    words = [values[name] for name in places if values[name]]
    if not asked or places[0] in asked or len(words) != len(asked):
        return values
    return {**values, **dict.fromkeys(places), **dict(zip(asked, words, strict=True))}


def filled(step: Step, values: dict[str, Any]) -> dict[str, Any]:
    """Fill in what was left to a project, and say what was chosen; without one nothing.

    Raises
    ------
    DeepometryError
        The folder is no project, or it has nothing that the step could read.
    """
    meta = click.get_current_context().meta
    folder, name = meta.get("deepometry.project", ""), meta.get("deepometry.run_name", "")
    if not folder and not name:
        return values
    if not folder:
        raise OptionsError({"name": "Name: expected --project as well, found none."})
    values = _own_words(step, values)
    project = open_project(read_path(folder))
    done = fill(project, step, values, name)
    remember_project(state_folder(), project, current=False)
    for option, path in done.values.items():
        if path is not values[option]:
            click.echo(f"{settings(step.options)[option][0].label}: {path}", err=True)
    for text in done.told:
        click.echo(text, err=True)
    return done.values

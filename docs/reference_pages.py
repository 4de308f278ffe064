"""Write the references of every option and every step, from the commands and the list of steps.

`docs/hooks.py` calls it whenever the site is built; no option is described by hand.
"""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any

import click

from deepometry.cli import cli
from deepometry.core.glossary import GLOSSARY
from deepometry.core.options.fields import FEW_OPTIONS, Setting, by_group, settings
from deepometry.core.step import Step
from deepometry.core.steps import STEPS
from deepometry.training.recipes import BY_NAME, choice_of

_INTRODUCTION = """# Every option

Each step has the same options as a form on the page, as a command and in Python. The names in the
column "On the page" are the labels of the form. In Python, a dash in a name is an underscore
(`--batch-size` is `batch_size`), and `--from` is `start_from`. `deepometry COMMAND --help` shows
the same text. An option without a default that is not required may be left out.
"""
_RECIPES = """
An option that is left open or `auto` is filled in by the recipe that `--recipe` chooses; the last
two columns show the values of both recipes.
"""


_GLOSSARY = """# Glossary

Terms of the field, as the page, the reports and this documentation use them. On the page, a term
with a dotted line under it shows its meaning.
"""


def glossary_page() -> str:
    """Return the glossary as Markdown, a heading for each term."""
    return "\n".join([_GLOSSARY, *(f"## {term.name}\n\n{term.meaning}\n" for term in GLOSSARY)])


_EVERY_STEP = "<!-- every step of the list of steps -->"


def with_steps(page: str) -> str:
    """Return a page with the functions of all steps in their place."""
    return page.replace(
        _EVERY_STEP, "\n".join(f"::: deepometry.{step.python_name}" for step in STEPS.values())
    )


def options_page() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(name) for name in cli.commands)])


def _section(name: str) -> str:
    command = cli.commands[name]
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    head = f"\n## {name}\n\n{_paragraphs(command.help or '')}\n\n    deepometry {name} {usage}\n"
    if name not in STEPS:
        return head + _table(_plain_rows(command), _HEAD)
    recipes = "recipe" in settings(STEPS[name].options)
    head += _facts(STEPS[name]) + (_RECIPES if recipes else "")
    columns = (*_HEAD, *BY_NAME) if recipes else _HEAD
    return head + "".join(
        f"\n### {title}\n{_table(rows, columns)}" if title else _table(rows, columns)
        for title, rows in _groups(name, recipes)
    )


def _facts(step: Step) -> str:
    """Return what the registry has about a step, in one line."""
    function = f"In Python: `deepometry.{step.python_name}`."
    title = f' On the page: "{step.title}".' if step.place else ""
    kinds = [_KINDS[kind] for kind in step.reads if kind in _KINDS]
    reads = f" It reads {' and '.join(kinds)}." if kinds else ""
    record = f" Its record is `{step.record}`." if step.record else ""
    example = f"For example:\n\n    $ deepometry {step.example}"
    return f"\n{example}\n\n{function}{title}{reads}{record}\n"


_KINDS = {
    "raw": "image files",
    "parsed": "parsed cells",
    "model": "a model",
    "features": "features",
    "predictions": "predictions",
}
_HEAD = ("Option", "On the page", "Default", "What it does")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _table(rows: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n" + "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _groups(name: str, recipes: bool) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return the rows of the options by what they are about; few options are in one group."""
    own, command = settings(STEPS[name].options), cli.commands[name]
    rows = {each.name: _row_of(each, own, recipes) for each in command.params if each.name}
    if len(own) <= FEW_OPTIONS:
        return [("", list(rows.values()))]
    titles = by_group({field: setting for field, (setting, _) in own.items() if field in rows})
    groups = [(title, [rows.pop(field) for field in fields]) for title, fields in titles.items()]
    return [*groups, ("Other options", list(rows.values()))]


def _row_of(parameter: click.Parameter, own: dict[str, Any], recipes: bool) -> tuple[str, ...]:
    field = parameter.name or ""
    row = _row(parameter, *own[field]) if field in own else _plain_row(parameter)
    return (*row, *(choice_of(recipe, field) for recipe in BY_NAME)) if recipes else row


def _row(parameter: click.Parameter, setting: Setting, default: Any) -> tuple[str, ...]:
    return _spelled(parameter), setting.label, _default(default), _help(setting)


def _help(setting: Setting) -> str:
    choices = ", ".join(f"`{choice}`" for choice in setting.choices or ())
    return f"{setting.help} One of {choices}." if choices else setting.help


def _spelled(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return f"`{parameter.human_readable_name.upper()}`"
    return ", ".join(f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts))


def _default(default: Any) -> str:
    if default is MISSING:
        return "required"
    if default is None:
        return ""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return str(default)


def _plain_rows(command: click.Command) -> list[tuple[str, ...]]:
    return [_plain_row(each) for each in command.params]


def _plain_row(parameter: click.Parameter) -> tuple[str, ...]:
    default = parameter.default if isinstance(parameter.default, int | float | str) else None
    shown = "required" if parameter.required else _default(default)
    return _spelled(parameter), "", shown, getattr(parameter, "help", None) or ""

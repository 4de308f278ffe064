"""What the README, the command line, the options and the installed package say of one another."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from pathlib import Path

import click
import pytest

import deepometry
from deepometry.cli import cli
from deepometry.options import (
    BaselineOptions,
    DemoOptions,
    EmbedOptions,
    ExportOptions,
    ExtractOptions,
    GradcamOptions,
    InfoOptions,
    ParseOptions,
    PredictOptions,
    ShowOptions,
    SubsetOptions,
    TrainOptions,
    flag_of,
    settings,
)

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
STEPS = {
    "info": InfoOptions,
    "parse": ParseOptions,
    "train": TrainOptions,
    "baseline": BaselineOptions,
    "predict": PredictOptions,
    "extract": ExtractOptions,
    "embed": EmbedOptions,
    "subset": SubsetOptions,
    "gradcam": GradcamOptions,
    "export": ExportOptions,
    "show": ShowOptions,
    "demo": DemoOptions,
}


def flags(command: click.Command) -> set[str]:
    """Give every spelling of the options of a command."""
    spelled = (p.opts + p.secondary_opts for p in command.params if isinstance(p, click.Option))
    return {flag for flags in spelled for flag in flags}


@pytest.mark.parametrize("verb", STEPS)
def test_every_option_is_a_parameter_of_its_command(verb):
    for_programs = {"as_json"}  # says how the command answers, not what it does
    found = {parameter.name for parameter in cli.commands[verb].params}
    assert found - for_programs == set(settings(STEPS[verb]))


@pytest.mark.parametrize("verb", list(cli.commands))
def test_every_command_and_option_has_help_and_stands_in_the_readme(verb):
    command = cli.commands[verb]
    assert command.help
    assert f"deepometry {verb}" in README
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            if verb != "demo":
                assert parameter.opts[0] in README, parameter.opts[0]


def test_every_option_in_the_readme_exists():
    known = set().union(*(flags(command) for command in cli.commands.values()))
    others = {"--logdir", "--no-build-isolation"}  # of other programs
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - others <= known


def test_every_command_line_in_the_readme_is_understood():
    lines = re.findall(r"^ {4}\$ deepometry (.+)$", README, re.MULTILINE)
    assert {line.split()[0] for line in lines} >= {
        "parse",
        "targets",
        "train",
        "predict",
        "extract",
    }
    for line in lines:
        verb, *words = shlex.split(line)
        cli.commands[verb].make_context(verb, words)


def test_defaults_in_the_readme_are_the_defaults():
    rows = re.findall(r"^\| `--([a-z-]+)`.*?\| ([^|]+) \|", README, re.MULTILINE)
    assert len(rows) >= 14
    for name, told in rows:
        default = {flag_of(n): told for n, (_, told) in settings(TrainOptions).items()}[name]
        if told.strip() in ("recipe", "none"):
            assert default is None, name
        elif told.strip() not in ("required", "all", "on", "off"):
            assert told.strip() == str(default), name


def test_pictures_of_the_readme_exist():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file()


def test_the_version_stands_in_the_changelog_and_the_package():
    assert f"## {deepometry.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert metadata.version("deepometry") == deepometry.__version__


def test_the_installed_package_holds_every_module():
    files = metadata.files("deepometry") or []
    installed = {file.as_posix() for file in files if file.suffix == ".py"}
    if not any(name.startswith("deepometry/") for name in installed):
        pytest.skip("installed for development: nothing was copied")
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "deepometry").rglob("*.py")}
    assert sources <= installed


def test_extras():
    assert set(metadata.metadata("deepometry").get_all("Provides-Extra")) == {
        "gpu",
        "bioformats",
        "test",
    }

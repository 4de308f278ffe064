"""README, documentation and program agree: commands, options, defaults, links and pictures."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

import deepometry
from deepometry.cli import cli
from deepometry.core import result_files
from deepometry.core.options.fields import flag_of, settings
from deepometry.core.options.train import TrainOptions
from deepometry.core.steps import STEPS
from docs.reference_pages import glossary_page, options_page, with_steps

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("data/*.md"), *ROOT.glob("docs/**/*.md"))
}
PYTHON = with_steps(PAGES["docs/reference/python.md"])
GENERATED = {
    "docs/reference/options.md": options_page(),
    "docs/reference/glossary.md": glossary_page(),
}
EVERY_PAGE = PAGES | GENERATED
OTHERS = {"--help", "--version", "--check", "--cov", "--logdir", "--no-build-isolation"}  # no steps
COMMAND = re.compile(r"^(?: {4,}|`)(?:\$ |.*&& )?deepometry ([^`\n]+?)`?$", re.MULTILINE)
LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)\)")


def flags(command: click.Command) -> set[str]:
    """Return every spelling of the options of a command."""
    spelled = (p.opts + p.secondary_opts for p in command.params if isinstance(p, click.Option))
    return {flag for flags in spelled for flag in flags}


def section(verb: str) -> str:
    """Return what the reference has about a command."""
    parts = re.split(r"^## (\S+)$", GENERATED["docs/reference/options.md"], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[verb]


@pytest.mark.parametrize("verb", list(cli.commands))
def test_every_command_and_option_has_help_and_stands_in_the_reference(verb):
    command = cli.commands[verb]
    assert command.help
    assert f"    deepometry {verb} " in section(verb)
    shown = "\n".join(PAGES.values())
    assert f"deepometry {verb}" in shown
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
    for flag in flags(command):
        assert f"`{flag}`" in section(verb), flag


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_option_in_the_documentation_exists(page):
    known = set().union(*(flags(command) for command in cli.commands.values()))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", EVERY_PAGE[page])) - OTHERS <= known


@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_in_the_documentation_is_understood(page):
    for line in COMMAND.findall(PAGES[page]):
        verb, *words = shlex.split(line)
        if verb != "--version":
            cli.commands[verb].make_context(verb, words)


def test_the_documentation_shows_a_command_line_of_every_step():
    lines = [line for text in PAGES.values() for line in COMMAND.findall(text)]
    lines += re.findall(r"^    \$ deepometry (.+)$", "".join(GENERATED.values()), re.MULTILINE)
    assert {line.split()[0] for line in lines} >= {*cli.commands}
    readme = {line.split()[0] for line in COMMAND.findall(PAGES["README.md"])}
    assert readme >= {"demo", "gui", "info", "parse", "targets", "train", "predict", "extract"}


def test_defaults_in_the_reference_are_the_defaults():
    rows = re.findall(r"^\| `--([a-z-]+)`.*?\| .*? \| (.*?) ?\|", section("train"), re.MULTILINE)
    assert len(rows) >= 14
    defaults = {flag_of(name): default for name, (_, default) in settings(TrainOptions).items()}
    defaults |= {"project": None, "name": None}  # which every step has
    for name, shown in rows:
        if shown == "":
            assert defaults[name] is None, name
        elif shown == "required":
            assert name == "target"
        elif shown in ("on", "off"):
            assert defaults[name] is (shown == "on"), name
        else:
            assert shown == str(defaults[name]), name


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_link_and_picture_of_the_documentation_exists(page):
    for link in LINK.findall(EVERY_PAGE[page]):
        path = (ROOT / page).parent / link.partition("#")[0]
        if not link.startswith(("https://", "#")):
            assert path.is_file() or path.resolve().relative_to(ROOT).as_posix() in GENERATED, link


def test_every_picture_is_shown():
    shown = {Path(link).name for text in PAGES.values() for link in LINK.findall(text)}
    assert {path.name for path in (ROOT / "docs" / "pictures").glob("*.*")} <= shown


def test_every_page_is_in_the_navigation():
    pages = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    expected = {page.removeprefix("docs/") for page in EVERY_PAGE if page.startswith("docs/")}
    assert set(pages) == expected


def test_the_readme_is_short_and_shows_a_picture():
    assert len(PAGES["README.md"].splitlines()) <= 250
    assert "](docs/pictures/" in PAGES["README.md"]


@pytest.mark.parametrize(
    "script", sorted(set(re.findall(r"`(\w+\.py)`", PAGES["docs/measured/index.md"])))
)
def test_every_figure_has_its_script(script):
    assert (ROOT / "tests" / "benchmarks" / script).is_file()


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "```python" in text])
def test_every_name_that_python_examples_import_exists(page):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)
    trees = [ast.parse(block) for block in blocks]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "deepometry":
            assert hasattr(deepometry, node.attr), node.attr


@pytest.mark.parametrize("name", re.findall(r"^::: (\S+)$", PYTHON, re.MULTILINE))
def test_every_name_of_the_python_reference_exists(name):
    assert pkgutil.resolve_name(name).__doc__


def test_every_step_stands_in_the_python_reference():
    names = re.findall(r"^::: deepometry\.(\w+)$", PYTHON, re.MULTILINE)
    assert {step.python_name for step in STEPS.values()} <= set(names)


def test_every_result_file_stands_in_the_reference():
    constants = {name: each for name, each in vars(result_files).items() if name.isupper()}
    names = [each for each in constants.values() if isinstance(each, str)]
    files = {name for name in names if re.fullmatch(r"\w+\.\w{3,5}", name)}
    assert len(files) >= 30
    inside_a_model = {
        result_files.MODEL_DESCRIPTION,
        result_files.FEATURE_DESCRIPTION,
        result_files.KNOWN_CELLS,
    }
    page = PAGES["docs/reference/result-files.md"]
    assert [name for name in files - inside_a_model if f"`{name}`" not in page] == []


def test_every_room_stands_in_the_architecture():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    layers = tools["importlinter"]["contracts"][0]["layers"]
    names = {name.strip() for layer in layers for name in layer.split("|")}
    rooms = {name for name in names if not name.startswith(("(", "_"))}
    shown = set(re.findall(r"`(\w+)(?:/|\.py)`", PAGES["docs/architecture/index.md"]))
    assert rooms <= shown


@pytest.mark.parametrize("page", PAGES)
def test_every_path_of_the_program_in_the_documentation_exists(page):
    paths = re.findall(r"`((?:deepometry|docs|templates|static|tests|data)/[\w/.-]+)`", PAGES[page])
    assert [path for path in paths if not (ROOT / path).exists()] == []

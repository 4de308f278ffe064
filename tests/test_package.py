"""What the command line, the options and the installed package say of one another."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import deepometry
from deepometry.cli import cli
from deepometry.core.options.fields import settings
from deepometry.core.steps import STEPS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("verb", STEPS)
def test_every_option_is_a_parameter_of_its_command(verb):
    # say how the command answers, or where its paths come from, not what it does
    for_programs = {"as_json", "project", "run_name"}
    found = {parameter.name for parameter in cli.commands[verb].params}
    assert found - for_programs == set(settings(STEPS[verb].options))


def test_the_version_stands_in_the_changelog_and_the_package():
    assert f"## {deepometry.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert metadata.version("deepometry") == deepometry.__version__


@pytest.fixture
def installed() -> set[str]:
    """The files of the installed package, not those that building it listed in the checkout."""
    for package in metadata.distributions(name="deepometry"):
        files = {file.as_posix() for file in package.files or []}
        outside = Path(str(package.locate_file(""))).resolve() != ROOT
        if outside and any(name.startswith("deepometry/") for name in files):
            return files
    pytest.skip("installed for development: nothing was copied")


def test_the_installed_package_holds_every_module(installed):
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "deepometry").rglob("*.py")}
    assert sources <= installed


def test_every_folder_is_listed_as_a_package():
    """What is not listed is missing once it is installed, though not while it is developed."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    code = {p.parent.relative_to(ROOT) for p in (ROOT / "deepometry").rglob("*.py")}
    page = {
        Path("deepometry/web") / p.parent.relative_to(ROOT)
        for folder in ("static", "templates")
        for p in (ROOT / folder).rglob("*")
        if p.is_file()
    }
    found = {".".join(folder.parts) for folder in code | page}
    assert found <= {*listed["packages"]}


@pytest.mark.parametrize("folder", ["static", "templates"])
def test_the_installed_package_holds_every_file_of_the_page(installed, folder):
    files = [p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*") if p.is_file()]
    assert {f"deepometry/web/{file}" for file in files} <= installed


def test_extras():
    assert set(metadata.metadata("deepometry").get_all("Provides-Extra")) == {
        "gpu",
        "bioformats",
        "docs",
        "test",
    }

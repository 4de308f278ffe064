"""The list of steps: every name in it exists, and no other list of steps stands anywhere."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import click
import pytest

from deepometry.cli import cli
from deepometry.core import result_files
from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import settings
from deepometry.core.step import Button, Form, load
from deepometry.core.steps import STEPS, step_of
from deepometry.web.browse.check_path import KINDS

ROOT = Path(__file__).resolve().parents[1]
NAMES = {value for value in vars(result_files).values() if isinstance(value, str)}
steps = pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))


@steps
def test_functions_and_views_exist(step):
    for name in filter(None, (step.function, step.view, step.finish)):
        assert callable(load(name)), name


@steps
def test_a_step_with_a_view_has_a_template(step):
    assert (ROOT / "templates" / step.template).is_file() == bool(step.view)


@steps
def test_records_and_tables_are_names_of_result_files(step):
    own = {"", result_files.record_of(step.name), result_files.table_of(step.name)}
    assert {step.record, step.table} - own <= NAMES
    assert not step.table or step.record


@steps
def test_the_example_of_a_step_is_understood(step):
    verb, *words = shlex.split(step.example)
    assert verb == step.name
    options = cli.commands[verb].make_context(verb, words).params
    step.options(
        **{name: value for name, value in options.items() if name in settings(step.options)}
    )


@steps
def test_every_step_has_a_test_file(step):
    assert (ROOT / "tests" / f"test_{step.python_name}.py").is_file()


@steps
def test_texts_are_sentences(step):
    assert step.title and step.summary[0].isupper() and step.summary.endswith(".")
    for name, (setting, _) in settings(step.options).items():
        assert setting.label and setting.help.endswith("."), name
    if isinstance(step.place, Form):
        assert step.place.purpose.endswith(".")
    if isinstance(step.place, Button):
        assert step.place.tip.endswith(".")


@steps
def test_forms_show_options_that_there_are(step):
    place, known = step.place, set(settings(step.options))
    if isinstance(place, Form):
        assert set(place.shown) <= known | set(place.extra)
        assert set(place.defaults) <= known
        assert not place.below or isinstance(STEPS[place.below].place, Form)
    if isinstance(place, Button):
        assert set(place.extra) <= known
        assert isinstance(STEPS[place.form].place, Form)
    assert step.job or place is None


@steps
def test_every_path_of_a_form_says_what_it_is(step):
    paths = {n for n, (s, _) in settings(step.options).items() if s.read.__name__ == "read_path"}
    kinds = {name: setting.kind for name, (setting, _) in settings(step.options).items()}
    assert {kinds[name] for name in paths} <= {*KINDS, ""}
    if isinstance(step.place, Form):
        assert all(kinds[name] for name in paths)


def test_what_a_step_reads_another_one_writes():
    written = {step.writes for step in STEPS.values()}
    read = {kind for step in STEPS.values() for kind in step.reads}
    # a model, too, and files of other programs
    assert read - written == {"start", "labels"}


def test_every_step_is_a_command_and_nothing_else_is():
    assert list(cli.commands) == [*STEPS, "project", "gui"]
    assert cli.list_commands(click.Context(cli)) == list(cli.commands)


def test_a_step_is_found_by_its_options():
    for step in STEPS.values():
        if step.job:
            assert step_of(object.__new__(step.options)) is step
    with pytest.raises(DeepometryError, match="found str"):
        step_of("parse")


def lists_of_steps(path: Path) -> list[str]:
    """Find tuples, lists, sets and dicts in a module that name two steps or more."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            items = node.keys if isinstance(node, ast.Dict) else node.elts
            names = [n.value for n in items if isinstance(n, ast.Constant) and n.value in STEPS]
            if len(names) > 1:
                found.append(f"{path.name}:{node.lineno}: {', '.join(names)}")
    return found


def test_no_other_module_lists_steps():
    modules = set((ROOT / "deepometry").rglob("*.py"))
    modules -= {ROOT / "deepometry/core/steps.py"}
    assert [line for path in sorted(modules) for line in lists_of_steps(path)] == []


def test_a_list_of_steps_would_be_found(tmp_path):
    (tmp_path / "one.py").write_text('TITLES = {"parse": 1, "train": 2}\nDONE = ["parse", 3]\n')
    assert lists_of_steps(tmp_path / "one.py") == ["one.py:1: parse, train"]

"""What `import deepometry` offers, and how light it is."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import deepometry
from deepometry.core.errors import OptionsError
from deepometry.core.public import FUNCTIONS, NAMES
from deepometry.core.steps import STEPS
from tests.builders import random_cells, write_channel_tiffs

ROOT = Path(__file__).resolve().parents[1]
SLOW = ("numpy", "pandas", "keras", "tensorflow", "numba", "matplotlib", "sklearn", "flask")
steps = pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))


def loaded(code: str) -> list[str]:
    """Run code in a process of its own; return which slow packages it loads."""
    code += f"\nimport json, sys; print(json.dumps([m for m in {SLOW} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_the_package_and_looking_at_its_functions_is_light():
    assert loaded("import deepometry") == []
    assert loaded("import deepometry; dir(deepometry); help_ = deepometry.train.__doc__") == []


def test_every_name_is_there():
    assert {"parse", "train", "learning_curve", "read_cif", "open_cells"} <= set(dir(deepometry))
    assert "TrainOptions" in dir(deepometry)
    for name in NAMES:
        assert callable(getattr(deepometry, name)), name
    with pytest.raises(AttributeError, match="no attribute 'parze'"):
        deepometry.parze  # noqa: B018


def test_no_function_has_the_name_of_a_module():
    assert [name for name in NAMES if importlib.util.find_spec(f"deepometry.{name}")] == []


@steps
def test_keywords_are_the_options_with_their_defaults(step):
    parameters = dict(inspect.signature(getattr(deepometry, step.python_name)).parameters)
    assert parameters.pop("progress").default is None
    assert set(parameters) == {option.name for option in fields(step.options)}
    for option in fields(step.options):
        given = parameters[option.name]
        assert given.kind is inspect.Parameter.KEYWORD_ONLY
        assert given.default in (option.default, inspect.Parameter.empty)


@steps
def test_the_documentation_of_a_function_has_every_option(step):
    text = inspect.getdoc(getattr(deepometry, step.python_name))
    assert all(f"\n{option.name} : " in text for option in fields(step.options))


def test_a_step_runs_by_keyword_and_tells_its_progress(tmp_path):
    for number, pixels in enumerate(random_cells([(20, 18)] * 3)):
        write_channel_tiffs(tmp_path / "images" / "Class A", f"c{number}", pixels, (1, 2))
    told = []
    result = deepometry.parse(
        input=tmp_path / "images",
        output=str(tmp_path / "parsed"),
        frame=24,
        channels=[2, 1],
        progress=lambda *what: told.append(what),
    )
    assert (result.cells, bool(told)) == (3, True)
    assert len(deepometry.open_cells(tmp_path / "parsed")) == 3
    assert not deepometry.targets(input=tmp_path / "parsed")


def test_cells_of_an_instrument_file():
    path = next((ROOT / "data" / "example").rglob("*.cif"))
    with deepometry.read_cif(str(path)) as cells:
        assert cells[0].image.dtype == np.uint16
        assert cells[0].mask.shape == cells[0].image.shape
        assert [cell.object_id for cell in cells] == cells.object_ids


def test_keywords_that_there_are_not():
    with pytest.raises(TypeError, match=r"^deepometry.parse has no option frames; did you mean fr"):
        deepometry.parse(input="a", output="b", frames=48)
    with pytest.raises(deepometry.DeepometryError, match=r"no option zzz; use input, out"):
        deepometry.subset(zzz=1)


def test_options_that_are_missing_or_wrong_are_all_named():
    with pytest.raises(OptionsError) as caught:
        deepometry.train(input="parsed")
    assert set(caught.value.fields) == {"output", "target"}
    with pytest.raises(OptionsError, match="Frame size: expected a whole number"):
        deepometry.parse(input="a", output="b", frame="big")


# --- for editors and mypy --------------------------------------------------------------------


def make_stub():
    """Import docs/make_stub.py."""
    spec = importlib.util.spec_from_file_location("make_stub", ROOT / "docs" / "make_stub.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stub_is_current():
    module = make_stub()
    assert module.STUB.read_text("utf-8") == module.stub(), "run python docs/make_stub.py"


def test_the_stub_names_what_the_package_offers():
    tree = ast.parse((ROOT / "deepometry" / "__init__.pyi").read_text("utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    imported = [
        alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    offered = {alias.name for alias in imported if alias.asname}
    assert functions == set(FUNCTIONS)
    assert functions | offered == set(NAMES)

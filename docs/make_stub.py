"""Write deepometry/__init__.pyi, from which editors and mypy know the functions of the package.

    python docs/make_stub.py

Run it after the options or the list of steps have changed; a test compares the file.
"""

from __future__ import annotations

import ast
import textwrap
from importlib import util
from inspect import Parameter
from pathlib import Path

from deepometry.core.public import FUNCTIONS, OTHERS, docstring, signature
from deepometry.core.step import Step

STUB = Path(__file__).resolve().parents[1] / "deepometry" / "__init__.pyi"
_HEAD = '''"""Written by docs/make_stub.py from the list of steps; change that, not this file."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal
'''


def stub() -> str:
    """Return the content of the file."""
    results = {name: _result(step.function) for name, step in FUNCTIONS.items()}
    own = {*results.values(), "deepometry.core.progress:Report"}  # which the package does not offer
    imports = [_import(place) for place in own]
    imports += [f"{_import(place)} as {name}" for name, place in OTHERS.items()]
    functions = [_function(step, results[name]) for name, step in FUNCTIONS.items()]
    return "\n".join([_HEAD, *sorted(imports), "\n__version__: str\n", *functions])


def _import(place: str) -> str:
    module, _, name = place.partition(":")
    return f"from {module} import {', '.join(sorted(name.split(' | ')))}"


def _result(place: str) -> str:
    """Find what a step returns, in its source: importing it would load TensorFlow.

    Several classes stand with `|` between them.
    """
    module, _, name = place.partition(":")
    tree = ast.parse(_source(module))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return _result(f"{node.module}:{name}")
        if isinstance(node, ast.FunctionDef) and node.name == name and node.returns:
            return f"{module}:{ast.unparse(node.returns)}"
    raise LookupError(place)


def _source(module: str) -> str:
    spec = util.find_spec(module)
    assert spec and spec.origin
    return Path(spec.origin).read_text("utf-8")


def _function(step: Step, result: str) -> str:
    parameters = signature(step).parameters.values()
    lines = [f"def {step.python_name}(", "    *,", *map(_parameter, parameters)]
    lines += [f") -> {result.partition(':')[2]}:"]
    text = textwrap.indent(docstring(step), "    ").strip()
    return "\n".join([*lines, f'    """{text}', '    """', ""])


def _parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is Parameter.empty else f" = {_default(parameter.default)}"
    return f"    {parameter.name}: {parameter.annotation}{default},"


def _default(value: object) -> str:
    return repr(str(value) if isinstance(value, Path) else value).replace("'", '"')


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8", newline="\n")

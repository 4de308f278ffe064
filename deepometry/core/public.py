"""What `import deepometry` offers: every step as a function with keywords, and a few names more."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any

from deepometry.core.errors import OptionsError, UnknownOption
from deepometry.core.options.fields import Setting, read_split
from deepometry.core.progress import Progress, Report
from deepometry.core.step import Step, load
from deepometry.core.steps import STEPS

FUNCTIONS = {step.python_name: step for step in STEPS.values()}
OTHERS = {
    "read_cif": "deepometry.images.cif.reader:read_cif",
    "read_daf": "deepometry.images.daf.file:read_daf",
    "open_cells": "deepometry.cells.dataset:open_cells",
    "open_hand_labels": "deepometry.cells.hand_labels:open_hand_labels",
    "Progress": "deepometry.core.progress:Progress",
    "Cancelled": "deepometry.core.progress:Cancelled",
    "DeepometryError": "deepometry.core.errors:DeepometryError",
    "OptionsError": "deepometry.core.errors:OptionsError",
}
OTHERS |= {
    step.options.__name__: f"{step.options.__module__}:{step.options.__name__}"
    for step in STEPS.values()
}
NAMES = (*FUNCTIONS, *OTHERS)
_WIDTH = 96


def find(name: str) -> Any:
    """Return what the package offers under a name; raise `AttributeError` for another name."""
    if name in FUNCTIONS:
        return as_function(FUNCTIONS[name])
    if name in OTHERS:
        return load(OTHERS[name])
    raise AttributeError(f"module 'deepometry' has no attribute {name!r}")


def as_function(step: Step) -> Callable[..., Any]:
    """Make a step a function with its options as keywords; its module is imported when called."""

    def function(*, progress: Progress | Report | None = None, **options: Any) -> Any:
        _check_names(step, options)
        return step.run(step.options(**options), progress)

    function.__name__ = function.__qualname__ = step.python_name
    function.__module__ = "deepometry"
    function.__doc__ = docstring(step)
    function.__dict__["__signature__"] = signature(step)
    return function


def _check_names(step: Step, names: Iterable[str]) -> None:
    """Raise an error for keywords that are no options of a step, or for missing options."""
    options = {each.name: each for each in fields(step.options)}
    for name in names:
        if name not in options:
            close = get_close_matches(name, options, 1)
            instead = f"did you mean {close[0]}?" if close else f"use {', '.join(options)}."
            raise UnknownOption(f"deepometry.{step.python_name} has no option {name}; {instead}")
    missing = [n for n, each in options.items() if each.default is MISSING and n not in names]
    if missing:
        texts = {
            n: f"{setting_of(options[n]).label}: expected {n}=..., found none." for n in missing
        }
        raise OptionsError(texts)


def setting_of(option: Field[Any]) -> Setting:
    """Return the label, help and reader of a field of options."""
    setting: Setting = option.metadata["setting"]
    return setting


# --- what editors and `help` show ------------------------------------------------------------


def signature(step: Step) -> inspect.Signature:
    """Return the signature of a step as a function: its options by keyword, then `progress`."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            option.name,
            kind,
            default=inspect.Parameter.empty if option.default is MISSING else option.default,
            annotation=annotation(option),
        )
        for option in sorted(fields(step.options), key=lambda each: each.default is not MISSING)
    ]
    progress = "Progress | Report | None"
    parameters.append(inspect.Parameter("progress", kind, default=None, annotation=progress))
    return inspect.Signature(parameters)


_ACCEPTED = {
    "Path": "str | PathLike[str]",
    "tuple[Path, ...]": "Sequence[str | PathLike[str]]",
    "tuple[int, ...]": "str | int | Sequence[int]",
    "tuple[float, ...]": "str | Sequence[float]",
    "tuple[str, ...]": "str | Sequence[str]",
}


def annotation(option: Field[Any]) -> str:
    """Return the type of a keyword: as an option accepts it, not as it stores it."""
    setting, (stored, *optional) = setting_of(option), str(option.type).split(" | ")
    accepted = _ACCEPTED.get(stored, stored)
    if setting.choices and stored == "str":
        accepted = f"Literal[{', '.join(map(repr, setting.choices))}]".replace("'", '"')
    if setting.read is read_split:
        accepted = f"str | {accepted}"  # such as 80/20
    return " | ".join([accepted, *optional])


def docstring(step: Step) -> str:
    """Write the documentation of a step as a function, in the style of NumPy."""
    parts = [step.summary, *([step.details] if step.details else [])]
    lines = ["Parameters", "----------"]
    for option in fields(step.options):
        needed = "" if option.default is MISSING else f", default {option.default!r}"
        lines.append(f"{option.name} : {option.type}{needed}")
        lines += textwrap.wrap(
            setting_of(option).help, _WIDTH - 8, initial_indent="    ", subsequent_indent="    "
        )
    lines += ["progress : Progress or callable, optional"]
    lines += ["    Receives the progress, as `progress(done, total, text)`."]
    parts.append("\n".join(lines))
    parts.append(
        "Raises\n------\nDeepometryError\n    In one sentence, what is wrong and what to "
        "do; OptionsError names every option at fault."
    )
    return "\n\n".join(parts)

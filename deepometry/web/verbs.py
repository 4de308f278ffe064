"""The steps that run as jobs: their options as JSON and as a command line, and how they start."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from deepometry.errors import DeepometryError
from deepometry.options import (
    BaselineOptions,
    EmbedOptions,
    ExampleOptions,
    ExportOptions,
    ExtractOptions,
    GradcamOptions,
    LearningCurveOptions,
    ParseOptions,
    PredictOptions,
    SubsetOptions,
    TrainOptions,
    flag_of,
    settings,
)
from deepometry.progress import Progress
from deepometry.words import quoted

_POSITIONAL = ("input", "output")


@dataclass(frozen=True)
class Verb:
    """A step that can be a job.

    Attributes
    ----------
    name : str
        As in `Job.verb`.
    options : type
        The class of its options.
    run : str
        `module:function` of the step, called with options and progress; imported by the job only.
    words : tuple of str
        How its command line begins.
    always : tuple of str
        Options that the command line always tells, since the command has other defaults.
    """

    name: str
    options: type
    run: str
    words: tuple[str, ...]
    always: tuple[str, ...] = ()


def _step(name: str, options: type) -> Verb:
    return Verb(name, options, f"deepometry.{name}:{name}", ("deepometry", name))


VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        _step("parse", ParseOptions),
        _step("train", TrainOptions),
        _step("baseline", BaselineOptions),
        Verb(
            "learning-curve",
            LearningCurveOptions,
            "deepometry.learning_curve:learning_curve",
            ("deepometry", "learning-curve"),
        ),
        _step("predict", PredictOptions),
        _step("extract", ExtractOptions),
        _step("embed", EmbedOptions),
        _step("subset", SubsetOptions),
        _step("gradcam", GradcamOptions),
        _step("export", ExportOptions),
        Verb(
            "demo-data",
            ExampleOptions,
            "deepometry.example:example",
            ("python", "-m", "deepometry.example"),
            ("cells",),
        ),
    )
}


def verb_of(options: object) -> Verb:
    """Find the verb whose options these are.

    Raises
    ------
    DeepometryError
        They are of no step that can be a job.
    """
    for verb in VERBS.values():
        if isinstance(options, verb.options):
            return verb
    expected = ", ".join(verb.options.__name__ for verb in VERBS.values())
    found = type(options).__name__
    raise DeepometryError(f"A job: expected one of {expected}, found {found}; give such options.")


def function_of(verb: Verb) -> Callable[[Any, Progress], Any]:
    """Import the function of a step, with all that it needs."""
    module, _, name = verb.run.partition(":")
    step: Callable[[Any, Progress], Any] = getattr(importlib.import_module(module), name)
    return step


# --- as JSON ---------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Turn options, a result, or anything in them into what JSON can say.

    Paths become absolute; arrays become lists; numbers that are none (NaN) become None. Fields
    with the metadata `told=False` are left out: they are long, and stand in files of the run.
    """
    if is_dataclass(value) and not isinstance(value, type):
        told = [item.name for item in fields(value) if item.metadata.get("told", True)]
        return {name: plain(getattr(value, name)) for name in told}
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy's, which is not imported here
        return plain(value.tolist())
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if isinstance(value, int | float | bool | None) else str(value)


def restored(verb: Verb, told: Mapping[str, Any]) -> Any:
    """Make options again from what `plain` made of them.

    Raises
    ------
    OptionsError
        They cannot be used.
    """
    places = {f.name for f in fields(verb.options) if str(f.type).startswith("Path")}
    given = {n: Path(v) if n in places and v is not None else v for n, v in told.items()}
    return verb.options(**given)


# --- as a command line -----------------------------------------------------------------------


def command_line(options: object) -> str:
    """Write the command that does the same, quoted for the shell of this system.

    Only options that differ from their defaults are told; paths are absolute.
    """
    return quoted(command_words(options))


def command_words(options: object) -> list[str]:
    """Give the words of `command_line`, not quoted."""
    verb, places, flags = verb_of(options), [], []
    for name, (_, default) in settings(type(options)).items():
        value = getattr(options, name)
        if name in _POSITIONAL and default is MISSING:
            places.append(_word(name, value))
        elif value != default or name in verb.always:
            flags += _flag(name, value)
    return [*verb.words, *places, *flags]


def _flag(name: str, value: Any) -> list[str]:
    flag = flag_of(name)
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    word = _word(name, value)
    return [f"--{flag}={word}"] if word.startswith("-") else [f"--{flag}", word]


def _word(name: str, value: Any) -> str:
    if name == "split":
        return f"{100 * (1 - value):g}/{100 * value:g}"
    if isinstance(value, Path):
        return str(value.absolute())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

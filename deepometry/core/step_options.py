"""Options of a step as JSON, and as the command line that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from deepometry.core.options.fields import flag_of, is_place, settings
from deepometry.core.step import Step
from deepometry.core.steps import step_of
from deepometry.core.text import quoted


def plain(value: Any) -> Any:
    """Turn options, a result, or anything in them into what JSON can say.

    Paths become absolute; arrays become lists; numbers that are none (NaN) become None. Fields
    with the metadata `told=False` are left out: they are long, and stand in files of the run.
    """
    if is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in fields(value) if item.metadata.get("told", True)]
        return {name: plain(getattr(value, name)) for name in names}
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


def restored(step: Step, values: Mapping[str, Any]) -> Any:
    """Make options again from what `plain` made of them; raise `OptionsError` if unusable."""
    paths = {f.name for f in fields(step.options) if str(f.type).startswith("Path")}
    read = {n: Path(v) if n in paths and v is not None else v for n, v in values.items()}
    return step.options(**read)


# --- as a command line -----------------------------------------------------------------------


def command_line(options: object) -> str:
    """Write the command that does the same, quoted for the shell of this system.

    Only options that differ from their defaults appear; paths are absolute.
    """
    return quoted(command_words(options))


def command_words(options: object) -> list[str]:
    """Return the words of `command_line`, not quoted."""
    places, flags = [], []
    for name, (setting, default) in settings(type(options)).items():
        value = getattr(options, name)
        if is_place(name, setting, default):
            each = value if setting.several else (value,)
            places += [_word(name, one) for one in each]
        elif value != default:
            flags += _flag(name, value)
    return ["deepometry", step_of(options).name, *places, *flags]


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

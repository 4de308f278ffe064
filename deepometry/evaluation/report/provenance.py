"""How results came about: options, commands, versions, the model, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import settings
from deepometry.core.text import joined

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Made:
    """How results came about.

    Attributes
    ----------
    facts : dict of str to list of (str, str)
        Names and values below a title: options of the step, and facts of the model or the cells.
    commands : list of str
        That do the same, as far as they are known.
    written : str
        When, in UTC.
    warnings : list of str
        Reasons why the scores, or the model's validation, may be misleading.
    comparison : mapping
        Network and classical features on the same validation cells; empty where there is none.
    """

    facts: dict[str, Pairs]
    commands: list[str]
    versions: dict[str, str]
    written: str
    warnings: list[str]
    comparison: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        record: Mapping[str, Any],
        facts: dict[str, Pairs],
        commands: list[str],
        warnings: Sequence[str],
        comparison: Mapping[str, Any] | None = None,
    ) -> Made:
        """Make it from a record, as `provenance` returns it, and further facts."""
        return cls(
            facts=facts,
            commands=commands,
            versions={"deepometry": record["deepometry"], **record["versions"]},
            written=record["written"].replace("T", " ").replace("+00:00", " UTC"),
            warnings=[str(each) for each in warnings],
            comparison=comparison or {},
        )


def option_pairs(kind: type, values: Mapping[str, Any]) -> Pairs:
    """Return labels and values of the options of a class that a record names; skip other values."""
    fields = settings(kind)
    return [(fields[name][0].label, _text(v)) for name, v in values.items() if name in fields]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return joined(value)
    return "not given" if value is None else str(value)


def commands_of(options: object, *records: Mapping[str, Any]) -> list[str]:
    """Return the command lines of a step and those before it, as far as there are records."""
    from deepometry.core.step_options import command_line

    lines = [_command(record) for record in records]
    return [line for line in lines if line] + [command_line(options)]


def _command(record: Mapping[str, Any]) -> str:
    from deepometry.core.step_options import command_line, restored
    from deepometry.core.steps import STEPS

    verb, values = STEPS.get(str(record.get("step"))), record.get("options") or {}
    if verb is None:
        return ""
    fields = settings(verb.options)
    try:
        return command_line(restored(verb, {n: v for n, v in values.items() if n in fields}))
    except (DeepometryError, TypeError):
        return ""  # of a version with other options

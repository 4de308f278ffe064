"""Earlier results in an output folder: no step deletes them without being asked.

Each step asks here, before its work begins, and gives what it may replace to `staged`. A training
does not ask: it sets the earlier one aside, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepometry.core.errors import Choice, OptionsError, Question
from deepometry.core.run_records import earlier_files, own_record
from deepometry.core.step import Step
from deepometry.core.steps import step_of
from deepometry.core.text import counted

_NAMES = {"parsed": "parsed cells"}


def earlier_results(
    options: Any, adds: Callable[[dict[str, Any]], bool] | None = None
) -> list[str]:
    """List the files of an earlier run of a step in its output folder, its record included.

    Parameters
    ----------
    options : Options
        Of a step that writes a record; its `overwrite` says whether they may be replaced.
    adds : callable, optional
        Takes the record of the earlier run, and returns whether the new one only adds to it.

    Returns
    -------
    list of str
        Relative to the output; empty without an earlier run.

    Raises
    ------
    Question
        There are some, and nobody has said that they may be replaced.
    """
    step, output = step_of(options), Path(options.output)
    record = own_record(output / step.record, step.name)
    if not record:
        return []
    files = [*dict.fromkeys([*earlier_files(output / step.record, step.name), step.record])]
    if not options.overwrite and not (adds and adds(record)):
        raise asked_to_replace(f"{output} holds {named(step)}", record, output, files)
    return files


def named(step: Step) -> str:
    """Name the results of a step."""
    name = _NAMES.get(step.writes, step.writes)
    return name if name.endswith("s") else f"a {name}"


def asked_to_replace(
    what: str, record: Mapping[str, Any], output: Path, files: Sequence[str]
) -> Question:
    """Return the question whether earlier results may be replaced.

    Parameters
    ----------
    what : str
        Where they are and what they are, such as "out holds a map".
    record : dict
        What the earlier run wrote of itself.
    output : Path
    files : sequence of str
        What would be deleted, relative to the output.
    """
    there = sum((output / name).is_file() for name in files)
    facts = [_date(record), _cells(record.get("cells")), _score(record)]
    about = ", ".join(filter(None, facts))
    lost = f"{counted(there, 'file')} would be deleted or replaced"
    message = (
        f"Overwrite: {what}{f' ({about})' * bool(about)}: {lost}; allow that, or choose another "
        "Output location."
    )
    detail = ", ".join(filter(None, [*facts, counted(there, "file")]))
    return Question("overwrite", message, [Choice("true", "Replace the earlier results", detail)])


def ask_to_replace_picture(path: Path, overwrite: bool) -> None:
    """Raise `Question` if there is a file where a picture is to be written, and nobody agreed."""
    if overwrite or not path.is_file():
        return
    message = f"Overwrite: {path} exists already; allow its replacement, or choose another name."
    raise Question("overwrite", message, [Choice("true", "Replace the file")])


def check_new_table(path: Path, overwrite: bool) -> None:
    """Check, before long work, that a table can be written.

    Raises
    ------
    OptionsError
        Its name does not end in .csv, or it is a folder.
    Question
        It exists already, and nobody has said that it may be replaced.
    """
    if path.suffix.lower() != ".csv" or path.is_dir():
        message = f"Table: expected a file name that ends in .csv, found {path.name!r}."
        raise OptionsError({"output": message})
    if path.exists() and not overwrite:
        raise asked_to_replace(f"{path} exists already", {}, path.parent, [path.name])


def _date(record: Mapping[str, Any]) -> str:
    return f"of {str(record['written'])[:10]}" if record.get("written") else ""


def _cells(cells: object) -> str:
    """Count the cells of a record; of a training and the like, those of its parts together."""
    parts = list(cells.values()) if isinstance(cells, Mapping) else [cells]
    numbers = [number for number in parts if type(number) is int]
    return counted(sum(numbers), "cell") if numbers else ""


def _score(record: Mapping[str, Any]) -> str:
    scores = record.get("scores")
    for name, key in (("accuracy", "accuracy"), ("R2", "r2")):
        value = scores.get(key) if isinstance(scores, Mapping) else None
        if isinstance(value, float):
            return f"{name} {value:.3f}"
    return ""

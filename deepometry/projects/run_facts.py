"""What the records in the folder of a run say; each is read once for as long as it stays."""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import RUN_RECORD
from deepometry.core.run_records import own_record, read_json
from deepometry.core.step import Step
from deepometry.projects.score import cells_of, main_number, main_score

MOST_KEPT = 1 << 15
"""Records that are remembered, a few kilobytes each."""


def facts_of(folder: Path, step: Step) -> dict[str, Any]:
    """Return what lists show of a run: `options`, `written`, `score`, `cells` and `number`.

    Empty where there is no record of the step, or a damaged one, which whoever reads it tells.
    """
    return _unless_changed(_facts, folder / step.record, step.name)


def own_facts(folder: Path, step: Step) -> dict[str, Any]:
    """Return the record of a run; empty if there is none that can be read, as a damaged one."""
    for name in (RUN_RECORD, _second(step)):
        record = _unless_changed(_run, folder / name, "")
        if record.get("step") == step.name:
            return record if _is_sound(record) else {}
    return {}


def _is_sound(record: dict[str, Any]) -> bool:
    """Return whether what a record of a run has is of the types that it is written with."""
    inputs = record.get("inputs", {})
    return (
        _are(record, str, "id", "name", "note", "created", "state")
        and _are(record, bool, "pinned")
        and _are(record, int | float | None, "seconds")
        and isinstance(inputs, dict)
        and all(_is_input(each) for each in inputs.values())
    )


def _is_input(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and "path" in each
        and _are(each, str, "path", "fingerprint")
        and _are(each, str | None, "run")
    )


def _are(record: dict[str, Any], kind: Any, *names: str) -> bool:
    return all(isinstance(record[name], kind) for name in names if name in record)


def states_of(folder: Path, step: Step, files: Container[str]) -> tuple[tuple[int, int], ...]:
    """Return what changes when a record of a run does; `files` are the names in its folder."""
    names = (name for name in (step.record, RUN_RECORD, _second(step)) if name in files)
    return tuple(map(_state, (folder / name for name in names)))


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return (0, 0)
    return state.st_mtime_ns, state.st_size


def record_path(folder: Path, step: Step) -> Path:
    """Return where the record of a run stands; a folder may hold those of several steps."""
    own = folder / RUN_RECORD
    if own.is_file() and read_json(own).get("step") not in (step.name, None):
        return folder / _second(step)
    return own


def _second(step: Step) -> str:
    return f"run_{step.python_name}.json"


def _unless_changed(
    read: Callable[[Path, str, int, int], dict[str, Any]], path: Path, step: str
) -> dict[str, Any]:
    try:
        state = path.stat()
        return read(path, step, state.st_mtime_ns, state.st_size)
    except (OSError, DeepometryError):
        return {}


@lru_cache(maxsize=MOST_KEPT)
def _facts(path: Path, step: str, modified: int, size: int) -> dict[str, Any]:
    """Read what a list shows of the record of a step; empty if it is of another one."""
    record = own_record(path, step)
    if not record:
        return {}
    facts = {name: record.get(name) for name in ("options", "written")}
    about = {"score": main_score(record), "cells": cells_of(record), "number": main_number(record)}
    return facts | about


@lru_cache(maxsize=MOST_KEPT)
def _run(path: Path, step: str, modified: int, size: int) -> dict[str, Any]:
    return read_json(path)

"""Whether parsed cells are still those that parse.json lists: whatever is missing is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deepometry.cells.channel_list import record_above
from deepometry.cells.stack_reader import Stack, Stored
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.core.run_records import read_json
from deepometry.core.text import counted


def check_recorded(root: Path, found: Sequence[Stored], progress: Progress) -> None:
    """Compare arrays with the records of the parses that wrote them.

    Whole stacks or folders that were deleted, and others that were added, are told: a user may
    have meant it.

    Parameters
    ----------
    root : Path
        Folder that is read: what a record lists elsewhere does not matter.
    found : sequence of Stored
        All arrays below it.
    progress : Progress
        Receives the warnings.

    Raises
    ------
    DeepometryError
        An array or a table is missing alone, or an array has another number of cells.
    """
    records: dict[Path, dict[str, Any]] = {}
    belonging: dict[Path, list[Stored]] = {}
    above: dict[Path, Path | None] = {}  # by folder: thousands of stacks may lie in one
    for stored in found:
        folder = stored.path.parent
        if folder not in above:
            above[folder] = record_above(folder, records)
        if path := above[folder]:
            belonging.setdefault(path, []).append(stored)
    for path in (path for path, record in records.items() if not record):
        if path.is_relative_to(root) and path.is_file():
            _check_foreign(path, read_json(path))  # which may be another program's
    for path, arrays in belonging.items():
        _check_fields(path, records[path])
        if listed := _listed(records[path], path.parent, root):
            _Check(path, listed).run(arrays, progress)


_SHOWN = 40
_FIELDS = {
    "frame": (int, "a number"),
    "stacks": (list, "a list"),
    "cells": (int, "a number"),
}
"""What parse writes and other steps read, with the type and its name in words."""


def _check_foreign(path: Path, content: dict[str, Any]) -> None:
    """Raise an error if a record of no step has fields of parse: it is damaged."""
    ours = [name for name in (*_FIELDS, "channels") if name in content]
    if ours and not isinstance(content.get("step"), str):
        raise _damaged(path, "step", "parse", content.get("step"))


def _check_fields(path: Path, record: dict[str, Any]) -> None:
    """Raise an error if a field is of another type than parse writes."""
    for name, (kind, words) in _FIELDS.items():
        value = record.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise _damaged(path, name, words, value)
    for entry in record.get("stacks") or ():
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise _damaged(path, "stacks", "a path for each stack", entry)


def _damaged(path: Path, field: str, expected: str, found: object) -> DeepometryError:
    return DeepometryError(
        f"{path} is damaged: expected {expected} in the field {field}, found "
        f"{repr(found)[:_SHOWN]}; put it back from a copy, or parse the cells again."
    )


def _listed(record: dict[str, Any], base: Path, root: Path) -> dict[Path, int]:
    """Return the number of cells of each stack below a folder, as far as a record lists them."""
    stacks = record.get("stacks")
    entries = stacks if isinstance(stacks, list) else []
    cells = {base / str(e.get("path")): e.get("cells") for e in entries if isinstance(e, dict)}
    return {path: n for path, n in cells.items() if type(n) is int and path.is_relative_to(root)}


class _Check:
    """One record, and the arrays that belong to it."""

    def __init__(self, record: Path, listed: dict[Path, int]) -> None:
        self._record = record
        self._stacks = {path: n for path, n in listed.items() if path.suffix != ".csv"}
        self._singles: Counter[Path] = Counter()
        for path, cells in listed.items():
            if path.suffix == ".csv":  # with one file a cell, the table is listed
                self._check_table(path, path.parent)
                self._singles[path.parent] += cells

    def run(self, arrays: Iterable[Stored], progress: Progress) -> None:
        """Raise an error for what is damaged; tell what was taken away or added."""
        there = {array.path: len(array) for array in arrays if isinstance(array, Stack)}
        single = Counter[Path]()
        for array in arrays:
            if not isinstance(array, Stack):
                single[array.path.parent] += len(array)
        missing = {p: n for p, n in self._stacks.items() if not self._is_there(p, n, there)}
        missing |= {p: n - single[p] for p, n in self._singles.items() if n > single[p]}
        extra = {p: n for p, n in there.items() if p not in self._stacks}
        extra |= {p: n - self._singles[p] for p, n in single.items() if n > self._singles[p]}
        self._tell(missing, extra, progress)

    def _is_there(self, path: Path, cells: int, there: dict[Path, int]) -> bool:
        """Return whether a stack is there, and whole."""
        table = path.with_suffix(".csv")
        if path in there:
            if there[path] != cells:
                raise DeepometryError(
                    f"{path}: expected {counted(cells, 'cell')}, as {self._record} lists, found "
                    f"{there[path]:,}; put the file back, or parse the cells again."
                )
            self._check_table(table, path)
        elif table.is_file():
            raise DeepometryError(
                f"{path}: expected the array of {counted(cells, 'cell')} that {self._record} "
                f"lists, found only its table {table.name}; put the array back, parse the cells "
                "again, or delete the table as well, to leave these cells out."
            )
        return path in there

    def _check_table(self, table: Path, of: Path) -> None:
        if not table.is_file() and of.exists():
            raise DeepometryError(
                f"{table}: expected the table that says which cells {of.name} holds, found none; "
                "put it back, or parse the cells again."
            )

    def _tell(self, missing: dict[Path, int], extra: dict[Path, int], progress: Progress) -> None:
        told = {"that it lists are not there any more": missing}
        told |= {"that it does not list are read": extra}
        parts = [f"{_summed(n)} {text} ({next(iter(n))})" for text, n in told.items() if n]
        if parts:
            progress.say(f"Warning: {self._record}: {', and '.join(parts)}.")


def _summed(arrays: dict[Path, int]) -> str:
    return counted(sum(arrays.values()), "cell")

"""Labels that were found for parsed cells: written, counted, told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.label_import.overlaps import Given
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.labels.label_table import write_label_table
from deepometry.core.folder_names import CLASSES
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.label import LabelOptions
from deepometry.core.progress import Progress
from deepometry.core.text import counted, shortened


@dataclass(frozen=True)
class LabelResult(ShowsInNotebook):
    """The labels that parsed cells have been given.

    Attributes
    ----------
    name, kind : str
        Of the target; `classes` or `number`.
    labels : dict of str to int
        Cells of each class; empty for numbers.
    cells, labelled : int
        Parsed cells, and those of them that have a label now.
    rows, unmatched, ambiguous : int
        Rows of the table, or objects of an analysis, that have a label; those without a parsed
        cell; those that might be several.
    examples : tuple of str
        At most three of those without a parsed cell.
    overlapping : int
        Cells that had several labels.
    table : Path
        `labels/<name>.csv` in the folder that Parse wrote.
    message : str
        All of it in words.
    """

    name: str
    kind: str
    labels: Mapping[str, int]
    cells: int
    labelled: int
    rows: int
    unmatched: int
    ambiguous: int
    examples: tuple[str, ...]
    overlapping: int
    table: Path
    message: str

    def __str__(self) -> str:
        return f"{self.message}\nLabels: {self.table}"

    def notebook_view(self) -> NotebookView:
        """Show the labels and what was not found."""
        rows: dict[str, object] = {"Labelled": self.labelled, "Cells": self.cells, **self.labels}
        return NotebookView(f"Labels {self.name}", rows, [self.message])


@dataclass(frozen=True)
class Receiver:
    """Parsed cells that labels are given to.

    Attributes
    ----------
    home : Path
        Folder that Parse wrote.
    dataset : Dataset
        All its cells.
    notes : list of str
        Sentences for the user on what was found.
    """

    home: Path
    dataset: Dataset
    notes: list[str] = field(default_factory=list)


def open_receiver(cells: Path, progress: Progress) -> Receiver:
    """Open all parsed cells, of which a folder may be a part."""
    home = parsed_home(cells)
    return Receiver(home, open_dataset(home, progress))


@dataclass(frozen=True)
class Found:
    """The labels that were found, and what was not.

    Attributes
    ----------
    given : Given
        One label of each cell.
    names : iterable of (str, str)
        Source and object of each of these cells.
    rows, unmatched, ambiguous, examples, overlapping
        As in `LabelResult`.
    noun : str
        What a row is.
    """

    given: Given
    names: Iterable[tuple[str, str]]
    rows: int
    unmatched: int = 0
    ambiguous: int = 0
    examples: tuple[str, ...] = ()
    overlapping: int = 0
    noun: str = "row"


def write_labels(
    options: LabelOptions,
    cells: Receiver,
    target: tuple[str, str, str],
    found: Found,
    facts: Mapping[str, Any] | None = None,
) -> LabelResult:
    """Write labels and their record.

    Parameters
    ----------
    options : LabelOptions
    cells : Receiver
    target : (str, str, str)
        Its name, kind and origin.
    found : Found
    facts : mapping, optional
        What else the record should say.
    """
    name, kind, origin = target
    given = found.given
    counts = np.bincount(given.codes, minlength=len(given.classes)).tolist()
    named = {text: n for text, n in zip(given.classes, counts, strict=True) if n}
    labels = named if kind == CLASSES else {}
    numbers = {
        key: getattr(found, key) for key in ("rows", "unmatched", "ambiguous", "overlapping")
    }
    about = {"kind": kind, "origin": origin, "classes": list(labels), **numbers, **(facts or {})}
    pairs = zip(found.names, given.codes.tolist(), strict=True)
    rows = ((source, object, given.classes[code]) for (source, object), code in pairs)
    result = {
        "name": name,
        "kind": kind,
        "labels": labels,
        "cells": len(cells.dataset),
        "labelled": len(given.cells),
        "examples": found.examples,
        "table": write_label_table(cells.home, name, rows, about, options),
        **numbers,
    }
    return LabelResult(**result, message=" ".join([_message(result, found.noun), *cells.notes]))


def _message(result: dict[str, Any], noun: str) -> str:
    """Say what was labelled, and what was not."""
    named = shortened([f"{label} {n:,}" for label, n in result["labels"].items()])
    labelled, rows = result["labelled"], counted(result["rows"], noun)
    parts = [
        f"{result['name']}: {labelled:,} of {counted(result['cells'], 'cell')} "
        f"{'has' if labelled == 1 else 'have'} a label{f' ({named})' * bool(named)}."
    ]
    if result["unmatched"]:
        such = shortened([f"“{each}”" for each in result["examples"]])
        parts.append(f"{result['unmatched']:,} of {rows} have no parsed cell, such as {such}.")
    if result["ambiguous"]:
        parts.append(
            f"{result['ambiguous']:,} of {rows} may be about several cells and are left out: add "
            "the folders to their file names."
        )
    if result["overlapping"]:
        parts.append(f"{counted(result['overlapping'], 'cell')} had several labels.")
    if len(result["labels"]) == 1:
        parts.append("One class alone cannot be learnt: give cells of another one, too.")
    return " ".join(parts)

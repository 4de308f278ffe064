"""The step that takes labels from a table to parsed cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.label_import.columns import find_columns
from deepometry.cells.label_import.foreign_table import ForeignTable, read_foreign
from deepometry.cells.label_import.free_name import free_name
from deepometry.cells.label_import.match_cells import CellFinder, Match
from deepometry.cells.label_import.overlaps import Given, settled
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.labels.label_table import write_label_table
from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER, natural_key, number_of
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.label import LabelOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import counted, shortened

_FEW = 20  # different whole numbers that are rather classes


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
        Rows of the table that have a label; those without a parsed cell; those that might be
        several.
    examples : tuple of str
        At most three rows without a parsed cell.
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


def _message(result: dict[str, Any]) -> str:
    """Say what was labelled, and what was not."""
    named = shortened([f"{label} {n:,}" for label, n in result["labels"].items()])
    labelled, rows = result["labelled"], counted(result["rows"], "row")
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
    return " ".join(parts)


def label(options: LabelOptions, progress: Progress | Report | None = None) -> LabelResult:
    """Give parsed cells the labels of a table.

    Parameters
    ----------
    options : LabelOptions
        Where the cells and the labels are.
    progress : Progress or callable, optional
        Called with (done, total, text).

    Returns
    -------
    LabelResult
        `labels/<name>.csv` and its record lie in the folder that Parse wrote. The labels are a
        target of these cells from now on.

    Raises
    ------
    DeepometryError
        Cells or labels cannot be read, no row is about a parsed cell, or the name is taken.
    Question
        It is not clear which column has the labels, or which of several a cell has.
    """
    progress = as_progress(progress)
    home = parsed_home(options.input)
    dataset = open_dataset(home, progress)
    progress.report(0, 0, "Reading the labels")
    table = read_foreign(options.labels)
    columns = find_columns(table, options.file_column, options.object_column, options.column)
    name = free_name(options.name or columns[2], options.overwrite, dataset)
    identities = list(dict.fromkeys((source, each) for _, source, each in dataset.identities()))
    progress.report(0, 0, "Finding the cells")
    labels = table.rows[columns[2]].tolist()
    match = _matched(table, columns, CellFinder(identities), labels)
    origin = f"column {columns[2]} of {options.labels.name}"
    if table.label:
        origin = options.labels.name
    return _written(options, home, dataset, name, origin, identities, match, labels)


def _matched(
    table: ForeignTable, columns: tuple[str, str, str], finder: CellFinder, labels: Sequence[str]
) -> Match:
    """Find the cells of all rows that have a label."""
    file, name, _ = columns
    if not file and not name:
        raise OptionsError(
            {"file_column": f"File column: {table.path.name}: expected a column with the file or "
             "the path of the image, or the object number, found "
             f"{shortened([str(n) for n in table.rows.columns])}; name it."}
        )  # fmt: skip
    how = "both" if file and name else "path" if file else "object"
    given = {"file": table.rows[file].tolist()} if file else {}
    given |= {"object": table.rows[name].tolist()} if name else {}
    match = finder.match(given, how)
    if how == "both" and not (match.cells >= 0).any():
        by_path = finder.match(given, "path")
        match = by_path if (by_path.cells >= 0).any() else match
    used = np.array([bool(text) for text in labels], bool)
    if not (match.cells[used] >= 0).any():
        raise finder.nothing_found(f"Labels {table.path}", match)
    return match


def _kind(options: LabelOptions, labels: Sequence[str]) -> str:
    """Decide whether labels are numbers."""
    values = [number_of(text) for text in dict.fromkeys(labels)]
    numbers = all(value == value for value in values)
    if options.learn == NUMBER and not numbers:
        wrong = next(text for text in labels if number_of(text) != number_of(text))
        raise OptionsError(
            {"learn": f"Labels are: expected numbers, found {wrong!r}; choose classes."}
        )
    many = len(values) > _FEW or any(value != int(value) for value in values if value == value)
    auto = NUMBER if numbers and many else CLASSES
    return auto if options.learn == "auto" else options.learn


def _written(
    options: LabelOptions,
    home: Path,
    dataset: Dataset,
    name: str,
    origin: str,
    identities: Sequence[tuple[str, str]],
    match: Match,
    labels: list[str],
) -> LabelResult:
    """Write the labels of the cells that were found."""
    used = np.array([bool(text) for text in labels], bool)
    rows = np.flatnonzero(used & (match.cells >= 0)).tolist()
    texts = [labels[row] for row in rows]
    kind = _kind(options, texts)
    classes = tuple(sorted(dict.fromkeys(texts), key=natural_key))
    index = {text: code for code, text in enumerate(classes)}
    codes = np.array([index[text] for text in texts], np.int64)
    given = Given(match.cells[rows], codes, classes)
    given, overlapping = settled(given, _how(options, kind), str(options.labels))
    counts = np.bincount(given.codes, minlength=len(given.classes)).tolist()
    named = {text: n for text, n in zip(given.classes, counts, strict=True) if n}
    facts: dict[str, Any] = {
        "kind": kind,
        "origin": origin,
        "classes": list(named) if kind == CLASSES else [],
        "rows": int(used.sum()),
        "unmatched": int((match.cells[used] == -1).sum()),
        "ambiguous": int((match.cells[used] == -2).sum()),
        "overlapping": overlapping,
    }
    pairs = zip(given.cells.tolist(), given.codes.tolist(), strict=True)
    table = ((*identities[cell], given.classes[code]) for cell, code in pairs)
    path = write_label_table(home, name, table, facts, options)
    result = {
        "name": name,
        "kind": kind,
        "labels": named if kind == CLASSES else {},
        "cells": len(dataset),
        "labelled": len(given.cells),
        "examples": match.unmatched,
        "table": path,
        **{key: facts[key] for key in ("rows", "unmatched", "ambiguous", "overlapping")},
    }
    return LabelResult(**result, message=_message(result))


def _how(options: LabelOptions, kind: str) -> str:
    """Say what becomes of overlaps: there is no class of its own for two numbers."""
    return "exclude" if kind == NUMBER and options.overlap == "own" else options.overlap

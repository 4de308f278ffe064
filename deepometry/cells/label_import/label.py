"""The step that takes labels from a table to parsed cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.cells.label_import.columns import find_columns
from deepometry.cells.label_import.foreign_table import ForeignTable, read_foreign
from deepometry.cells.label_import.free_name import free_name
from deepometry.cells.label_import.ideas import holds_analyses, label_by_ideas
from deepometry.cells.label_import.label_result import (
    Found,
    LabelResult,
    open_receiver,
    write_labels,
)
from deepometry.cells.label_import.match_cells import CellFinder, Match
from deepometry.cells.label_import.overlaps import Given, settled
from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER, natural_key, number_of
from deepometry.core.options.label import LabelOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import shortened

_FEW = 20  # different whole numbers that are rather classes


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
    if holds_analyses(options.labels):
        return label_by_ideas(options, progress)
    cells = open_receiver(options.input, progress)
    progress.report(0, 0, "Reading the labels")
    table = read_foreign(options.labels)
    columns = find_columns(table, options.file_column, options.object_column, options.column)
    name = free_name(options.name or columns[2], options.overwrite, cells.dataset)
    progress.report(0, 0, "Finding the cells")
    labels = table.rows[columns[2]].tolist()
    names = list(dict.fromkeys((s, each) for _, s, each in cells.dataset.identities()))
    match = _matched(table, columns, CellFinder(names), labels)
    found, kind = _given(table, options, match, labels, names)
    file = options.labels.name
    origin = file if table.label else f"column {columns[2]} of {file}"
    return write_labels(options, cells, (name, kind, origin), found)


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


def _given(
    table: ForeignTable,
    options: LabelOptions,
    match: Match,
    labels: list[str],
    identities: Sequence[tuple[str, str]],
) -> tuple[Found, str]:
    """Give every cell that was found one label; return the labels and their kind."""
    used = np.array([bool(text) for text in labels], bool)
    rows = np.flatnonzero(used & (match.cells >= 0)).tolist()
    texts = [labels[row] for row in rows]
    kind = _kind(options, texts)
    classes = tuple(sorted(dict.fromkeys(texts), key=natural_key))
    index = {text: code for code, text in enumerate(classes)}
    codes = np.array([index[text] for text in texts], np.int64)
    given = Given(match.cells[rows], codes, classes)
    given, overlapping = settled(given, _how(options, kind), str(table.path))
    found = Found(
        given,
        (identities[cell] for cell in given.cells.tolist()),
        rows=int(used.sum()),
        unmatched=int((match.cells[used] == -1).sum()),
        ambiguous=int((match.cells[used] == -2).sum()),
        examples=match.unmatched,
        overlapping=overlapping,
    )
    return found, kind


def _how(options: LabelOptions, kind: str) -> str:
    """Say what becomes of overlaps: there is no class of its own for two numbers."""
    return "exclude" if kind == NUMBER and options.overlap == "own" else options.overlap


__all__ = ["LabelResult", "label"]

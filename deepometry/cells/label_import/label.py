"""The step that takes labels from a table to parsed cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deepometry.cells.label_import.columns import find_columns
from deepometry.cells.label_import.foreign_table import ForeignTable, read_foreign
from deepometry.cells.label_import.free_name import free_name
from deepometry.cells.label_import.from_hands import are_by_hand, label_from_hands
from deepometry.cells.label_import.ideas import holds_analyses, images_of, label_by_ideas
from deepometry.cells.label_import.label_result import (
    Found,
    LabelResult,
    open_receiver,
    write_labels,
)
from deepometry.cells.label_import.label_values import LabelValues, label_values
from deepometry.cells.label_import.match_cells import CellFinder, Match
from deepometry.cells.label_import.overlaps import Given, settled
from deepometry.core.errors import OptionsError
from deepometry.core.folder_names import NUMBER, natural_key
from deepometry.core.options.label import LabelOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import shortened

if TYPE_CHECKING:
    import pandas as pd


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
    if are_by_hand(options.labels):
        return label_from_hands(options, progress)
    if holds_analyses(options.labels):
        return label_by_ideas(options, progress)
    if options.populations:
        raise OptionsError(
            {"populations": "Populations: expected an analysis of IDEAS (.daf) as Labels, found "
             f"{options.labels.name}; leave Populations blank."}
        )  # fmt: skip
    cells = open_receiver(options.input, progress)
    progress.report(0, 0, "Reading the labels")
    table = read_foreign(options.labels)
    columns = find_columns(table, options.file_column, options.object_column, options.column)
    name = free_name(options.name or columns[2], options.overwrite, cells.dataset)
    progress.report(0, 0, "Finding the cells")
    rows = table.rows[table.rows[columns[2]] != ""]
    names = list(dict.fromkeys((s, each) for _, s, each in cells.dataset.identities()))
    match = _matched(table, rows, columns, CellFinder(names, images_of(cells.dataset)))
    labels = rows[columns[2]].to_numpy()
    values = label_values(labels[match.cells >= 0].tolist(), options.learn, table.commas)
    cells.notes.extend(values.notes)
    found = _found(options, match, values, names)
    return write_labels(options, cells, (name, values.kind, _origin(table, columns[2])), found)


def _origin(table: ForeignTable, column: str) -> str:
    """Return in words where the labels come from."""
    sheet = f", sheet {table.sheet}" * bool(table.sheet)
    return f"{'' if table.label else f'column {column} of '}{table.path.name}{sheet}"


def _matched(
    table: ForeignTable, rows: pd.DataFrame, columns: tuple[str, str, str], finder: CellFinder
) -> Match:
    """Find the cells of rows that have a label."""
    file, name, _ = columns
    if not file and not name:
        raise OptionsError(
            {"file_column": f"File column: {table.path.name}: expected a column with the file or "
             "the path of the image, or the object number, found "
             f"{shortened([str(n) for n in rows])}; name it."}
        )  # fmt: skip
    how = "both" if file and name else "path" if file else "object"
    given = {"file": rows[file].tolist()} if file else {}
    given |= {"object": rows[name].tolist()} if name else {}
    match = finder.match(given, how)
    if how == "both" and not (match.cells >= 0).any():
        by_path = finder.match(given, "path")
        match = by_path if (by_path.cells >= 0).any() else match
    if not (match.cells >= 0).any():
        raise finder.nothing_found(f"Labels {table.path}", match)
    return match


def _found(
    options: LabelOptions,
    match: Match,
    values: LabelValues,
    identities: Sequence[tuple[str, str]],
) -> Found:
    """Give every cell that was found one label."""
    some = np.array([bool(text) for text in values.texts], bool)
    texts = [text for text in values.texts if text]
    classes = tuple(sorted(dict.fromkeys(texts), key=natural_key))
    index = {text: code for code, text in enumerate(classes)}
    codes = np.array([index[text] for text in texts], np.int64)
    given = Given(match.cells[match.cells >= 0][some], codes, classes)
    given, overlapping = settled(given, _how(options, values.kind), str(options.labels))
    return Found(
        given,
        (identities[cell] for cell in given.cells.tolist()),
        rows=len(match.cells),
        unmatched=int((match.cells == -1).sum()),
        ambiguous=int((match.cells == -2).sum()),
        examples=match.unmatched,
        overlapping=overlapping,
    )


def _how(options: LabelOptions, kind: str) -> str:
    """Return what becomes of overlaps; two numbers are no class of their own."""
    if kind == NUMBER and options.overlap == "own":
        raise OptionsError(
            {"overlap": "Overlaps: expected first or exclude, because the labels are numbers, "
             "found own; choose one of them, or learn the labels as classes."}
        )  # fmt: skip
    return options.overlap


__all__ = ["LabelResult", "label"]

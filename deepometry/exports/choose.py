"""Which format an export has, and which cells go into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepometry.cells.identity import distinct_keys, find_keys
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.export_formats import EXPORT_FORMATS, ExportFormat
from deepometry.core.options.export import AUTO_FORMAT, ExportOptions
from deepometry.core.text import shortened
from deepometry.exports.cell_table import CellTable
from deepometry.exports.text_table import COMMA, TextTable


def choose_format(options: ExportOptions) -> ExportFormat:
    """Return the format, for `auto` by the ending of the file; raise `OptionsError` if none."""
    if options.format != AUTO_FORMAT:
        return EXPORT_FORMATS[options.format]
    by_ending = {end: format for format in EXPORT_FORMATS.values() for end in format.endings}
    format = by_ending.get(options.output.suffix.lower())
    if format is None:
        message = (
            f"Format: expected one of {', '.join(EXPORT_FORMATS)}, or an output file whose name "
            f"ends in one of {', '.join(by_ending)}, found {options.output.name!r}."
        )
        raise OptionsError({"format": message})
    return format


def choose_cells(table: CellTable, options: ExportOptions) -> CellTable:
    """Return the cells that are listed and have the class that was asked for.

    Raises
    ------
    DeepometryError
        The list cannot be read, or has a cell that is not in the table; or no cell could have
        the class.
    """
    if options.cells is not None:
        table = _listed(table, options.cells)
    if options.label is None:
        return table
    if table.label is None or options.label not in table.listed_classes:
        classes = shortened(table.listed_classes) if table.label else "no classes"
        message = f"Class: expected one of {classes}, found {options.label!r}."
        raise OptionsError({"label": message})
    return table.of_class(options.label)


def _listed(table: CellTable, path: Path) -> CellTable:
    listed = distinct_keys(TextTable(path, COMMA, "metadata").keys)
    missing = np.flatnonzero(find_keys(listed, table.keys) < 0)
    if len(missing):
        raise DeepometryError(
            f"{path}: expected cells of {table.folder}, found another in row {missing[0] + 1:,}."
        )
    return table.select(find_keys(table.keys, listed) >= 0)

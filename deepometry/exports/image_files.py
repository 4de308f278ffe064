"""Images of cells: a TIFF for each cell and channel, or sheets of the cells of a class."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepometry.cells.identity import find_keys
from deepometry.cells.montage import MontageWriter, check_sheet, sheet_dtype
from deepometry.core.result_files import MONTAGE_TABLE
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.exports.archive import Archive
from deepometry.exports.cell_table import CellTable
from deepometry.exports.job import ExportJob

_AT_ONCE = 512
_ALL = "cells"
Cell = tuple[str, str, str]
"""Class, source and object."""


def write_tiff(job: ExportJob, archive: Archive) -> list[str]:
    """Write `<class>/<source>_<object>_Ch<channel>.tif` of every cell.

    The names are those of an export by IDEAS, so that Parse can read the folder again.
    """
    used: set[str] = set()
    for (label, source, name), pixels in _cells(job, job.table, job.images.rows):
        stem = f"{source.rpartition('/')[2].rpartition('.')[0] or source}_{name}"
        begin = unique_name(f"{safe_name(label)}/{safe_name(stem)}", used)
        for number, plane in zip(
            job.images.dataset.channel_numbers, np.moveaxis(pixels, -1, 0), strict=True
        ):
            archive.add(f"{begin}_Ch{number}.tif", _tiff(plane))
    return []


def _tiff(plane: np.ndarray) -> bytes:
    import tifffile

    content = io.BytesIO()
    plane = np.ascontiguousarray(plane, sheet_dtype(plane.dtype))
    tifffile.imwrite(content, plane, photometric="minisblack", metadata=None)
    return content.getvalue()


def write_montages(job: ExportJob, archive: Archive) -> list[str]:
    """Write sheets of the cells of every class, `<class>_ch<channel>_<sheet>.tif`.

    `cells.csv` says which cell is where.
    """
    check_sheet(job.options.montage, job.images.dataset.frame)
    place = archive.stage / ".sheets"
    place.mkdir()
    with table_file(place / MONTAGE_TABLE) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow(["class", "source", "object", "sheet", "row", "column"])
        used: set[str] = set()
        for label in _labels(job.table):
            name = unique_name(safe_name(label or _ALL), used)
            writer.writerows(_sheets(job, label, place, name))
    for path in sorted(place.iterdir()):
        archive.move(path.name, path)
    place.rmdir()
    return []


def _sheets(
    job: ExportJob, label: str | None, place: Path, name: str
) -> Iterator[tuple[str, str, str, int, int, int]]:
    """Write the sheets of one class; yield where each cell is."""
    table, rows, dataset = job.table, job.images.rows, job.images.dataset
    if label is not None:
        table = table.of_class(label)
        rows = rows[find_keys(table.keys, job.table.keys)]
    shape = (job.options.montage, dataset.frame)
    sheets = MontageWriter(place, name, job.images.dataset.channel_numbers, *shape, dataset.dtype)
    for cell, pixels in _cells(job, table, rows):
        sheet, row, column = (int(each[0]) for each in sheets.add(pixels[None]))
        yield (*cell, sheet, row, column)
    sheets.finish()


def _labels(table: CellTable) -> list[str | None]:
    """Return the classes that occur; None, for all cells together, where there are no classes."""
    if table.label is None:
        return [None]
    seen: set[str] = set()
    with table.pieces(features=False) as pieces:
        for piece in pieces:
            seen.update(table.classified(piece.cells).unique())
    return [label for label in table.listed_classes if label in seen]


def _cells(job: ExportJob, table: CellTable, rows: np.ndarray) -> Iterator[tuple[Cell, np.ndarray]]:
    """Read class, source and object of each cell, and its pixels in `rows` of the images."""
    with table.pieces(job.progress, "Writing images", features=False) as pieces:
        for piece in pieces:
            labels = [_ALL] * len(piece.cells)
            if table.label:
                labels = table.classified(piece.cells).tolist()
            cells = list(zip(labels, piece.cells["source"], piece.cells["object"], strict=True))
            for first in range(0, len(cells), _AT_ONCE):
                some = cells[first : first + _AT_ONCE]
                begin = piece.first + first
                pixels = job.images.dataset.read(rows[begin : begin + len(some)])
                yield from zip(some, pixels, strict=True)

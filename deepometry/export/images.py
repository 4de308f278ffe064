"""Images of cells: a TIFF for each cell and channel, or sheets of the cells of a class."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepometry.export.bundle import Bundle
from deepometry.export.opening import Images
from deepometry.export.table import CellTable
from deepometry.montage import MontageWriter, check_sheet, sheet_dtype
from deepometry.progress import Progress
from deepometry.stacks import safe_name, unique_name

_AT_ONCE = 512
_ALL = "cells"
Cell = tuple[str, str, str]
"""Class, source and object."""


def write_tiff(bundle: Bundle, table: CellTable, images: Images, progress: Progress) -> list[str]:
    """Write `<class>/<source>_<object>_Ch<channel>.tif` of every cell.

    Parameters
    ----------
    bundle : Bundle
    table : CellTable
    images : Images
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know; nothing.

    Notes
    -----
    The names are those of an export by IDEAS, so that Parse can read the folder again.
    """
    used: set[str] = set()
    for (label, source, name), pixels in _cells(table, images, progress):
        stem = f"{source.rpartition('/')[2].rpartition('.')[0] or source}_{name}"
        begin = unique_name(f"{safe_name(label)}/{safe_name(stem)}", used)
        for number, plane in zip(_numbers(images), np.moveaxis(pixels, -1, 0), strict=True):
            bundle.add(f"{begin}_Ch{number}.tif", _tiff(plane))
    return []


def _tiff(plane: np.ndarray) -> bytes:
    import tifffile

    content = io.BytesIO()
    kept = np.ascontiguousarray(plane, sheet_dtype(plane.dtype))
    tifffile.imwrite(content, kept, photometric="minisblack", metadata=None)
    return content.getvalue()


def write_montages(
    bundle: Bundle, stage: Path, table: CellTable, images: Images, side: int, progress: Progress
) -> list[str]:
    """Write sheets of the cells of every class, `<class>_ch<channel>_<sheet>.tif`.

    Parameters
    ----------
    bundle : Bundle
    stage : Path
        Folder for sheets that are not whole yet.
    table : CellTable
    images : Images
    side : int
        Cells along each side of a sheet.
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know; nothing.

    Notes
    -----
    `cells.csv` says which cell is where.
    """
    import csv

    data, used = images.dataset, set[str]()
    check_sheet(side, data.frame)
    place = stage / ".sheets"
    place.mkdir()
    listed = place / "cells.csv"
    with listed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "source", "object", "sheet", "row", "column"])
        for label in _labels(table):
            own = table if label is None else table.having(table.label or "", label)
            rows = images.rows if label is None else _rows_of(table, images, own)
            name = unique_name(safe_name(label or _ALL), used)
            sheets = MontageWriter(place, name, _numbers(images), side, data.frame, _dtype(images))
            for cell, pixels in _cells(own, images, progress, rows):
                sheet, row, column = (int(each[0]) for each in sheets.add(pixels[None]))
                writer.writerow([*cell, sheet, row, column])
            sheets.finish()
    for path in sorted(place.iterdir()):
        bundle.take(path.name, path)
    place.rmdir()
    return []


def _labels(table: CellTable) -> list[str | None]:
    """Give the classes that occur; None, for all cells together, where there are no classes."""
    if table.label is None:
        return [None]
    seen: dict[str, None] = {}
    with table.pieces(features=False) as pieces:
        for piece in pieces:
            seen.update(dict.fromkeys(piece.cells[table.label].unique()))
    return [label for label in table.values(table.label) if label in seen]


def _rows_of(table: CellTable, images: Images, own: CellTable) -> np.ndarray:
    """Give the images of some of the cells of a table."""
    from deepometry.export.table import places_of

    return images.rows[places_of(own.keys, table.keys)]


def _cells(
    table: CellTable, images: Images, progress: Progress, rows: np.ndarray | None = None
) -> Iterator[tuple[Cell, np.ndarray]]:
    """Give class, source and object of each cell, with its pixels."""
    rows = images.rows if rows is None else rows
    with table.pieces(progress, "Writing images", features=False) as pieces:
        for piece in pieces:
            label = piece.cells[table.label] if table.label else [_ALL] * len(piece.cells)
            told = list(zip(label, piece.cells["source"], piece.cells["object"], strict=True))
            for first in range(0, len(told), _AT_ONCE):
                some = told[first : first + _AT_ONCE]
                begin = piece.first + first
                pixels = images.dataset.read(rows[begin : begin + len(some)])
                yield from zip(some, pixels, strict=True)


def _numbers(images: Images) -> tuple[int, ...]:
    data = images.dataset
    return data.channels or tuple(range(1, data.depth + 1))


def _dtype(images: Images) -> np.dtype:
    return np.result_type(*(part.stored.dtype for part in images.dataset.parts))

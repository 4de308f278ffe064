"""Lists of object numbers for IDEAS: a text file for each class and source file."""

from __future__ import annotations

import io
from array import array
from collections.abc import Mapping

from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import POPULATIONS_TABLE
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.spreadsheet import SafeWriter, marked_bytes
from deepometry.exports.archive import Archive
from deepometry.exports.job import ExportJob

NONE = "no class"


def write_ideas(job: ExportJob, archive: Archive) -> list[str]:
    """Write the object numbers of every class in every source file: `<source file>/<class>.txt`.

    Raises
    ------
    DeepometryError
        The cells have no classes, or no object numbers.

    Notes
    -----
    Plain text, one object number a line, rising, numbered as IDEAS shows them: the file format of
    IDEAS' own populations is not documented. Cells that are gated out are a list of their own.
    `populations.csv` has the number of cells of each.
    """
    table = job.table
    if table.label is None:
        raise table.without("a class for each cell")
    lists, named = _lists(job)
    if not lists and named:
        raise DeepometryError(
            f"{table.folder}: expected object numbers, found names only, as of .tif files; IDEAS "
            "can find cells of .cif files again."
        )
    _write(archive, lists)
    note = f"{named:,} cells have a name in place of an object number and are left out."
    return [note] if named else []


def _lists(job: ExportJob) -> tuple[dict[tuple[str, str], array[int]], int]:
    """Sort object numbers by source file and class; count the cells that have a name instead."""
    lists: dict[tuple[str, str], array[int]] = {}
    named = 0
    with job.pieces("Sorting object numbers", features=False) as pieces:
        for piece in pieces:
            labels = job.table.classified(piece.cells)
            columns = (piece.cells["source"], labels, piece.cells["object"])
            for source, predicted, name in zip(*columns, strict=True):
                if name.isdecimal():
                    lists.setdefault((source, predicted or NONE), array("q")).append(int(name))
                else:
                    named += 1
    return lists, named


def _write(archive: Archive, lists: Mapping[tuple[str, str], array[int]]) -> None:
    used: set[str] = set()
    summary = io.StringIO()
    writer = SafeWriter(summary, lineterminator="\n")
    writer.writerow(["source", "class", "cells", "file"])
    folders: dict[str, str] = {}
    for (source, label), numbers in sorted(lists.items()):
        folder = folders.setdefault(source, "")
        if not folder:
            folder = folders[source] = unique_name(safe_name(source), used)
        name = unique_name(f"{folder}/{safe_name(label)}", used) + ".txt"
        archive.add(name, "".join(f"{number}\n" for number in sorted(numbers)).encode("ascii"))
        writer.writerow([source, label, len(numbers), name])
    archive.add(POPULATIONS_TABLE, marked_bytes(summary.getvalue()))

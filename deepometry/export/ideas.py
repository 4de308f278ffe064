"""Lists of object numbers for IDEAS: a text file for each class and source file."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from deepometry.errors import DeepometryError
from deepometry.export.bundle import Bundle
from deepometry.export.table import CellTable
from deepometry.progress import Progress
from deepometry.stacks import safe_name, unique_name

NONE = "no class"


def write_ideas(bundle: Bundle, table: CellTable, progress: Progress) -> list[str]:
    """Write the object numbers of every class in every source file.

    Parameters
    ----------
    bundle : Bundle
        Takes the files: `<source file>/<class>.txt`.
    table : CellTable
        With a class for each cell.
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know, a sentence each.

    Raises
    ------
    DeepometryError
        The cells have no classes, or no object numbers.

    Notes
    -----
    Plain text, one object number a line, rising, numbered as IDEAS shows them; the program's own
    file format of populations is not documented. A summary, `populations.csv`, counts each list.
    """
    if table.label is None:
        raise DeepometryError(
            f"{table.folder}: expected a class for each cell (predicted.csv), found none; give the "
            "folder that Predict wrote."
        )
    lists, named = _lists(table, progress)
    if not lists and named:
        raise DeepometryError(
            f"{table.folder}: expected object numbers, found names only, as of .tif files; IDEAS "
            "can find cells of .cif files again."
        )
    _write(bundle, lists)
    told = f"{named:,} cells have a name in place of an object number and are left out."
    return [told] if named else []


def _lists(table: CellTable, progress: Progress) -> tuple[dict[tuple[str, str], array[int]], int]:
    found: dict[tuple[str, str], array[int]] = {}
    named, label = 0, table.label
    with table.pieces(progress, "Sorting object numbers", features=False) as pieces:
        for piece in pieces:
            columns = (piece.cells[name] for name in ("source", label, "object"))
            for source, given, name in zip(*columns, strict=True):
                if name.isdecimal():
                    found.setdefault((source, given or NONE), array("q")).append(int(name))
                else:
                    named += 1
    return found, named


def _write(bundle: Bundle, lists: Mapping[tuple[str, str], array[int]]) -> None:
    import csv
    import io

    used: set[str] = set()
    summary = io.StringIO()
    writer = csv.writer(summary, lineterminator="\n")
    writer.writerow(["source", "class", "cells", "file"])
    folders: dict[str, str] = {}
    for (source, label), numbers in sorted(lists.items()):
        folder = folders.setdefault(source, "")
        if not folder:
            folder = folders[source] = unique_name(safe_name(source), used)
        name = unique_name(f"{folder}/{safe_name(label)}", used) + ".txt"
        bundle.add(name, "".join(f"{number}\n" for number in sorted(numbers)).encode("ascii"))
        writer.writerow([source, label, len(numbers), name])
    bundle.add("populations.csv", summary.getvalue().encode("utf-8"))

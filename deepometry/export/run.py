"""Export: what the steps found, in the files of other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.errors import DeepometryError, OptionsError
from deepometry.export.bundle import bundled, check_bundle, is_zip
from deepometry.export.clr import write_clr
from deepometry.export.columns import write_csv, write_parquet
from deepometry.export.fcs import write_fcs
from deepometry.export.files import COMMA, ParsedCells, TextTable, numbered
from deepometry.export.h5ad import write_h5ad
from deepometry.export.ideas import write_ideas
from deepometry.export.images import write_montages, write_tiff
from deepometry.export.mat import write_mat
from deepometry.export.opening import STEPS, Images, open_table
from deepometry.export.select import Selection, select_features
from deepometry.export.table import CellTable, places_of
from deepometry.files import lies_in, provenance, read_json, write_json, writing
from deepometry.options import AUTO_FORMAT, FORMATS, ExportOptions
from deepometry.progress import Progress, Report, as_progress
from deepometry.words import counted, shortened

BUNDLES = ("clr", "ideas", "tiff", "montage")
"""Formats of many files."""

_ENDINGS = {f".{name}": name for name in FORMATS if name not in BUNDLES} | {".pq": "parquet"}


@dataclass(frozen=True)
class ExportResult:
    """What an export gave.

    Attributes
    ----------
    cells : int
        Number of cells written.
    format : str
    output : Path
        The file, or the folder.
    notes : tuple of str
        What users should know of it, a sentence each.
    """

    cells: int
    format: str
    output: Path
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = "".join(f"{note}\n" for note in self.notes)
        return f"{told}Exported {counted(self.cells, 'cell')} as {self.format}: {self.output}"


def export(options: ExportOptions, progress: Progress | Report | None = None) -> ExportResult:
    """Write results for another program.

    Parameters
    ----------
    options : ExportOptions
        Where the results are, and what to write.
    progress : Progress or callable, optional
        Told (cells done, cells in all, text).

    Returns
    -------
    ExportResult
        Beside the file, `<its name>.json` says how it was made.

    Raises
    ------
    DeepometryError
        There are no results, they are damaged, they lack what the format needs, or the output
        cannot be written.
    """
    progress = as_progress(progress)
    format = chosen_format(options)
    _check_place(options, format)
    table = open_table(options.input, options.layer, progress, options.also)
    table = _chosen(table, options)
    writer = _bundle if format in BUNDLES else _file
    notes = writer(format, table, options, progress)
    result = ExportResult(len(table), format, options.output, tuple(notes))
    facts = {"cells": result.cells, "format": format, "notes": list(notes)}
    write_json(_record_of(options.output), provenance("export", options) | facts)
    return result


def chosen_format(options: ExportOptions) -> str:
    """Give the format, by the name of the output where it is not told.

    Raises
    ------
    OptionsError
        The name does not tell either.
    """
    if options.format != AUTO_FORMAT:
        return options.format
    suffix = options.output.suffix.lower()
    if suffix not in _ENDINGS:
        message = (
            f"Format: expected one of {', '.join(FORMATS)}, or an output file whose name ends in "
            f"one of {', '.join(_ENDINGS)}, found {options.output.name!r}."
        )
        raise OptionsError({"format": message})
    return _ENDINGS[suffix]


def _check_place(options: ExportOptions, format: str) -> None:
    """Refuse an output that would not be what was meant.

    Raises
    ------
    OptionsError
        It is a folder where a file is written, or lies where it would be read as cells.
    """
    output = options.output
    if format in BUNDLES:
        check_bundle(output, format)
        if not is_zip(output) and format == "tiff" and lies_in(output, options.input):
            message = (
                f"Output file: expected a place outside {options.input}, found a folder in it; "
                "choose another folder, or a .zip file."
            )
            raise OptionsError({"output": message})
    elif output.is_dir():
        message = f"Output file: expected the name of a file, found the folder {output}."
        raise OptionsError({"output": message})
    folders = [folder.resolve() for folder in (options.input, options.also) if folder is not None]
    taken = output.name in _RESULTS and output.resolve().parent in folders
    if taken or any(map(_of_a_step, (output, _record_of(output)))):
        message = (
            f"Output file: expected another name than {output}, since it, or the record beside it, "
            "would replace a result of another step."
        )
        raise OptionsError({"output": message})


_RESULTS = ("predicted.csv", "coordinates.csv", "baseline_features.csv", "metadata.tsv")
_RECORDS = (*STEPS, "parse", "train", "gradcam", "cross_validation", "fold", "learning_curve")


def _record_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.json")


def _of_a_step(path: Path) -> bool:
    """Tell whether a file is the record of a step other than export, or is named in one."""
    path = path.resolve()
    if path.suffix.lower() == ".json" and _told(path).get("step", "export") != "export":
        return True
    return any(
        path.relative_to(folder).as_posix().casefold() in _named(folder / f"{step}.json")
        for folder in path.parents
        for step in _RECORDS
    )


def _named(record: Path) -> set[str]:
    """Give a record and the files that it names, whatever their case."""
    if not record.is_file():
        return set()
    files = _told(record).get("files")
    named = map(str, files) if isinstance(files, list) else ()
    return {name.casefold() for name in (record.name, *named)}


def _told(record: Path) -> dict[str, Any]:
    """Read a record; empty where it is none."""
    try:
        return read_json(record)
    except DeepometryError:
        return {}


# --- which cells -----------------------------------------------------------------------------


def _chosen(table: CellTable, options: ExportOptions) -> CellTable:
    if options.cells is not None:
        table = _listed(table, options.cells)
    if options.label is None:
        return table
    if table.label is None or options.label not in table.values(table.label):
        known = shortened(table.values(table.label)) if table.label else "no classes"
        message = f"Class: expected one of {known}, found {options.label!r}."
        raise OptionsError({"label": message})
    return table.having(table.label, options.label)


def _listed(table: CellTable, path: Path) -> CellTable:
    """Give the cells that stand in a list.

    Raises
    ------
    DeepometryError
        It cannot be read, or names a cell that is not in the table.
    """
    listed = numbered(TextTable(path, COMMA, "metadata").keys)
    missing = np.flatnonzero(places_of(listed, table.keys) < 0)
    if len(missing):
        raise DeepometryError(
            f"{path}: expected cells of {table.folder}, found another in row {missing[0] + 1:,}."
        )
    return table.chosen(places_of(table.keys, listed) >= 0)


# --- writing ---------------------------------------------------------------------------------

_Plain = Callable[[Path, CellTable, Selection, Progress], list[str]]
_PLAIN: dict[str, _Plain] = {"csv": write_csv, "parquet": write_parquet, "h5ad": write_h5ad}


def _file(format: str, table: CellTable, options: ExportOptions, progress: Progress) -> list[str]:
    features = select_features(table, options.features, format, progress)
    with writing(options.output) as part:
        if format == "fcs":
            return write_fcs(part, table, features, options.output.name, progress)
        if format == "mat":
            parsed = isinstance(table.files[0], ParsedCells)
            wanted = parsed or options.images is not None
            images = Images(table, options.images) if wanted else None
            return write_mat(part, table, features, images, progress)
        return _PLAIN[format](part, table, features, progress)


def _bundle(format: str, table: CellTable, options: ExportOptions, progress: Progress) -> list[str]:
    images = Images(table, options.images) if format in ("tiff", "montage") else None
    with bundled(options.output) as (bundle, stage):
        if images is None:
            return (write_clr if format == "clr" else write_ideas)(bundle, table, progress)
        if format == "tiff":
            return write_tiff(bundle, table, images, progress)
        return write_montages(bundle, stage, table, images, options.montage, progress)

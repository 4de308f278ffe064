"""Chosen cells as parsed cells of their own: a folder `Set NAME`, ready for training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.dataset_parts import Part
from deepometry.cells.identity import cell_key, table_rows
from deepometry.cells.montage import MontageWriter, check_sheet
from deepometry.cells.stack_reader import IDENTITY, Stack
from deepometry.cells.stack_writer import (
    MONTAGE_COLUMNS,
    npy_header,
    open_table,
)
from deepometry.cells.subset_labels import copy_labels
from deepometry.core.earlier_results import asked_to_replace
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.files import check_outside, files_below, staged
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.subset import SubsetOptions
from deepometry.core.progress import Progress, Report, Ticker, as_progress
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import own_record, provenance, write_json
from deepometry.core.safe_names import safe_name, unique_name
from deepometry.core.spreadsheet import SafeWriter
from deepometry.core.text import counted

_AT_ONCE = 256  # cells
_DROPPED = (*MONTAGE_COLUMNS, "file")  # of places left behind
_TEXT = "Copying the chosen cells"


@dataclass(frozen=True)
class SubsetResult(ShowsInNotebook):
    """What a set of cells is.

    Attributes
    ----------
    name : str
    cells : int
        Copied.
    missing : int
        Listed, but not among the parsed cells.
    folder : Path
        `Set NAME`, or the folder above `Train` and `Hold-out` where the cells come from both.
    output : Path
        Folder of all sets.
    gated_out : int
        How many of them a gate leaves out where they come from. The set has no gate.
    """

    name: str
    cells: int
    missing: int
    folder: Path
    output: Path
    gated_out: int = 0

    def __str__(self) -> str:
        missing, out = counted(self.missing, "listed cell"), f"{self.gated_out:,} of them"
        parts = [f"Set {self.name}: {counted(self.cells, 'cell')}."]
        parts += [f"{missing} could not be found."] * bool(self.missing)
        parts += [f"{out} are gated out where they come from; the set has no gate."] * bool(
            self.gated_out
        )
        return f"{' '.join(parts)}\nResults: {self.folder}"

    def notebook_view(self) -> NotebookView:
        """Show what the set is, with some of its cells."""
        rows = {"Cells": self.cells, "Not found": self.missing, "Folder": self.folder}
        title = f"Set {self.name}"
        return NotebookView(title, rows, picture=lambda: open_dataset(self.output).picture())


def subset(options: SubsetOptions, progress: Progress | Report | None = None) -> SubsetResult:
    """Copy chosen cells into parsed cells of their own.

    Parameters
    ----------
    options : SubsetOptions
        Where the cells are, and which of them.
    progress : Progress or callable, optional
        Receives (cells done, cells in all, text).

    Returns
    -------
    SubsetResult
        In the output folder lie stacks and tables below `Set NAME`, in the folders that the
        cells come from (below `Train` and `Hold-out`, where there is a split: what was held out
        stays so), montages `Set NAME_ch<channel>_<n>.tif`, and a parse.json. Two sets in one
        folder are two labels of the target `Set`. Labels that the cells have beside folder names
        come along.

    Raises
    ------
    DeepometryError
        Cells, list or output folder cannot be used, none of the cells is found, or the output
        holds cells of another frame or other channels.
    """
    progress = as_progress(progress)
    dataset = open_dataset(options.input, progress)
    check_sheet(options.montage, dataset.frame)
    record = _earlier(options, dataset)
    sets = record.get("sets", {})
    _check_name(options, sets)
    stale = [*_replaced(options, record), PARSE_RECORD]
    wanted = _wanted(options.cells)
    chosen = _chosen(dataset, wanted, options.all_but, progress)
    total = sum(map(len, chosen))
    if not total:
        raise DeepometryError(
            f"Cells {options.cells}: expected cells of {options.input}, found none of the "
            f"{len(wanted):,} listed ones there; give the parsed cells that the list is about."
        )
    starts = np.cumsum([0, *(len(part.stored) for part in dataset.parts)])
    cells = np.concatenate([n + rows for n, rows in zip(starts, chosen, strict=False)])
    with staged(options.output, stale, progress.say) as stage:
        _copy(dataset, chosen, options, stage, Ticker(progress, total))
        files = files_below(stage)
        stale += copy_labels(dataset, cells, options, stage)
        sets = {**sets, options.name: {"cells": total, "files": files}}
        write_json(stage / PARSE_RECORD, _record(options, dataset, sets))
    split = any(part.side for part, rows in zip(dataset.parts, chosen, strict=True) if len(rows))
    folder = options.output if split else options.output / _folder_name(options)
    missing = max(0, len(wanted) - (len(dataset) - total if options.all_but else total))
    out = int(np.count_nonzero(dataset.gated_out.cells[cells]))
    return SubsetResult(options.name, total, missing, folder, options.output, out)


def _replaced(options: SubsetOptions, record: dict[str, Any]) -> list[str]:
    """List the files of an earlier set of the name; ask before they are replaced."""
    earlier = record.get("sets", {}).get(options.name)
    if not earlier:
        return []
    files = [str(name) for name in earlier.get("files", ())]
    if not options.overwrite:
        what = f"{options.output} holds a set of the name {options.name}"
        raise asked_to_replace(what, record | earlier, options.output, files)
    return files


def _folder_name(options: SubsetOptions) -> str:
    return safe_name(f"Set {options.name}")


def _check_name(options: SubsetOptions, sets: Iterable[str]) -> None:
    """Refuse a name whose folder would be that of another set, or not be called so."""
    name, folder = options.name, _folder_name(options).casefold()
    if name.endswith("."):
        message = f"Name: expected no dot at the end, found {name!r}."
        raise OptionsError({"name": message})
    twins = [n for n in sets if n != name and safe_name(f"Set {n}").casefold() == folder]
    if twins:
        message = (
            f"Name: expected {twins[0]!r}, whose cells are to be replaced, or a name that differs "
            f"from it in more than case, found {name!r}."
        )
        raise OptionsError({"name": message})


def _earlier(options: SubsetOptions, dataset: Dataset) -> dict[str, Any]:
    """Read which sets are there; refuse an output of another kind, or among the cells."""
    check_outside(options.output, options.input)
    record = own_record(options.output / PARSE_RECORD, "parse")
    if not record:
        return {}
    same = record.get("channels") == list(dataset.channel_numbers)
    if "sets" not in record or record.get("frame") != dataset.frame or not same:
        raise DeepometryError(
            f"Output location {options.output}: expected a new folder, or sets of cells with the "
            "same frame and channels, found other parsed cells; choose another folder."
        )
    return record


def _wanted(path: Path) -> set[int]:
    """Read which cells are listed, as hashes of their identities."""
    with table_rows(path) as rows:
        header = [name.strip().casefold() for name in next(rows, [])]
        if not set(IDENTITY) <= set(header):
            raise DeepometryError(
                f"Cells {path}: expected the columns source and object, found "
                f"{', '.join(header[:5]) or 'nothing'}; give a table as Predict or Embed writes it."
            )
        source, name = map(header.index, IDENTITY)
        return {cell_key(row[source], row[name]) for row in rows if row}


def _chosen(
    dataset: Dataset, wanted: set[int], others: bool, progress: Progress
) -> list[np.ndarray]:
    """Return the rows of every part that are wanted, or of all `others`."""
    rows: dict[int, list[int]] = {id(part): [] for part in dataset.parts}
    last, place = None, 0
    for number, (part, source, name) in enumerate(dataset.identities()):
        place = place + 1 if part is last else 0
        last = part
        if (cell_key(source, name) in wanted) != others:
            rows[id(part)].append(place)
        if number % 20_000 == 0:
            progress.report(0, 0, "Looking for the chosen cells")
    return [np.array(rows[id(part)], np.int64) for part in dataset.parts]


def _copy(
    dataset: Dataset, chosen: list[np.ndarray], options: SubsetOptions, stage: Path, ticker: Ticker
) -> None:
    dtype = dataset.dtype.newbyteorder("<")
    name, used = _folder_name(options), dict[Path, set[str]]()
    montage = None
    if options.montage:
        shape = (options.montage, dataset.frame)
        montage = MontageWriter(stage, name, dataset.channel_numbers, *shape, dtype)
    for part, rows in zip(dataset.parts, chosen, strict=True):
        if not len(rows):
            continue
        folder = stage.joinpath(*filter(None, (part.side,)), name, *part.levels)
        folder.mkdir(parents=True, exist_ok=True)
        stem = unique_name(part.stored.path.stem, used.setdefault(folder, set()))
        _copy_table(part, rows, dataset, folder / f"{stem}.csv")
        with (folder / f"{stem}.npy").open("wb") as file:
            file.write(npy_header((len(rows), *part.stored.shape), dtype))
            for first in range(0, len(rows), _AT_ONCE):
                pixels = part.stored.read(rows[first : first + _AT_ONCE], None).astype(dtype)
                file.write(np.ascontiguousarray(pixels).data)
                if montage is not None:
                    montage.add(pixels)
                ticker.tick(_TEXT, len(pixels))
    if montage is not None:
        montage.finish()
    ticker.last(_TEXT)


def _copy_table(part: Part, rows: np.ndarray, dataset: Dataset, path: Path) -> None:
    """Write the rows of the table that are about the chosen cells."""
    wanted = iter(rows.tolist())
    with open_table(path) as file:
        writer = SafeWriter(file)
        following = next(wanted, None)
        for number, row in enumerate(_rows(part, dataset, writer)):
            if number == following:
                writer.writerow(row)
                following = next(wanted, None)


def _rows(part: Part, dataset: Dataset, writer: Any) -> Iterator[list[str]]:
    """Write the header of a table; yield its rows."""
    table = part.stored.path.with_suffix(".csv")
    if isinstance(part.stored, Stack) and table.is_file():
        with table_rows(table) as rows:
            header = next(rows, [])
            columns = [n for n, name in enumerate(header) if name not in _DROPPED]
            writer.writerow([header[n] for n in columns])
            for row in rows:
                yield [row[n] for n in columns]
        return
    writer.writerow(IDENTITY)
    for some in part.stored.identities(_AT_ONCE, dataset.root):
        yield from (list(each) for each in some)


def _record(
    options: SubsetOptions, dataset: Dataset, sets: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    names = {str(number): name for number, name in dataset.channel_names.items()}
    facts = {
        "step": "parse",  # what stands here is parsed cells, to every other step
        "made_by": "subset",
        "cells": sum(each["cells"] for each in sets.values()),
        "frame": dataset.frame,
        "channels": list(dataset.channel_numbers),
        "channel_names": names,
        "sets": sets,
        "files": sorted({name for each in sets.values() for name in each["files"]}),
    }
    return provenance("subset", options) | facts

"""Chosen cells as parsed cells of their own: a folder `Set NAME`, ready for training."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.dataset import Dataset, Part, open_dataset
from deepometry.embedding.who import key_of, opened
from deepometry.errors import DeepometryError, OptionsError
from deepometry.files import lies_in, own_record, provenance, staged, write_json
from deepometry.montage import MontageWriter, check_sheet
from deepometry.names import PARSE_RECORD
from deepometry.options import SubsetOptions
from deepometry.progress import Progress, Report, Ticker, as_progress
from deepometry.stacks import npy_header, open_table, safe_name, unique_name
from deepometry.stored import IDENTITY, Stack
from deepometry.words import counted

_AT_ONCE = 256  # cells
_DROPPED = ("montage_sheet", "montage_row", "montage_column", "file")  # of places left behind
_TEXT = "Copying the chosen cells"


@dataclass(frozen=True)
class SubsetResult:
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
    """

    name: str
    cells: int
    missing: int
    folder: Path
    output: Path

    def __str__(self) -> str:
        missing = f" {counted(self.missing, 'listed cell')} could not be found." * bool(
            self.missing
        )
        return f"Set {self.name}: {counted(self.cells, 'cell')}.{missing}\nResults: {self.folder}"


def subset(options: SubsetOptions, progress: Progress | Report | None = None) -> SubsetResult:
    """Copy chosen cells into parsed cells of their own.

    Parameters
    ----------
    options : SubsetOptions
        Where the cells are, and which of them.
    progress : Progress or callable, optional
        Told (cells done, cells in all, text).

    Returns
    -------
    SubsetResult
        In the output folder lie stacks and tables below `Set NAME`, in the folders that the
        cells come from (below `Train` and `Hold-out`, where there is a split: what was held out
        stays so), montages `Set NAME_ch<channel>_<n>.tif`, and a parse.json. Two sets in one
        folder are two labels of the target `Set`.

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
    wanted = _wanted(options.cells)
    chosen = _chosen(dataset, wanted, progress)
    total = sum(map(len, chosen))
    if not total:
        raise DeepometryError(
            f"Cells {options.cells}: expected cells of {options.input}, found none of the "
            f"{len(wanted):,} listed ones there; give the parsed cells that the list is about."
        )
    sets = record.get("sets", {})
    _check_name(options, sets)
    stale = sets.get(options.name, {}).get("files", [])
    with staged(options.output, stale) as stage:
        _copy(dataset, chosen, options, stage, Ticker(progress, total))
        files = sorted(p.relative_to(stage).as_posix() for p in stage.rglob("*") if p.is_file())
        sets = {**sets, options.name: {"cells": total, "files": files}}
        write_json(stage / PARSE_RECORD, _record(options, dataset, sets))
    split = any(part.side for part, rows in zip(dataset.parts, chosen, strict=True) if len(rows))
    folder = options.output if split else options.output / _folder_name(options)
    missing = max(0, len(wanted) - total)
    return SubsetResult(options.name, total, missing, folder, options.output)


def _folder_name(options: SubsetOptions) -> str:
    return safe_name(f"Set {options.name}")


def _check_name(options: SubsetOptions, sets: Iterable[str]) -> None:
    """Refuse a name whose folder would be that of another set, or not be called so.

    Raises
    ------
    OptionsError
        It ends in a dot, or differs too little from the name of a set that is there.
    """
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
    """Read which sets are there.

    Raises
    ------
    DeepometryError
        The output is of another kind, or lies among the cells.
    """
    if lies_in(options.output, options.input):
        raise DeepometryError(
            f"Output location {options.output} lies among the parsed cells {options.input}; "
            "choose a folder outside."
        )
    record = own_record(options.output / PARSE_RECORD, "parse")
    if not record:
        return {}
    same = record.get("channels") == list(_channels(dataset))
    if "sets" not in record or record.get("frame") != dataset.frame or not same:
        raise DeepometryError(
            f"Output location {options.output}: expected a new folder, or sets of cells with the "
            "same frame and channels, found other parsed cells; choose another folder."
        )
    return record


def _channels(dataset: Dataset) -> tuple[int, ...]:
    return dataset.channels or tuple(range(1, dataset.depth + 1))


def _wanted(path: Path) -> set[int]:
    """Read which cells are listed, as hashes of their identities."""
    with opened(path, tabs=False) as rows:
        header = [name.strip().casefold() for name in next(rows, [])]
        if not set(IDENTITY) <= set(header):
            raise DeepometryError(
                f"Cells {path}: expected the columns source and object, found "
                f"{', '.join(header[:5]) or 'nothing'}; give a table as Predict or Embed writes it."
            )
        source, name = map(header.index, IDENTITY)
        return {key_of(row[source], row[name]) for row in rows if row}


def _chosen(dataset: Dataset, wanted: set[int], progress: Progress) -> list[np.ndarray]:
    """Give the rows of every part that are wanted."""
    rows: dict[int, list[int]] = {id(part): [] for part in dataset.parts}
    last, place = None, 0
    for number, (part, source, name) in enumerate(dataset.identities()):
        place = place + 1 if part is last else 0
        last = part
        if key_of(source, name) in wanted:
            rows[id(part)].append(place)
        if number % 20_000 == 0:
            progress.report(0, 0, "Looking for the chosen cells")
    return [np.array(rows[id(part)], np.int64) for part in dataset.parts]


def _copy(
    dataset: Dataset, chosen: list[np.ndarray], options: SubsetOptions, stage: Path, ticker: Ticker
) -> None:
    dtype = np.result_type(*(part.stored.dtype for part in dataset.parts)).newbyteorder("<")
    name, used = _folder_name(options), dict[Path, set[str]]()
    montage = None
    if options.montage:
        shape = (options.montage, dataset.frame)
        montage = MontageWriter(stage, name, _channels(dataset), *shape, dtype)
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
        writer = csv.writer(file)
        following = next(wanted, None)
        for number, row in enumerate(_rows(part, dataset, writer)):
            if number == following:
                writer.writerow(row)
                following = next(wanted, None)


def _rows(part: Part, dataset: Dataset, writer: Any) -> Iterator[list[str]]:
    """Write the header of a table; give its rows."""
    table = part.stored.path.with_suffix(".csv")
    if isinstance(part.stored, Stack) and table.is_file():
        with opened(table, tabs=False) as rows:
            header = next(rows, [])
            kept = [n for n, name in enumerate(header) if name not in _DROPPED]
            writer.writerow([header[n] for n in kept])
            for row in rows:
                yield [row[n] for n in kept]
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
        "channels": list(_channels(dataset)),
        "channel_names": names,
        "sets": sets,
        "files": sorted({name for each in sets.values() for name in each["files"]}),
    }
    return provenance("subset", options) | facts

"""The cells that a classification labelled, read again from their files: for pictures of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.dataset_parts import Part
from deepometry.cells.file_cells import open_sources, plans_of
from deepometry.cells.framed_file import FoundCells, FramedFile
from deepometry.cells.identity import table_rows
from deepometry.cells.parse_plan import Plan
from deepometry.core.errors import DeepometryError
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.progress import Progress
from deepometry.core.result_files import CLASSIFY_RECORD, PREDICTED_TABLE
from deepometry.core.run_records import own_record
from deepometry.images.framed_blocks import Framing
from deepometry.images.padding_noise import Noise


def is_classified(folder: Path) -> bool:
    """Return whether a folder holds the labels of new samples."""
    return bool(own_record(folder / CLASSIFY_RECORD, "classify"))


def open_classified(folder: Path, progress: Progress | None = None) -> Dataset:
    """Open the cells of a classification, in the order of its table.

    Parameters
    ----------
    folder : Path
        What Classify wrote.
    progress : Progress, optional
        Receives the search; may cancel.

    Raises
    ------
    DeepometryError
        The files are not there any more, or hold other cells.
    """
    record = own_record(folder / CLASSIFY_RECORD, "classify")
    frame, channels = int(record["frame"]), tuple(record["channels"])
    reading = _options(record).reading(frame)
    if not reading.input.exists():
        raise DeepometryError(
            f"{reading.input}, whose cells these results are about, does not exist any more; put "
            "the files back to see the cells."
        )
    plans = plans_of(open_sources(reading, progress or Progress()), reading)
    framing = Framing(frame, channels, Noise(reading.seed, channels), reading.masked)
    names, parts = _source_names(folder / PREDICTED_TABLE), []
    for each in record["sources"]:
        plan = _plan_of(plans, each)
        own, names = names[: each["cells"]], names[each["cells"] :]
        stored = FramedFile(plan, framing, reading.seed, _found(plan, each, own))
        parts.append(Part(stored, plan.folder, None))
    named = {int(number): str(name) for number, name in record["channel_names"].items()}
    return Dataset(reading.input, parts, (channels, named))


def _options(record: Mapping[str, Any]) -> ClassifyOptions:
    """Return the options of a record, without those of a version that had others."""
    known = {field.name for field in fields(ClassifyOptions)}
    return ClassifyOptions(**{n: v for n, v in record["options"].items() if n in known})


def _source_names(table: Path) -> list[str]:
    """Read the file of every cell; equal names are one text in memory."""
    spelled: dict[str, str] = {}
    with table_rows(table) as rows:
        column = next(rows).index("source")
        return [spelled.setdefault(row[column], row[column]) for row in rows if row]


def _plan_of(plans: list[Plan], source: Mapping[str, Any]) -> Plan:
    """Find a source by its name; raise `DeepometryError` if it holds other cells now."""
    cells = source["cells"] + len(source["left_out"])
    plan = next((plan for plan in plans if plan.name == source["path"]), None)
    if plan is None or len(plan.held) != cells:
        found = "no such file" if plan is None else f"{len(plan.held):,}"
        raise DeepometryError(
            f"{source['path']}: expected the {cells:,} cells that were classified, found {found}; "
            "put the files back, or classify them again."
        )
    return plan


def _found(plan: Plan, source: Mapping[str, Any], names: list[str]) -> FoundCells:
    good = np.ones(len(plan.held), bool)
    good[source["left_out"]] = False
    places = np.flatnonzero(good)
    sizes = np.zeros((len(places), 2), np.int64)
    return FoundCells(places, sizes, np.dtype(source["dtype"]), names.__getitem__)

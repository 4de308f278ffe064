"""Images in, arrays out: every cell framed, stacked and listed, folder for folder.

<output>/[Train|Hold-out/]<same folders as the input>/<stem>.npy   pixels of the cells
                                                      <stem>.csv   one row a cell
                                                      *_ch<n>_<n>.tif   montages
<output>/parse.json     how it was made, and every file written
<output>/problems.csv   cells that could not be used, if any
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.cell_reading import CellReading, channel_names_of
from deepometry.cells.choose_frame import choose_frame
from deepometry.cells.label_import.ideas_beside import take_analyses
from deepometry.cells.montage import MontageWriter, check_sheet
from deepometry.cells.parse_plan import (
    Plan,
    check_earlier,
    check_folders,
    check_masks,
    check_places,
    choose_channels,
    plan_sources,
)
from deepometry.cells.parse_result import (
    ParseResult,
    inexact_split,
    lost_folders,
    separating_dtypes,
)
from deepometry.cells.stack_writer import StackWriter
from deepometry.core.files import files_below, staged
from deepometry.core.folder_names import SIDES, Levels
from deepometry.core.numba_cache import compile_message
from deepometry.core.options.parse import ParseOptions
from deepometry.core.progress import Progress, Report, Ticker, as_progress
from deepometry.core.result_files import PARSE_RECORD, PROBLEMS_TABLE
from deepometry.core.run_records import provenance, write_json
from deepometry.images.framed_blocks import Framing
from deepometry.images.padding_noise import Noise
from deepometry.images.readers.files_taken import differing_names, left_channels, parted_planes
from deepometry.images.readers.find import find_sources
from deepometry.images.strips import read_strips

__all__ = ["ParseResult", "parse"]


def parse(options: ParseOptions, progress: Progress | Report | None = None) -> ParseResult:
    """Turn images of cells into arrays of one size.

    Parameters
    ----------
    options : ParseOptions
        What to read, where to write, and how.
    progress : Progress or callable, optional
        Receives the number of cells done; may cancel.

    Returns
    -------
    ParseResult

    Raises
    ------
    DeepometryError
        The input has no cells, not one can be used, or the output cannot be written.
    Cancelled
        When asked to stop. Then, as after any error, the output is as it was before.
    """
    progress = as_progress(progress)
    check_places(options)
    earlier = check_earlier(options)
    if message := compile_message():
        progress.say(message)
    how = (options.reader, options.pages, options.pattern)
    sources = read_strips(find_sources(options.input, progress, *how), options.tiles)
    channels = choose_channels(sources, options)
    check_masks(sources, options)
    frame, chosen = choose_frame(sources, options, progress)
    check_sheet(options.montage or 0, frame)
    framing = Framing(frame, channels, Noise(options.seed, channels), options.masked)
    plans = plan_sources(sources, options)
    check_folders(plans, options)
    with staged(options.output, earlier, progress.say) as stage:
        run = _Run(options, framing, stage, progress, sum(len(plan.held) for plan in plans))
        with run.reading.problems:
            for plan in plans:
                run.parse_source(plan)
        analyses = take_analyses(stage, sources, options, progress)
        files = files_below(stage)
        parted = parted_planes(sources) if options.split is not None else ""
        left = left_channels(sources, channels) if options.channels is None else ""
        remarks = (parted, chosen, left, sources.left_out, sources.taken, *analyses)
        result = run.finish(files, remarks, differing_names(sources, channels))
        record = _record(options, result, run, channel_names_of(sources, channels))
        write_json(stage / PARSE_RECORD, record | {"files": [*files, PARSE_RECORD]})
    return result


class _Run:
    """One parse at work: what is open, what is counted."""

    def __init__(
        self,
        options: ParseOptions,
        framing: Framing,
        stage: Path,
        progress: Progress,
        cells: int,
    ) -> None:
        self._options, self._framing, self._stage = options, framing, stage
        ticker = Ticker(progress, cells)
        self.reading = CellReading(framing, stage / PROBLEMS_TABLE, ticker, "Parsing")
        self._names: dict[Path, set[str]] = {}
        self._dtypes: dict[Levels, set[str]] = {}
        self.stacks: list[dict[str, Any]] = []
        self.sides = dict.fromkeys(SIDES if options.split is not None else (), 0)

    def parse_source(self, plan: Plan) -> None:
        """Read, frame and write the cells of one source."""
        writers: dict[bool, StackWriter] = {}
        dtype = None
        with ExitStack() as files:
            for block in self.reading.blocks(plan):
                held = plan.held[block.places]
                for side in (side for side in (False, True) if (held == side).any()):
                    if side not in writers:
                        dtype = block.pixels.dtype
                        writers[side] = files.enter_context(self._open(plan, side, dtype))
                    writers[side].add(block.chosen(held == side))
        for side, writer in sorted(writers.items()):
            self._count(plan, side, writer.cells, str(dtype))

    def _folder(self, plan: Plan, held: bool) -> Path:
        return Path(SIDES[held] if self.sides else "", *plan.folder)

    def _open(self, plan: Plan, held: bool, dtype: np.dtype) -> StackWriter:
        options, folder = self._options, self._stage / self._folder(plan, held)
        montage, singles = None, None
        if options.montage:
            side, frame, channels = options.montage, self._framing.frame, self._framing.channels
            montage = MontageWriter(folder, plan.montage, channels, side, frame, dtype)
        if options.one_file_per_cell:
            singles = self._names.setdefault(folder, set())
        shape = (self._framing.frame, self._framing.frame, len(self._framing.channels))
        features = plan.source.features
        return StackWriter(folder, plan.stem, shape, dtype, montage, singles, features)

    def _count(self, plan: Plan, held: bool, cells: int, dtype: str) -> None:
        suffix = ".csv" if self._options.one_file_per_cell else ".npy"
        path = (self._folder(plan, held) / f"{plan.stem}{suffix}").as_posix()
        self.stacks.append({"path": path, "cells": cells, "dtype": dtype})
        self._dtypes.setdefault(plan.folder, set()).add(dtype)
        if self.sides:
            self.sides[SIDES[held]] += cells

    def finish(
        self, files: Sequence[str], remarks: Sequence[str], warnings: Sequence[str]
    ) -> ParseResult:
        """Return what was written; raise `DeepometryError` if not one cell could be used."""
        cells, reading = sum(stack["cells"] for stack in self.stacks), self.reading
        reading.finish(self._options.input, cells, "parsed")
        fit, options = reading.sizes.fit(self._framing.frame), self._options
        split = inexact_split(self.sides, options.split, options.split_by)
        return ParseResult(
            output=self._options.output,
            cells=cells,
            problems=reading.problems.number,
            channels=self._framing.channels,
            sides=self.sides,
            stacks=tuple(stack["path"] for stack in self.stacks),
            montages=tuple(name for name in files if name.endswith(".tif")),
            frame=self._framing.frame,
            notices=dict(reading.notices.most_common()),
            warnings=(
                *lost_folders(reading.lost, self._dtypes),
                *warnings,
                *fit.sentences()[: fit.heavy],
                *separating_dtypes(self._dtypes),
            ),
            remarks=tuple(filter(None, [*remarks, *fit.sentences()[fit.heavy :], *split])),
        )


def _record(
    options: ParseOptions, result: ParseResult, run: _Run, names: dict[int, str]
) -> dict[str, Any]:
    return provenance("parse", options) | {
        "cells": result.cells,
        "problems": result.problems,
        "channels": list(result.channels),
        "channel_names": {str(number): name for number, name in names.items()},
        "frame": result.frame,
        "sizes": asdict(run.reading.sizes.fit(result.frame)),
        "dtypes": sorted({stack["dtype"] for stack in run.stacks}),
        "sides": result.sides,
        "warnings": list(result.warnings),
        "remarks": list(result.remarks),
        "notices": result.notices,
        "stacks": run.stacks,
    }

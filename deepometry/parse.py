"""Images in, arrays out: every cell framed, stacked and listed, folder for folder.

<output>/[Train|Hold-out/]<same folders as the input>/<stem>.npy   pixels of the cells
                                                      <stem>.csv   one row a cell
                                                      *_ch<n>_<n>.tif   montages
<output>/parse.json     how it was made, and every file written
<output>/problems.csv   cells that could not be used, if any
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.compiled import first_word
from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import provenance, staged, write_json
from deepometry.framing import Block, Framing, read_blocks
from deepometry.layout import (
    PROBLEMS,
    Plan,
    check_earlier,
    check_masks,
    check_places,
    choose_channels,
    plan_sources,
)
from deepometry.montage import MontageWriter, check_sheet
from deepometry.names import PARSE_RECORD, SIDES
from deepometry.noise import Noise
from deepometry.options import ParseOptions
from deepometry.progress import Progress, Report, Ticker, as_progress
from deepometry.readers import Source, find_sources
from deepometry.stacks import ProblemTable, StackWriter
from deepometry.words import counted, joined


@dataclass(frozen=True, kw_only=True)
class ParseResult:
    """What a parse wrote.

    Attributes
    ----------
    output : Path
        The output folder; all other paths are relative to it, with forward slashes.
    cells, problems : int
        Cells written, and cells that could not be used, listed in problems.csv.
    channels : tuple of int
        Channel numbers, in the order of the last axis of the arrays.
    sides : dict of str to int
        Cells in `Train` and in `Hold-out`; empty without a split.
    stacks : tuple of str
        The .npy stacks; with one file a cell, the tables.
    montages : tuple of str
        The .tif sheets.
    """

    output: Path
    cells: int
    problems: int
    channels: tuple[int, ...]
    sides: dict[str, int]
    stacks: tuple[str, ...]
    montages: tuple[str, ...]

    def __str__(self) -> str:
        share = {side: cells / self.cells for side, cells in self.sides.items()}
        sides = ", ".join(f"{side} {n:,} = {share[side]:.0%}" for side, n in self.sides.items())
        text = f"Parsed {counted(self.cells, 'cell')}{f' ({sides})' * bool(sides)} of channels "
        text += f"{joined(self.channels)} into {counted(len(self.stacks), 'file')}"
        text += f", with {counted(len(self.montages), 'montage')}.\n"
        if self.problems:
            listed = self.output / PROBLEMS
            text += f"{counted(self.problems, 'cell')} could not be used: {listed} says why.\n"
        return text + f"Results: {self.output}"


def parse(options: ParseOptions, progress: Progress | Report | None = None) -> ParseResult:
    """Turn images of cells into arrays of one size.

    Parameters
    ----------
    options : ParseOptions
        What to read, where to write, and how.
    progress : Progress or callable, optional
        Told the number of cells done; may cancel.

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
    check_sheet(options.montage, options.frame)
    if word := first_word():
        progress.say(word)
    found = find_sources(options.input, progress, options.reader)
    sources = [source for source in found if len(source.objects)]
    channels = choose_channels(sources, options)
    check_masks(sources, options)
    plans = plan_sources(sources, options)
    with staged(options.output, earlier) as stage:
        run = _Run(options, channels, stage, progress, sum(len(plan.held) for plan in plans))
        with run.problems:
            for plan in plans:
                run.parse_source(plan)
        files = _files(stage)
        result = run.finish(files)
        record = _record(options, result, run.stacks, _channel_names(sources, channels))
        write_json(stage / PARSE_RECORD, record | {"files": [*files, PARSE_RECORD]})
    return result


class _Run:
    """One parse at work: what is open, what is counted."""

    def __init__(
        self,
        options: ParseOptions,
        channels: tuple[int, ...],
        stage: Path,
        progress: Progress,
        cells: int,
    ) -> None:
        self._options, self._channels, self._stage = options, channels, stage
        noise = Noise(options.seed, channels)
        self._framing = Framing(options.frame, channels, noise, options.masked)
        self._ticker = Ticker(progress, cells)
        self._names: dict[Path, set[str]] = {}
        self.stacks: list[dict[str, Any]] = []
        self.sides = dict.fromkeys(SIDES if options.split is not None else (), 0)
        self.problems = ProblemTable(stage / PROBLEMS)

    def parse_source(self, plan: Plan) -> None:
        """Read, frame and write the cells of one source."""
        writers: dict[bool, StackWriter] = {}
        dtype = None
        with ExitStack() as files:
            for block in self._blocks(plan):
                held = plan.held[block.places]
                for side in (side for side in (False, True) if (held == side).any()):
                    if side not in writers:
                        dtype = block.pixels.dtype
                        writers[side] = files.enter_context(self._open(plan, side, dtype))
                    writers[side].add(block.chosen(held == side))
        for side, writer in sorted(writers.items()):
            self._count(plan, side, writer.cells, str(dtype))

    def _blocks(self, plan: Plan) -> Iterator[Block]:
        """Give the good cells; list the others."""
        self._ticker.tick(f"Parsing {plan.name}", 0)
        for block in _read(plan, self._framing):
            for problem in block.problems:
                self.problems.add(problem)
            yield block
            self._ticker.tick(f"Parsing {plan.name}", len(block.cells) + len(block.problems))

    def _folder(self, plan: Plan, held: bool) -> Path:
        return Path(SIDES[held] if self.sides else "", *plan.folder)

    def _open(self, plan: Plan, held: bool, dtype: np.dtype) -> StackWriter:
        options, folder = self._options, self._stage / self._folder(plan, held)
        montage, singles = None, None
        if options.montage:
            side, frame = options.montage, options.frame
            montage = MontageWriter(folder, plan.montage, self._channels, side, frame, dtype)
        if options.one_file_per_cell:
            singles = self._names.setdefault(folder, set())
        shape = (options.frame, options.frame, len(self._channels))
        return StackWriter(folder, plan.stem, shape, dtype, montage, singles)

    def _count(self, plan: Plan, held: bool, cells: int, dtype: str) -> None:
        suffix = ".csv" if self._options.one_file_per_cell else ".npy"
        path = (self._folder(plan, held) / f"{plan.stem}{suffix}").as_posix()
        self.stacks.append({"path": path, "cells": cells, "dtype": dtype})
        if self.sides:
            self.sides[SIDES[held]] += cells

    def finish(self, files: Sequence[str]) -> ParseResult:
        """Say what was written, as files below the output.

        Raises
        ------
        DeepometryError
            Not one cell could be used.
        """
        cells, problems = sum(stack["cells"] for stack in self.stacks), self.problems
        if not cells:
            raise DeepometryError(
                f"Input location {self._options.input}: none of {problems.number:,} cells can be "
                f"used; the first, {problems.first}"
            )
        self._ticker.last(f"{cells:,} cells parsed, {problems.number:,} with problems")
        return ParseResult(
            output=self._options.output,
            cells=cells,
            problems=problems.number,
            channels=self._channels,
            sides=self.sides,
            stacks=tuple(stack["path"] for stack in self.stacks),
            montages=tuple(name for name in files if name.endswith(".tif")),
        )


def _read(plan: Plan, framing: Framing) -> Iterator[Block]:
    """Read a source; what the system reports names it, not the output."""
    blocks = read_blocks(plan.source, framing)
    while True:
        try:
            block = next(blocks, None)
        except OSError as error:
            raise explain_os_error(error, error.filename or plan.name) from error
        if block is None:
            return
        yield block


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _channel_names(sources: Sequence[Source], channels: Sequence[int]) -> dict[str, str]:
    """Name the channels that have a name; where sources differ, as the first one does."""
    named: dict[int, str] = {}
    for source in sources:
        named = source.channel_names | named
    return {str(number): named[number] for number in channels if number in named}


def _record(
    options: ParseOptions,
    result: ParseResult,
    stacks: list[dict[str, Any]],
    names: dict[str, str],
) -> dict[str, Any]:
    return provenance("parse", options) | {
        "cells": result.cells,
        "problems": result.problems,
        "channels": list(result.channels),
        "channel_names": names,
        "frame": options.frame,
        "dtypes": sorted({stack["dtype"] for stack in stacks}),
        "sides": result.sides,
        "stacks": stacks,
    }

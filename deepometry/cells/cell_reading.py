"""Reading the cells of all sources block by block: what cannot be used is listed and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from deepometry.cells.frame_fit import SizeCount
from deepometry.cells.parse_plan import Plan
from deepometry.cells.stack_writer import ProblemTable
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.folder_names import Levels
from deepometry.core.progress import Ticker
from deepometry.images.framed_blocks import Block, Framing, read_blocks
from deepometry.images.readers.base import Source


class CellReading:
    """The cells of all sources on their way through the program.

    Parameters
    ----------
    framing : Framing
        How cells become squares.
    problems : Path
        The table of cells that cannot be used, made when there is the first.
    ticker : Ticker
        Counts the cells.
    doing : str
        Begins the texts of the progress, such as `Parsing`.

    Attributes
    ----------
    sizes : SizeCount
        Of the good cells before they were framed.
    notices : Counter of str
        What the reader changed, and in how many cells.
    lost : dict of folder names to str
        Why the first cell of a folder that could not be used is one.
    problems : ProblemTable
        A context manager, open while cells are read.
    """

    def __init__(self, framing: Framing, problems: Path, ticker: Ticker, doing: str) -> None:
        self._framing, self._ticker, self._doing = framing, ticker, doing
        self.sizes, self.notices = SizeCount(), Counter[str]()
        self.lost: dict[Levels, str] = {}
        self.problems = ProblemTable(problems)

    def blocks(self, plan: Plan) -> Iterator[Block]:
        """Yield the good cells of a source; list the others."""
        text = f"{self._doing} {plan.name}"
        self._ticker.tick(text, 0)
        for block in blocks_of(plan.source, self._framing, plan.name):
            for problem in block.problems:
                self.problems.add(problem)
                self.lost.setdefault(plan.folder, problem.reason)
            self.notices.update(block.notes.values())
            self.sizes.add(block.sizes)
            yield block
            self._ticker.tick(text, len(block.cells) + len(block.problems))

    def finish(self, input: Path, cells: int, done: str) -> None:
        """Report the end; raise `DeepometryError` if not one cell could be used."""
        problems = self.problems
        if not cells:
            raise DeepometryError(
                f"Input location {input}: none of {problems.number:,} cells can be used; the "
                f"first, {problems.first}"
            )
        self._ticker.last(f"{cells:,} cells {done}, {problems.number:,} with problems")


def blocks_of(source: Source, framing: Framing, name: str) -> Iterator[Block]:
    """Read a source; what the system reports names it, not the output."""
    blocks = read_blocks(source, framing)
    while True:
        try:
            block = next(blocks, None)
        except OSError as error:
            raise explain_os_error(error, error.filename or name) from error
        if block is None:
            return
        yield block


def channel_names_of(sources: Sequence[Source], channels: Sequence[int]) -> dict[int, str]:
    """Name the channels that have a name; where sources differ, as the first one does."""
    named: dict[int, str] = {}
    for source in sources:
        named = source.channel_names | named
    return {number: named[number] for number in channels if number in named}

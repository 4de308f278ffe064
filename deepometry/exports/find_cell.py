"""Finding a cell again: "4711 of sample7.cif", in image files, parsed cells or results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.cell_query import CellQuery
from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.stack_reader import Stored
from deepometry.cells.stack_writer import MONTAGE_COLUMNS
from deepometry.core.earlier_results import ask_to_replace_picture
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.export import ShowOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.safe_names import safe_name
from deepometry.core.spreadsheet import safe_records
from deepometry.core.steps import WITH_TABLES
from deepometry.core.text import shortened
from deepometry.exports.open_results import open_images, open_table
from deepometry.images.gallery import cells_image, png_bytes, write_gallery
from deepometry.images.gallery_sheet import GalleryCell
from deepometry.images.readers.base import Problem, Source
from deepometry.images.readers.cif import CifSource
from deepometry.images.readers.find import find_sources
from deepometry.images.readers.tiff_folder import TiffSource

if TYPE_CHECKING:
    from PIL.Image import Image

_SHOWN = {*MONTAGE_COLUMNS, "source", "object"}


@dataclass(frozen=True)
class FoundCell:
    """A cell, with its image.

    Attributes
    ----------
    source, object : str
    image : GalleryCell
        Its pixels in every channel.
    facts : dict of str to str
        What the tables have about it.
    channel_names : dict of int to str
    brightfield : tuple of int
        Channels known to be brightfield.
    """

    source: str
    object: str
    image: GalleryCell
    facts: Mapping[str, str]
    channel_names: dict[int, str] = field(default_factory=dict)
    brightfield: tuple[int, ...] = ()

    def picture(self) -> Image:
        """Draw it in every channel."""
        return cells_image([self.image], [self], f"Object {self.object} of {self.source}")


@dataclass(frozen=True)
class ShowResult(ShowsInNotebook):
    """A cell that was shown.

    Attributes
    ----------
    cell : FoundCell
    output : Path
        The picture.
    """

    cell: FoundCell
    output: Path

    def __str__(self) -> str:
        facts = self.cell.facts
        wide = max(map(len, facts), default=0)
        lines = "".join(f"  {name:{wide}}  {value}\n" for name, value in facts.items())
        head = f"Object {self.cell.object} of {self.cell.source}\n"
        return f"{head}{lines}Picture: {self.output}"

    def notebook_view(self) -> NotebookView:
        """Show the cell in every channel, with what the tables have about it."""
        title = f"Object {self.cell.object} of {self.cell.source}"
        return NotebookView(title, self.cell.facts, picture=lambda: png_bytes(self.cell.picture()))


def show(options: ShowOptions, progress: Progress | Report | None = None) -> ShowResult:
    """Find a cell, and draw it in every channel.

    Parameters
    ----------
    options : ShowOptions
        Where to look, and for what.
    progress : Progress or callable, optional
        Receives the progress of the search; may cancel.

    Raises
    ------
    Question
        There is a file of the picture's name, and nobody has said that it may be replaced.
    DeepometryError
        There is no such cell, or more than one, or the picture cannot be written.
    """
    if options.output is not None and options.output.suffix.lower() != ".png":
        message = f"Picture: expected a file name that ends in .png, found {options.output.name!r}."
        raise OptionsError({"output": message})
    cell = find_cell(options.source, options.object, progress, options.pages, options.pattern)
    stem = f"{cell.source.rpartition('/')[2]}_{cell.object}"
    output = options.output or Path(f"{safe_name(stem)}.png")
    ask_to_replace_picture(output, options.overwrite)
    write_gallery(cell.picture(), output)
    return ShowResult(cell, output)


def find_cell(
    place: Path,
    asked: str,
    progress: Progress | Report | None = None,
    pages: str | None = None,
    pattern: str | None = None,
) -> FoundCell:
    """Find a cell in image files, parsed cells or results, such as `4711 of sample7.cif`.

    Raises
    ------
    DeepometryError
        The place cannot be read, there is no such cell, or more than one.
    """
    place, query, progress = Path(place), CellQuery.read(asked), as_progress(progress)
    if place.is_dir() and any((place / step.record).is_file() for step in WITH_TABLES):
        return _in_results(place, query, progress)
    if place.is_dir() and next(place.rglob("*.npy"), None):
        return _in_parsed(open_dataset(place, progress), query, progress)
    sources = find_sources(place, progress, pages=pages, pattern=pattern)
    return _in_images(sources, place, query)


def _only(matches: Sequence[Any], names: Sequence[str], query: CellQuery, place: Path) -> Any:
    """Return the one match; where a file of that very path is among them, the one in this."""
    if not matches:
        raise DeepometryError(f"{place}: expected a cell {str(query)!r}, found none of that name.")
    exact = [n for n, name in enumerate(names) if query.is_in(name)]
    if exact:
        matches, names = [matches[n] for n in exact], [names[n] for n in exact]
    if len(set(names)) > 1:
        listed = shortened([f"'{query.object} of {name}'" for name in names], 4)
        raise DeepometryError(
            f"{place}: expected one cell {str(query)!r}, found {len(names)}; say which: {listed}."
        )
    return matches[0]


# --- results -----------------------------------------------------------------------------------


def _in_results(place: Path, query: CellQuery, progress: Progress) -> FoundCell:
    """Find a cell in the tables of a step, and its image in the parsed cells it is about."""
    table, rows = open_table(place, progress=progress), []
    with table.pieces(progress, "Looking for the cell", features=False) as pieces:
        for piece in pieces:
            objects = piece.cells["object"]
            near = piece.cells[objects.map(lambda name: " ".join(name.split())).isin(query.names)]
            rows += [r for r in near.to_dict("records") if query.matches(r["source"], r["object"])]
    row = _only(rows, [row["source"] for row in rows], query, place)
    facts = {name: _as_text(value) for name, value in row.items() if name not in _SHOWN}
    images = open_images(table, progress)
    cell = _in_parsed(images, CellQuery(row["object"], row["source"]), progress)
    return replace(cell, facts={**cell.facts, **facts})


def _as_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- parsed cells ------------------------------------------------------------------------------


def _in_parsed(dataset: Dataset, query: CellQuery, progress: Progress) -> FoundCell:
    """Find a cell by the tables beside the stacks."""
    matches = list(_matches(dataset, query, progress))
    names = [source for _, _, source, _ in matches]
    part, row, source, name = _only(matches, names, query, dataset.root)
    pixels = np.array(part.stored.read(np.array([row]), None)[0])
    folder = "/".join(part.levels)
    facts = {"folder": folder, "split": part.side or ""} | row_of(part.stored, row)
    cell = GalleryCell(
        f"{source.rpartition('/')[2]} #{name}", folder, dataset.channel_numbers, pixels
    )
    return FoundCell(source, name, cell, _without_blanks(facts), dataset.channel_names)


def _without_blanks(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}


def _matches(
    dataset: Dataset, query: CellQuery, progress: Progress
) -> Iterator[tuple[Any, int, str, str]]:
    for done, part in enumerate(dataset.parts):
        progress.report(done, len(dataset.parts), "Looking for the cell", "stacks")
        first = 0
        for rows in part.stored.identities(8192, dataset.root):
            progress.check()
            for row, (source, name) in enumerate(rows, first):
                if name.endswith(query.object[-1:]) and query.matches(source, name):
                    yield part, row, source, name
            first += len(rows)


def row_of(stored: Stored, row: int) -> dict[str, str]:
    """Read a cell's row of the table beside its stack: its size, and what was wrong with it."""
    table = stored.path.with_suffix(".csv")
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8-sig", newline="") as file:
        values = next(islice(safe_records(file), row, None), {})
    return {name: _short(value) for name, value in values.items() if name not in _SHOWN}


def _short(text: str) -> str:
    """Write a centre with two decimals."""
    return f"{float(text):.2f}" if re.fullmatch(r"-?\d+\.\d{3,}", text) else text


# --- image files -------------------------------------------------------------------------------


def _in_images(sources: Sequence[Source], place: Path, query: CellQuery) -> FoundCell:
    """Find a cell in the files of the instrument."""
    matches = [(each, row) for each in sources for row in rows_of(each, query)]
    names = [_name_of(source) for source, _ in matches]
    source, row = _only(matches, names, query, place)
    cell = read_cell(source, row)
    height, width = cell.pixels.shape[:2]
    folder = "/".join(source.folder)
    facts = {"folder": folder, "height": str(height), "width": str(width)}
    facts |= {"centre": f"{cell.centre[0]:.2f}, {cell.centre[1]:.2f}"} if cell.centre else {}
    name = f"{cell.source.rpartition('/')[2]} #{cell.object}"
    shown = GalleryCell(name, folder, tuple(source.channels), cell.pixels)
    names, bright = source.channel_names, source.brightfield
    return FoundCell(cell.source, cell.object, shown, _without_blanks(facts), names, bright)


def _name_of(source: Source) -> str:
    return str(getattr(source, "name", "") or "/".join((*source.folder, source.stem)))


def rows_of(source: Source, query: CellQuery) -> list[int]:
    """Find the rows of an object in a source; a file that is not meant is not read."""
    if not isinstance(source, CifSource):
        near = query.may_be_in(_name_of(source)) or query.may_be_in(source.stem)
        file = query.file.replace("\\", "/").rpartition("/")[2]
        # a .tif file is named as its cells, but for the channel
        is_own = isinstance(source, TiffSource) and file in source.files()
        if is_own or file.startswith(query.object.partition("#")[0]):
            near = near or query.may_be_in("/".join((*source.folder, file)))
        wanted = query.names if near else query.names[1:]
        return [n for n, name in enumerate(source.objects) if name and name in wanted]
    if not query.may_be_in(source.name):
        return []
    number = query.object.removeprefix("@")
    if not number.isdecimal():
        return []
    value = int(number) if number == query.object else -1 - int(number)
    return np.flatnonzero(source.numbers == value).tolist()


def read_cell(source: Source, row: int, masked: bool = False) -> Any:
    """Read one cell; raise `DeepometryError` if it is damaged."""
    if isinstance(source, CifSource):
        with source.open() as reader:
            cell: Any = source.as_cell(source.objects[row], reader[row], masked)
    else:
        cell = next(islice(source.read(source.channels, masked), row, None))
    if isinstance(cell, Problem):
        raise DeepometryError(f"{cell.object} of {cell.source}: {cell.reason}")
    return cell

"""Finding a cell again: "4711 of sample7.cif", in image files, parsed cells or results."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.errors import DeepometryError, OptionsError
from deepometry.export.opening import STEPS, images_folder, open_table
from deepometry.gallery import cells_image, write_gallery
from deepometry.gallery_cells import GalleryCell
from deepometry.options import ShowOptions
from deepometry.progress import Progress, Report, as_progress
from deepometry.stacks import safe_name
from deepometry.words import shortened

if TYPE_CHECKING:
    from PIL.Image import Image

    from deepometry.dataset import Dataset
    from deepometry.readers import Source
    from deepometry.stored import Stored

_OF = re.compile(r"(?:(?:cell|object)\s+)?(?P<object>.+?)\s+of\s+(?P<file>.+)", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<file>.+?)\s*#\s*(?P<object>@?\d+)")
_TOLD = {"montage_sheet", "montage_row", "montage_column", "source", "object"}


@dataclass(frozen=True)
class Wanted:
    """What to look for: an object, and the file it is in, if told."""

    object: str
    file: str = ""

    @classmethod
    def read(cls, text: str) -> Wanted:
        """Read `4711`, `4711 of sample7.cif` or `sample7.cif #4711`."""
        text = " ".join(text.split())
        if found := _NUMBERED.fullmatch(text) or _OF.fullmatch(text):
            return cls(found["object"], found["file"])
        file, mark, name = text.rpartition("#")
        return cls(name.strip(), file.strip()) if mark and name.strip() else cls(text)

    def of_file(self, source: str) -> bool:
        """Tell whether a source may be meant: its path, its end, or its name without extension."""
        source, file = map(_plain, (source, self.file))
        names = (f"/{source}", f"/{source.rpartition('.')[0]}")
        return not file or any(name.endswith(f"/{file}") for name in names)

    def is_of(self, source: str) -> bool:
        """Tell whether a source is the file that was told, with its whole path."""
        return _plain(source) == _plain(self.file)

    def means(self, source: str, name: str) -> bool:
        """Tell whether a cell is meant."""
        return " ".join(name.split()) == self.object and self.of_file(source)

    def __str__(self) -> str:
        return f"{self.object} of {self.file}" if self.file else self.object


def _plain(path: str) -> str:
    """Spell a path alike, whatever spaces, case and slashes it was asked for with."""
    return " ".join(path.replace("\\", "/").split()).casefold()


@dataclass(frozen=True)
class Found:
    """A cell that was found.

    Attributes
    ----------
    source, object : str
    cell : GalleryCell
        Its pixels.
    facts : dict of str to str
        What is known of it.
    channel_names : dict of int to str
    brightfield : tuple of int
        Channels known to be brightfield.
    """

    source: str
    object: str
    cell: GalleryCell
    facts: Mapping[str, str]
    channel_names: dict[int, str] = field(default_factory=dict)
    brightfield: tuple[int, ...] = ()

    def picture(self) -> Image:
        """Draw it in every channel."""
        return cells_image([self.cell], [self], f"Object {self.object} of {self.source}")


@dataclass(frozen=True)
class ShowResult:
    """A cell that was shown.

    Attributes
    ----------
    found : Found
    output : Path
        The picture.
    """

    found: Found
    output: Path

    def __str__(self) -> str:
        facts = self.found.facts
        wide = max(map(len, facts), default=0)
        told = "".join(f"  {name:{wide}}  {value}\n" for name, value in facts.items())
        head = f"Object {self.found.object} of {self.found.source}\n"
        return f"{head}{told}Picture: {self.output}"


def show(options: ShowOptions, progress: Progress | Report | None = None) -> ShowResult:
    """Find a cell, and draw it in every channel.

    Parameters
    ----------
    options : ShowOptions
        Where to look, and for what.
    progress : Progress or callable, optional
        Told about the search; may cancel.

    Raises
    ------
    DeepometryError
        There is no such cell, or more than one, or the picture cannot be written.
    """
    if options.output is not None and options.output.suffix.lower() != ".png":
        message = f"Picture: expected a file name that ends in .png, found {options.output.name!r}."
        raise OptionsError({"output": message})
    found = find_cell(options.source, options.object, progress)
    stem = f"{found.source.rpartition('/')[2]}_{found.object}"
    output = options.output or Path(f"{safe_name(stem)}.png")
    write_gallery(found.picture(), output)
    return ShowResult(found, output)


def find_cell(place: Path, asked: str, progress: Progress | Report | None = None) -> Found:
    """Find a cell.

    Parameters
    ----------
    place : Path
        An image file, a folder of them, a folder of parsed cells, or one of results.
    asked : str
        Object number, `4711 of sample7.cif`, or `sample7.cif #4711`.
    progress : Progress or callable, optional
        Told about the search; may cancel.

    Raises
    ------
    DeepometryError
        The place cannot be read, there is no such cell, or more than one.
    """
    place, wanted, progress = Path(place), Wanted.read(asked), as_progress(progress)
    if place.is_dir() and any((place / f"{step}.json").is_file() for step in STEPS):
        return _in_results(place, wanted, progress)
    if place.is_dir() and next(place.rglob("*.npy"), None):
        from deepometry.dataset import open_dataset

        return _in_parsed(open_dataset(place, progress), wanted, progress)
    return _in_images(place, wanted, progress)


def _only(matches: Sequence[Any], names: Sequence[str], wanted: Wanted, place: Path) -> Any:
    """Give the one match; where a file of that very path is among them, the one in this.

    Raises
    ------
    DeepometryError
        There is none, or there are several in different files.
    """
    if not matches:
        raise DeepometryError(f"{place}: expected a cell {str(wanted)!r}, found none of that name.")
    exact = [n for n, name in enumerate(names) if wanted.is_of(name)]
    if exact:
        matches, names = [matches[n] for n in exact], [names[n] for n in exact]
    if len(set(names)) > 1:
        listed = shortened([f"'{wanted.object} of {name}'" for name in names], 4)
        raise DeepometryError(
            f"{place}: expected one cell {str(wanted)!r}, found {len(names)}; say which: {listed}."
        )
    return matches[0]


# --- results -----------------------------------------------------------------------------------


def _in_results(place: Path, wanted: Wanted, progress: Progress) -> Found:
    """Find a cell in the tables of a step, and its image in the parsed cells it is about."""
    from deepometry.dataset import open_dataset

    table, rows = open_table(place, progress=progress), []
    with table.pieces(progress, "Looking for the cell", features=False) as pieces:
        for piece in pieces:
            objects = piece.cells["object"]
            near = piece.cells[objects.map(lambda name: " ".join(name.split())) == wanted.object]
            rows += [row for row in near.to_dict("records") if wanted.of_file(row["source"])]
    row = _only(rows, [row["source"] for row in rows], wanted, place)
    said = {name: _in_words(value) for name, value in row.items() if name not in _TOLD}
    images = open_dataset(images_folder(table), progress)
    found = _in_parsed(images, Wanted(row["object"], row["source"]), progress)
    return replace(found, facts={**found.facts, **said})


def _in_words(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- parsed cells ------------------------------------------------------------------------------


def _in_parsed(dataset: Dataset, wanted: Wanted, progress: Progress) -> Found:
    """Find a cell by the tables beside the stacks."""
    matches = list(_matches(dataset, wanted, progress))
    names = [source for _, _, source, _ in matches]
    part, row, source, name = _only(matches, names, wanted, dataset.root)
    numbers = dataset.channels or tuple(range(1, dataset.depth + 1))
    pixels = np.array(part.stored.read(np.array([row]), None)[0])
    folder = "/".join(part.levels)
    facts = {"folder": folder, "split": part.side or ""} | _row_of(part.stored, row)
    cell = GalleryCell(f"{source.rpartition('/')[2]} #{name}", folder, numbers, pixels)
    kept = {name: value for name, value in facts.items() if value}
    return Found(source, name, cell, kept, dataset.channel_names)


def _matches(
    dataset: Dataset, wanted: Wanted, progress: Progress
) -> Iterator[tuple[Any, int, str, str]]:
    for done, part in enumerate(dataset.parts):
        progress.report(done, len(dataset.parts), "Looking for the cell")
        first = 0
        for rows in part.stored.identities(8192, dataset.root):
            progress.check()
            for row, (source, name) in enumerate(rows, first):
                if name.endswith(wanted.object[-1:]) and wanted.means(source, name):
                    yield part, row, source, name
            first += len(rows)


def _row_of(stored: Stored, row: int) -> dict[str, str]:
    """Give what the table beside a stack says of a cell: its size and what was wrong with it."""
    table = stored.path.with_suffix(".csv")
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8-sig", newline="") as file:
        told = next(islice(csv.DictReader(file), row, None), {})
    return {name: _short(value) for name, value in told.items() if name not in _TOLD}


def _short(text: str) -> str:
    """Write a centre as exactly as it is of use."""
    return f"{float(text):.2f}" if re.fullmatch(r"-?\d+\.\d{3,}", text) else text


# --- image files -------------------------------------------------------------------------------


def _in_images(place: Path, wanted: Wanted, progress: Progress) -> Found:
    """Find a cell in the files of the instrument."""
    from deepometry.readers import find_sources

    sources = find_sources(place, progress)
    matches = [(each, row) for each in sources for row in _places(each, wanted)]
    names = [_name_of(source) for source, _ in matches]
    source, row = _only(matches, names, wanted, place)
    cell = _read(source, row)
    height, width = cell.pixels.shape[:2]
    folder = "/".join(source.folder)
    facts = {"folder": folder, "height": str(height), "width": str(width)}
    facts |= {"centre": f"{cell.centre[0]:.2f}, {cell.centre[1]:.2f}"} if cell.centre else {}
    name = f"{cell.source.rpartition('/')[2]} #{cell.object}"
    shown = GalleryCell(name, folder, tuple(source.channels), cell.pixels)
    kept = {name: value for name, value in facts.items() if value}
    return Found(cell.source, cell.object, shown, kept, source.channel_names, source.brightfield)


def _name_of(source: Source) -> str:
    return str(getattr(source, "name", "") or "/".join((*source.folder, source.stem)))


def _places(source: Source, wanted: Wanted) -> list[int]:
    """Find where a source has an object; of a file that is not meant nothing is read."""
    from deepometry.readers.cif import CifSource

    if not isinstance(source, CifSource):
        found = [n for n, name in enumerate(source.objects) if name and name == wanted.object]
        near = wanted.of_file(_name_of(source)) or wanted.of_file(source.stem)
        return found if near or wanted.file.startswith(wanted.object) else []
    if not wanted.of_file(source.name):
        return []
    number = wanted.object.removeprefix("@")
    if not number.isdecimal():
        return []
    value = int(number) if number == wanted.object else -1 - int(number)
    return np.flatnonzero(source.numbers == value).tolist()


def _read(source: Source, row: int) -> Any:
    """Read one cell.

    Raises
    ------
    DeepometryError
        It is damaged.
    """
    from deepometry.readers import Problem
    from deepometry.readers.cif import CifSource

    if isinstance(source, CifSource):
        with source.open() as reader:
            cell: Any = source.as_cell(source.objects[row], reader[row], False)
    else:
        cell = next(islice(source.read(source.channels), row, None))
    if isinstance(cell, Problem):
        raise DeepometryError(f"{cell.object} of {cell.source}: {cell.reason}")
    return cell

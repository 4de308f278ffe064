"""What a parse wrote: the tree of folders, montage sheets as pictures, and problems."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.names import HOLD_OUT, natural_key
from deepometry.web.results_cells import Channel, Range, contrast, png
from deepometry.web.results_output import Output, Unknown

if TYPE_CHECKING:
    import numpy as np

PROBLEMS = "problems.csv"
PROBLEMS_SHOWN = 100
_MOST_FOLDERS = 400  # shown in the tree
_MOST_SERIES = 3000  # offered in the chooser of sheets
_MOST_REASONS = 12
_LARGEST_PICTURE = 4096  # pixels a side; larger sheets are thinned out
_SHEET = re.compile(r"(?P<series>.*)_ch(?P<channel>\d+)_(?P<sheet>\d+)\.tif", re.DOTALL)


@dataclass
class Folder:
    """A folder of the tree.

    Attributes
    ----------
    name, path : str
        Its own name, and where it is below the output.
    cells, stacks : int
        In it and below.
    folders : dict of str to Folder
        Those shown.
    hidden : int
        Number of folders in it that are not shown.
    """

    name: str
    path: str
    cells: int = 0
    stacks: int = 0
    folders: dict[str, Folder] = field(default_factory=dict)
    hidden: int = 0


def folder_tree(output: Output) -> Folder:
    """Build the tree of folders with their cells; of very many, the outermost are shown."""
    top = Folder(output.root.name, "")
    for stack in output.record.get("stacks", ()):
        here, cells = top, int(stack["cells"])
        _add(here, cells)
        for name in PurePosixPath(stack["path"]).parent.parts:
            path = f"{here.path}/{name}".lstrip("/")
            here = here.folders.setdefault(name, Folder(name, path))
            _add(here, cells)
    _prune(top, _MOST_FOLDERS)
    return top


def _add(folder: Folder, cells: int) -> None:
    folder.cells += cells
    folder.stacks += 1


def _in_order(path: str) -> tuple[bool, Any]:
    """Put `Hold-out` behind `Train`, and all else in natural order."""
    return PurePosixPath(path).parts[0] == HOLD_OUT, natural_key(path)


def _prune(top: Folder, room: int) -> None:
    """Keep the outermost folders, level by level, until the room is used."""
    waiting = deque([top])
    while waiting:
        folder = waiting.popleft()
        names = sorted(folder.folders, key=_in_order)
        kept = names[: max(room, 0)]
        folder.hidden = len(names) - len(kept)
        folder.folders = {name: folder.folders[name] for name in kept}
        room -= len(kept)
        waiting.extend(folder.folders.values())


# --- montage sheets --------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheets:
    """Which montage sheets there are.

    Attributes
    ----------
    series : dict of str to int
        For each `<folder>/<name>` its number of sheets.
    hidden : int
        Number of series that are not offered.
    channels : list of Channel
    """

    series: dict[str, int]
    hidden: int
    channels: list[Channel]

    @property
    def folders(self) -> set[str]:
        """Folders that have sheets."""
        return {_shown(PurePosixPath(key).parent) for key in self.series}

    def plain(self) -> dict[str, Any]:
        """Give all of it as plain JSON."""
        several = Counter(str(PurePosixPath(key).parent) for key in self.series)
        named = [(key, n, PurePosixPath(key)) for key, n in self.series.items()]
        return {
            "series": [
                {"key": key, "sheets": n, "folder": _shown(p.parent), "label": _label(p, several)}
                for key, n, p in named
            ],
            "hidden": self.hidden,
            "channels": [{"number": c.number, "name": str(c)} for c in self.channels],
        }


def _shown(folder: PurePosixPath) -> str:
    return "" if str(folder) == "." else str(folder)


def _label(path: PurePosixPath, several: Counter[str]) -> str:
    alone = several[str(path.parent)] == 1 and _shown(path.parent)
    return _shown(path.parent) if alone else str(path)


def sheets_of(output: Output) -> Sheets:
    """List the montage sheets of a parse, by folder and channel."""
    series: dict[str, int] = {}
    numbers = set()
    for name in output.files:
        if found := _SHEET.fullmatch(name):
            key, sheet = found["series"], int(found["sheet"])
            series[key] = max(series.get(key, 0), sheet)
            numbers.add(int(found["channel"]))
    listed = sorted(series, key=_in_order)
    kept = {key: series[key] for key in listed[:_MOST_SERIES]}
    channels = [channel for channel in recorded_channels(output) if channel.number in numbers]
    return Sheets(kept, len(listed) - len(kept), channels)


def recorded_channels(output: Output) -> list[Channel]:
    """Give the channels of a parse, in their order in the arrays."""
    names = output.record.get("channel_names") or {}
    numbers = output.record.get("channels") or []
    return [Channel(c, int(n), str(names.get(str(n), ""))) for c, n in enumerate(numbers)]


def parsed_contrast(output: Output) -> list[Range]:
    """Find, for every channel, the counts shown black and white, over all cells of a parse."""
    return contrast(list(_parts(output)))


def _parts(output: Output) -> Iterator[Any]:
    from deepometry.stored import stored_in

    arrays = [name for name in output.files if name.endswith(".npy")]
    folders: dict[Path, list[str]] = {}
    for name in arrays[:: max(1, len(arrays) // 400)]:
        path = output.path(name)
        folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        yield from (stored for stored in stored_in(folder, names) if len(stored))


def sheet_picture(output: Output, name: str, between: Range | None) -> bytes:
    """Draw a montage sheet as .png.

    Parameters
    ----------
    output : Output
    name : str
        Of the .tif file, as the output lists it.
    between : (low, high) or None
        Counts shown black and white; None to find them on the sheet itself.

    Raises
    ------
    Unknown, Gone, DeepometryError
        The sheet is none of this job, is not there any more, or is damaged.
    """
    from deepometry.gallery_scale import grey, stretch

    if not _SHEET.fullmatch(name):
        raise Unknown(f"{name} is no montage sheet.")
    pixels = _filled(_sheet_pixels(output.path(name)))
    low, high = between or stretch([pixels[pixels > 0]] if pixels.any() else [pixels])
    return png(grey(pixels, low, high))


def _filled(pixels: np.ndarray) -> np.ndarray:
    """Leave out the places without a cell on the right and below, which are 0."""
    import numpy as np

    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    return pixels[: rows[-1] + 1, : columns[-1] + 1] if len(rows) else pixels


def _sheet_pixels(path: Path) -> np.ndarray:
    """Read a sheet; of a very large one every second, third ... pixel."""
    import numpy as np
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            shape = file.pages[0].shape
        step = -(-max(shape) // _LARGEST_PICTURE)
        if step == 1:
            return np.asarray(tifffile.imread(path))
        return np.array(tifffile.memmap(path, mode="r")[::step, ::step])
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (tifffile.TiffFileError, ValueError, IndexError) as error:
        raise DeepometryError(f"{path} is no montage sheet any more: parse anew.") from error


# --- problems --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problems:
    """Cells that could not be used.

    Attributes
    ----------
    reasons : list of (str, int)
        Reasons and how many cells have them, most frequent first; numbers in them left out.
    others : int
        Cells with reasons that are not listed.
    first : list of dict
        The first rows of the table.
    """

    reasons: list[tuple[str, int]]
    others: int
    first: list[dict[str, str]]


def problems_of(output: Output) -> Problems | None:
    """Read the problems of a parse; None if there were none."""
    if PROBLEMS not in output.files:
        return None
    path = output.path(PROBLEMS)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _grouped(csv.DictReader(file))
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, csv.Error, KeyError) as error:
        raise DeepometryError(f"{path} is not the table that Parse wrote any more.") from error


def _grouped(rows: Iterable[dict[str, str]]) -> Problems:
    counts: Counter[str] = Counter()
    first: list[dict[str, str]] = []
    for row in rows:
        reason = re.sub(r"\d+", "…", row["reason"])
        if reason in counts or len(counts) < 1000:  # a table of a million reasons helps nobody
            counts[reason] += 1
        else:
            counts["other reasons"] += 1
        if len(first) < PROBLEMS_SHOWN:
            first.append(row)
    common = counts.most_common(_MOST_REASONS)
    return Problems(common, counts.total() - sum(n for _, n in common), first)

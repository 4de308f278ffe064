"""Results of a parse: the tree of folders, montage sheets as pictures, and problems."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.folder_names import HOLD_OUT, natural_key
from deepometry.core.result_files import PROBLEMS_TABLE
from deepometry.core.spreadsheet import safe_records
from deepometry.web.jobs.job import Job
from deepometry.web.results.cell_pictures import Channel, Range, contrast, png
from deepometry.web.results.output import Output, Unknown, reading
from deepometry.web.results.shared import cached
from deepometry.web.results.tabs import Tab, written

if TYPE_CHECKING:
    import numpy as np

PROBLEMS_SHOWN = 100
_MOST_FOLDERS = 400  # shown in the tree
_MOST_SERIES = 3000  # offered in the chooser of sheets
_MOST_REASONS = 12
LARGEST_PICTURE = 4096  # pixels a side; larger sheets are thinned out
_SHEET = re.compile(r"(?P<series>.*)_ch(?P<channel>\d+)_(?P<sheet>\d+)\.tif", re.DOTALL)


def view(job: Job, output: Output) -> dict[str, Any]:
    """Return what the first page of a parse shows."""
    sheets = cached(output, "sheets", lambda: sheets_of(output))
    return {
        "tree": folder_tree(output),
        "pictured": sheets.folders,
        "channels": recorded_channels(output),
    }


def _problems(job: Job, output: Output) -> dict[str, Any]:
    return {"problems": problems_of(output)}


PROBLEMS = Tab("problems", "Problems", "results/problems.html", _problems, written(PROBLEMS_TABLE))
TABS = (
    Tab(
        "montages",
        "Montages",
        "results/montages.html",
        there=lambda output: any(map(_SHEET.fullmatch, output.files)),
    ),
    PROBLEMS,
    Tab("cells", "Cells", "results/find.html"),
)


@dataclass
class Folder:
    """A folder of the tree: cells and stacks in it and below, its folders, those not shown."""

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
        shown = names[: max(room, 0)]
        folder.hidden = len(names) - len(shown)
        folder.folders = {name: folder.folders[name] for name in shown}
        room -= len(shown)
        waiting.extend(folder.folders.values())


# --- montage sheets --------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheets:
    """For each `<folder>/<name>` its number of sheets; how many of these are not offered."""

    series: dict[str, int]
    hidden: int
    channels: list[Channel]

    @property
    def folders(self) -> set[str]:
        """Folders that have sheets."""
        return {_shown(PurePosixPath(key).parent) for key in self.series}

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
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
        if match := _SHEET.fullmatch(name):
            key, sheet = match["series"], int(match["sheet"])
            series[key] = max(series.get(key, 0), sheet)
            numbers.add(int(match["channel"]))
    offered = {key: series[key] for key in sorted(series, key=_in_order)[:_MOST_SERIES]}
    channels = [channel for channel in recorded_channels(output) if channel.number in numbers]
    return Sheets(offered, len(series) - len(offered), channels)


def recorded_channels(output: Output) -> list[Channel]:
    """Return the channels of a parse, in their order in the arrays."""
    names = output.record.get("channel_names") or {}
    numbers = output.record.get("channels") or []
    return [Channel(c, int(n), str(names.get(str(n), ""))) for c, n in enumerate(numbers)]


def parsed_contrast(output: Output) -> list[Range]:
    """Find, for every channel, the counts shown black and white, over all cells of a parse."""
    return contrast(list(_parts(output)))


def _parts(output: Output) -> Iterator[Any]:
    from deepometry.cells.stack_reader import stored_in

    arrays = [name for name in output.files if name.endswith(".npy")]
    folders: dict[Path, list[str]] = {}
    for name in arrays[:: max(1, len(arrays) // 400)]:
        path = output.path(name)
        folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        yield from (stored for stored in stored_in(folder, names) if len(stored))


def sheet_picture(output: Output, name: str, between: Range | None) -> bytes:
    """Draw a montage sheet as .png, with the counts shown black and white or those of its own.

    Raises
    ------
    Unknown, Gone, DeepometryError
        The sheet is none of this job, is not there any more, or is damaged.
    """
    from deepometry.core.contrast import grey, stretch

    if not _SHEET.fullmatch(name):
        raise Unknown(f"{name} is not a montage sheet.")
    pixels = _sheet_pixels(output.path(name))
    low, high = between or stretch([pixels[pixels > 0]] if pixels.any() else [pixels])
    return png(grey(pixels, low, high))


def _sheet_pixels(path: Path) -> np.ndarray:
    """Read a sheet; of a very large one every second, third ... pixel."""
    import numpy as np
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            shape = file.pages[0].shape
        step = -(-max(shape) // LARGEST_PICTURE)
        if step == 1:
            return np.asarray(tifffile.imread(path))
        return np.array(tifffile.memmap(path, mode="r")[::step, ::step])
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (tifffile.TiffFileError, ValueError, IndexError) as error:
        raise DeepometryError(f"{path} is no longer a montage sheet; parse again.") from error


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
    if PROBLEMS_TABLE not in output.files:
        return None
    path = output.path(PROBLEMS_TABLE)
    with (
        reading(path, "is no longer the table that Parse wrote; parse again."),
        path.open(encoding="utf-8-sig", newline="") as file,
    ):
        return _grouped(safe_records(file))


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

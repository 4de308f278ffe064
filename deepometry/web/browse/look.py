"""A look into a folder of images: what `deepometry info` reports, and a gallery of the first cells.

Both take seconds for large folders and are done in the background. NumPy and the readers are
imported when they are first needed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import POSITIONAL, settings
from deepometry.core.options.parse import InfoOptions, ParseOptions
from deepometry.core.result_files import PARSE_RECORD
from deepometry.core.run_records import own_record
from deepometry.core.text import counted, joined
from deepometry.web.browse.background import Task

if TYPE_CHECKING:
    from deepometry.images.info_parts import ChannelInfo
    from deepometry.images.info_result import InfoResult
    from deepometry.images.readers.base import Source

ROWS = 8
"""Cells in the gallery."""

LISTED = 100
"""Sources and kinds of problems that are shown."""

_MOST_PICTURES = 6


@dataclass
class Look:
    """What was found in a folder; the sources are those of the gallery, None until they are known.

    The number tells its pictures from those of an earlier look.
    """

    result: InfoResult
    number: int
    sources: Sequence[Source] | None = None
    _pictures: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    _drawing: threading.Lock = field(default_factory=threading.Lock)

    def picture(self, frame: int) -> bytes:
        """Draw the gallery with a frame, as a .png file.

        Raises
        ------
        DeepometryError
            There is not one cell to show.
        """
        from deepometry.images.gallery import gallery_image, png_bytes

        with self._drawing:
            if frame not in self._pictures:
                drawn = gallery_image(self.sources or (), frame, rows=ROWS)
                self._pictures[frame] = png_bytes(drawn)
            self._pictures.move_to_end(frame)
            while len(self._pictures) > _MOST_PICTURES:
                self._pictures.popitem(last=False)
            return self._pictures[frame]


@cache
def read_by() -> tuple[str, ...]:
    """Return the options of Preprocessing that decide how files are read."""
    here, there = settings(InfoOptions), settings(ParseOptions)
    left_out = (*POSITIONAL, "overwrite")  # of which each step means its own output
    return tuple(name for name in here if name in there and name not in left_out)


def look_options(path: Path, entered: Mapping[str, str]) -> InfoOptions:
    """Make the options of a look from what stands in the form of Preprocessing.

    Raises
    ------
    OptionsError
        An option cannot be used.
    """
    own: dict[str, Any] = {n: entered[n] for n in read_by() if entered.get(n, "").strip()}
    return InfoOptions(input=path, quick=True, **own)


def look_into(options: InfoOptions, task: Task) -> Look:
    """Look at the first cells of everything in a folder, then find the cells of the gallery.

    The look is published as soon as all but the gallery is known.

    Raises
    ------
    DeepometryError
        There is nothing to read, or it is what Parse wrote, whose montages are no cells.
    Cancelled
        When asked to stop.
    """
    if own_record(options.input / PARSE_RECORD, "parse"):
        raise DeepometryError(
            f"Input location {options.input}: expected images of cells, found parsed cells; enter "
            "the folder of the .cif or .tif files."
        )
    task.progress.report(0, 0, "Looking for images")
    from deepometry.images.info import image_info
    from deepometry.images.readers.find import find_sources
    from deepometry.images.strips import read_strips

    look = Look(image_info(options, task.progress), task.number)
    task.found = look
    how = (options.reader, options.pages, options.pattern)
    sources = read_strips(find_sources(options.input, task.progress, *how), options.tiles)
    task.progress.report(0, 0, "Drawing the gallery")
    look.sources = sources
    look.picture(look.result.frame)
    return look


@cache
def warm_up() -> None:
    """Import what a look needs, once, in the background, so that the first one need not wait."""

    def load() -> None:
        import deepometry.images.gallery
        import deepometry.images.info  # noqa: F401

    threading.Thread(target=load, daemon=True, name="browse-warm-up").start()


def _line(channel: ChannelInfo, cells: int) -> dict[str, Any]:
    """Describe a channel in words."""
    from deepometry.core.channel_names import own_name

    notes = []
    if channel.lowest == channel.highest:
        notes.append("empty: the same value in every pixel")
    elif channel.faint:
        notes.append("no signal above the noise")
    if channel.cells < cells:
        notes.append(f"in {channel.cells:,} of {counted(cells, 'cell')} only")
    return {
        "number": channel.number,
        "name": own_name(channel.number, channel.names),
        "brightfield": bool(channel.brightfield),
        "typical": f"{_number(channel.darkest)} to {_number(channel.brightest)}",
        "note": "; ".join(notes),
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _quick_note(result: InfoResult) -> str:
    """Return a note if not all cells were looked at."""
    if result.looked_at + result.problems >= result.cells:
        return ""
    return f"Based on {counted(result.looked_at, 'cell')}, the first ones of each stack."


def _frame_note(result: InfoResult) -> str:
    """Describe what the suggested frame holds."""
    if not result.cropped:
        return f"contains {'every' if result.looked_at > 1 else 'the'} cell completely"
    whole = result.looked_at - result.cropped
    cells = counted(result.looked_at, "cell")
    return f"contains {whole:,} of {cells} completely; larger ones are cropped"


def shown(result: InfoResult) -> dict[str, Any]:
    """Return everything that the page shows of a result, by the names in its template."""
    files = [counted(n, f"{suffix or 'other'} file") for suffix, n in result.files.items()]
    sets = result.channel_sets
    return {
        "result": result,
        "headline": f"{counted(result.cells, 'cell')} in {' and '.join(files)}",
        "quick_note": _quick_note(result),
        "frame_note": _frame_note(result),
        "channels": [_line(channel, result.looked_at) for channel in result.channels],
        "default_channels": joined(sets[0].channels) if sets else "",
        "listed": LISTED,
    }

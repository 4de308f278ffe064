"""A look into a folder of images: what `deepometry info` tells, and a gallery of the first cells.

Both take seconds for large folders and are done in the background. NumPy and the readers are
imported when they are first needed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.errors import DeepometryError
from deepometry.files import own_record
from deepometry.names import PARSE_RECORD
from deepometry.options import InfoOptions
from deepometry.web.browse_tasks import Task
from deepometry.words import counted, joined

if TYPE_CHECKING:
    from deepometry.info_result import ChannelInfo, InfoResult
    from deepometry.readers import Source

ROWS = 8
"""Cells in the gallery."""

LISTED = 100
"""Sources and kinds of problems that are shown."""

_MOST_PICTURES = 6


@dataclass
class Look:
    """What was found in a folder.

    Attributes
    ----------
    result : InfoResult
        As `deepometry.info.info` gives it.
    number : int
        Of this look.
    sources : list of Source or None
        Where the cells of the gallery come from; None until they are found.
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
        from deepometry.gallery import gallery_image, png_bytes

        with self._drawing:
            if frame not in self._pictures:
                drawn = gallery_image(self.sources or (), frame, rows=ROWS)
                self._pictures[frame] = png_bytes(drawn)
            self._pictures.move_to_end(frame)
            while len(self._pictures) > _MOST_PICTURES:
                self._pictures.popitem(last=False)
            return self._pictures[frame]


def look_into(path: Path, task: Task) -> Look:
    """Look at the first cells of everything in a folder, then find the cells of the gallery.

    The look is published as soon as all but the gallery is known.

    Raises
    ------
    DeepometryError
        There is nothing to read, or it is what Parse wrote, whose montages are no cells.
    Cancelled
        When asked to stop.
    """
    if own_record(path / PARSE_RECORD, "parse"):
        raise DeepometryError(
            f"Input location {path}: expected images of cells, found parsed ones; give the folder "
            "of the .cif or .tif files."
        )
    task.progress.report(0, 0, "Looking for images")
    from deepometry.info import info
    from deepometry.readers import find_sources

    look = Look(info(InfoOptions(input=path, quick=True), task.progress), task.number)
    task.publish(look)
    sources = find_sources(path, task.progress)
    task.progress.report(0, 0, "Drawing the gallery")
    look.sources = sources
    look.picture(look.result.frame)
    return look


@cache
def warm_up() -> None:
    """Import what a look needs, once, in the background, so that the first one need not wait."""

    def load() -> None:
        import deepometry.gallery
        import deepometry.info  # noqa: F401

    threading.Thread(target=load, daemon=True, name="browse-warm-up").start()


@dataclass(frozen=True)
class ChannelLine:
    """A channel as the page shows it."""

    number: int
    name: str
    brightfield: bool
    typical: str
    note: str


def channel_lines(result: InfoResult) -> list[ChannelLine]:
    """Describe every channel in words."""
    return [_line(channel, result.looked_at) for channel in result.channels]


def _line(channel: ChannelInfo, cells: int) -> ChannelLine:
    from deepometry.info_text import own_name

    notes = []
    if channel.lowest == channel.highest:
        notes.append("empty: one and the same count everywhere")
    elif channel.faint:
        notes.append("no signal: nothing stands out from the noise")
    if channel.cells < cells:
        notes.append(f"in {channel.cells:,} of {counted(cells, 'cell')} only")
    return ChannelLine(
        number=channel.number,
        name=own_name(channel.number, channel.names),
        brightfield=bool(channel.brightfield),
        typical=f"{_number(channel.darkest)} to {_number(channel.brightest)}",
        note="; ".join(notes),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def headline(result: InfoResult) -> str:
    """Say what is there: `350 cells in 28 .cif files`."""
    files = [
        counted(number, f"{suffix or 'other'} file") for suffix, number in result.files.items()
    ]
    return f"{counted(result.cells, 'cell')} in {' and '.join(files)}"


def quick_note(result: InfoResult) -> str:
    """Say that not all cells were looked at, if so."""
    if result.looked_at + result.problems >= result.cells:
        return ""
    return f"A quick look at {counted(result.looked_at, 'cell')}: the first ones of each stack."


def frame_note(result: InfoResult) -> str:
    """Say what the suggested frame holds: `holds 346 of 350 cells whole`."""
    if not result.cropped:
        return "holds every cell whole" if result.looked_at > 1 else "holds the cell whole"
    whole = result.looked_at - result.cropped
    return f"holds {whole:,} of {counted(result.looked_at, 'cell')} whole; larger ones are cropped"


def default_channels(result: InfoResult) -> str:
    """Give the channels that parse keeps when none are chosen."""
    return joined(result.channel_sets[0].channels) if result.channel_sets else ""


def shown(result: InfoResult) -> dict[str, Any]:
    """Give everything that the page shows of a result, by the names in its template."""
    return {
        "result": result,
        "headline": headline(result),
        "quick_note": quick_note(result),
        "frame_note": frame_note(result),
        "channels": channel_lines(result),
        "kept": default_channels(result),
        "listed": LISTED,
    }

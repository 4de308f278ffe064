"""Pictures of single cells, straight from the parsed arrays, all with the same contrast."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.palette import GROUPS_ON_DARK, rgb
from deepometry.web.results.output import Gone, Unknown

if TYPE_CHECKING:
    import numpy as np

    from deepometry.cells.dataset import Dataset
    from deepometry.cells.dataset_parts import Part
    from deepometry.cells.stack_reader import Stored

Range = tuple[float, float]
_SAMPLED_CELLS, _SAMPLED_STACKS = 400, 40
_COLOURS = tuple(rgb(colour) for colour in GROUPS_ON_DARK[:5])  # of channels
_GREY = (150, 150, 150)
_TRANSMITTED = ("brightfield", "bright field", "bf", "phase")


@dataclass(frozen=True)
class Channel:
    """A channel as the page offers it: its place in the arrays, its number and its name."""

    column: int
    number: int
    name: str

    def __str__(self) -> str:
        from deepometry.core.channel_names import own_name

        return f"Ch{self.number} {own_name(self.number, [self.name])}".strip()


@dataclass(frozen=True)
class Cells:
    """The parsed cells that a job looked at, in the order of its table.

    Attributes
    ----------
    ranges : list of (low, high)
        For every channel, the counts shown black and white.
    seen : dict of Path to (modified, size)
        Files as they were when the cells were compared with the table.
    starts : ndarray of int64
        The first cell of every part, and the number of all.
    chosen : ndarray of int64, shape (rows,), or None
        Which cell of the data set each row of the table is; None where it has all of them.
    """

    dataset: Dataset
    ranges: list[Range]
    channels: list[Channel]
    seen: dict[Path, tuple[int, int]]
    starts: np.ndarray
    chosen: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.dataset if self.chosen is None else self.chosen)

    @property
    def changed(self) -> bool:
        """Whether a file of theirs was moved or changed since."""
        return any(file_state(path) != state for path, state in self.seen.items())

    @property
    def stamp(self) -> str:
        """A text that changes when the pictures do."""
        return f"{hash(tuple(self.seen.values())) & (1 << 64) - 1:x}"

    def place(self, row: int) -> tuple[Part, int]:
        """Return the part that holds the cell of a row, and the row in it."""
        import numpy as np

        cell = row if self.chosen is None else int(self.chosen[row])
        part = int(np.searchsorted(self.starts, cell, side="right")) - 1
        return self.dataset.parts[part], cell - int(self.starts[part])

    def on_side(self, side: str) -> np.ndarray:
        """Return which rows are of a side, `Train` or `Hold-out`: bool, shape (rows,)."""
        import numpy as np

        sizes = np.diff(self.starts)
        sides = np.repeat([part.side == side for part in self.dataset.parts], sizes)
        return sides if self.chosen is None else sides[self.chosen]

    def planes(self, rows: Sequence[int], columns: Sequence[int]) -> np.ndarray:
        """Read channels of some cells: float32, (rows, channels, frame, frame); as `picture`."""
        import numpy as np

        frame = self.dataset.frame
        planes = np.empty((len(rows), len(columns), frame, frame), np.float32)
        places: dict[Path, list[int]] = {}
        for n, row in enumerate(rows):
            places.setdefault(self.place(row)[0].stored.path, []).append(n)
        for here in places.values():
            stored = self._unchanged(self.place(rows[here[0]])[0])
            inside = np.array([self.place(rows[n])[1] for n in here])
            planes[here] = stored.read(inside, list(columns)).transpose(0, 3, 1, 2)
        return planes

    def picture(self, row: int, column: int | None) -> bytes:
        """Draw the cell of a row as .png: a channel, or (None) all of them in colours.

        Raises
        ------
        Gone
            The parsed cells were moved, deleted or changed since.
        """
        cell = self.pixels(row)
        if column is None:
            return png(composite(cell, self.ranges, self.channels))
        return png(_grey(cell[..., column], self.ranges[column]))

    def pixels(self, row: int) -> np.ndarray:
        """Read the counts of a cell, shape (frame, frame, channels); raises as `picture`."""
        import numpy as np

        part, inside = self.place(row)
        return np.array(self._unchanged(part).read(np.array([inside]), None)[0])

    def _unchanged(self, part: Part) -> Stored:
        """Return a reader of a stack, or raise `Gone` if it changed since."""
        stored = part.stored
        if file_state(stored.path) != self.seen.get(stored.path):
            raise Gone(
                f"{stored.path} was moved or changed after this page was opened; reload the page."
            )
        # a copy of the reader, so that no file stays open: Windows could not write over it
        return copy.copy(stored)


def offered_pictures(cells: Cells | str, asked: str = "") -> dict[str, Any]:
    """List the channels on offer and the one shown first, or the reason why there are none."""
    if isinstance(cells, str):
        return {"missing": cells, "channels": [], "shown": "", "stamp": ""}
    offered = {"all", *(str(channel.column) for channel in cells.channels)}
    first = "all" if 1 < len(cells.channels) <= 3 else "0"
    return {
        "missing": "",
        "channels": cells.channels,
        "stamp": cells.stamp,
        "shown": asked if asked in offered else first,
    }


def pictured(cells: Cells | str, row: int, channel: str) -> bytes:
    """Draw a cell as .png: one channel, counted from 0, or `all` of them in colours.

    Raises
    ------
    Gone
        There are no pictures any more.
    Unknown
        There is no such cell or channel.
    """
    if isinstance(cells, str):
        raise Gone(cells)
    column = None if channel == "all" else int(channel) if channel.isdecimal() else -1
    if row >= len(cells) or column not in {None, *range(cells.dataset.depth)}:
        raise Unknown(f"There is no cell {row} with a channel {channel}.")
    return cells.picture(row, column)


def pictures_of(dataset: Dataset, chosen: np.ndarray | None = None) -> Cells:
    """Prepare the pictures of parsed cells as they are now, all of them or the chosen ones."""
    import numpy as np

    parts = [part.stored for part in dataset.parts]
    seen = {stored.path: file_state(stored.path) for stored in parts}
    starts = np.cumsum([0, *map(len, parts)])
    return Cells(dataset, contrast(parts), channels_of(dataset), seen, starts, chosen)


def channels_of(dataset: Dataset) -> list[Channel]:
    """Name the channels of parsed cells."""
    numbers = dataset.channel_numbers
    names = dataset.channel_names
    return [Channel(c, number, names.get(number, "")) for c, number in enumerate(numbers)]


def file_state(path: Path) -> tuple[int, int]:
    """Return what changes when a file does."""
    try:
        state = path.stat()
    except OSError:
        return (0, 0)
    return state.st_mtime_ns, state.st_size


def contrast(parts: Sequence[Stored]) -> list[Range]:
    """Find, for every channel, the counts shown black and white, from a sample of all cells."""
    import numpy as np

    from deepometry.core.contrast import STRETCH

    chosen = _evenly(len(parts), _SAMPLED_STACKS)
    each = max(1, _SAMPLED_CELLS // len(chosen))
    pixels = [
        copy.copy(parts[n]).read(np.array(_evenly(len(parts[n]), each)), None) for n in chosen
    ]
    flat = np.concatenate([some.reshape(-1, some.shape[-1]) for some in pixels])
    low, high = np.percentile(flat.astype(np.float32), STRETCH, axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _evenly(total: int, most: int) -> list[int]:
    """Choose at most `most` of `total` places, evenly spaced."""
    return list(islice(range(0, total, max(1, -(-total // most))), most))


def _grey(plane: np.ndarray, between: Range) -> np.ndarray:
    from deepometry.core.contrast import grey

    return grey(plane, *between)


def composite(cell: np.ndarray, ranges: Sequence[Range], channels: Sequence[Channel]) -> np.ndarray:
    """Lay the channels of a cell over each other: transmitted light grey, the others coloured.

    Returns
    -------
    ndarray of uint8, shape (frame, frame, 3)
    """
    import numpy as np

    light = np.zeros((*cell.shape[:2], 3), np.float32)
    colours = iter(_COLOURS * len(channels))
    for channel, between in zip(channels, ranges, strict=True):
        colour = _GREY if is_transmitted(channel) else next(colours)
        shade = _grey(cell[..., channel.column], between)[..., None] / 255
        light += shade * np.array(colour, np.float32)
    return light.clip(0, 255).astype(np.uint8)


def is_transmitted(channel: Channel) -> bool:
    """Return whether a channel is of transmitted light, by its name."""
    return channel.name.strip().casefold() in _TRANSMITTED


def png(pixels: np.ndarray) -> bytes:
    """Write uint8 pixels as .png."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
    return file.getvalue()

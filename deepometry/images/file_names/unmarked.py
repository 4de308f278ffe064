"""Channels that no name has: `001.tif` beside `001_DAPI.tif`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepometry.images.file_names.channel_numbers import UNMARKED
from deepometry.images.file_names.field_readings import Reading
from deepometry.images.file_names.marked_names import LETTER, have_marks, mark_readings

_SHARE = 0.75
"""Share of the cells that must have such a file."""


@dataclass(frozen=True)
class WithUnmarked:
    """Reads names by another reading; names of its cells without any channel are one, too."""

    reading: Reading
    cells: frozenset[str]

    def key(self, stem: str) -> tuple[str, str] | None:
        """Return cell and channel."""
        return self.split(stem)

    def split(self, stem: str) -> tuple[str, str] | None:
        """Return cell and channel."""
        return self.reading.split(stem) or ((stem, UNMARKED) if stem in self.cells else None)


def with_unmarked(reading: Reading | None, folders: Sequence[Sequence[str]]) -> Reading | None:
    """Add unmarked channels to a reading, or to one by known names if there is none.

    None where most cells have no such file.
    """
    readings: list[Reading] = [reading] if reading else []
    if not reading and have_marks(folders):
        readings += [each for each in mark_readings(folders) if each.kind != LETTER]
    for each in readings:
        cells = 0
        found: set[tuple[int, str]] = set()
        for number, stems in enumerate(folders):
            names = {parts[0] for stem in stems if (parts := each.split(stem)) and parts[0]}
            unmarked = names.intersection(stems)
            cells += len(names) if unmarked else 0
            found |= {(number, stem) for stem in unmarked}
        if cells and len(found) >= _SHARE * cells:
            return WithUnmarked(each, frozenset(stem for _, stem in found))
    return None

"""Parts of file names that may be a channel, whatever they are called, and how well they fit."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from deepometry.core.name_pattern import join_parts

MOST_CHANNELS = 64
_MOST_FIELDS = 16
_SAMPLE = 2_000  # names that rule out most readings before all names are looked at
_SEPARATORS = re.compile(r"([\W_]+)")
_GLUED_END = re.compile(r"(?P<before>.*\d)(?P<value>[^\W\d_]+)(?P<behind>)", re.DOTALL)
_GLUED_FRONT = re.compile(r"(?P<before>)(?P<value>[^\W\d_]+)(?P<behind>\d.*)", re.DOTALL)


class Reading(Protocol):
    """A way to read names as cell and channel."""

    def key(self, stem: str) -> tuple[str, str] | None:
        """Return what is the same for all channels of a cell, and the channel."""

    def split(self, stem: str) -> tuple[str, str] | None:
        """Split a name into cell, which may be blank, and channel; None if it has no channel."""


@dataclass(frozen=True)
class FieldReading:
    """Takes some of the fields between separators for the channel, or letters beside digits.

    Attributes
    ----------
    start, stop : int or None
        The first field, and the one behind the last; negative ones count from the end.
    regex : Pattern or None
        In place of fields.
    values : set of str or None
        The channels there are, in lower case; any while None.
    """

    start: int | None
    stop: int | None
    regex: re.Pattern[str] | None = None
    values: frozenset[str] | None = None

    @property
    def in_front(self) -> bool:
        """Whether the channel stands in front of the cell."""
        return self.start == 0 or self.regex is _GLUED_FRONT

    @property
    def at_end(self) -> bool:
        """Whether the channel stands at the end."""
        return self.stop is None and self.regex is not _GLUED_FRONT

    def parts(self, stem: str) -> tuple[str, str, str] | None:
        """Split a name into what stands before the channel, the channel, and the rest."""
        if self.regex:
            match = self.regex.fullmatch(stem)
            found = (match["before"], match["value"], match["behind"]) if match else None
        else:
            found = self._fields(stem)
        if found and self.values is not None and found[1].casefold() not in self.values:
            return None
        return found

    def _fields(self, stem: str) -> tuple[str, str, str] | None:
        # The odd ones are separators
        fields = _SEPARATORS.split(stem)
        number = len(fields) // 2 + 1
        start, stop, _ = slice(self.start, self.stop).indices(number)
        if number < 2 or stop <= start or (self.start or 0) < -number or (self.stop or 0) < -number:
            return None
        before, value = fields[: 2 * start], fields[2 * start : 2 * stop - 1]
        others = fields[: 2 * start : 2] + fields[2 * stop :: 2]
        if value == [""] or not any(others):
            return None
        return "".join(before), "".join(value), "".join(fields[2 * stop - 1 :])

    def key(self, stem: str) -> tuple[str, str] | None:
        """Return what is the same for all channels of a cell, and the channel."""
        parts = self.parts(stem)
        return (f"{parts[0]}\0{parts[2]}", parts[1]) if parts else None

    def split(self, stem: str) -> tuple[str, str] | None:
        """Split a name into cell and channel."""
        parts = self.parts(stem)
        return (join_parts(parts[0], parts[2]), parts[1]) if parts else None

    def limited(self, values: Iterable[str]) -> FieldReading:
        """Return the reading for these channels alone."""
        return replace(self, values=frozenset(values))


def field_readings(folders: Sequence[Sequence[str]]) -> list[FieldReading]:
    """Return the readings whose channels are 2 to `MOST_CHANNELS`, as far as a sample shows."""
    number = sum(map(len, folders))
    stems = [stem for part in folders for stem in part][:: max(1, number // _SAMPLE)]
    fields = max((len(_SEPARATORS.findall(stem)) + 1 for stem in stems), default=0)
    alone: list[tuple[int, int | None]] = [
        (n, n + 1 or None) for n in range(-min(fields, 6), min(fields, 6))
    ]
    more: list[tuple[int, int | None]] = [(n, None) for n in (-4, -3, -2, -1)]
    more += [(n, None) for n in range(1, min(fields, _MOST_FIELDS))]
    more += [(0, n) for n in range(1, min(fields, 4))]
    readings = [FieldReading(*each) for each in dict.fromkeys([*more, *alone])]
    readings += [FieldReading(None, None, regex) for regex in (_GLUED_END, _GLUED_FRONT)]
    return [reading for reading in readings if _is_possible(reading, stems)]


def _is_possible(reading: FieldReading, stems: Sequence[str]) -> bool:
    values = {parts[1].casefold() for stem in stems if (parts := reading.parts(stem))}
    return 1 < len(values) <= MOST_CHANNELS


@dataclass(frozen=True)
class Fit:
    """How a reading fits the names.

    Attributes
    ----------
    files, cells, most : int
        Files that have a channel, the cells that they make, and those of the folder of most.
    values : tuple of str
        The channels of cells of several, in lower case.
    joined : int
        Files of cells of several channels.
    complete : float
        Share of the cells that have the channels of most cells of their folder; 0 if most cells
        have only one.
    groups : set of int
        Identifies which files make a cell: readings with the same groups are the same.
    """

    files: int
    cells: int
    most: int
    values: tuple[str, ...]
    joined: int
    complete: float
    groups: frozenset[int]

    @property
    def exact(self) -> bool:
        """Whether all cells have the same channels, and there are several cells."""
        return self.complete == 1 and self.cells > 1


def fit(reading: Reading, folders: Sequence[Sequence[str]]) -> Fit:
    """Find how a reading fits the names of all folders."""
    cells: dict[tuple[int, str], list[str]] = defaultdict(list)
    for number, stems in enumerate(folders):
        for stem in stems:
            if key := reading.key(stem):
                cells[number, key[0]].append(key[1].casefold())
    several = [values for values in cells.values() if len(set(values)) > 1]
    return Fit(
        files=sum(map(len, cells.values())),
        cells=len(cells),
        most=max(Counter(folder for folder, _ in cells).values(), default=0),
        values=tuple(sorted({value for values in several for value in values})),
        joined=sum(map(len, several)),
        complete=_complete({cell: frozenset(values) for cell, values in cells.items()}),
        groups=frozenset(hash((key, tuple(sorted(values)))) for key, values in cells.items()),
    )


def _complete(sets: Mapping[tuple[int, str], frozenset[str]]) -> float:
    folders: dict[int, Counter[frozenset[str]]] = defaultdict(Counter)
    for (folder, _), values in sets.items():
        folders[folder][values] += 1
    common = [max(counts.items(), key=_order) for counts in folders.values()]
    every = frozenset().union(*(values for values, _ in common if len(values) > 1))
    return sum(number for values, number in common if values <= every) / max(1, len(sets))


def _order(item: tuple[frozenset[str], int]) -> tuple[int, int, list[str]]:
    values, number = item
    return number, len(values), sorted(values)

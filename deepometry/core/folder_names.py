"""Prefixes, values, targets and labels in folder names.

A folder name is a prefix, a separator and a value: `Class Smooth_Disc`, `Day_1`, `Day12`.
Everything here works on whole path parts below the input folder, never on substrings.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deepometry.core.errors import DeepometryError
from deepometry.core.label_numbers import read_number

TRAIN, HOLD_OUT = "Train", "Hold-out"
SIDES = (TRAIN, HOLD_OUT)
_NUMBERED = re.compile(r"(?P<prefix>[^\W\d_]+)(?P<value>\d.*)")
_NEGATIVE = re.compile(r"(?P<prefix>[^ _\-,]+)[ _,]+(?P<value>-\d.*)")
_SEPARATED = re.compile(r"(?P<prefix>[^ _\-,]+)[ _\-,]+(?P<value>[^ _\-,].*)")
_LEVEL = re.compile(r"folder level (\d+)")

Levels = tuple[str, ...]


def parse_name(name: str) -> tuple[str, str] | None:
    """Split a folder name into prefix and value.

    Parameters
    ----------
    name : str
        One folder name, such as `Class Smooth_Disc`, `Day-1`, `Day12` or `Temperature -20`.

    Returns
    -------
    (prefix, value) or None
        None where the name has no prefix. Prefixes are to be compared without case, values as
        they stand.
    """
    name = normal_name(name)
    patterns = (_NUMBERED, _NEGATIVE, _SEPARATED)
    match = next((match for p in patterns if (match := p.fullmatch(name))), None)
    return (match["prefix"], match["value"]) if match else None


def normal_name(name: str) -> str:
    """Spell accents as one character, as not all systems do, and write a name in one line."""
    return unicodedata.normalize("NFC", " ".join(name.splitlines())).strip()


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sorting key under which `Day 2` stands before `Day 10`."""
    parts = re.split(r"(\d+)", text.casefold())
    numbered = [(1, int(p), p) if p.isdecimal() else (0, 0, p) for p in parts]
    return (*numbered, (0, 0, text))


CLASSES, NUMBER = "classes", "number"
"""What labels are: names of classes, or numbers."""

FOLDERS = "folder names"
"""The origin of labels that folders give."""


@dataclass(frozen=True)
class Target:
    """Something to learn: what folder names say of the cells, or another source of labels.

    Attributes
    ----------
    name : str
        Prefix, such as `Class`, `Folder level N`, or the name of the labels.
    labels : dict of str to int
        For each label, in order, its number of cells; empty for numbers.
    unlabelled : int
        Cells without a label.
    kind : str
        `CLASSES` or `NUMBER`.
    origin : str
        Where the labels come from, in words: `FOLDERS`, or such as `column gate of cells.csv`.
    numbered : int
        Cells that have a number.
    span : (float, float) or None
        The least and the largest number.
    gated_out : int
        Cells that gates leave out: they count neither as labelled nor as unlabelled.
    """

    name: str
    labels: Mapping[str, int]
    unlabelled: int = 0
    kind: str = CLASSES
    origin: str = FOLDERS
    numbered: int = 0
    span: tuple[float, float] | None = None
    gated_out: int = 0

    @property
    def cells(self) -> int:
        """Number of cells that have a label."""
        return sum(self.labels.values()) + self.numbered

    def __str__(self) -> str:
        cells = f"{self.cells:,} cells" + f", {self.unlabelled:,} without" * bool(self.unlabelled)
        cells += f", {self.gated_out:,} gated out" * bool(self.gated_out)
        what = f"{len(self.labels)} labels" if self.kind == CLASSES else self.between
        where = "" if self.origin == FOLDERS else f", {self.origin}"
        return f"{self.name} ({what}, {cells}{where})"

    @property
    def between(self) -> str:
        """The range of the numbers in words."""
        return "numbers " + "{:.6g} to {:.6g}".format(*self.span) if self.span else "no numbers"


def number_of(text: str) -> float:
    """Read a label as a number, without its unit; NaN if it is none."""
    number = read_number(text)
    return math.nan if number is None else number[0]


@dataclass
class _Prefix:
    spelling: str
    depth: int
    values: set[str] = field(default_factory=set)


def find_targets(cells: Mapping[Levels, int]) -> list[Target]:
    """List what can be learnt from a set of folders.

    Parameters
    ----------
    cells : dict of (folder names, outermost first) to int
        For each folder below the input, without `Train` and `Hold-out`, its number of cells.

    Returns
    -------
    list of Target
        Prefixes with two values or more, outermost first, then `Folder level N` for levels
        whose folders do not all share one prefix.
    """
    prefixes = [p.spelling for p in _prefixes(cells).values() if len(p.values) > 1]
    names = prefixes + [f"Folder level {n}" for n in _plain_levels(cells)]
    return [target for name in names if (target := _count(name, cells)) is not None]


def _prefixes(folders: Iterable[Levels]) -> dict[str, _Prefix]:
    prefixes: dict[str, _Prefix] = {}
    for levels in sorted(folders):
        for depth, name in enumerate(levels):
            if parsed := parse_name(name):
                prefix = prefixes.setdefault(parsed[0].casefold(), _Prefix(parsed[0], depth))
                prefix.values.add(parsed[1])
                prefix.depth = min(prefix.depth, depth)
    return dict(sorted(prefixes.items(), key=lambda item: item[1].depth))


def _plain_levels(folders: Iterable[Levels]) -> list[int]:
    """Return the levels, from 1, with two names or more that do not all share one prefix."""
    levels = list(folders)
    deepest = max(map(len, levels), default=0)
    plain = []
    for depth in range(deepest):
        names = {parts[depth] for parts in levels if len(parts) > depth}
        shared = {parsed[0].casefold() if (parsed := parse_name(n)) else None for n in names}
        if len(names) > 1 and (len(shared) > 1 or None in shared):
            plain.append(depth + 1)
    return plain


def _count(name: str, cells: Mapping[Levels, int]) -> Target | None:
    """Count the cells of each label; None where a folder has two labels of this name."""
    counts: dict[str, int] = {}
    unlabelled = 0
    for levels, number in cells.items():
        try:
            label = label_of(levels, name)
        except DeepometryError:
            return None
        if label is None:
            unlabelled += number
        else:
            counts[label] = counts.get(label, 0) + number
    return Target(name, {k: counts[k] for k in sorted(counts, key=natural_key)}, unlabelled)


def label_of(levels: Sequence[str], target: str) -> str | None:
    """Return the label of a folder for a target.

    Parameters
    ----------
    levels : sequence of str
        Folder names below the input folder, outermost first.
    target : str
        A prefix, in any case, or `Folder level N`.

    Returns
    -------
    str or None
        None where the folder has none.

    Raises
    ------
    DeepometryError
        Two folders of one path have different values.
    """
    wanted = normal_name(target).casefold()
    if level := _LEVEL.fullmatch(wanted):
        number = int(level[1])
        return normal_name(levels[number - 1]) if 0 < number <= len(levels) else None
    parsed = [p for name in levels if (p := parse_name(name)) and p[0].casefold() == wanted]
    values = list(dict.fromkeys(value for _, value in parsed))
    if len(values) > 1:
        raise DeepometryError(
            f"{'/'.join(levels)}: expected one value of {target}, found {' and '.join(values)}; "
            "rename one of the two folders."
        )
    return values[0] if values else None


def level_columns(folders: Iterable[Levels]) -> dict[str, int]:
    """Name the columns that show every folder level in a table.

    Returns
    -------
    dict of str to int
        Column name and the depth it shows, from 0. The name is the prefix where all folders of
        a level share one (`Day`), else `Folder level N`.
    """
    levels = list(folders)
    columns: dict[str, int] = {}
    for depth in range(max(map(len, levels), default=0)):
        parsed = [parse_name(parts[depth]) for parts in levels if len(parts) > depth]
        shared = {p[0].casefold() if p else None for p in parsed}
        first = parsed[0][0] if parsed[0] else None
        unique = len(shared) == 1 and first is not None and first not in columns
        columns[first if unique and first else f"Folder level {depth + 1}"] = depth
    return columns


def level_value(levels: Levels, depth: int, column: str) -> str:
    """Return the value of a folder in a column of `level_columns`; empty where it ends above."""
    if len(levels) <= depth:
        return ""
    parsed = parse_name(levels[depth])
    named = parsed is not None and not _LEVEL.fullmatch(column.casefold())
    return parsed[1] if parsed is not None and named else levels[depth]

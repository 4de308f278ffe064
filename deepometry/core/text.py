"""Small pieces of sentences."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import combining, east_asian_width


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 cell`, `2,731 cells`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def in_words(seconds: float) -> str:
    """Say how long something takes, in the unit that suits it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def percent(share: float) -> str:
    """Write a share in percent, so that 0 % and 100 % mean none and all."""
    whole = min(max(round(100 * share), 1), 99) if 0 < share < 1 else round(100 * share)
    return f"{whole} %"


def joined(numbers: Iterable[int]) -> str:
    """Write channel numbers as their users type them: `1,9,12`."""
    return ",".join(map(str, numbers))


def shortened(names: Sequence[str], most: int = 20) -> str:
    """List names in a line that stays readable."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def is_number(text: str) -> bool:
    """Return whether a text can be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def table_number(number: float) -> str:
    """Write a number for a table with six digits; nothing for NaN."""
    return "" if number != number else f"{number:.6g}"


def filesize(size: int | None) -> str:
    """Write a number of bytes as people read it: `1.4 MB`."""
    if size is None:
        return "gone"
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:,.0f} {units[0]}" if units[0] == "bytes" else f"{value:,.1f} {units[0]}"


def quoted(words: Sequence[str]) -> str:
    """Write a command as the shell of this system takes it."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def table(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Align rows in columns; `sides` says for each column to which side."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_set(row, widths, sides)).rstrip() for row in rows]


def _set(row: Iterable[str], widths: Sequence[int], sides: str) -> Iterator[str]:
    for text, width, side in zip(row, widths, sides, strict=True):
        blank = " " * (width - _width(text))
        yield blank + text if side == ">" else text + blank


def _width(text: str) -> int:
    """Return how many places a text takes on the screen: East Asian letters take two."""
    places = (2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return sum(places) - sum(map(bool, map(combining, text)))

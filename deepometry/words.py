"""Small pieces of sentences."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 cell`, `2,731 cells`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def joined(numbers: Iterable[int]) -> str:
    """Write channel numbers as their users type them: `1,9,12`."""
    return ",".join(map(str, numbers))


def shortened(names: Sequence[str], most: int = 20) -> str:
    """List names in a line that stays readable."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def quoted(words: Sequence[str]) -> str:
    """Write a command as the shell of this system takes it."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)

"""The numbers of channels, and their names, from the markers in file names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from deepometry.core.channel_names import own_name
from deepometry.core.folder_names import natural_key
from deepometry.images.file_names.field_readings import MOST_CHANNELS
from deepometry.images.file_names.marker_words import CHANNEL_WORDS, LETTERS

UNMARKED = "unmarked"
"""The channel of files whose name has none, while others of their cell have one."""

_NUMBERED = re.compile(
    rf"(?P<word>(?:{'|'.join((*CHANNEL_WORDS, *LETTERS))})[-_ =]?)?0*(?P<number>\d{{1,4}})"
    r"(?: (?P<name>.+))?",
    re.IGNORECASE | re.DOTALL,
)


def number_channels(markers: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Number channels, so that a marker has the same number in all folders of an input.

    Parameters
    ----------
    markers : iterable of str
        As they stand in file names; case does not matter.

    Returns
    -------
    dict of str to (int, str)
        For each marker in lower case, its number from 1, and its name, blank where it is the
        number.

    Notes
    -----
    Numbers in markers are kept (`Ch3` is 3, `w2` is 2), but where one of them is 0, all are raised
    by 1 (`c0` is 1). Other markers follow in natural order.
    """
    spelled: dict[str, str] = {}
    for marker in sorted(set(markers)):
        spelled.setdefault(marker.casefold(), marker)
    numbered, names = _numbers_of(spelled)
    others = sorted((key for key in spelled if key not in numbered), key=_in_order)
    free = (n for n in range(1, len(spelled) + MOST_CHANNELS + 2) if n not in numbered.values())
    numbers = numbered | dict(zip(others, free, strict=False))
    return {
        key: (number, own_name(number, [names.get(key, spelled[key])]))
        for key, number in sorted(numbers.items(), key=lambda item: (item[1], item[0]))
    }


def _in_order(key: str) -> tuple[bool, Any]:
    return key != UNMARKED, natural_key(key)


def _numbers_of(spelled: dict[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return the markers that are numbers, and their names; wavelengths are none."""
    matches = {key: match for key in spelled if (match := _NUMBERED.fullmatch(spelled[key]))}
    bare = [int(match["number"]) for match in matches.values() if not match["word"]]
    if max(bare, default=0) > MOST_CHANNELS:
        matches = {key: match for key, match in matches.items() if match["word"]}
    shift = any(int(match["number"]) == 0 for match in matches.values())
    numbers = {key: int(match["number"]) + shift for key, match in matches.items()}
    names = {key: match["name"] or _name(match[0], numbers[key]) for key, match in matches.items()}
    return numbers, names


def _name(marker: str, number: int) -> str:
    return "" if re.fullmatch(rf"(?:(?:ch|channel)[-_ =]?)?0*{number}", marker, re.I) else marker

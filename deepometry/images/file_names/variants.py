"""Names of cells that may be several images of one cell: `1_t0`, `1_t1`; `1_left`, `1_right`.

Taken for cells of their own, they stand on both sides of every split: of the hold-out, but also of
the validation and of folds, which training makes later and cell by cell. To keep them together in
the hold-out alone would therefore hide the trouble, not mend it. So they are asked about, once, as
the planes and pages of one file are; a pattern, which is kept with the parse, is the answer.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from deepometry.core.folder_names import natural_key
from deepometry.images.file_names.field_readings import MOST_CHANNELS, FieldReading
from deepometry.images.file_names.judge import is_of_group
from deepometry.images.file_names.marker_words import is_other
from deepometry.images.file_names.recognise import recognise

_SAMPLE, _SHARE = 500, 0.1

_COUNTED = "t|time|time[-_ ]?point|tp|frame|frm|rot|rotation|rotated|angle|aug|augmented"
_COPIED = "copy|kopie|copie|thumb|thumbnail|preview|flip|flipped|mirror|mirrored|rot|rotated"
_SIDES = "left|right|top|bottom|before|after|pre|post"
_REPEATED = "rep|replicate|repeat"
_FRONT = r"(?P<rest>.*[^\W_])(?P<gap>[\W_]*?)"
_END = r"[)\]]?"
_SAME = re.compile(
    rf"{_FRONT}(?<![^\W\d_])(?P<value>(?:{_COUNTED})[-_ =.]?\d{{1,4}}(?:h|hr|min|s|deg)?"
    rf"|(?:{_COPIED}|aug|augmented)(?:[-_ ]?\(?\d{{1,3}}\)?)?){_END}",
    re.IGNORECASE | re.DOTALL,
)
_MAYBE = re.compile(
    rf"{_FRONT}(?<![^\W\d_])(?P<value>{_SIDES}|(?:{_REPEATED})[-_ ]?\d{{1,3}}){_END}",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(rf"{_FRONT}(?<![^\W_])(?P<value>[^\W\d_]{{2,}}){_END}", re.DOTALL)
_SHARES = {_SAME: 0.0, _MAYBE: 0.75, _WORD: 0.75}
"""Share of the cells that must have the same images; series of times may differ in length."""

_CORE = re.compile(r"^[\W_]+|[\W_]+$")
_WELL = re.compile(r"(?<![^\W_])[A-P](?:0?[1-9]|1\d|2[0-4])$", re.IGNORECASE)


class Variant(NamedTuple):
    """A name of a cell.

    Attributes
    ----------
    cell, value : str
        All of the name, and what may say which image of the cell this is; blank if nothing does.
    before, behind : str
        What the names of all images of the cell have in common.
    """

    cell: str
    value: str
    before: str
    behind: str


def find_variants(cells: Sequence[Sequence[str]], joined: bool = False) -> list[Variant]:
    """Find out whether cells may be several images of fewer cells, by their names.

    Parameters
    ----------
    cells : sequence of sequences of str
        Names of cells, folder by folder.
    joined : bool
        Channels were told from the names already, so that a further word is none: `1_raw`.

    Returns
    -------
    list of Variant
        The images of one cell, as an example of all; empty where there is no clear sign.
    """
    for regex in (_SAME, _MAYBE, _WORD) if joined else (_SAME, _MAYBE):
        split = ([_split(regex, cell) for cell in part] for part in cells)
        if _occurs(regex, cells) and (found := _evident(split, _SHARES[regex])):
            return found
    return _by_field(cells) if joined else []


def _occurs(regex: re.Pattern[str], cells: Sequence[Sequence[str]]) -> bool:
    """Return whether enough of a sample fits: of images of one cell, at least every second does."""
    every = [cell for part in cells for cell in part]
    sample = random.Random(0).sample(every, min(_SAMPLE, len(every)))
    return sum(bool(regex.fullmatch(cell)) for cell in sample) > _SHARE * len(sample)


def _split(regex: re.Pattern[str], cell: str) -> Variant:
    match = regex.fullmatch(cell)
    if match is None or not (regex is _SAME or _is_cell(match["rest"])):
        return Variant(cell, "", cell, "")
    if regex is _WORD and is_other(match["value"]):
        return Variant(cell, "", cell, "")
    return Variant(cell, match["value"], match["rest"], "")


def _is_cell(rest: str) -> bool:
    """Return whether a name is that of a cell, and of no sample or well, which has many."""
    return rest[-1:].isdigit() and not (_WELL.search(rest) or is_of_group(rest))


def _by_field(cells: Sequence[Sequence[str]]) -> list[Variant]:
    """Look for words at other places: `raw_1`, `corrected_1`."""
    found = recognise(cells)
    for reading in filter(None, [found.certain, *found.possible]):
        if isinstance(reading, FieldReading):
            split = [[_by_reading(reading, cell) for cell in part] for part in cells]
            if all(each.value.isalpha() for part in split for each in part) and (
                evident := _evident(split)
            ):
                return evident
    return []


def _by_reading(reading: FieldReading, cell: str) -> Variant:
    before, value, behind = reading.parts(cell) or (cell, "", "")
    return Variant(cell, value, before, behind)


def _evident(folders: Iterable[Sequence[Variant]], share: float = 0.75) -> list[Variant]:
    """Return the images of one cell, if most cells have several, and a share of them the same."""
    groups: dict[tuple[int, str, str], dict[str, Variant]] = defaultdict(dict)
    number = 0
    for place, cells in enumerate(folders):
        number += len(cells)
        for each in cells:
            groups[place, each.before, each.behind][each.value.casefold()] = each
    several = [group for group in groups.values() if len(group) > 1]
    places = {place for (place, *_), group in groups.items() if len(group) > 1}
    if len(several) <= len(places) or 2 * sum(map(len, several)) <= number:
        return []  # one in each folder is a series, such as the frames of a video
    sets = Counter(map(frozenset, several))
    common, equal = sets.most_common(1)[0]
    if equal < share * len(several) or len(common) > MOST_CHANNELS:
        return []
    alike = (sorted(group.values(), key=_order) for group in several if frozenset(group) == common)
    return min(alike, key=lambda images: natural_key(images[0].cell))


def _order(variant: Variant) -> tuple[tuple[int, int, str], ...]:
    return natural_key(variant.value)


def pattern_of(variant: Variant, name: str, parts: tuple[str, str]) -> str:
    """Return the pattern of the files of one image of each cell; blank where none can say it.

    Parameters
    ----------
    variant : Variant
        The image.
    name : str
        A file of it, without its suffix.
    parts : tuple of two str
        Its cell and its channel, which may be blank.
    """
    if variant.behind:  # the cell is behind: raw_1
        at = name.find(behind := _CORE.sub("", variant.behind))
    else:
        at = name.find(behind := variant.before)
    if at < 0 or (variant.before and variant.behind):
        return ""
    return _with_channel(name[:at], "{cell}", name[at + len(behind) :], parts[1])


def pattern_of_all(name: str, parts: tuple[str, str]) -> str:
    """Return the pattern by which all images are cells of their own; blank without one."""
    before, found, behind = name.partition(parts[0])
    return _with_channel(before, "{cell}", behind, parts[1]) if found else ""


def pattern_of_channels(variants: Sequence[Variant], name: str, parts: tuple[str, str]) -> str:
    """Return the pattern by which all images are channels of one cell; blank where none can say it.

    `name` is a file of the last of them, without its suffix; `parts` are its cell and channel.
    """
    last, channel = variants[-1], parts[1]
    if last.behind or not name.startswith(last.before):
        return ""
    behind = name[len(last.before) :]
    if not channel and all(each.value for each in variants):
        return f"{{cell}}{behind[: behind.find(last.value)]}{{channel}}"
    # 1_Ch1 beside 1_Ch1_corrected: the number and all behind it
    word = channel.rstrip("0123456789")
    at = behind.find(channel) + len(word) if channel and word != channel else 0
    return f"{{cell}}{behind[:at]}{{channel}}" if 0 < at < behind.find(last.value) else ""


def _with_channel(before: str, cell: str, behind: str, channel: str) -> str:
    if not channel:
        return f"{before}{cell}{behind}"
    if channel in behind:
        return f"{before}{cell}{behind.replace(channel, '{channel}', 1)}"
    return f"{before.replace(channel, '{channel}', 1)}{cell}{behind}" if channel in before else ""

"""The metadata of an Amnis file: channels, their names, magnification, object count."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import (
    ACQUIRED,
    ACQUISITION,
    BACKGROUND_MEAN,
    CHANNEL_COUNT,
    CHANNEL_NAMES,
    INSTRUMENT,
    OBJECT_COUNT,
    SOFTWARE,
    WIDTH,
    Directory,
)

MOST_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class CifMetadata:
    """What holds for the whole file.

    Attributes
    ----------
    channels : tuple of int
        Numbers of the channels in the file, from 1 as IDEAS counts them, rising.
    names : dict of int to str
        Names of those channels that have one.
    magnification : float or None
        Of the objective.
    objects_told : int or None
        Number of objects that the file states; None where it states none.
    brightfield : tuple of int
        Numbers of those channels that were lit by the brightfield lamp, rising.
    instrument, acquired, software : str
        Name of the instrument, date or time of the acquisition, version of the program that
        wrote the file; blank where unknown.
    doubt : str
        Where the file contradicts itself about its channels: what was believed, and what not.
    """

    channels: tuple[int, ...]
    names: dict[int, str]
    magnification: float | None
    objects_told: int | None
    brightfield: tuple[int, ...] = ()
    instrument: str = ""
    acquired: str = ""
    software: str = ""
    doubt: str = ""


def read_metadata(first: Directory, images: Sequence[Directory]) -> CifMetadata:
    """Read the metadata; believe the directories of some objects where the file disagrees."""
    xml = _text(first, ACQUISITION)
    listed = [name.strip() for name in _text(first, CHANNEL_NAMES).split("|") if name.strip()]
    channels, doubt = _channels(first, images, xml, len(listed))
    lit = _flagged(_section(xml, "Illumination"), "BfLedIndicators")
    return CifMetadata(
        channels=channels,
        names=_names(channels, listed, xml),
        magnification=_magnification(xml),
        objects_told=_number(first, OBJECT_COUNT) or None,
        brightfield=tuple(number for number in channels if number in lit),
        instrument=_text(first, INSTRUMENT).strip(),
        acquired=_text(first, ACQUIRED).strip(),
        software=_text(first, SOFTWARE).strip(),
        doubt=doubt,
    )


def _channels(
    first: Directory, images: Sequence[Directory], xml: str, names: int
) -> tuple[tuple[int, ...], str]:
    """Choose the best documented channels that most objects can have; report contradictions.

    Nothing is nearer to the pixels than the background of each object, one number a channel.
    """
    in_use = _flagged(_section(xml, "Imaging"), "ChannelInUseIndicators")
    means = _usual([len(i.optional(BACKGROUND_MEAN)) for i in images])
    counts = (names, means, _number(first, CHANNEL_COUNT) or 0)
    candidates = [in_use, *(tuple(range(1, count + 1)) for count in counts)]
    usable = [numbers for numbers in candidates if 0 < len(numbers) <= MOST_CHANNELS] or [(1,)]
    widths = [_number(image, WIDTH) or 0 for image in images]
    fitting = [numbers for numbers in usable if _fits(len(numbers), widths)] or usable
    surest = [numbers for numbers in fitting if len(numbers) == means > 1]
    chosen = (surest or fitting)[0]
    if in_use and len(in_use) != len(chosen):
        return chosen, (
            f"the acquisition settings list channels {', '.join(map(str, in_use))}, but the "
            f"cells have {len(chosen)}, which are numbered from 1"
        )
    return chosen, ""


def _usual(numbers: Sequence[int]) -> int:
    """Return the number that more than half of them are, 0 if there is none."""
    number, times = Counter(numbers).most_common(1)[0] if numbers else (0, 0)
    return number if 2 * times > len(numbers) else 0


def _fits(channels: int, widths: Sequence[int]) -> bool:
    """Return whether more than half of the pictures can have so many channels."""
    return 2 * sum(width % channels == 0 for width in widths) > len(widths) or not widths


def _flagged(section: str, name: str) -> tuple[int, ...]:
    """Read the channels flagged "1"; the last element so named counts, as in Bio-Formats.

    The text is searched, not parsed: real files hold stray bytes, and one of them must not cost
    all channels but the first.
    """
    matches = re.findall(rf"<{name}[^<>]*>([^<>]*)<", section)
    flags = matches[-1].split() if matches else []
    return tuple(number for number, flag in enumerate(flags, 1) if flag == "1")


def _names(channels: tuple[int, ...], listed: list[str], xml: str) -> dict[int, str]:
    if len(listed) == len(channels):
        return dict(zip(channels, listed, strict=True))
    display = _section(xml, "Display")
    names = {number: _element(display, f"Channel{number}Name") for number in channels}
    return {number: name for number, name in names.items() if name}


def _magnification(xml: str) -> float | None:
    try:
        magnification = float(_element(_section(xml, "Imaging"), "Magnification"))
    except ValueError:
        return None
    return magnification if math.isfinite(magnification) and magnification > 0 else None


def _section(xml: str, name: str) -> str:
    """Return the content of the first element of that name, to the end if it is not closed."""
    start = re.search(rf"<{name}\b[^<>]*>", xml)
    if start is None:
        return ""
    end = xml.find(f"</{name}>", start.end())
    return xml[start.end() : end if end >= 0 else len(xml)]


def _element(xml: str, name: str) -> str:
    match = re.search(rf"<{name}\b[^<>]*>([^<>]*)<", xml)
    return html.unescape(match[1]).strip() if match else ""


# A tag of this part that is damaged counts as absent: the cells can still be read.


def _text(directory: Directory, tag: int) -> str:
    try:
        return directory.text(tag)
    except CifError:
        return ""


def _number(directory: Directory, tag: int) -> int | None:
    try:
        return directory.number(tag)
    except CifError:
        return None

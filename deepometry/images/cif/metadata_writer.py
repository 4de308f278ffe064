"""The metadata of a written Amnis file: the acquisition XML and the tags beside it.

Only what readers look at is written. The XML of a genuine file of IDEAS 6.0 has the same elements
among many others, in the same order.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral

from deepometry.images.cif.codec import CifError
from deepometry.images.cif.directory import (
    ACQUIRED,
    ACQUISITION,
    BITS,
    COMPRESSION,
    FILE_KIND,
    HEIGHT,
    INSTRUMENT,
    KIND,
    OBJECT_COUNT,
    SOFTWARE,
    WIDTH,
)
from deepometry.images.cif.directory_writer import (
    ASCII,
    LONG,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    SHORT,
    Tags,
)
from deepometry.images.cif.metadata import MOST_CHANNELS, CifMetadata

_FORBIDDEN = re.compile("[\0-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # in XML 1.0, and in one line


def first_tags(metadata: CifMetadata, flags: int) -> Tags:
    """Return the tags of the file-wide directory; the number of objects is yet 0."""
    texts = {ACQUIRED: metadata.acquired, INSTRUMENT: metadata.instrument}
    texts |= {ACQUISITION: acquisition_xml(metadata, flags), SOFTWARE: metadata.software}
    return {
        WIDTH: (LONG, (1,)),  # of a picture that every TIFF file must have
        HEIGHT: (LONG, (1,)),
        BITS: (SHORT, (16,)),
        COMPRESSION: (SHORT, (1,)),
        PHOTOMETRIC: (SHORT, (1,)),
        SAMPLES: (SHORT, (1,)),
        ROWS: (LONG, (1,)),
        KIND: (SHORT, (FILE_KIND,)),
        OBJECT_COUNT: (LONG, (0,)),
        **{tag: (ASCII, text.encode()) for tag, text in texts.items() if text},
    }


def acquisition_xml(metadata: CifMetadata, flags: int = 12) -> str:
    """Return the acquisition XML, with a flag for each channel of the instrument."""
    lit = _flag("BfLedIndicators", metadata.brightfield, flags) if metadata.brightfield else ""
    times = metadata.magnification
    magnified = "" if times is None else _element("Magnification", f"{times:.15g}")
    named = (_element(f"Channel{number}Name", name) for number, name in metadata.names.items())
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n'
        f"<Acquisition>{_element('Illumination', lit, raw=True)}"
        f"<Imaging>{magnified}{_flag('ChannelInUseIndicators', metadata.channels, flags)}</Imaging>"
        f"<Display>{''.join(named)}</Display></Acquisition>"
    )


def _element(name: str, text: str, raw: bool = False) -> str:
    return f"<{name}>{text if raw else html.escape(text, quote=False)}</{name}>"


def _flag(name: str, channels: Sequence[int], flags: int) -> str:
    """List one flag a channel, each with a blank behind it, as IDEAS does."""
    listed = "".join("1 " if number in channels else "0 " for number in range(1, flags + 1))
    return _element(f"{name}_0_{flags - 1}", listed)


def check_metadata(metadata: CifMetadata, flags: int) -> None:
    """Raise `CifError` for a value that the format cannot hold."""
    _check_channels(metadata.channels, flags)
    for field, numbers in (("names", metadata.names), ("brightfield", metadata.brightfield)):
        _check_among(field, numbers, metadata.channels)
    times = metadata.magnification
    if times is not None and not (math.isfinite(times) and times > 0):
        raise CifError(f"magnification: expected a number above 0, found {times}; leave it out")
    texts = {f"names, channel {number}": name for number, name in metadata.names.items()}
    texts |= {field: getattr(metadata, field) for field in ("instrument", "acquired", "software")}
    _check_texts(texts)


def _check_channels(channels: Sequence[int], flags: int) -> None:
    if not 0 < flags <= MOST_CHANNELS:
        raise CifError(f"flags: expected 1 to {MOST_CHANNELS}, found {flags}; IDEAS writes 12")
    whole = all(isinstance(number, Integral) for number in channels)
    rising = whole and list(channels) == sorted({*channels})
    if not channels or not rising or channels[0] < 1:
        raise CifError(
            "channels: expected different whole numbers from 1 on, in rising order, found "
            f"{', '.join(map(str, channels)) or 'none'}; the planes of an image go by these numbers"
        )
    if channels[-1] > flags:
        raise CifError(
            f"channels: expected numbers up to {flags}, found {channels[-1]}; number them within "
            f"1 to {flags}, or say that the instrument has more with flags={channels[-1]}"
        )


def _check_among(field: str, numbers: Iterable[int], channels: Sequence[int]) -> None:
    if strange := [number for number in numbers if number not in channels]:
        raise CifError(
            f"{field}: expected channels of the file ({', '.join(map(str, channels))}), found "
            f"{', '.join(map(str, strange))}; leave out what is not written"
        )


def _check_texts(texts: Mapping[str, str]) -> None:
    for field, text in texts.items():
        if match := _FORBIDDEN.search(text):
            raise CifError(
                f"{field}: expected a line of text, found {text!r} with the character "
                f"{match[0]!r}; leave that out"
            )

"""Text of users as names of files: of labels, folders, sources and targets."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LONGEST_NAME = 200
# what Windows forbids, control characters, halves of letters, and marks that reverse what is read
_ILLEGAL = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]'
)
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)


def safe_name(text: str) -> str:
    """Turn any text into a file name, without extension, that every system accepts.

    Characters that Windows forbids become `_`; no dot in front, no dot or space at the end, at most
    200 bytes.
    """
    name = _ILLEGAL.sub("_", text).rstrip(". ")
    if not name or name.startswith(".") or _RESERVED.fullmatch(name):
        name = f"_{name}"
    whole = name.encode()
    if len(whole) <= _LONGEST_NAME:
        return name
    mark = hashlib.blake2b(whole, digest_size=4).hexdigest()
    return f"{whole[: _LONGEST_NAME - 9].decode(errors='ignore')}_{mark}"


def unique_name(name: str, used: set[str]) -> str:
    """Return `name`, or `name_2` and so on where it is used; remember the choice.

    `used` is in lower case and composed: Windows and macOS ignore case, and macOS whether an accent
    is a part of its letter.
    """
    chosen, number = name, 1
    while folded(chosen) in used:
        number += 1
        chosen = f"{name}_{number}"
    used.add(folded(chosen))
    return chosen


def folded(name: str) -> str:
    """Return what two names have in common that are one file on Windows or macOS."""
    return unicodedata.normalize("NFC", name.casefold())

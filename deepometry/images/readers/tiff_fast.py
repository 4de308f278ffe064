"""The fast way to read the plainest of TIFF files: one grey page, not compressed.

Cytometry software exports such a file for every cell and channel, hundreds of thousands of them,
and a full TIFF reader spends nearly all its time on what they do not have. Source: TIFF 6.0.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_LETTERS = {3: "H", 4: "I"}  # SHORT and LONG
_DTYPES = {(1, 8): "u1", (1, 16): "u2", (1, 32): "u4", (2, 8): "i1", (2, 16): "i2"}
_DTYPES |= {(2, 32): "i4", (3, 32): "f4", (3, 64): "f8"}

_WIDTH, _HEIGHT, _BITS, _TEXT, _OFFSETS, _LENGTHS, _FORMAT = 256, 257, 258, 270, 273, 279, 339
# The value of a tag in a plain file: full page, not compressed, black is zero, and so on.
_PLAIN = {254: 0, 255: 1, 259: 1, 262: 1, 266: 1, 277: 1, 284: 1, 317: 1}
_NEEDED = (_WIDTH, _HEIGHT, _BITS, 259, 262, _OFFSETS, _LENGTHS)
# Tags that do not describe how the pixels are stored, and the rows of a strip: strips are seen to
# follow each other. Any tag beyond these makes the file one for the full reader.
_HARMLESS = {269, 271, 272, 274, 278, 280, 281, 282, 283, 285, 286, 287, 296, 297}
_HARMLESS |= {305, 306, 315, 316, 33432}
_KNOWN = {_WIDTH, _HEIGHT, _BITS, _TEXT, _OFFSETS, _LENGTHS, _FORMAT, *_PLAIN}


class _Tag(NamedTuple):
    kind: int
    size: int  # how many numbers
    position: int  # of the four bytes of value or offset, from the first entry
    value: int  # those bytes as one number


class _Page(NamedTuple):
    dtype: str
    shape: tuple[int, int]
    length: int  # of all pixels, in bytes
    tags: dict[int, _Tag]


def decode_plain_tiff(data: bytes) -> np.ndarray | None:
    """Decode a plain TIFF file.

    Returns
    -------
    ndarray, shape (height, width), or None
        The pixels, in the byte order of the file and read-only; None if the file is not surely
        plain and whole, for a full reader to judge.
    """
    order = _ORDERS.get(data[:4])
    entries = _entries(data, order) if order else b""
    page = _read_page(order, entries) if order and entries else None
    if order is None or page is None or not _is_single(data, page.tags.get(_TEXT)):
        return None
    start = _find_pixels(data, order, entries, page)
    if start < 8 or start + page.length > len(data):
        return None
    dtype = order + page.dtype
    return np.ndarray(page.shape, dtype, data, start)


def _entries(data: bytes, order: str) -> bytes:
    """Cut out the entries of the only page; none if there is another one, or no page."""
    start = struct.unpack_from(order + "I", data, 4)[0] + 2 if len(data) >= 8 else 0
    if start < 10 or start > len(data):
        return b""
    end = start + 12 * int(struct.unpack_from(order + "H", data, start - 2)[0])
    return data[start:end] if data[end : end + 4] == bytes(4) else b""


@lru_cache(maxsize=256)
def _read_page(order: str, entries: bytes) -> _Page | None:
    """Read the entries, which are the same bytes in many files; None if they are not plain."""
    tags = {}
    for at, (number, *tag) in enumerate(struct.iter_unpack(order + "HHII", entries)):
        if number in _KNOWN:
            tags[number] = _Tag(tag[0], tag[1], 12 * at + 8, tag[2])
        elif number not in _HARMLESS:
            return None
    if any(number not in tags for number in _NEEDED):
        return None
    if any(_number(order, tags[n]) != wanted for n, wanted in _PLAIN.items() if n in tags):
        return None
    kind = _number(order, tags[_FORMAT]) if _FORMAT in tags else 1
    height, width, bits = (_number(order, tags[tag]) for tag in (_HEIGHT, _WIDTH, _BITS))
    dtype = _DTYPES.get((kind, bits), "")
    length = max(0, height) * max(0, width) * bits // 8
    return _Page(dtype, (height, width), length, tags) if dtype and length else None


def _number(order: str, tag: _Tag) -> int:
    """Read a single SHORT or LONG, which stands left-aligned in its four bytes; -1 if none."""
    if tag.size != 1 or tag.kind not in _LETTERS:
        return -1
    if _LETTERS[tag.kind] == "I":
        return tag.value
    return tag.value & 0xFFFF if order == "<" else tag.value >> 16


def _is_single(data: bytes, text: _Tag | None) -> bool:
    """Return whether the description lets more images follow the page without a page of their own.

    ImageJ does so in stacks above 4 GiB, and tifffile in series that it calls truncated.
    """
    description = data[text.value : text.value + text.size] if text else b""
    return b"images=" not in description and b"truncated" not in description


def _find_pixels(data: bytes, order: str, entries: bytes, page: _Page) -> int:
    """Find where the pixels start; 0 unless the strips follow each other and hold just them."""
    offsets = _numbers(data, order, entries, page.tags[_OFFSETS])
    lengths = _numbers(data, order, entries, page.tags[_LENGTHS])
    if not 0 < len(offsets) == len(lengths) or sum(lengths) != page.length:
        return 0
    steps = zip(offsets[:-1], lengths[:-1], offsets[1:], strict=True)
    return offsets[0] if all(at + size == then for at, size, then in steps) else 0


def _numbers(data: bytes, order: str, entries: bytes, tag: _Tag) -> tuple[int, ...]:
    if tag.size == 1:
        return (_number(order, tag),)
    letter = _LETTERS.get(tag.kind)
    if letter is None or not 0 < tag.size <= len(data):
        return ()
    layout = struct.Struct(f"{order}{tag.size}{letter}")
    if layout.size <= 4:
        return layout.unpack_from(entries, tag.position)
    return layout.unpack_from(data, tag.value) if tag.value + layout.size <= len(data) else ()

"""Directories in a block of bytes, read by functions compiled by Numba.

They know directories as IDEAS and careful writers make them. Whatever is unusual is left to
`directory.read_directory`, which reads more kinds and reports errors in words. They read nothing
outside the block and raise nothing.
"""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled, inlined

WIDTH, HEIGHT, BITS, COMPRESSION, STRIP, LENGTH, KIND, OBJECT_ID, NEXT, SIZE = range(10)
MEANS, SDS, X, Y, MEAN_COUNT, SD_COUNT, STRAYS = range(10, 17)
FIELDS = 17
"""What `scan` finds: places in its result; -1 where a directory does not have it.

Only `follow` uses the last one: it counts the masks that follow no image of their own.
"""

FINE, CUT, ODD = 0, 1, 2
"""What a directory can be: read, not wholly in the block, or left to `directory.read_directory`."""

ENDED, NEEDS_BYTES, NEEDS_ROOM, STRANGE, BROKEN = range(5)
"""Why `follow` came back."""

_MOST_ENTRIES = 1000
_WRAP = np.int64(2**32)
_MOST_FOUND = 100
LONGEST = 6 + 12 * _MOST_FOUND
"""Bytes of the longest directory that `find_directory` finds."""


@inlined
def _u16(data, at, big):
    first, second = np.int64(data[at]), np.int64(data[at + 1])
    return first << 8 | second if big else second << 8 | first


@inlined
def _u32(data, at, big):
    first, second = _u16(data, at, big), _u16(data, at + 2, big)
    return first << 16 | second if big else second << 16 | first


@compiled
def f64(data, at, big):
    """Read a number of eight bytes."""
    first, second = _u32(data, at, big), _u32(data, at + 4, big)
    bits = first << 32 | second if big else second << 32 | first
    return np.int64(bits).view(np.float64)


@inlined
def _place_of(tag):
    """Return which field a tag fills, -1 for none."""
    if tag == 256:
        return WIDTH
    if tag == 257:
        return HEIGHT
    if tag == 258:
        return BITS
    if tag == 259:
        return COMPRESSION
    if tag == 273:
        return STRIP
    if tag == 279:
        return LENGTH
    if tag == 33002:
        return KIND
    if tag == 33003:
        return OBJECT_ID
    if tag == 33052:
        return MEANS
    if tag == 33053:
        return SDS
    if tag == 33071:
        return X
    if tag == 33072:
        return Y
    return -1


@inlined
def _whole(data, at, kind, count, big):
    """Read the first number of an entry that holds it itself; -2 if it does not."""
    if count < 1:
        return np.int64(-2)
    if kind == 4 and count == 1:
        return _u32(data, at, big)
    if kind == 3 and count <= 2:
        return _u16(data, at, big)
    if kind == 1 and count <= 4:
        return np.int64(data[at])
    return np.int64(-2)


@compiled
def scan(data, at, valid, big, fields):
    """Read the directory at `at` of a block.

    Parameters
    ----------
    data : ndarray of uint8
    at, valid : int
        Where the directory begins, and where what is known of the block ends.
    big : bool
        Whether numbers have their highest byte first.
    fields : ndarray of int64, shape (FIELDS,)
        Takes what is found. Offsets are as stored, modulo 2**32.

    Returns
    -------
    int
        `FINE`, `CUT` or `ODD`.
    """
    if at + 2 > valid:
        return CUT
    count = _u16(data, at, big)
    if count < 1 or count > _MOST_ENTRIES:
        return ODD
    end = at + 2 + 12 * count
    if end + 4 > valid:
        return CUT
    for place in range(STRAYS):
        fields[place] = -1
    for entry in range(at + 2, end, 12):
        place = _place_of(_u16(data, entry, big))
        if place < 0:
            continue
        kind, number = _u16(data, entry + 2, big), _u32(data, entry + 4, big)
        if place < NEXT:
            fields[place] = _whole(data, entry + 8, kind, number, big)
            if fields[place] == -2:
                return ODD
        elif kind != 12 or (number > 1 and place >= X):
            return ODD
        elif number:
            fields[place] = _u32(data, entry + 8, big)
            if place == MEANS:
                fields[MEAN_COUNT] = number
            elif place == SDS:
                fields[SD_COUNT] = number
    fields[NEXT] = _u32(data, end, big)
    fields[SIZE] = end + 4 - at
    return FINE


@inlined
def _kind(fields):
    """Return what a directory describes: 2 an image, 3 a mask, -1 unknown."""
    if fields[KIND] > 0:
        return fields[KIND]
    if fields[COMPRESSION] == 30818:
        return np.int64(3)
    if fields[COMPRESSION] == 30817 or fields[OBJECT_ID] >= 0:
        return np.int64(2)
    return np.int64(-1)


@compiled
def follow(data, valid, base, size, big, position, count, images, masks, ids, sizes, fields):
    """Follow the chain of directories as far as a block of the file reaches.

    Parameters
    ----------
    data, valid : ndarray of uint8, int
        The block, and how many bytes of it are known.
    base, size : int
        Position of the block in the file, and size of the file.
    big : bool
        Byte order.
    position : int
        Position of the first directory to read.
    count : int
        Objects noted so far.
    images, masks, ids : ndarray of int64, shape (room,)
    sizes : ndarray of int32, shape (room, 2)
        Take what is found of every object: its positions (0 for no mask, -1 for none that could
        be its own any more), number (-1 for none),
        height and width (0 where they make no sense).
    fields : ndarray of int64, shape (FIELDS,)
        Room to work.

    Returns
    -------
    reason, position, count, end
        Why it came back: `ENDED`, at the end of the chain; `NEEDS_BYTES` or `NEEDS_ROOM` for
        the directory at `position`, which is not yet noted; `STRANGE`, that directory is left to
        `directory.read_directory`; `BROKEN`, that directory is noted, but what it points to makes
        no sense. `end` is where the last directory noted ends, 0 if there was none.
    """
    end = np.int64(0)
    while True:
        at = position - base
        if at < 0 or at >= valid:
            return NEEDS_BYTES, position, count, end
        state = scan(data, at, valid, big, fields)
        if state == CUT:
            return NEEDS_BYTES, position, count, end
        kind = _kind(fields) if state == FINE else np.int64(-1)
        if kind < 0:
            return STRANGE, position, count, end
        if kind == 2:
            if count == images.size:
                return NEEDS_ROOM, position, count, end
            images[count], masks[count], ids[count] = position, 0, fields[OBJECT_ID]
            plausible = fields[HEIGHT] < 1 << 24 and fields[WIDTH] < 1 << 24
            sizes[count, 0] = max(fields[HEIGHT], 0) if plausible else 0
            sizes[count, 1] = max(fields[WIDTH], 0) if plausible else 0
            count += 1
        elif kind == 3 and count and masks[count - 1] == 0:
            masks[count - 1] = position
        elif kind == 3:
            fields[STRAYS] += 1
        end = position + fields[SIZE]
        if fields[NEXT] == 0:
            return ENDED, position, count, end
        following = fields[NEXT]
        if size >= _WRAP:
            following = position + 1 + (following - position - 1) % _WRAP
        if following <= position or following >= size:
            return BROKEN, position, count, end
        position = following


@compiled
def find_directory(data, valid, big, fields):
    """Look for the directory of an image or a mask at any byte of a block.

    Returns
    -------
    int
        Where in the block the first one begins, -1 if there is none.

    Notes
    -----
    It must have eight entries or more with rising tags and known types, all that a picture
    needs, and lie before its strip, as every writer has it: pixels do not look like that.
    """
    for at in range(valid - 1):
        count = _u16(data, at, big)
        if count < 8 or count > _MOST_FOUND or at + 6 + 12 * count > valid:
            continue
        before = np.int64(0)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind = _u16(data, entry, big), _u16(data, entry + 2, big)
            if tag <= before or kind < 1 or kind > 12:
                before = np.int64(-1)
                break
            before = tag
        if before < 0 or scan(data, at, valid, big, fields) != FINE:
            continue
        kind = _kind(fields)
        whole = fields[WIDTH] > 0 and fields[HEIGHT] > 0 and fields[LENGTH] > 0
        if (kind == 2 or kind == 3) and whole and fields[STRIP] > 0:
            return at
    return -1

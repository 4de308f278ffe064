"""The two compressions of Amnis files, in both directions, as pure functions on bytes.

Sources: the reader of Bio-Formats (`FlowSightReader.java`, BSD part) and a genuine file of IDEAS
6.0, whose 111 images and masks these functions encode to the very same bytes.
"""

from __future__ import annotations

import numpy as np

from deepometry.errors import DeepometryError

GREY = 30817
MASK = 30818
PLAIN = 1
MOST_GROUPS = 6  # 18 bits: four 16-bit pixels added and subtracted need no more


class CifError(DeepometryError):
    """An Amnis file, or one object of it, that cannot be read."""


def decode_grey(data: bytes, height: int, width: int) -> np.ndarray:
    """Decode a strip of compression 30817.

    Parameters
    ----------
    data : bytes
        The strip: 4-bit groups, low half of each byte first.
    height, width : int
        Size of the wide picture, all channels side by side, in pixels.

    Returns
    -------
    ndarray of uint16, shape (height, width)

    Raises
    ------
    CifError
        The strip does not hold exactly height x width numbers.

    Notes
    -----
    A number is the difference of a pixel from what its left, upper and upper left neighbours
    let expect, so that two running sums modulo 2**16 give the picture back.
    """
    count = _pixel_count(height, width)
    _check_length(len(data), count)
    groups = _split_groups(data)
    starts, lengths = _find_numbers(groups, count)
    differences = _join_groups(groups, starts, lengths).astype(np.uint16).reshape(height, width)
    down = np.cumsum(differences, axis=0, dtype=np.uint16)
    return np.cumsum(down, axis=1, dtype=np.uint16)


def encode_grey(pixels: np.ndarray) -> bytes:
    """Encode a picture with compression 30817, in the fewest bytes, as IDEAS does.

    Parameters
    ----------
    pixels : ndarray of uint16, shape (height, width)
        The wide picture, all channels side by side.

    Returns
    -------
    bytes
        What `decode_grey` takes.
    """
    numbers = _differences(pixels)
    lengths = _group_counts(numbers)
    starts = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    groups = np.zeros(total + total % 2, dtype=np.uint8)
    for step in range(int(lengths.max(initial=0))):
        has = np.flatnonzero(lengths > step)
        more = (lengths[has] > step + 1) * 8
        groups[starts[has] + step] = ((numbers[has] >> (3 * step)) & 7) | more
    return (groups[0::2] | (groups[1::2] << 4)).tobytes()


def decode_mask(data: bytes, height: int, width: int) -> np.ndarray:
    """Decode a strip of compression 30818: pairs of a value and a run length less one.

    Parameters
    ----------
    data : bytes
        The strip.
    height, width : int
        Size of the wide mask, all channels side by side, in pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        0 is background; 1, 2 and 3 are foreground (2 and 3: cut off at the border).

    Raises
    ------
    CifError
        Half a pair, or runs that do not add up to height x width.
    """
    count = _pixel_count(height, width)
    if len(data) % 2:
        raise CifError(f"the mask strip of {len(data)} bytes ends in half a pair")
    pairs = np.frombuffer(data, dtype=np.uint8).reshape(-1, 2)
    runs = pairs[:, 1].astype(np.int64) + 1
    total = int(runs.sum())
    if total != count:
        raise CifError(f"the mask strip holds {total} pixels where {count} are expected")
    return np.repeat(pairs[:, 0], runs).reshape(height, width)


def encode_mask(mask: np.ndarray) -> bytes:
    """Encode a mask with compression 30818, in the fewest bytes, as IDEAS does.

    Parameters
    ----------
    mask : ndarray of uint8, shape (height, width)
        The wide mask, all channels side by side.

    Returns
    -------
    bytes
        What `decode_mask` takes.
    """
    flat = np.ascontiguousarray(mask, dtype=np.uint8).ravel()
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    runs = np.diff(np.append(starts, flat.size))
    pieces = (runs + 255) // 256
    lengths = np.full(int(pieces.sum()), 256)
    lengths[np.cumsum(pieces) - 1] = runs - 256 * (pieces - 1)
    pairs = np.stack([np.repeat(flat[starts], pieces), lengths - 1], axis=1)
    return pairs.astype(np.uint8).tobytes()


def decode_plain(data: bytes, height: int, width: int, bits: int, order: str) -> np.ndarray:
    """Read an uncompressed strip.

    Parameters
    ----------
    data : bytes
        The strip: rows of pixels.
    height, width : int
        Size of the wide picture in pixels.
    bits : {8, 16}
        Bits of a pixel.
    order : {"<", ">"}
        Byte order of the file.

    Returns
    -------
    ndarray of uint8 or uint16, shape (height, width)

    Raises
    ------
    CifError
        Another number of bits, or a strip of the wrong length.
    """
    if bits not in (8, 16):
        raise CifError(f"its pixels have {bits} bits where 8 or 16 are expected")
    expected = _pixel_count(height, width) * (bits // 8)
    if len(data) != expected:
        raise CifError(f"the strip has {len(data)} bytes where {expected} are expected")
    found = np.frombuffer(data, dtype=f"{order}u{bits // 8}").reshape(height, width)
    return found.astype(found.dtype.newbyteorder("="))


def _pixel_count(height: int, width: int) -> int:
    if height < 1 or width < 1:
        raise CifError(f"its size of {width} x {height} pixels cannot be right")
    return height * width


def _check_length(found: int, count: int) -> None:
    """Refuse a length that no picture of that size can have, before anything is allocated."""
    if count > 2 * found:
        raise CifError(f"the strip of {found} bytes is too short for {count} pixels")
    if 2 * found > MOST_GROUPS * count + 1:
        raise CifError(f"the strip of {found} bytes is too long for {count} pixels")


def _split_groups(data: bytes) -> np.ndarray:
    packed = np.frombuffer(data, dtype=np.uint8)
    groups = np.empty(2 * packed.size, dtype=np.uint8)
    groups[0::2] = packed & 15
    groups[1::2] = packed >> 4
    return groups


def _find_numbers(groups: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Find where each number starts, and of how many groups it is made."""
    ends = np.flatnonzero(groups < 8)
    filler = ends.size == count + 1 and groups[-1] == 0 and ends[-2] == groups.size - 2
    if filler:  # the unused half of the last byte
        ends, groups = ends[:-1], groups[:-1]
    if ends.size != count or ends[-1] != groups.size - 1:
        raise CifError(f"the strip holds {ends.size} pixels where {count} are expected")
    lengths = np.diff(ends, prepend=-1)
    if lengths.max() > MOST_GROUPS:
        raise CifError("the strip holds a number that does not end")
    return ends - lengths + 1, lengths


def _join_groups(groups: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Put together the numbers, three bits a group, the lowest group first."""
    numbers = (groups[starts] & 7).astype(np.int32)
    for step in range(1, int(lengths.max())):
        has = np.flatnonzero(lengths > step)
        numbers[has] |= (groups[starts[has] + step] & 7).astype(np.int32) << (3 * step)
    negative = groups[starts + lengths - 1] & 4 != 0
    return np.where(negative, numbers - (1 << (3 * lengths)), numbers)


def _differences(pixels: np.ndarray) -> np.ndarray:
    """Give what a pixel's left, upper and upper left neighbours do not let expect."""
    bordered = np.pad(pixels.astype(np.int32), ((1, 0), (1, 0)))
    return np.diff(np.diff(bordered, axis=0), axis=1).ravel()


def _group_counts(numbers: np.ndarray) -> np.ndarray:
    size = np.where(numbers < 0, ~numbers, numbers)
    limits = 4 << (3 * np.arange(MOST_GROUPS - 1))
    return np.searchsorted(limits, size, side="right") + 1

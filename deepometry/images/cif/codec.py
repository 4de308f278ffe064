"""The two compressions of Amnis files, in both directions, as pure functions on bytes.

Sources: the reader of Bio-Formats (`FlowSightReader.java`, BSD part) and a genuine file of IDEAS
6.0, whose 111 images and masks these functions encode to the very same bytes.
"""

from __future__ import annotations

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.images.cif import decode_kernels as kernels
from deepometry.images.cif import encode_kernels as packing

GREY = 30817
MASK = 30818
PLAIN = 1
MOST_PIXELS = 2**26
"""Of one wide picture; genuine ones have less than a hundredth of it."""

_WRONG = {
    kernels.SHORT: "ends before the last of its {} pixels",
    kernels.LEFT_OVER: "continues after the last of its {} pixels",
    kernels.OVERLONG: "holds a number that does not end",
}


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
    let expect, so that two running sums modulo 2**16 restore the picture.
    """
    count = _pixel_count(height, width)
    _check_length(len(data), count)
    out = np.empty(count + 3, np.uint16)
    padded, blank = _padded(data), np.zeros(width + 3, np.uint16)
    status = kernels.unpack_grey(
        padded, 0, len(data), height, width, _ONE, out, 0, blank, kernels.TABLE
    )
    _check(status, count, "strip")
    return out[:count].reshape(height, width)


def encode_grey(pixels: np.ndarray) -> bytes:
    """Encode a wide picture, uint16, with compression 30817, in the fewest bytes, as IDEAS does."""
    pixels = np.ascontiguousarray(pixels, dtype=np.uint16)
    out = np.empty(kernels.MOST_BYTES_OF_A_PIXEL * pixels.size + 1, np.uint8)
    return out[: packing.pack_grey(pixels, out)].tobytes()


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
    if count > 128 * len(data):
        raise CifError(f"the mask strip of {len(data)} bytes is too short for {count} pixels")
    out = np.empty(count, np.uint8)
    status = kernels.unpack_mask(np.frombuffer(data, np.uint8), 0, len(data), count, out)
    _check(status, count, "mask strip")
    return out.reshape(height, width)


def encode_mask(mask: np.ndarray) -> bytes:
    """Encode a wide mask, uint8, with compression 30818, in the fewest bytes, as IDEAS does."""
    flat = np.ascontiguousarray(mask, dtype=np.uint8).ravel()
    out = np.empty(2 * flat.size, np.uint8)
    return out[: packing.pack_mask(flat, out)].tobytes()


def decode_plain(data: bytes, height: int, width: int, bits: int, order: str) -> np.ndarray:
    """Read an uncompressed strip: rows of pixels of 8 or 16 bits, in the byte order "<" or ">".

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
    pixels = np.frombuffer(data, dtype=f"{order}u{bits // 8}").reshape(height, width)
    return pixels.astype(pixels.dtype.newbyteorder("="))


def _padded(data: bytes) -> np.ndarray:
    """Return bytes as an array, with the room behind them that the kernels need."""
    return np.frombuffer(data + bytes(kernels.SLACK), np.uint8)


def _check(status: int, count: int, what: str) -> None:
    if status != kernels.OK:
        raise CifError(f"the {what} {_WRONG[status].format(count)}")


_ONE = np.ones(1, bool)


def _pixel_count(height: int, width: int) -> int:
    if height < 1 or width < 1 or height * width > MOST_PIXELS:
        raise CifError(f"its size of {width} x {height} pixels cannot be right")
    return height * width


def _check_length(length: int, count: int) -> None:
    """Refuse a length that no picture of that size can have, before anything is allocated."""
    if count > 2 * length:
        raise CifError(f"the strip of {length} bytes is too short for {count} pixels")
    if 2 * length > kernels.MOST_GROUPS * count + 1:
        raise CifError(f"the strip of {length} bytes is too long for {count} pixels")

"""All cells that lie in one block of bytes, decoded in one go by compiled code.

A cell that is in any way unusual is left out and marked: `CifFile.read` reads it instead.
"""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled, inlined
from deepometry.images.cif.decode_kernels import OK, SLACK, TABLE, unpack_grey, unpack_mask
from deepometry.images.cif.directory_kernels import (
    BITS,
    COMPRESSION,
    FIELDS,
    FINE,
    HEIGHT,
    LENGTH,
    MEAN_COUNT,
    MEANS,
    SD_COUNT,
    SDS,
    STRIP,
    WIDTH,
    X,
    Y,
    f64,
    scan,
)

__all__ = ["FIELDS", "LEFT", "READ", "SLACK", "TABLE", "decode_block"]

READ, LEFT = 0, 1
"""What becomes of a cell: decoded, or left to `CifFile.read`."""

_WRAP = np.int64(2**32)


@inlined
def _near(stored, here, size):
    """Do what `positions.resolve_near` does."""
    if size < _WRAP:
        return stored
    after = here + (stored - here) % _WRAP
    before = after - _WRAP
    if before >= 0 and (here - before < after - here or after >= size):
        return before
    return after


@compiled
def _numbers(data, valid, base, size, here, stored, wanted, column, big, out):
    """Read the numbers of the wanted channels; False if they lie outside the block."""
    at = _near(stored, here, size) - base
    if at < 0 or at + 8 * wanted.size > valid:
        return False
    row = 0
    for channel in range(wanted.size):
        if wanted[channel]:
            out[row, column] = f64(data, at + 8 * channel, big)
            row += 1
    return True


@compiled
def _one_number(data, valid, base, size, here, stored, big):
    """Read one number of eight bytes, NaN if there is none; False if it lies outside the block."""
    if stored < 0:
        return np.nan, True
    at = _near(stored, here, size) - base
    if at < 0 or at + 8 > valid:
        return np.nan, False
    return f64(data, at, big), True


@compiled
def _strip(fields, here, base, size, valid):
    """Return where in the block the strip begins; -1 if it is not wholly there."""
    if fields[STRIP] < 0 or fields[LENGTH] < 1:
        return np.int64(-1)
    at = _near(fields[STRIP], here, size) - base
    return at if at >= 0 and at + fields[LENGTH] <= valid else np.int64(-1)


@compiled
def _unpack_plain(data, start, bits, big, height, tile, wanted, out, at):
    """Copy the wanted channels of an uncompressed picture."""
    place = start
    for _ in range(height):
        for channel in range(wanted.size):
            for _ in range(tile):
                if bits == 8:
                    pixel = np.uint16(data[place])
                    place += 1
                else:
                    first, second = np.uint16(data[place]), np.uint16(data[place + 1])
                    pixel = np.uint16(first << 8 | second if big else second << 8 | first)
                    place += 2
                if wanted[channel]:
                    out[at] = pixel
                    at += 1


@compiled
def _image(
    data, valid, base, size, big, here, height, width, wanted, out, at, blank, table, fields
):  # fmt: skip
    """Decode the wanted channels of one image; return whether that was possible."""
    if scan(data, here - base, valid, big, fields) != FINE:
        return LEFT
    start = _strip(fields, here, base, size, valid)
    if start < 0 or fields[HEIGHT] != height or fields[WIDTH] != width:
        return LEFT
    tile, length = width // wanted.size, fields[LENGTH]
    if fields[COMPRESSION] == 30817:
        return unpack_grey(data, start, start + length, height, tile, wanted, out, at, blank, table)
    bits = fields[BITS]
    plain = fields[COMPRESSION] == 1 and (bits == 8 or bits == 16)
    if not plain or length != height * width * (bits // 8):
        return LEFT
    _unpack_plain(data, start, bits, big, height, tile, wanted, out, at)
    return READ


@compiled
def _mask(
    data, valid, base, size, big, here, height, width, wanted, wide, out, at, fields
):  # fmt: skip
    """Decode the wanted channels of one mask; return whether that was possible."""
    if here < base or scan(data, here - base, valid, big, fields) != FINE:
        return LEFT
    start = _strip(fields, here, base, size, valid)
    if start < 0 or fields[HEIGHT] != height or fields[WIDTH] != width:
        return LEFT
    count, stop = height * width, start + fields[LENGTH]
    if fields[COMPRESSION] == 30818:
        if unpack_mask(data, start, stop, count, wide) != OK:
            return LEFT
    elif fields[COMPRESSION] == 1 and fields[BITS] == 8 and fields[LENGTH] == count:
        wide[:count] = data[start:stop]
    else:
        return LEFT
    tile, place = width // wanted.size, at
    for y in range(height):
        for channel in range(wanted.size):
            if wanted[channel]:
                first = y * width + channel * tile
                out[place : place + tile] = wide[first : first + tile]
                place += tile
    return READ


@compiled
def decode_block(
    data, valid, base, size, big, images, masks, sizes, wanted, starts,
    pixels, shapes, background, centres, states, blank, wide, table, fields, masked,
):  # fmt: skip
    """Decode the wanted channels of the cells of a block.

    Parameters
    ----------
    data : ndarray of uint8
        The block, `SLACK` bytes longer than `valid`.
    valid, base, size : int
        Bytes known of it, its position in the file, and the size of the file.
    big : bool
        Byte order.
    images, masks : ndarray of int64, shape (cells,)
        Positions of the directories.
    sizes : ndarray of int32, shape (cells, 2)
        Height and width of the wide pictures.
    wanted : ndarray of bool, shape (channels,)
        Which channels of the file to decode.
    starts : ndarray of int64, shape (cells,)
        Where each cell goes in `pixels` and `shapes`; -1 for one that is not to be decoded.
    pixels : ndarray of uint16, shape (n,)
        Takes the cells, each as (height, wanted channels, tile); 3 pixels longer than they are.
    shapes : ndarray of uint8, shape (n,)
        Takes the masks in the same way, where `masked`.
    background : ndarray of float64, shape (cells, wanted channels, 2)
    centres : ndarray of float64, shape (cells, 2)
        Take mean and standard deviation, x and y; NaN where the file has none.
    states : ndarray of uint8, shape (cells,)
        Takes `READ` or `LEFT`.
    blank : ndarray of uint16
        Zeros, 3 more than the widest picture has columns.
    wide : ndarray of uint8
        Room for the largest mask.
    table, fields : ndarray
        `kernels.TABLE`, and room to work.
    masked : bool
        Whether to decode the masks. A cell without one is left.
    """
    for cell in range(images.size):
        states[cell] = LEFT
        here, height, width = images[cell], np.int64(sizes[cell, 0]), np.int64(sizes[cell, 1])
        if starts[cell] < 0:
            continue
        status = _image(
            data, valid, base, size, big, here, height, width, wanted, pixels, starts[cell],
            blank, table, fields,
        )  # fmt: skip
        if status != READ:
            continue
        background[cell] = np.nan
        if fields[MEAN_COUNT] == wanted.size and fields[SD_COUNT] == wanted.size:
            means, sds = fields[MEANS], fields[SDS]
            backed = _numbers(
                data, valid, base, size, here, means, wanted, 0, big, background[cell]
            ) and _numbers(data, valid, base, size, here, sds, wanted, 1, big, background[cell])
            if not backed:
                continue
        x, y = fields[X], fields[Y]
        centres[cell, 0], x_read = _one_number(data, valid, base, size, here, x, big)
        centres[cell, 1], y_read = _one_number(data, valid, base, size, here, y, big)
        if not (x_read and y_read):
            continue
        if masked:
            status = _mask(
                data, valid, base, size, big, masks[cell], height, width, wanted, wide, shapes,
                starts[cell], fields,
            )  # fmt: skip
        states[cell] = READ if status == READ else LEFT

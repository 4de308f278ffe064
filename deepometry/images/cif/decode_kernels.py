"""The inner loops of the two compressions, compiled by Numba.

Compression 30817 is one stream of 4-bit groups over the whole wide picture: a channel cannot be
decoded alone. But a pixel is the one above it plus the sum of the numbers of its row so far, so
that of the other channels only the sum is needed, and behind the last wanted channel of a
row not even that. Numbers that are wanted are looked up up to three at a time; numbers that are
only added up or skipped are taken fifteen groups at a time, as lanes of one 64-bit word.

Nothing here allocates memory, raises, or reads outside `data`, which must be `SLACK` bytes longer
than what is decoded; errors are returned as numbers.
"""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled, inlined
from deepometry.images.cif.word_kernels import leading_zeros, load_word, trailing_zeros

SLACK = 16
"""Bytes that must lie behind the data, of any value."""

OK, SHORT, LEFT_OVER, OVERLONG = 0, 1, 2, 3
"""What a stream can be: whole, ended early, longer than its picture, or without end in a number."""

MOST_GROUPS = 6  # 18 bits: four 16-bit pixels added and subtracted need no more
MOST_BYTES_OF_A_PIXEL = MOST_GROUPS // 2

_ENDS = np.uint64(0x0888888888888888)  # the bit "another group follows" of fifteen groups
_VALUES = np.uint64(0x0777777777777777)
_SIGNS = np.uint64(0x0444444444444444)
_ONES = np.uint64(0x1111111111111111)
_LOW = np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES = np.uint64(0x0101010101010101)
_U0, _U1, _U2, _U3, _U4, _U7, _U8, _U15 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 7, 8, 15))
_U16, _U32, _U48, _U56, _U60 = (np.uint64(n) for n in (16, 32, 48, 56, 60))
_PICK, _U6, _BITS = np.uint64(4095), np.uint64(6), np.uint64(63)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def _make_table() -> np.ndarray:
    """List, for every three groups, the numbers that end in them, added up from the first.

    Lanes of 16 bits: how many bits they take (six bits) and how many numbers there are; then the
    sums, the last one repeated.
    """
    table = np.zeros(4096, np.uint64)
    for code in range(4096):
        sums, used, value, shift, total = [], 0, 0, 0, 0
        for place in range(3):
            group = code >> (4 * place) & 15
            value |= (group & 7) << shift
            shift += 3
            if group < 8:
                total += value - ((1 << shift) if group & 4 else 0)
                sums.append(total)
                used, value, shift = place + 1, 0, 0
        if sums:
            lanes = [4 * used + 64 * len(sums), *sums, *[sums[-1]] * (3 - len(sums))]
            packed = sum((lane & 0xFFFF) << (16 * place) for place, lane in enumerate(lanes))
            table[code] = packed
    return table


TABLE = _make_table()


@compiled
def _one_number(data, place):
    """Read one number group by group; its number of groups is 0 if it does not end."""
    value = np.int64(0)
    for group in range(MOST_GROUPS):
        at = place + group
        bits = (np.int64(data[at >> 1]) >> ((at & 1) * 4)) & 15
        value |= (bits & 7) << (3 * group)
        if bits < 8:
            if bits & 4:
                value -= np.int64(1) << (3 * group + 3)
            return value, group + 1
    return value, 0


@inlined
def _look_up(word, total, out, at, over, above, table):
    """Read up to three numbers; return how many bits and numbers they are, and the sum.

    Three pixels are written in any case; the next look-up writes over those too many.
    Nothing is read where a number of more than three groups begins.
    """
    entry = table[word & _PICK]
    out[at] = np.uint16(over[above] + total + (entry >> _U16))
    out[at + _U1] = np.uint16(over[above + _U1] + total + (entry >> _U32))
    after = total + (entry >> _U48)
    out[at + _U2] = np.uint16(over[above + _U2] + after)
    return entry & _BITS, (entry >> _U6) & _U3, after


@compiled
def _read(data, place, end, count, total, out, at, over, above, table):
    """Read a piece of a row of pixels; return the new place, the sum and the status.

    The pixels above are those of `over` from `above` on. Up to three pixels too many are written.
    Indices are unsigned, which spares a look for negative ones.
    """
    x, stop = _U0, np.uint64(count)
    here, above = np.uint64(at), np.uint64(above)
    while x < stop:
        if place >= end:
            return place, total, SHORT
        word = load_word(data, np.uint64(place >> 1)) >> (np.uint64(place & 1) << _U2)
        if x + _U15 <= stop:
            taken, numbers = _U0, _U0
            for _ in range(5):
                bits, numbers, total = _look_up(word, total, out, here + x, over, above + x, table)
                word >>= bits
                taken += bits
                x += numbers
        else:
            taken, numbers, after = _look_up(word, total, out, here + x, over, above + x, table)
            left = stop - x
            if numbers > left:  # only one or two are of this piece
                ends, shift = ~word & _ENDS, _U16
                if left == _U2:
                    ends, shift = ends & (ends - _U1), _U32
                taken, numbers = trailing_zeros(ends) + _U1, left
                after = total + (table[word & _PICK] >> shift)
            total = after
            x += numbers
        place += np.int64(taken >> _U2)
        if numbers == _U0:
            value, groups_1 = _one_number(data, place)
            if groups_1 == 0:
                return place, total, OVERLONG
            total += np.uint64(value)
            out[here + x] = np.uint16(over[above + x] + total)
            place += groups_1
            x += _U1
    return place, total, OK


@inlined
def _whole_numbers(word, left):
    """Find, in fifteen groups, the whole numbers, at most `left` (1 or more).

    Returns
    -------
    ends, inside, groups, numbers
        The last groups of the numbers, all bits of them, and how many of each.
    """
    ends = ~word & _ENDS
    numbers = np.int64(((ends >> _U3) * _ONES) >> _U60)
    if numbers > left:
        rest = ends
        for _ in range(left - 1):
            rest &= rest - _U1
        last = rest & (~rest + _U1)
        inside = (last << _U1) - _U1
        return ends & inside, inside, (trailing_zeros(last) >> _U2) + _U1, left
    unused = leading_zeros(ends)
    inside = (_ALL >> unused) if numbers else _U0
    return ends, inside, _U16 - (unused >> _U2), numbers


@inlined
def _too_long(word):
    """Return whether six groups or more in a row say that another one follows."""
    more = word & _ENDS
    two = more & (more >> _U4)
    return (two & (two >> _U8) & (two >> _U16)) != 0


@compiled
def _add(data, place, end, count, total):
    """Add numbers up without writing pixels."""
    left = np.int64(count)
    while left > 0:
        if place >= end:
            return place, total, SHORT
        word = load_word(data, np.uint64(place >> 1)) >> (np.uint64(place & 1) << _U2)
        ends, inside, groups, numbers = _whole_numbers(word, left)
        word &= inside
        if numbers == 0 or _too_long(word):
            return place, total, OVERLONG
        values = word & _VALUES
        signs = word & _SIGNS & (ends >> _U1)
        here = ((ends << _U4) | _U8) & _ENDS & inside  # the first group of every number
        power = _U0
        while here:
            chosen = values & ((here >> _U3) * _U7)
            halves = (chosen & _LOW) + ((chosen >> _U4) & _LOW)
            minus = (((signs & (here >> _U1)) >> _U2) * _ONES) >> _U60
            total += (((halves * _BYTES) >> _U56) - (minus << _U3)) << power
            power += _U3
            here = ((here & ~ends) << _U4) & inside
        place += np.int64(groups)
        left -= numbers
    return place, total, OK


@compiled
def _skip(data, place, end, count):
    """Pass over numbers."""
    left = np.int64(count)
    while left > 0:
        if place >= end:
            return place, SHORT
        word = load_word(data, np.uint64(place >> 1)) >> (np.uint64(place & 1) << _U2)
        _, inside, groups, numbers = _whole_numbers(word, left)
        if numbers == 0 or _too_long(word & inside):
            return place, OVERLONG
        place += np.int64(groups)
        left -= numbers
    return place, OK


@compiled
def unpack_grey(data, start, stop, height, tile, wanted, out, at, blank, table):
    """Decode the wanted channels of a strip of compression 30817.

    Parameters
    ----------
    data : ndarray of uint8
        What holds the strip, `SLACK` bytes longer than `stop`.
    start, stop : int
        Where the strip begins and ends in `data`.
    height, tile : int
        Size of one channel in pixels.
    wanted : ndarray of bool, shape (channels,)
        Which channels of the file to decode.
    out : ndarray of uint16, shape (n,)
        Takes (height, wanted channels, tile) from `at` on, and up to three pixels more.
    blank : ndarray of uint16, shape (channels x tile + 3,)
        Zeros: the row above the first one.
    table : ndarray
        `TABLE`.

    Returns
    -------
    int
        `OK`, `SHORT`, `LEFT_OVER` or `OVERLONG`. After `OK` every number was whole, and the
        strip held no other.
    """
    place, end = np.int64(start) * 2, np.int64(stop) * 2
    channels, width = wanted.size, np.int64(0)
    last = np.int64(0)
    for channel in range(channels):
        if wanted[channel]:
            last = channel + 1
            width += tile
    here = np.int64(at)
    for y in range(height):
        total, channel = _U0, 0
        while channel < last:
            first = channel
            while not wanted[channel]:
                channel += 1
            place, total, status = _add(data, place, end, (channel - first) * tile, total)
            if status != OK:
                return status
            first = channel
            while channel < last and wanted[channel]:
                channel += 1
            count = (channel - first) * tile
            if y:
                place, total, status = _read(
                    data, place, end, count, total, out, here, out, here - width, table
                )
            else:
                place, total, status = _read(
                    data, place, end, count, total, out, here, blank, 0, table
                )
            if status != OK:
                return status
            here += count
        place, status = _skip(data, place, end, (channels - last) * tile)
        if status != OK:
            return status
    if place > end:
        return SHORT
    filler = place == end - 1 and data[stop - 1] < 16
    return OK if place == end or filler else LEFT_OVER


@compiled
def unpack_mask(data, start, stop, count, out):
    """Decode a strip of compression 30818 into the first `count` bytes of `out`.

    Returns
    -------
    int
        `OK`; `SHORT` if the runs hold fewer pixels; `LEFT_OVER` if more, or half a pair.
    """
    if (stop - start) & 1:
        return LEFT_OVER
    filled = 0
    for at in range(start, stop, 2):
        run = np.int64(data[at + 1]) + 1
        if filled + run > count:
            return LEFT_OVER
        out[filled : filled + run] = data[at]
        filled += run
    return OK if filled == count else SHORT

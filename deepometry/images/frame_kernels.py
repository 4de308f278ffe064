"""The inner loops of framing, compiled by Numba: whole cells, without holding up other threads."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled, inlined
from deepometry.images.padding_noise import FIRST_FACTOR, SECOND_FACTOR, STEP

CORNER = 7
"""Side of the corners, in pixels, from which the background is taken.

On 2,731 Jurkat cells of 40 x 40 pixels the 10 x 10 corners of the first program reach into some
cells (three times the spread of the border), and 5 x 5 corners understate the spread by a
quarter, because the calmest of four small samples is taken.
"""

_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (STEP, FIRST_FACTOR, SECOND_FACTOR))
_U1, _U4, _PICK = np.uint64(1), np.uint64(4), np.uint64(4095)
_U16, _U27, _U30, _U31 = (np.uint64(n) for n in (16, 27, 30, 31))


@inlined
def _place(size, frame):
    """Return where to start in the cell, where in the frame, and how many pixels to take."""
    if size >= frame:
        return (size - frame) // 2, 0, frame
    return 0, (frame - size) // 2, size


@compiled
def _corner(wide, channel, top, left, rows, columns):
    """Return the mean and the variance of one corner."""
    total = 0.0
    for y in range(top, top + rows):
        for x in range(left, left + columns):
            total += np.float64(wide[y, channel, x])
    mean, squares = total / (rows * columns), 0.0
    for y in range(top, top + rows):
        for x in range(left, left + columns):
            apart = np.float64(wide[y, channel, x]) - mean
            squares += apart * apart
    return mean, squares / (rows * columns)


@compiled
def calmest_corner(wide, channel):
    """Return the mean and the standard deviation of the corner with the lowest one."""
    height, _, width = wide.shape
    rows, columns = min(CORNER, (height + 3) // 4), min(CORNER, (width + 3) // 4)
    best, least = _corner(wide, channel, 0, 0, rows, columns)
    for number in range(1, 4):
        top = height - rows if number > 1 else 0
        left = width - columns if number & 1 else 0
        mean, variance = _corner(wide, channel, top, left, rows, columns)
        if variance < least:
            best, least = mean, variance
    return best, np.sqrt(least)


@inlined
def _drawn(state, place):
    """Return the number of the generator that holds the noise of four pixels."""
    word = state + _STEP * (np.uint64(place >> 2) + _U1)
    word = (word ^ (word >> _U30)) * _FIRST
    word = (word ^ (word >> _U27)) * _SECOND
    return word ^ (word >> _U31)


@compiled
def _fill(row, first, last, place, level, spread, state, normal, whole, least, most):
    """Write noise into a piece of a row; which, depends on the place in the frame alone."""
    piece = row[first:last]
    place += first
    word = _drawn(state, place)
    for x in range(last - first):
        lane = (place + x) & 3
        if lane == 0:
            word = _drawn(state, place + x)
        value = level + spread * normal[(word >> (_U16 * np.uint64(lane) + _U4)) & _PICK]
        if whole:
            value = min(max(np.rint(value), least), most)
        piece[x] = value


@compiled
def frame_one(out, wide, order, mask, masked, level, spread, states, normal, whole, least, most):
    """Frame one cell (height, channels, width)."""
    frame = out.shape[0]
    height, _, width = wide.shape
    above, top, rows = _place(height, frame)
    before, left, columns = _place(width, frame)
    right = left + columns
    for c in range(order.size):
        how = (level[c], spread[c], states[c], normal, whole, least, most)
        for y in range(frame):
            row, place, here = out[y, :, c], y * frame, above + y - top
            if y < top or y >= top + rows:
                _fill(row, 0, frame, place, *how)
                continue
            cell, target = wide[here, order[c], before : before + columns], row[left:right]
            for x in range(columns):
                target[x] = cell[x]
            if left > 0:
                _fill(row, 0, left, place, *how)
            if right < frame:
                _fill(row, right, frame, place, *how)
            if masked:
                _hide(row, left, mask[here, order[c], before : before + columns], place, how)


@compiled
def _hide(row, left, mask, place, how):
    """Write noise wherever the mask of a row is 0."""
    x, columns = 0, mask.size
    while x < columns:
        first = x
        while x < columns and not mask[x]:
            x += 1
        if x > first:
            _fill(row, left + first, left + x, place, *how)
        x += 1


@compiled
def frame_all(
    out, pixels, starts, sizes, order, masks, masked, background, usable,
    states, normal, whole, least, most,
):  # fmt: skip
    """Frame cells one behind the other."""
    channels = order.size
    level, spread = np.empty(channels), np.empty(channels)
    for cell in range(starts.size):
        height, width = sizes[cell, 0], sizes[cell, 1]
        first, count = starts[cell], height * channels * width
        wide = pixels[first : first + count].reshape((height, channels, width))
        shown = masks[first : first + count].reshape((height, channels, width)) if masked else (
            masks.reshape((0, channels, 0))
        )  # fmt: skip
        for c in range(channels):
            if usable[cell]:
                level[c], spread[c] = background[cell, order[c], 0], background[cell, order[c], 1]
            else:
                level[c], spread[c] = calmest_corner(wide, order[c])
        frame_one(
            out[cell], wide, order, shown, masked, level, spread, states[cell], normal, whole,
            least, most,
        )  # fmt: skip

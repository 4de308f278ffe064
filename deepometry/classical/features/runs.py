"""Pieces of a mask, by the runs of pixels in its rows: far fewer than there are pixels."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled

_PIECE = 0.1  # of the largest piece: smaller ones are specks


@compiled
def find_runs(mask, value):
    """Return the runs of a value: row, first column, and the column behind it, int32 (n, 3)."""
    high, wide = mask.shape
    runs, n = np.empty((high * ((wide + 1) // 2), 3), np.int32), 0
    for y in range(high):
        before = False
        for x in range(wide):
            here = mask[y, x] == value
            if here == before:
                continue
            if here:
                runs[n, 0], runs[n, 1] = y, x
            else:
                runs[n, 2] = x
                n += 1
            before = here
        if before:
            runs[n, 2] = wide
            n += 1
    return runs[:n]


@compiled
def join_runs(runs, diagonal):
    """Return for each run one of its piece, the same for all of a piece.

    Runs of neighbouring rows are joined that touch; with `diagonal` 1 also those that touch at a
    corner, with 0 not. Union-find, as in Tarjan, Efficiency of a good but not linear set union
    algorithm, J. ACM 22 (1975).
    """
    parents, above = np.arange(len(runs)), 0
    for n in range(len(runs)):
        row = runs[n, 0]
        while runs[above, 0] < row - 1 or (
            runs[above, 0] == row - 1 and runs[above, 2] + diagonal <= runs[n, 1]
        ):
            above += 1
        other = above
        while runs[other, 0] == row - 1 and runs[other, 1] < runs[n, 2] + diagonal:
            parents[_first(parents, other)] = _first(parents, n)
            other += 1
    for n in range(len(runs)):
        parents[n] = _first(parents, n)
    return parents


@compiled
def _first(parents, n):
    while parents[n] != n:
        parents[n] = parents[parents[n]]
        n = parents[n]
    return n


@compiled
def pieces(mask):
    """Return how many separate pieces a mask has, and the pixels of the largest two."""
    runs = find_runs(mask, 1)
    return _largest(_sizes(runs, join_runs(runs, 1)))


@compiled
def number_pieces(mask):
    """Number the separate pieces of a mask from 1; return the numbers and the size of each."""
    runs = find_runs(mask, 1)
    piece, count = join_runs(runs, 1), 0
    numbers, sizes = np.zeros(mask.shape, np.int32), np.zeros(len(runs) + 1, np.int64)
    number_of = np.zeros(len(runs), np.int32)
    for n in range(len(runs)):
        if number_of[piece[n]] == 0:
            count += 1
            number_of[piece[n]] = count
        number = number_of[piece[n]]
        numbers[runs[n, 0], runs[n, 1] : runs[n, 2]] = number
        sizes[number] += runs[n, 2] - runs[n, 1]
    return numbers, sizes[: count + 1]


@compiled
def _sizes(runs, piece):
    """Return the number of pixels of each piece, at its own run; 0 elsewhere."""
    sizes = np.zeros(len(runs), np.int64)
    for n in range(len(runs)):
        sizes[piece[n]] += runs[n, 2] - runs[n, 1]
    return sizes


@compiled
def _largest(sizes):
    count, largest, second = 0, 0, 0
    for size in sizes:
        count += size > 0
        if size > largest:
            largest, second = size, largest
        elif size > second:
            second = size
    return count, largest, second


@compiled
def fill_holes(mask):
    """Fill, in place, all that is not joined to the border of the image."""
    high, wide = mask.shape
    runs = find_runs(mask, 0)
    piece = join_runs(runs, 0)
    outside = np.zeros(len(runs), np.bool_)
    for n in range(len(runs)):
        y, first, end = runs[n]
        if y == 0 or first == 0 or y == high - 1 or end == wide:
            outside[piece[n]] = True
    for n in range(len(runs)):
        if not outside[piece[n]]:
            mask[runs[n, 0], runs[n, 1] : runs[n, 2]] = 1


@compiled
def drop_specks(mask):
    """Remove, in place, pieces that are small beside the largest; return the pixels left."""
    runs = find_runs(mask, 1)
    piece = join_runs(runs, 1)
    sizes = _sizes(runs, piece)
    least, left = _PIECE * _largest(sizes)[1], 0
    for n in range(len(runs)):
        if sizes[piece[n]] < least:
            mask[runs[n, 0], runs[n, 1] : runs[n, 2]] = 0
        else:
            left += runs[n, 2] - runs[n, 1]
    return left

"""Order statistics of the pixels of a cell: buckets first, so that little is left to sort."""

from __future__ import annotations

import numpy as np

from deepometry.core.numba_cache import compiled

_FEW = 24  # in a bucket: so many are put in order by insertion


@compiled
def rising(values):
    """Return numbers (n,) from low to high, as `np.sort` does, in a fraction of its time."""
    ordered, last = np.empty(values.size), values.size // 2
    if values.size == 0:
        return ordered
    low, scale = _buckets(values, last)
    ends = np.zeros(last + 2, np.int64)
    for value in values:
        ends[_bucket(value, low, scale, last) + 1] += 1
    ends = np.cumsum(ends)
    for value in values:
        place = _bucket(value, low, scale, last)
        ordered[ends[place]] = value
        ends[place] += 1
    _sort_buckets(ordered, ends[: last + 1])
    return ordered


@compiled
def ranked(values, rank):
    """Return the number of that rank, from 0, among numbers (n,): `np.sort(values)[rank]`."""
    last = values.size // 2
    low, scale = _buckets(values, last)
    counts = np.zeros(last + 1, np.int64)
    for value in values:
        counts[_bucket(value, low, scale, last)] += 1
    here = 0
    while rank >= counts[here]:
        rank -= counts[here]
        here += 1
    some, n = np.empty(counts[here]), 0
    for value in values:
        if _bucket(value, low, scale, last) == here:
            some[n] = value
            n += 1
    return some[0] if _is_rising(some, 0, n) and some[0] == some[n - 1] else np.sort(some)[rank]


@compiled
def _buckets(values, last):
    """Return the lowest number, and the buckets a unit, of `last` + 1 from lowest to highest."""
    low, high = values[0], values[0]
    for value in values:
        low = value if value < low else low
        high = value if value > high else high
    return low, (last / (high - low) if high > low else 0.0)


@compiled
def _bucket(value, low, scale, last):
    far = (value - low) * scale
    return int(far) if far < last else last  # what is no number, too


@compiled
def _sort_buckets(ordered, ends):
    """Sort numbers that already stand in the right bucket, in place."""
    first = 0
    for end in ends:
        if end - first > _FEW and not _is_rising(ordered, first, end):
            ordered[first:end] = np.sort(ordered[first:end])
        first = end
    for n in range(1, ordered.size):
        value, place = ordered[n], n
        while place > 0 and ordered[place - 1] > value:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = value


@compiled
def _is_rising(values, first, end):
    falls = 0
    for n in range(first + 1, end):
        falls += values[n - 1] > values[n]
    return falls == 0

"""Morphology: the size and the outline of a cell, in pixels."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.runs import pieces
from deepometry.core.numba_cache import compiled

NAMES = (
    "area",
    "perimeter",
    "circularity",
    "long axis",
    "short axis",
    "eccentricity",
    "aspect ratio",
    "solidity",
    "extent",
    "longest diameter",
    "shortest diameter",
    "diameter ratio",
    "pieces",
    "second piece share",
    "inner radius",
    "radius variation",
    "outline asymmetry",
    "outline elongation",
    "outline triangularity",
    "outline squareness",
)
_ANGLES = 36  # directions in which diameters are taken, over half a turn
_SINES = np.sin(np.pi * np.arange(2 * _ANGLES) / _ANGLES)
_COSINES = np.cos(np.pi * np.arange(2 * _ANGLES) / _ANGLES)
_RAYS = 64  # directions in which the outline is followed, over a full turn
_RAY_SINES = np.sin(2 * np.pi * np.arange(_RAYS) / _RAYS)
_RAY_COSINES = np.cos(2 * np.pi * np.arange(_RAYS) / _RAYS)


@compiled
def measure(mask, out):
    """Measure the shape of a mask that is not empty; `out` has a place for each of `NAMES`."""
    area, cy, cx, major, minor = axes(mask)
    top, bottom, left, right = box(mask)
    outline = edge(mask)
    length = _length(mask.shape, outline)
    around, longest, shortest = _touching(outline)
    count, _, second = pieces(mask)
    out[0], out[1] = area, length
    out[2] = 4 * np.pi * area / max(length * length, 1.0)
    out[3], out[4] = major, minor
    out[5] = np.sqrt(max(0.0, 1 - (minor / max(major, 1e-9)) ** 2))
    out[6] = minor / max(major, 1e-9)
    out[7] = area / max(around, 1.0)
    out[8] = area / ((bottom - top) * (right - left))
    out[9], out[10] = longest, shortest
    out[11] = shortest / max(longest, 1e-9)
    out[12], out[13] = count, second / area
    out[14] = _inner_radius(mask[top:bottom, left:right])
    _outline(mask, outline, cy, cx, out[15:20])


@compiled
def axes(mask):
    """Return area, centre and the axes of the ellipse of the same second moments."""
    n, y, x, yy, xx, xy = _moments(mask)
    # of whole numbers, so that no digits are lost
    down, right = (n * yy - y * y) / (n * n), (n * xx - x * x) / (n * n)
    both = (n * xy - y * x) / (n * n)
    root = np.sqrt((down - right) ** 2 / 4 + both * both)
    middle = (down + right) / 2
    return n, y / n, x / n, 4 * np.sqrt(middle + root), 4 * np.sqrt(max(middle - root, 0.0))


@compiled
def _moments(mask):
    """Return the sums of 1, y, x, y y, x x and x y over a mask."""
    n, y, x, yy, xx, xy = 0, 0, 0, 0, 0, 0
    for row in range(mask.shape[0]):
        count, first, second = 0, 0, 0
        for column in range(mask.shape[1]):
            inside = np.int64(mask[row, column])
            count += inside
            first += inside * column
            second += inside * column * column
        n, x, xx = n + count, x + first, xx + second
        y, yy, xy = y + row * count, yy + row * row * count, xy + row * first
    return n, y, x, yy, xx, xy


@compiled
def box(mask):
    """Return the first row of a mask and the row behind the last; the same of the columns."""
    top, bottom, left, right = mask.shape[0], 0, mask.shape[1], 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                top, bottom = min(top, y), y + 1
                left, right = min(left, x), max(right, x + 1)
    return top, bottom, left, right


@compiled
def edge(mask):
    """Return row and column of the pixels that have one of the outside beside them, (n, 2)."""
    high, wide = mask.shape
    places, n = np.empty((high * wide, 2), np.int32), 0
    for y in range(high):
        for x in range(wide):
            if mask[y, x] and not _surrounded(mask, y, x):
                places[n, 0], places[n, 1] = y, x
                n += 1
    return places[:n]


@compiled
def _surrounded(mask, y, x):
    high, wide = mask.shape
    if y == 0 or x == 0 or y == high - 1 or x == wide - 1:
        return False
    return mask[y - 1, x] and mask[y + 1, x] and mask[y, x - 1] and mask[y, x + 1]


@compiled
def perimeter(mask):
    """Return the outline's length, as scikit-image's `perimeter` does (Benkrid and Crookes)."""
    return _length(mask.shape, edge(mask))


@compiled
def _length(shape, outline):
    """Return the length of an outline (n, 2) in an image of that shape."""
    edges = np.zeros((shape[0] + 2, shape[1] + 2), np.int64)
    for n in range(len(outline)):
        edges[outline[n, 0] + 1, outline[n, 1] + 1] = 1
    total = 0.0
    for n in range(len(outline)):
        y, x = outline[n, 0] + 1, outline[n, 1] + 1
        straight = edges[y - 1, x] + edges[y + 1, x] + edges[y, x - 1] + edges[y, x + 1]
        slanted = edges[y - 1, x - 1] + edges[y - 1, x + 1] + edges[y + 1, x - 1]
        slanted += edges[y + 1, x + 1]
        code = 1 + 2 * straight + 10 * slanted
        if code in (5, 7, 15, 17, 25, 27):
            total += 1.0
        elif code in (21, 33):
            total += np.sqrt(2.0)
        elif code in (13, 23):
            total += (1 + np.sqrt(2.0)) / 2
    return total


@compiled
def hull(mask):
    """Return the area of the convex hull of the pixels, the longest and the shortest diameter."""
    return _touching(edge(mask))


@compiled
def _touching(outline):
    """Measure the polygon that touches an outline (n, 2) in every direction, as `hull` does."""
    area, longest, shortest = 0.0, 0.0, 1e9
    reach = np.full(2 * _ANGLES, -1e9)
    for place in range(len(outline)):
        y, x = np.float64(outline[place, 0]), np.float64(outline[place, 1])
        for n in range(2 * _ANGLES):
            far = y * _SINES[n] + x * _COSINES[n]
            reach[n] = far if far > reach[n] else reach[n]
    for n in range(2 * _ANGLES):
        reach[n] += (abs(_SINES[n]) + abs(_COSINES[n])) / 2  # to the corner of a pixel
    for n in range(_ANGLES):
        across = reach[n] + reach[n + _ANGLES]
        longest, shortest = max(longest, across), min(shortest, across)
    step = np.pi / _ANGLES
    for n in range(2 * _ANGLES):
        after = reach[(n + 1) % (2 * _ANGLES)]
        before = reach[n - 1]
        side = (after + before - 2 * reach[n] * np.cos(step)) / np.sin(step)
        area += reach[n] * max(side, 0.0) / 2
    return area, longest, shortest


@compiled
def _inner_radius(mask):
    """Return how far, in pixels, the deepest point lies from the outside, by steps of 3 and 4."""
    high, wide = mask.shape
    depth = np.zeros((high + 2, wide + 2), np.int32)
    for y in range(1, high + 1):
        for x in range(1, wide + 1):
            slanted = min(depth[y - 1, x - 1], depth[y - 1, x + 1]) + 4
            depth[y, x] = min(depth[y - 1, x] + 3, slanted) * mask[y - 1, x - 1]
        for x in range(1, wide + 1):
            depth[y, x] = min(depth[y, x], depth[y, x - 1] + 3)
    deepest = 0
    for y in range(high, 0, -1):
        for x in range(1, wide + 1):
            slanted = min(depth[y + 1, x - 1], depth[y + 1, x + 1]) + 4
            depth[y, x] = min(depth[y, x], min(depth[y + 1, x] + 3, slanted))
        for x in range(wide, 0, -1):
            depth[y, x] = min(depth[y, x], depth[y, x + 1] + 3)
            deepest = max(deepest, depth[y, x])
    return deepest / 3


@compiled
def _outline(mask, outline, cy, cx, out):
    """Measure the distance of the outline from the centre, and how it waves around it."""
    radius, farthest = np.empty(_RAYS), 0.0
    for n in range(len(outline)):
        farthest = max(farthest, (outline[n, 0] - cy) ** 2 + (outline[n, 1] - cx) ** 2)
    far = int(2 * np.sqrt(farthest)) + 3  # in half pixels: nothing of the mask lies farther out
    far = min(far, 2 * max(mask.shape[0], mask.shape[1]) - 1)
    for n in range(_RAYS):
        radius[n] = _last_inside(mask, cy, cx, n, far)
    mean = radius.mean()
    out[0] = radius.std() / mean
    for wave in range(1, 5):
        real, other = 0.0, 0.0
        for n in range(_RAYS):
            real += radius[n] * _RAY_COSINES[n * wave % _RAYS]
            other += radius[n] * _RAY_SINES[n * wave % _RAYS]
        out[wave] = np.hypot(real, other) / (_RAYS * mean)


@compiled
def _last_inside(mask, cy, cx, ray, far):
    """Return how far out the mask reaches along a ray, by half pixels, from outside inwards."""
    for half in range(far, 0, -1):
        y = int(np.rint(cy + _RAY_SINES[ray] * half / 2))
        x = int(np.rint(cx + _RAY_COSINES[ray] * half / 2))
        if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x]:
            return half / 2
    return 0.5

"""Morphology: the size and the outline of a cell, in pixels."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.segmentation import pieces
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


@compiled
def measure(mask, out):
    """Measure the shape of a mask that is not empty; `out` has a place for each of `NAMES`."""
    area, cy, cx, major, minor = axes(mask)
    edge = perimeter(mask)
    around, longest, shortest = hull(mask)
    sizes = pieces(mask)[1]
    out[0], out[1] = area, edge
    out[2] = 4 * np.pi * area / max(edge * edge, 1.0)
    out[3], out[4] = major, minor
    out[5] = np.sqrt(max(0.0, 1 - (minor / max(major, 1e-9)) ** 2))
    out[6] = minor / max(major, 1e-9)
    out[7] = area / max(around, 1.0)
    out[8] = area / _box(mask)
    out[9], out[10] = longest, shortest
    out[11] = shortest / max(longest, 1e-9)
    out[12] = sizes.size - 1
    ordered = np.sort(sizes)
    out[13] = ordered[-2] / area
    out[14] = _inner_radius(mask)
    _outline(mask, cy, cx, out[15:20])


@compiled
def axes(mask):
    """Return area, centre and the axes of the ellipse of the same second moments."""
    rows, columns = np.nonzero(mask)
    n = rows.size
    cy, cx = rows.sum() / n, columns.sum() / n
    down, right = rows - cy, columns - cx
    yy, xx, xy = (down**2 / n).sum(), (right**2 / n).sum(), (down * right / n).sum()
    root = np.sqrt((yy - xx) ** 2 / 4 + xy * xy)
    middle = (yy + xx) / 2
    return n, cy, cx, 4 * np.sqrt(middle + root), 4 * np.sqrt(max(middle - root, 0.0))


@compiled
def perimeter(mask):
    """Return the outline's length, as scikit-image's `perimeter` does (Benkrid and Crookes)."""
    high, wide = mask.shape
    edge = np.zeros((high + 2, wide + 2), np.int64)
    for y in range(high):
        for x in range(wide):
            edge[y + 1, x + 1] = mask[y, x] and not _surrounded(mask, y, x)
    total = 0.0
    for y in range(1, high + 1):
        for x in range(1, wide + 1):
            if not edge[y, x]:
                continue
            straight = edge[y - 1, x] + edge[y + 1, x] + edge[y, x - 1] + edge[y, x + 1]
            slanted = edge[y - 1, x - 1] + edge[y - 1, x + 1] + edge[y + 1, x - 1]
            slanted += edge[y + 1, x + 1]
            code = 1 + 2 * straight + 10 * slanted
            if code in (5, 7, 15, 17, 25, 27):
                total += 1.0
            elif code in (21, 33):
                total += np.sqrt(2.0)
            elif code in (13, 23):
                total += (1 + np.sqrt(2.0)) / 2
    return total


@compiled
def _surrounded(mask, y, x):
    high, wide = mask.shape
    if y == 0 or x == 0 or y == high - 1 or x == wide - 1:
        return False
    return mask[y - 1, x] and mask[y + 1, x] and mask[y, x - 1] and mask[y, x + 1]


@compiled
def hull(mask):
    """Return the area of the convex hull of the pixels, the longest and the shortest diameter."""
    area, longest, shortest = 0.0, 0.0, 1e9
    reach = np.full(2 * _ANGLES, -1e9)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x] and not _surrounded(mask, y, x):
                for n in range(2 * _ANGLES):
                    far = y * _SINES[n] + x * _COSINES[n]
                    reach[n] = max(reach[n], far)
    for n in range(2 * _ANGLES):
        reach[n] += (abs(_SINES[n]) + abs(_COSINES[n])) / 2  # to the corner of a pixel
    for n in range(_ANGLES):
        across = reach[n] + reach[n + _ANGLES]
        longest, shortest = max(longest, across), min(shortest, across)
    step = np.pi / _ANGLES
    for n in range(2 * _ANGLES):  # of the polygon that touches the cell in every direction
        after = reach[(n + 1) % (2 * _ANGLES)]
        before = reach[n - 1]
        side = (after + before - 2 * reach[n] * np.cos(step)) / np.sin(step)
        area += reach[n] * max(side, 0.0) / 2
    return area, longest, shortest


@compiled
def _box(mask):
    rows, columns = np.nonzero(mask)
    return (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)


@compiled
def _inner_radius(mask):
    """Return how far, in pixels, the deepest point lies from the outside, by steps of 3 and 4."""
    high, wide = mask.shape
    depth = np.zeros((high + 2, wide + 2), np.int64)
    for y in range(high):
        for x in range(wide):
            if mask[y, x]:
                near = min(depth[y, x + 1], depth[y + 1, x]) + 3
                depth[y + 1, x + 1] = min(near, min(depth[y, x], depth[y, x + 2]) + 4)
    deepest = 0
    for y in range(high, 0, -1):
        for x in range(wide, 0, -1):
            near = min(depth[y + 1, x], depth[y, x + 1]) + 3
            near = min(near, min(depth[y + 1, x + 1], depth[y + 1, x - 1]) + 4)
            depth[y, x] = min(depth[y, x], near)
            deepest = max(deepest, depth[y, x])
    return deepest / 3


@compiled
def _outline(mask, cy, cx, out):
    """Measure the distance of the outline from the centre, and how it waves around it."""
    radius = np.empty(_RAYS)
    far = max(mask.shape[0], mask.shape[1])
    for n in range(_RAYS):
        sine, cosine = np.sin(2 * np.pi * n / _RAYS), np.cos(2 * np.pi * n / _RAYS)
        radius[n] = 0.5
        for half in range(1, 2 * far):
            y, x = int(np.rint(cy + sine * half / 2)), int(np.rint(cx + cosine * half / 2))
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x]:
                radius[n] = half / 2
    mean = radius.mean()
    out[0] = radius.std() / mean
    for wave in range(1, 5):
        real, other = 0.0, 0.0
        for n in range(_RAYS):
            real += radius[n] * np.cos(2 * np.pi * n * wave / _RAYS)
            other += radius[n] * np.sin(2 * np.pi * n * wave / _RAYS)
        out[wave] = np.hypot(real, other) / (_RAYS * mean)

"""Which objects lie in a region.

Lines and rectangles contain their borders. Polygons and ovals are straight on the displayed axes,
so values of a logarithmic axis are compared as they are displayed.
"""

from __future__ import annotations

import math

import numpy as np

from deepometry.images.daf.parts import DafError, Region

_CORNERS = {"line": (2, 2), "rect": (2, 2), "oval": (2, 2), "poly": (3, math.inf)}


def in_region(region: Region, x: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    """Return which objects lie in a region; those without a value lie in none.

    Parameters
    ----------
    region : Region
    x, y : ndarray of float64, shape (objects,)
        Values of the features on its axes; `y` may be None for a line.

    Returns
    -------
    ndarray of bool, shape (objects,)

    Raises
    ------
    DafError
        The region is of an unknown type or damaged, or it needs a second feature.
    """
    _check(region, y)
    corners = np.array(region.corners)
    if region.type == "line" or y is None:
        return _between(x, corners[:, 0])
    if region.type == "rect":
        return _between(x, corners[:, 0]) & _between(y, corners[:, 1])
    columns = (_displayed(x, region.x_range), _displayed(y, region.y_range))
    edges = (_displayed(corners[:, 0], region.x_range), _displayed(corners[:, 1], region.y_range))
    inside = _between(columns[0], edges[0]) & _between(columns[1], edges[1])
    test = _in_ellipse if region.type == "oval" else _in_polygon
    inside[inside] = test(columns[0][inside], columns[1][inside], *edges)
    return inside


def _check(region: Region, y: np.ndarray | None) -> None:
    if region.type not in _CORNERS:
        raise DafError(f"its region {region.label!r} is of the unknown type {region.type!r}")
    if region.repeated:
        raise DafError(f"more than one region is called {region.label!r}")
    least, most = _CORNERS[region.type]
    if not least <= len(region.corners) <= most:
        raise DafError(f"its region {region.label!r} has {len(region.corners)} corners")
    used = [corner[:1] if region.type == "line" else corner for corner in region.corners]
    bounded = region.type in ("poly", "oval")
    if any(math.isnan(v) or (bounded and math.isinf(v)) for corner in used for v in corner):
        raise DafError(f"a corner of its region {region.label!r} is not a number")
    if region.type != "line" and y is None:
        raise DafError(f"its region {region.label!r} needs two features, and it has one")


def _between(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return np.asarray((values >= ends.min()) & (values <= ends.max()))


def _displayed(values: np.ndarray, linear: str) -> np.ndarray:
    """Return values as they are displayed on an axis.

    An axis that is linear up to r and logarithmic beyond shows x / r up to 1, and 1 + ln(x / r)
    beyond: a curve without a step or a bend, mirrored below 0.
    """
    if linear == "P":
        return values
    try:
        end = float(linear)
    except ValueError:
        end = math.nan
    if not 0 < end < math.inf:
        raise DafError(f"the range {linear!r} of a logarithmic axis is not a positive number")
    ratio = np.abs(values) / end
    beyond = 1 + np.log(np.maximum(ratio, 1))
    return np.asarray(np.copysign(np.where(ratio <= 1, ratio, beyond), values))


def _in_ellipse(x: np.ndarray, y: np.ndarray, ends_x: np.ndarray, ends_y: np.ndarray) -> np.ndarray:
    """Return which points lie in the ellipse between two opposite corners, or on it."""
    total = np.zeros(len(x))
    for values, ends in ((x, ends_x), (y, ends_y)):
        radius = (ends.max() - ends.min()) / 2
        if radius > 0:
            total += ((values - ends.mean()) / radius) ** 2
    return total <= 1


def _in_polygon(
    x: np.ndarray, y: np.ndarray, corner_x: np.ndarray, corner_y: np.ndarray
) -> np.ndarray:
    """Return which points lie in a polygon, or on its edges, by the number of edges beside them.

    Where a polygon crosses itself, a part that it goes around twice lies outside.
    """
    inside, border = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for x1, y1, x2, y2 in zip(
        corner_x, corner_y, np.roll(corner_x, -1), np.roll(corner_y, -1), strict=True
    ):
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        crossed = (y1 > y) != (y2 > y)
        inside ^= crossed & ((side > 0) == (y2 > y1))
        near = _between(x, np.array([x1, x2])) & _between(y, np.array([y1, y2]))
        border |= near & (side == 0)
    return inside | border

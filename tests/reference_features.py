"""Classical features measured slowly and clearly, by NumPy and SciPy: what the fast ones must be.

Nothing here is compiled or shared with the kernels, except the names and their numbers.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, stats
from skimage import measure

from deepometry.classical.features import granularity, radial, texture

CROSS, SQUARE = ndimage.generate_binary_structure(2, 1), np.ones((3, 3), bool)
NEAR_EDGE = np.array(  # all but the centre must lie inside, too
    [[0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0]], bool
)


def features_of(image: np.ndarray) -> np.ndarray:
    """Measure one cell, (height, width, channels)."""
    planes = [image[..., c].astype(np.float32).astype(float) for c in range(image.shape[2])]
    levels = [background(plane) for plane in planes]
    aparts = [plane - level for plane, (level, _) in zip(planes, levels, strict=True)]
    masks = [mask_of(apart, level[1]) for apart, level in zip(aparts, levels, strict=True)]
    single = [
        channel(*each) for each in zip(aparts, masks, [spread for _, spread in levels], strict=True)
    ]
    pairs = [
        pair(aparts[one], aparts[other], masks[one], masks[other])
        for one in range(len(planes))
        for other in range(one + 1, len(planes))
    ]
    return np.concatenate([*single, *pairs])


def channel(apart: np.ndarray, mask: np.ndarray, spread: float) -> np.ndarray:
    """Measure one channel, less its background."""
    if not mask.any():
        return np.zeros(159)
    families = (
        morphology(mask),
        intensity(apart, mask, spread),
        haralick(apart, mask),
        patterns(apart, mask),
        grains(apart, mask),
        details(apart, mask),
        rings(apart, mask),
        core(apart, mask),
    )
    return np.concatenate([np.ravel(each) for each in families])


def background(plane: np.ndarray) -> tuple[float, float]:
    edge = min(3, len(plane) // 4)
    border = np.ones(plane.shape, bool)
    border[edge : len(plane) - edge, edge : plane.shape[1] - edge] = False
    values = plane[border]
    level = np.median(values)
    far = np.abs(values - level)
    calm = far[far <= 3.5 * 1.4826 * np.median(far)]
    least = 0.01 * max(np.abs(plane - level).max(), 1e-6)
    return level, max(np.sqrt(np.mean(calm**2)), least)


def mask_of(apart: np.ndarray, spread: float) -> np.ndarray:
    around = ndimage.convolve(np.ones(apart.shape), np.ones((3, 3)), mode="constant")
    strong = ndimage.convolve(apart**2, np.ones((3, 3)), mode="constant") / around
    bright = np.sort(strong[strong > 3 * spread**2])
    if not len(bright):
        return np.zeros(apart.shape, bool)
    top = bright[int(0.95 * (len(bright) - 1))]
    mask = ndimage.binary_dilation(strong > max(3 * spread**2, 0.15**2 * top), CROSS)
    mask = ndimage.binary_erosion(ndimage.binary_fill_holes(mask), CROSS, border_value=1)
    numbers, count = ndimage.label(mask, SQUARE)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    return mask & (sizes >= 0.1 * sizes[1:].max())[numbers]


def morphology(mask: np.ndarray) -> np.ndarray:
    shape, length = measure.regionprops(mask.astype(int))[0], measure.perimeter(mask, 4)
    major, minor = shape.axis_major_length, shape.axis_minor_length
    around, longest, shortest = hull(mask)
    pieces = pieces_of(mask)
    top, left, bottom, right = shape.bbox
    return np.array(
        [
            shape.area,
            length,
            4 * np.pi * shape.area / max(length**2, 1),
            major,
            minor,
            np.sqrt(max(0, 1 - (minor / max(major, 1e-9)) ** 2)),
            minor / max(major, 1e-9),
            shape.area / max(around, 1),
            shape.area / ((bottom - top) * (right - left)),
            longest,
            shortest,
            shortest / max(longest, 1e-9),
            len(pieces),
            (pieces[-2] if len(pieces) > 1 else 0) / shape.area,
            deepest(mask) / 3,
            *outline(mask, *shape.centroid),
        ]
    )


def pieces_of(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of each piece, from small to large."""
    return np.sort(np.bincount(ndimage.label(mask, SQUARE)[0].ravel())[1:])


def hull(mask: np.ndarray) -> tuple[float, float, float]:
    """Return area and diameters of the polygon that touches the pixels in 72 directions."""
    angles = np.pi * np.arange(72) / 36
    y, x = np.nonzero(mask)
    reach = (np.outer(y, np.sin(angles)) + np.outer(x, np.cos(angles))).max(0)
    reach += (np.abs(np.sin(angles)) + np.abs(np.cos(angles))) / 2
    across, step = reach[:36] + reach[36:], np.pi / 36
    sides = (np.roll(reach, 1) + np.roll(reach, -1) - 2 * reach * np.cos(step)) / np.sin(step)
    return (reach * np.maximum(sides, 0)).sum() / 2, across.max(), across.min()


def deepest(mask: np.ndarray) -> int:
    """Return the largest distance from the outside, by steps of 3 and on the slant 4."""
    depth = np.pad(np.where(mask, 10**6, 0), 1)
    steps = {(y, x): 3 + abs(y * x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x}
    for _ in range(max(mask.shape)):
        moved = [np.roll(depth, move, (0, 1)) + far for move, far in steps.items()]
        depth = np.where(depth > 0, np.minimum(depth, np.min(moved, axis=0)), 0)
    return depth.max()


def outline(mask: np.ndarray, cy: float, cx: float) -> list[float]:
    radius = np.full(64, 0.5)
    halves = np.arange(1, 2 * max(mask.shape)) / 2
    for n, angle in enumerate(2 * np.pi * np.arange(64) / 64):
        y = np.rint(cy + np.sin(angle) * halves).astype(int)
        x = np.rint(cx + np.cos(angle) * halves).astype(int)
        inside = (y >= 0) & (x >= 0) & (y < mask.shape[0]) & (x < mask.shape[1])
        inside[inside] = mask[y[inside], x[inside]]
        radius[n] = halves[inside].max(initial=0.5)
    waves = np.abs(np.fft.rfft(radius))[1:5] / (64 * radius.mean())
    return [radius.std() / radius.mean(), *waves]


def at(ordered: np.ndarray, share: float) -> float:
    return float(np.sort(ordered)[int(share * (len(ordered) - 1))])


def intensity(apart: np.ndarray, mask: np.ndarray, spread: float) -> np.ndarray:
    inside, radius = apart[mask], np.sqrt(mask.sum() / np.pi)
    size = max(np.abs(inside).mean(), 1e-9)
    low, high = inside.min(), inside.max()
    bins = np.minimum(((inside - low) / max(high - low, 1e-9) * 32).astype(int), 31)
    rim_of = (mask & ~ndimage.binary_erosion(mask, NEAR_EDGE))[mask]
    rim = inside[rim_of]
    slopes = np.hypot(*(ndimage.sobel(apart, axis, mode="nearest") for axis in (0, 1)))[mask] / 8
    bends = ndimage.convolve(apart, CROSS / 4 - np.pad([[1.25]], 1), mode="nearest")[mask]
    calm = inside.std() < 1e-9
    centres = [
        np.array(ndimage.center_of_mass(weight * mask)) if (weight * mask).sum() > 0 else None
        for weight in (np.ones(mask.shape), np.maximum(apart, 0), np.abs(apart))
    ]
    offsets = [0 if c is None else np.hypot(*(c - centres[0])) / radius for c in centres[1:]]
    return np.array(
        [
            inside.mean(),
            inside.std(),
            *(at(inside, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)),
            inside.sum(),
            np.abs(inside).sum(),
            inside.std() / size,
            0 if calm else stats.skew(inside),
            0 if calm else stats.kurtosis(inside, fisher=False),
            stats.entropy(np.bincount(bins), base=2),
            rim.mean(),
            rim.std(),
            (inside.mean() - rim.mean()) / size,
            slopes.mean(),
            slopes.std(),
            at(slopes, 0.95),
            slopes[rim_of].mean() / max(slopes.mean(), 1e-9),
            np.sqrt(np.mean(bends**2)) / max(inside.std(), 1e-9),
            np.mean(inside > 3 * spread),
            np.mean(inside < -3 * spread),
            *offsets,
            np.sqrt(np.mean(inside**2)) / spread,
        ]
    )


def haralick(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    low, high = at(apart[mask], 0.01), at(apart[mask], 0.99)
    grey = np.clip((apart - low) * (16 / max(high - low, 1e-9)), 0, 15).astype(int)
    rows = []
    for far in texture.DISTANCES:
        moves = ((0, far), (far, far), (far, 0), (far, -far))
        each = np.array([of_matrix(matrix(grey, mask, *move)) for move in moves])
        direction = each[:, 0].std() / max(each[:, 0].mean(), 1e-9)
        rows.append([*each.mean(0), direction])
    return np.array(rows)


def matrix(grey: np.ndarray, mask: np.ndarray, down: int, right: int) -> np.ndarray:
    """Count pairs of grey levels inside a mask, both ways; sum 1."""
    counts = np.zeros((16, 16))
    for y, x in np.argwhere(mask):
        v, u = y + down, x + right
        if 0 <= v < len(mask) and 0 <= u < mask.shape[1] and mask[v, u]:
            counts[grey[y, x], grey[v, u]] += 1
    return (counts + counts.T) / max(2 * counts.sum(), 1)


def of_matrix(p: np.ndarray) -> list[float]:
    """Return Haralick's properties of a matrix."""
    i, j = np.indices(p.shape)
    mean = (i * p).sum()
    variance = ((i - mean) ** 2 * p).sum()
    return [
        (p * (i - j) ** 2).sum(),
        (p * (i - mean) * (j - mean)).sum() / max(variance, 1e-9),
        (p**2).sum(),
        (p / (1 + (i - j) ** 2)).sum(),
        -(p * np.log2(np.where(p > 0, p, 1))).sum(),
        (p * (i + j - 2 * mean) ** 3).sum() / 16**3,
        (p * (i + j - 2 * mean) ** 4).sum() / 16**4,
    ]


def patterns(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.array([patterns_at(apart, mask, far) for far in texture.RADII])


def patterns_at(apart: np.ndarray, mask: np.ndarray, far: int) -> np.ndarray:
    """Return the shares of the uniform patterns of eight neighbours (Ojala et al. 2002)."""
    counts, near = np.zeros(10), far * np.sqrt(0.5)
    slant = {1: (-near, near), 3: (-near, -near), 5: (near, -near), 7: (near, near)}
    for y, x in np.argwhere(mask[far:-far, far:-far]) + far:
        ring = np.zeros(8)
        ring[[0, 2]] = apart[y, x + far], apart[y - far, x]
        ring[[4, 6]] = apart[y, x - far], apart[y + far, x]
        for n, (down, right) in slant.items():
            ring[n] = between(apart, y + down, x + right)
        brighter = ring >= apart[y, x]
        changes = (brighter != np.roll(brighter, 1)).sum()
        counts[brighter.sum() if changes <= 2 else 9] += 1
    return counts / max(counts.sum(), 1)


def between(apart: np.ndarray, y: float, x: float) -> float:
    """Interpolate between pixels; in this order of operations, as equal pixels are compared."""
    top, left = int(np.floor(y)), int(np.floor(x))
    down, right = y - top, x - left
    above, below = apart[top : top + 2, left] * (1 - right) + apart[top : top + 2, left + 1] * right
    return float(above * (1 - down) + below * down)


def grains(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.array([spectrum(apart, mask), spectrum(-apart, mask)])


def spectrum(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return what openings by squares of 3, 5 ... take away, as shares of all light."""
    light = [apart[mask].sum()]
    for n in range(1, granularity.GRAINS + 1):
        eroded = ndimage.minimum_filter(apart, 2 * n + 1, mode="constant", cval=np.inf)
        opened = ndimage.maximum_filter(eroded, 2 * n + 1, mode="constant", cval=-np.inf)
        light.append(opened[mask].sum())
    lowest = min(0, apart[mask].min())
    return -np.diff(light) / max(light[0] - lowest * mask.sum(), 1e-9)


def details(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    blurs = [
        ndimage.gaussian_filter(apart, s, mode="nearest", radius=int(3 * s + 0.5))[mask]
        for s in granularity.BLURS
    ]
    bands = -np.diff(blurs, axis=0)
    power = (bands**2).mean(1)
    size = max(np.abs(apart[mask]).mean(), 1e-9)
    skewness = (bands**3).mean(1) / np.maximum(power, 1e-9) ** 1.5
    return np.array([np.sqrt(power), np.sqrt(power) / size, skewness])


def rings(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Measure circles around the centre: three a ring, 32 points each."""
    cy, cx = ndimage.center_of_mass(mask)
    size = max(np.abs(apart[mask]).mean(), 1e-9)
    angles = 2 * np.pi * np.arange(32) / 32
    far = np.sqrt(mask.sum() / np.pi) * radial.REACH * (np.arange(18) + 0.5)[:, None] / 18
    y, x = cy + far * np.sin(angles), cx + far * np.cos(angles)
    orbits = ndimage.map_coordinates(apart, [y, x], order=1, mode="constant")
    outside = (y >= len(apart) - 1) | (x >= apart.shape[1] - 1)  # no four pixels around it
    orbits = np.where(outside, 0, orbits).reshape(6, 3, 32)
    powers = 2 * np.abs(np.fft.rfft(orbits)[..., 1:5]) ** 2 / 32**2
    waves = np.sqrt(powers.mean(1)) / size
    spread = np.sqrt(orbits.var(2).mean(1)) / size
    return np.concatenate([orbits.mean((1, 2)) / size, spread, waves.ravel()])


def core(apart: np.ndarray, mask: np.ndarray) -> np.ndarray:
    strong = np.abs(apart)
    inner = mask & (strong >= 0.5 * at(strong[mask], 0.95))
    shape, pieces = measure.regionprops(inner.astype(int))[0], pieces_of(inner)
    moved = np.subtract(shape.centroid, ndimage.center_of_mass(mask))
    return np.array(
        [
            shape.area,
            shape.area / mask.sum(),
            shape.axis_minor_length / max(shape.axis_major_length, 1e-9),
            shape.axis_major_length,
            shape.area / max(hull(inner)[0], 1),
            len(pieces),
            (pieces[-2] if len(pieces) > 1 else 0) / shape.area,
            np.hypot(*moved) / np.sqrt(mask.sum() / np.pi),
        ]
    )


def pair(one: np.ndarray, other: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    either, both = first | second, first & second
    light = np.abs(one[first]).sum() + 1e-9, np.abs(other[second]).sum() + 1e-9
    middle = (np.array(first.shape) - 1) / 2
    centres = [ndimage.center_of_mass(m) if m.any() else middle for m in (first, second)]
    radius = np.sqrt(max(first.sum(), 1) / np.pi)
    return np.array(
        [
            correlation(one[either], other[either]),
            correlation(np.abs(one[either]), np.abs(other[either])),
            both.sum() / max(either.sum(), 1),
            second.sum() / max(first.sum(), 1),
            light[1] / light[0],
            np.hypot(*np.subtract(*centres)) / radius,
            np.abs(one[both]).sum() / light[0],
            np.abs(other[both]).sum() / light[1],
        ]
    )


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    if len(one) == 0 or one.var() * other.var() <= 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])

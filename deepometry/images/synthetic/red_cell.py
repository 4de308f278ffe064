"""One synthetic red blood cell of stored blood: its shape, and its pictures.

Stored red cells go through a sequence of shapes, from the smooth disc over crenated forms to the
smooth sphere. The sequence is continuous; an expert's label is a noisy reading of it. So each label
stands for a distribution of the continuous state, and neighbours in the sequence overlap.

Sources: Evans and Fung 1972 (doi 10.1016/0026-2862(72)90069-6) for the disc; Doan et al. 2020
(doi 10.1073/pnas.2001227117) for the seven classes. Numbers without a source were tuned by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from deepometry.core.errors import DeepometryError
from deepometry.images.synthetic.optics import (
    GRID,
    PIXEL,
    Floats,
    Lighting,
    brightfield,
    camera,
    darkfield,
    facets,
    illumination,
    thickness,
)

CLASSES: tuple[str, ...] = (
    "Smooth_Disc",
    "Crenated_Disc",
    "Crenated_Discoid",
    "Crenated_Spheroid",
    "Crenated_Sphere",
    "Smooth_Sphere",
    "Side",
)
CHANNELS = (1, 12)  # as IDEAS numbers them: brightfield, darkfield

POINTS = 1600  # of the surface: 0.34 um apart on a disc
DARKFIELD_GAIN = 250.0  # counts
OUTLINE = 0.5  # um of thickness, where the mask ends
DISC = np.array([0.81, 7.83, -4.39]) / 3.91  # Evans and Fung's coefficients, per disc radius
SPHERE = np.array([2.0, 0.0, 0.0])

STAGES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)  # the labels of the sequence, "Side" apart
SPHERING = (0.0, 0.08, 0.42, 0.74, 0.95, 1.0)  # at each stage: 0 a disc, 1 a sphere
SPICULES = (9.0, 13.0, 20.0, 28.0, 34.0, 36.0)  # at each stage: how many
HEIGHT = (0.0, 0.65, 0.9, 0.8, 0.5, 0.0)  # at each stage: how high, um
WIDTH = (0.34, 0.34, 0.32, 0.29, 0.25, 0.25)  # at each stage: half width at the foot, radians
STAGE_SPREAD = 0.33  # standard deviation of the expert's reading, stages


@dataclass(frozen=True)
class CellState:
    """The continuous state of one cell.

    Attributes
    ----------
    stage
        Place in the sequence: 0 smooth disc ... 5 smooth sphere.
    tilt
        Angle between the disc's axis and the optical axis, radians.
    volume
        Volume, fL.
    """

    stage: float
    tilt: float
    volume: float


def draw_cell(label: str, rng: np.random.Generator, day: int = 1) -> NDArray[np.uint16]:
    """Draw one cell as the cytometer would show it.

    Parameters
    ----------
    label
        One of `CLASSES`.
    rng
        Source of all random numbers; the same generator state draws the same cell.
    day
        Day of storage; it sets the illumination of that day's measurement.

    Returns
    -------
    ndarray of uint16, shape (height, width, 2)
        Counts, 0 to 4095, of channels 1 (brightfield) and 12 (darkfield): the cell's bounding box
        and a margin of 3 to 8 pixels on each side.

    Raises
    ------
    DeepometryError
        If `label` is none of the seven.
    """
    return draw_cell_and_mask(label, rng, day)[0]


def draw_cell_and_mask(
    label: str, rng: np.random.Generator, day: int = 1
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Draw one cell as `draw_cell` does, and its outline, bool of shape (height, width)."""
    state = draw_state(label, rng)
    points, faces = _sphere_mesh()
    smooth, spicules = _surface(points, state, rng)
    surface = _orient(smooth + points * spicules, state.tilt, rng)
    middles, areas = facets(surface, faces)
    path = thickness(middles, areas)
    scattered = darkfield(middles, areas, _grain(spicules[faces[0]], rng))
    mask = path > OUTLINE
    box = _box(mask, rng)
    return _photograph(path, scattered, box, draw_lighting(day, rng), rng), mask[box].copy()


def draw_state(label: str, rng: np.random.Generator) -> CellState:
    """Draw the continuous state of a cell that an expert would label `label`."""
    if label not in CLASSES:
        raise DeepometryError(
            f"no example cell is called {label!r}; the seven are {', '.join(CLASSES)}"
        )
    stage_noise, tilt_noise, volume_noise = rng.standard_normal(3)
    volume = 90.0 * float(np.exp(0.11 * volume_noise))
    if label == "Side":
        tilt = np.radians(90.0 - 17.0 * abs(tilt_noise))
        return CellState(0.5 + 0.6 * stage_noise, float(tilt), volume)
    stage = CLASSES.index(label) + STAGE_SPREAD * stage_noise
    return CellState(float(stage), float(_tilt_in_flow(stage, tilt_noise)), volume)


def _tilt_in_flow(stage: float, noise: float) -> float:
    """Tilt in radians: the flow turns discs to face the camera, the rounder a cell the less."""
    return float(np.radians(min((19.0 + 7.0 * max(stage, 0.0)) * abs(noise), 75.0)))


def draw_lighting(day: int, rng: np.random.Generator) -> Lighting:
    """Draw the illumination of one picture: each day's alignment differs a little."""
    lamp, slope_rows, slope_columns, focus, laser, dark = rng.standard_normal(6)
    return Lighting(
        lamp=900.0 + 60.0 * np.sin(1.7 * day) + 8.0 * lamp,
        slope=(0.05 * np.sin(day) + 0.02 * slope_rows, 0.05 * np.cos(day) + 0.02 * slope_columns),
        defocus=0.4 + 0.2 * np.sin(2.3 * day) + 0.5 * focus,
        laser=float(np.exp(0.08 * np.sin(0.9 * day) + 0.2 * laser)),
        dark=35.0 + 3.0 * np.sin(1.1 * day) + 0.5 * dark,
    )


@cache
def _sphere_mesh() -> tuple[Floats, NDArray[np.intp]]:
    """Unit sphere: points, shape (3, POINTS), and outward triangles, shape (3, faces)."""
    points = _spiral(POINTS)
    # In one order whatever the version of Qhull, since the triangles take random numbers in order.
    faces = np.sort(ConvexHull(points.T).simplices, axis=1).T
    faces = faces[:, np.lexsort(faces[::-1])]
    a, b, c = (points[:, corner] for corner in faces)
    inward = np.einsum("cf,cf->f", np.cross(b - a, c - a, axis=0), a) < 0
    faces[1:, inward] = faces[:0:-1, inward]
    return points, faces.astype(np.intp)


def _spiral(count: int) -> Floats:
    """Evenly spread directions (the golden spiral), shape (3, count)."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.arange(count) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z])


def _surface(points: Floats, state: CellState, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Smooth surface with its axis along z, shape (3, POINTS), and spicules on it, (POINTS,), um.

    A direction with sine s and cosine c to the axis becomes the point at radius R s and height
    R c (k0 + k1 s^2 + k2 s^4) / 2: Evans and Fung's disc for their coefficients, a sphere for
    (2, 0, 0), and all between by mixing the two. R follows from the volume.
    """
    sphering = np.interp(state.stage + 0.12 * rng.standard_normal(), STAGES, SPHERING)
    profile = (1 - sphering) * DISC + sphering * SPHERE
    radius = (state.volume / (2 * np.pi * (profile @ [1 / 3, 2 / 15, 8 / 105]))) ** (1 / 3)
    squared = 1 - points[2] ** 2
    x, y, z = radius * points
    body = np.stack([x, y, z * (profile[0] + squared * (profile[1] + squared * profile[2])) / 2])
    uneven = np.eye(3) + 0.035 * rng.standard_normal((3, 3))
    return uneven @ body, _spicules(points, state.stage, float(sphering), rng)


def _spicules(points: Floats, stage: float, sphering: float, rng: np.random.Generator) -> Floats:
    """Height of the spicules over the smooth surface, um, shape (POINTS,)."""
    count = round(float(np.interp(stage, STAGES, SPICULES)) + 2.0 * rng.standard_normal())
    height = np.interp(stage + 0.15 * rng.standard_normal(), STAGES, HEIGHT)
    foot = np.cos(np.interp(stage, STAGES, WIDTH))
    tips = _spiral(max(count, 3)) + 0.12 * rng.standard_normal((3, max(count, 3)))
    tips[2] *= 0.45 + 0.55 * sphering  # on a disc they gather at the rim
    tips /= np.sqrt((tips**2).sum(axis=0))
    bumps = np.maximum(points.T @ tips - foot, 0.0) / (1 - foot)
    return (bumps**2) @ (height * rng.uniform(0.5, 1.4, tips.shape[1]))


def _grain(height: Floats, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Light that fine grain scatters: spicules carry most of it; shape as `height`."""
    real, imaginary = rng.standard_normal((2, *height.shape))
    return (0.1 + 1.2 * height) * (real + 1j * imaginary)


def _orient(surface: Floats, tilt: float, rng: np.random.Generator) -> Floats:
    """Spin the cell about its axis, tilt it, turn it, and move it off the pixel raster."""
    spin, turn = rng.uniform(0, 2 * np.pi, 2)
    turned = _rotation(2, turn) @ _rotation(0, tilt) @ _rotation(2, spin) @ surface
    turned[:2] += rng.uniform(-0.5, 0.5, (2, 1)) * PIXEL
    return turned


def _rotation(axis: int, angle: float) -> Floats:
    """Rotation matrix, shape (3, 3), by `angle` radians about coordinate `axis`."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[[first, second], [first, second]] = np.cos(angle)
    matrix[second, first], matrix[first, second] = np.sin(angle), -np.sin(angle)
    return matrix


def _photograph(
    path: Floats,
    scattered: Floats,
    box: tuple[slice, slice],
    lighting: Lighting,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Counts of both channels inside the box, shape (height, width, 2)."""
    load = float(np.exp(0.1 * rng.standard_normal()))
    bright = illumination(lighting) * brightfield(path, load, lighting.defocus)
    haze = 3.0 * path / (path.max() + 1.0)  # membrane and cytosol scatter a little everywhere
    dark = lighting.dark + lighting.laser * (DARKFIELD_GAIN * scattered + haze)
    return np.stack([camera(bright[box], rng), camera(dark[box], rng)], axis=-1)


def _box(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[slice, slice]:
    """Bounding box of the cell and a margin of 3 to 8 pixels on each side, inside the field."""
    margins = rng.integers(3, 9, 4)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(rows[0] - margins[0], 0), max(columns[0] - margins[1], 0)
    bottom, right = min(rows[-1] + 1 + margins[2], GRID), min(columns[-1] + 1 + margins[3], GRID)
    return slice(top, bottom), slice(left, right)

"""Images of a surface as an imaging flow cytometer takes them: brightfield and darkfield.

The scale is that of an Amnis ImageStream with the 60x objective: 0.3 um a pixel, 12-bit counts in
a 16-bit container. Nothing here knows about red blood cells; `red_cell` makes the surfaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float64]

PIXEL = 0.3  # um
GRID = 54  # pixels, 16 um: the rings of a cell out of focus fade before the field wraps round
LARGEST_COUNT = 4095  # a 12-bit camera
APERTURE = 0.9  # numerical aperture of the 60x objective
LAMP = 0.58  # um, brightfield light in vacuum
LASER = 0.785  # um, darkfield light in vacuum
WATER = 1.33  # refractive index of the sheath fluid
INDEX_STEP = 0.055  # haemoglobin solution against sheath fluid
ABSORPTION = 0.075  # 1/um, haemoglobin at full load in the lamp's broad band
ELECTRONS_PER_COUNT = 8.0
READ_NOISE = 1.0  # counts


@dataclass(frozen=True)
class Lighting:
    """What the instrument adds to one picture.

    Attributes
    ----------
    lamp
        Brightfield background, counts.
    slope
        Relative change of the lamp over the whole field, along rows and columns.
    defocus
        Distance of the cell's middle from the focal plane, um.
    laser
        Darkfield gain relative to the usual one.
    dark
        Darkfield background, counts.
    """

    lamp: float
    slope: tuple[float, float]
    defocus: float
    laser: float
    dark: float


_CYCLES = fft.fftfreq(GRID, PIXEL)  # frequencies of the grid along one axis, cycles/um
_SQUARED = _CYCLES[:, None] ** 2 + _CYCLES**2  # (GRID, GRID), (cycles/um)^2
# A pupil with a soft edge, or the grid itself would ring.
_PUPIL = np.exp(-((_SQUARED * (LAMP / APERTURE) ** 2) ** 4))
# Cycles/um along the optical axis.
_AXIAL = np.sqrt(np.maximum((WATER / LAMP) ** 2 - _SQUARED, 0.0))


_PLACE = np.linspace(-0.5, 0.5, GRID)  # across the field
_VIGNETTE = 1 - 0.12 * (_PLACE[:, None] ** 2 + _PLACE**2)


def _gaussian(sigma: float) -> Floats:
    """Transfer function, shape (GRID, GRID), of a Gaussian blur of `sigma` um."""
    return np.exp(-2 * (np.pi * sigma) ** 2 * _SQUARED)


# Narrower than 0.6 of the spacing of the surface's points, and they would show as dots.
_SURFACE_BLUR = _gaussian(0.22)
_LASER_BLUR = _gaussian(0.42)


def _filtered(image: NDArray[np.complex128], transfer: NDArray[Any]) -> NDArray[np.complex128]:
    spectrum = fft.fft2(image) * transfer
    return fft.ifft2(spectrum, overwrite_x=True)


def _blurred(image: Floats, transfer: Floats) -> Floats:
    """Filter a real picture; half the spectrum of a real picture determines it."""
    spectrum = fft.rfft2(image) * transfer[:, : GRID // 2 + 1]
    return fft.irfft2(spectrum, s=(GRID, GRID), overwrite_x=True)


def splat(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Share points at `x, y` um from the middle by the four pixels around each, inside the field.

    `weights`, shape (pictures, points), is what each point adds to each picture.

    Returns
    -------
    ndarray of float64, shape (pictures, GRID, GRID)
    """
    column, row = x / PIXEL + GRID / 2, y / PIXEL + GRID / 2
    left, top = column.astype(np.intp), row.astype(np.intp)
    right, lower = column - left, row - top
    corner = top * GRID + left
    places = np.concatenate([corner, corner + 1, corner + GRID, corner + GRID + 1])
    both = right * lower
    shares = np.stack([1 - right - lower + both, right - both, lower - both, both])
    return np.stack(
        [
            np.bincount(places, (shares * weight).ravel(), GRID * GRID).reshape(GRID, GRID)
            for weight in weights
        ]
    )


def facets(vertices: Floats, faces: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Middles and area vectors of a closed surface's triangles.

    Parameters
    ----------
    vertices
        Points x, y, z in um, shape (3, vertices).
    faces
        Three vertex numbers a triangle, anticlockwise as seen from outside, shape (3, faces).

    Returns
    -------
    middles, areas
        Shape (3, faces), um and um^2; an area vector points outwards.
    """
    a, b, c = (vertices[:, corner] for corner in faces)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    areas = 0.5 * np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
    return (a + b + c) / 3, areas


def thickness(middles: Floats, areas: Floats) -> Floats:
    """Path length of light through the body, um, shape (GRID, GRID).

    By the divergence theorem it is the sum of height times projected area over the surface, so
    any closed shape at any tilt works, spicules that hide one another included.
    """
    (raw,) = splat(middles[0], middles[1], (middles[2] * areas[2])[None])
    return np.maximum(_blurred(raw / PIXEL**2, _SURFACE_BLUR), 0.0)


def brightfield(path: Floats, load: float, defocus: float) -> Floats:
    """Transmitted light relative to the empty field, shape (GRID, GRID).

    The wave behind the cell (absorbed by Beer and Lambert's law, delayed by the index step) is
    split into plane waves and carried to the focal plane, which makes the rim, the dimple and the
    rings of a cell out of focus.

    Parameters
    ----------
    path
        Path length through the cell, um, shape (GRID, GRID).
    load
        Haemoglobin concentration relative to the usual one.
    defocus
        Distance from the focal plane, um.
    """
    wave = np.exp(path * load * complex(-ABSORPTION / 2, 2 * np.pi * INDEX_STEP / LAMP))
    carried = _filtered(wave, _PUPIL * np.exp(2j * np.pi * defocus * _AXIAL))
    # The condenser's cone washes out the rings the more the further the cell is from focus.
    spread = _gaussian(0.12 + 0.12 * abs(defocus))
    return _blurred(carried.real**2 + carried.imag**2, spread)


def darkfield(middles: Floats, areas: Floats, grain: NDArray[np.complex128]) -> Floats:
    """Light scattered sideways out of a laser along x, arbitrary units, shape (GRID, GRID).

    Every facet scatters a wavelet with the phase of its own path (Kirchhoff's approximation).
    They agree where the surface mirrors the laser into the objective: two glare points on a
    sphere. Grain too fine for the facets scatters with a phase of its own: speckle.

    Parameters
    ----------
    middles, areas
        As `facets` returns them.
    grain
        Amplitude that fine grain scatters, per area, shape (faces,).
    """
    phase = 2 * np.pi * WATER / LASER * (middles[0] - middles[2])
    size = np.sqrt((areas**2).sum(axis=0))
    facing = ((areas[0] - areas[2]) / size) ** 2 / 2  # squared cosine to the mirror direction
    mirrored, scattered = size * facing**2, size * grain
    weights = [mirrored * np.cos(phase) + scattered.real, mirrored * np.sin(phase) + scattered.imag]
    real, imaginary = splat(middles[0], middles[1], np.stack(weights))
    wave = _filtered(real + 1j * imaginary, _LASER_BLUR)
    return (wave.real**2 + wave.imag**2) / PIXEL**4


def camera(expected: Floats, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Counts that a 12-bit camera reads for the expected counts, with shot and read noise.

    Shot noise is normal with the variance of Poisson's: at hundreds of electrons the difference is
    invisible, and the stream of random numbers then does not depend on the last bit of `expected`,
    so that another machine draws the same pictures.
    """
    spread = np.sqrt(expected / ELECTRONS_PER_COUNT + READ_NOISE**2)
    counts = np.rint(expected + spread * rng.standard_normal(expected.shape))
    return np.clip(counts, 0, LARGEST_COUNT).astype(np.uint16)


def illumination(lighting: Lighting) -> Floats:
    """Brightfield counts of the empty field, shape (GRID, GRID): sloped, the corners darker."""
    along_rows, along_columns = (lighting.lamp * slope * _PLACE for slope in lighting.slope)
    return lighting.lamp * _VIGNETTE + along_rows[:, None] + along_columns

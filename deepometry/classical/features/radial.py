"""Radial distribution: how intensity changes from the centre outwards, and around the centre."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.texture import sample
from deepometry.core.numba_cache import compiled

RINGS = 6
WAVES = 4
REACH = 1.2  # how far out, in radii of a disc of the same area
_STEPS = 32  # points on a ring
_ORBITS = 3  # circles a ring
_SINES = np.sin(2 * np.pi * np.arange(_STEPS) / _STEPS)
_COSINES = np.cos(2 * np.pi * np.arange(_STEPS) / _STEPS)
NAMES = (
    *(f"intensity of ring {n + 1} of {RINGS}" for n in range(RINGS)),
    *(f"variation of ring {n + 1} of {RINGS}" for n in range(RINGS)),
    *(
        f"{w + 1}-fold pattern of ring {n + 1} of {RINGS}"
        for n in range(RINGS)
        for w in range(WAVES)
    ),
)


@compiled
def measure(apart, size, centre, area, out):
    """Measure an image around the centre of its mask; `out` has a place for each of `NAMES`.

    `size` is the mean contrast inside the mask, of `area` pixels.
    """
    radius = np.sqrt(area / np.pi) * REACH
    orbit, power = np.empty(_STEPS), np.empty(WAVES)
    for ring in range(RINGS):
        mean, spread = 0.0, 0.0
        power[:] = 0.0
        for step in range(_ORBITS):
            far = radius * (ring + (step + 0.5) / _ORBITS) / RINGS
            _follow(apart, centre, far, orbit)
            mean += orbit.mean() / _ORBITS
            spread += orbit.var() / _ORBITS
            _add_powers(orbit, power)
        out[ring] = mean / size
        out[RINGS + ring] = np.sqrt(spread) / size
        for wave in range(WAVES):
            out[2 * RINGS + ring * WAVES + wave] = np.sqrt(power[wave] / _ORBITS) / size


@compiled
def _follow(apart, centre, far, orbit):
    for n in range(_STEPS):
        orbit[n] = sample(apart, centre[0] + far * _SINES[n], centre[1] + far * _COSINES[n])


@compiled
def _add_powers(orbit, power):
    """Add the power of the waves that go once, twice ... around."""
    real, other = np.zeros(WAVES), np.zeros(WAVES)
    for n in range(_STEPS):
        for wave in range(WAVES):
            turn = n * (wave + 1) % _STEPS
            real[wave] += orbit[n] * _COSINES[turn]
            other[wave] += orbit[n] * _SINES[turn]
    for wave in range(WAVES):
        power[wave] += 2 * (real[wave] ** 2 + other[wave] ** 2) / _STEPS**2

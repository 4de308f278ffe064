"""Radial distribution: how intensity changes from the centre outwards, and around the centre."""

from __future__ import annotations

import numpy as np

from deepometry.classical.features.intensity import mean_contrast
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
def measure(apart, mask, cy, cx, area, out):
    """Measure an image around the centre of its mask; `out` has a place for each of `NAMES`."""
    radius = np.sqrt(area / np.pi) * REACH
    size = mean_contrast(apart, mask, area)
    orbit, power = np.empty(_STEPS), np.empty(WAVES)
    for ring in range(RINGS):
        mean, spread = 0.0, 0.0
        power[:] = 0.0
        for step in range(_ORBITS):
            far = radius * (ring + (step + 0.5) / _ORBITS) / RINGS
            _follow(apart, cy, cx, far, orbit)
            mean += orbit.mean() / _ORBITS
            spread += orbit.var() / _ORBITS
            for wave in range(WAVES):
                power[wave] += _power(orbit, wave + 1) / _ORBITS
        out[ring] = mean / size
        out[RINGS + ring] = np.sqrt(spread) / size
        for wave in range(WAVES):
            out[2 * RINGS + ring * WAVES + wave] = np.sqrt(power[wave]) / size


@compiled
def _follow(apart, cy, cx, far, orbit):
    for n in range(_STEPS):
        orbit[n] = sample(apart, cy + far * _SINES[n], cx + far * _COSINES[n])


@compiled
def _power(orbit, wave):
    """Return the power of a wave that goes so often around."""
    real, other = 0.0, 0.0
    for n in range(_STEPS):
        real += orbit[n] * _COSINES[n * wave % _STEPS]
        other += orbit[n] * _SINES[n * wave % _STEPS]
    return 2 * (real * real + other * other) / _STEPS**2

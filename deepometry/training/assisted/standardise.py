"""Features of any kind brought to one scale, and distances between cells in few dimensions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

_DIMENSIONS = 64
_SAMPLE = 20_000  # cells that show the spread of a feature well enough
_FAR = 20.0


@dataclass(frozen=True)
class Standardiser:
    """Puts features to a scale on which a few extreme cells do not rule.

    A value is its distance from the median, in robust standard deviations, of which the logarithm
    is taken where they are large; then the mean over the cells is 0 and the standard deviation 1.

    Attributes
    ----------
    median, spread, mean, deviation : ndarray of float32, shape (features,)
    axes : ndarray of float32, shape (features, dimensions)
        The first principal components.
    """

    median: np.ndarray
    spread: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, seed: int = 0) -> Standardiser:
        """Learn the scale from cells (n, features), float32; what is no number is average."""
        rng = np.random.default_rng(seed)
        if len(features) > _SAMPLE:
            features = features[np.sort(rng.choice(len(features), _SAMPLE, replace=False))]
        features = _finite(features)
        (low, median, high), deviation = _spread(features)
        spread = _float(_nonzero(np.where(high > low, (high - low) / 2, deviation)))
        zero = np.zeros_like(median)
        first = cls(median, spread, zero, zero + 1, zero)
        values = first.scale(features)
        mean, deviation = values.mean(0, dtype=np.float64), values.std(0, dtype=np.float64)
        second = replace(first, mean=_float(mean), deviation=_float(_nonzero(deviation)))
        return replace(second, axes=_principal_axes(second.scale(features), rng))

    def scale(self, features: np.ndarray) -> np.ndarray:
        """Return features (n, features) on the common scale, float32."""
        values = np.nan_to_num((_finite(features) - self.median) / self.spread)
        np.multiply(np.sign(values), np.log1p(np.abs(values)), out=values)
        return np.clip((values - self.mean) / self.deviation, -_FAR, _FAR, dtype=np.float32)

    def positions(self, scaled: np.ndarray) -> np.ndarray:
        """Return where cells of scaled features lie in few dimensions: (n, dimensions)."""
        positions: np.ndarray = scaled @ self.axes
        return positions


def _finite(features: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(features), features, np.float32(np.nan))


def _spread(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 16th, 50th and 84th percentile, and standard deviation, of each feature."""
    with warnings.catch_warnings():  # of features that are nowhere a number; they count as 0
        warnings.filterwarnings("ignore", "All-NaN slice|Degrees of freedom")
        percentiles = np.nanpercentile(features, [16, 50, 84], axis=0)
        deviation = np.nanstd(features, axis=0, dtype=np.float64)
    return _float(np.nan_to_num(percentiles)), np.nan_to_num(deviation)


def _float(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)


def _nonzero(spread: np.ndarray) -> np.ndarray:
    return np.where(spread > 1e-12, spread, 1)


def _principal_axes(scaled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the first principal components of centred features."""
    from sklearn.utils.extmath import randomized_svd

    most = min(_DIMENSIONS, *scaled.shape)
    state = int(rng.integers(1 << 31))
    _, _, axes = randomized_svd(scaled, most, n_iter=2, random_state=state)
    return np.ascontiguousarray(axes.T, np.float32)

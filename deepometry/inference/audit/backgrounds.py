"""Images with parts replaced by background that looks like their own: no hard edge, no zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_OUTLIERS = 3.5  # robust deviations, beyond which a pixel is debris
_ROBUST = 1.4826  # from the median deviation of normal noise to its standard deviation
_SMOOTHEST = 0.7  # correlation of neighbours that the noise drawn here can have


@dataclass(frozen=True)
class Backgrounds:
    """The background of each channel of some images: a plane, which may be sloped, and noise.

    Attributes
    ----------
    levels : ndarray of float32, shape (n, frame, frame, channels)
    spreads : ndarray of float32, shape (n, channels)
        Standard deviation of the noise.
    smoothness : ndarray of float32, shape (n, channels)
        Correlation of the noise of neighbouring pixels.
    """

    levels: np.ndarray
    spreads: np.ndarray
    smoothness: np.ndarray

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Draw images of background alone, (n, frame, frame, channels)."""
        noise = _smooth(rng.standard_normal(self.levels.shape, np.float32), self.smoothness)
        drawn: np.ndarray = self.levels + noise * self.spreads[:, None, None, :]
        return drawn


def backgrounds_of(images: np.ndarray, outside: np.ndarray) -> Backgrounds:
    """Fit the background of images.

    Parameters
    ----------
    images : ndarray, shape (n, frame, frame, channels)
    outside : ndarray of bool, shape (n, frame, frame)
        Pixels of the background.

    Notes
    -----
    Least squares, twice: the second time without pixels far from the first plane, such as debris.
    """
    n, frame, _, channels = images.shape
    y, x = np.mgrid[:frame, :frame].reshape(2, -1) / frame - 0.5
    terms = np.stack([np.ones_like(x), y, x], 1).astype(np.float32)  # (pixels, 3)
    weights = outside.reshape(n, -1).astype(np.float32)
    levels = np.empty((n, frame * frame, channels), np.float32)
    spreads, smoothness = np.empty((2, n, channels), np.float32)
    for place in range(channels):
        values = images[..., place].reshape(n, -1).astype(np.float32)
        levels[..., place], apart, spreads[:, place] = _plane(values, weights, terms)
        smoothness[:, place] = _smoothness(apart.reshape(outside.shape), spreads[:, place])
    return Backgrounds(levels.reshape(images.shape), spreads, smoothness)


def _plane(
    values: np.ndarray, weights: np.ndarray, terms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit values (n, pixels); return planes, what lies calmly around them or NaN, its spread."""
    apart = values - _fitted(values, weights, terms)
    near = np.where(weights > 0, np.abs(apart), np.nan)
    limit = _OUTLIERS * _ROBUST * np.nanmedian(near, 1, keepdims=True)
    calm = weights * (np.abs(apart) <= np.maximum(limit, 1e-6))
    calm = np.where(calm.sum(1, keepdims=True) > terms.shape[1], calm, weights)
    planes = _fitted(values, calm, terms)
    apart = np.where(calm > 0, values - planes, np.nan)
    return planes, apart, np.sqrt(np.nanmean(apart**2, 1))


def _smoothness(apart: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Measure the correlation of neighbours in what lies around the planes, NaN elsewhere."""
    across = np.nan_to_num(apart[:, :, 1:] * apart[:, :, :-1])
    both = np.isfinite(apart[:, :, 1:] * apart[:, :, :-1]).sum((1, 2))
    correlation = across.sum((1, 2)) / np.maximum(both, 1) / np.maximum(spread, 1e-6) ** 2
    return np.asarray(np.clip(correlation, 0, _SMOOTHEST))


def _smooth(noise: np.ndarray, smoothness: np.ndarray) -> np.ndarray:
    """Mix white noise (n, frame, frame, channels) with its neighbours; its spread stays 1."""
    r = np.maximum(smoothness, 1e-3)
    share = ((1 - np.sqrt(1 - 2 * r**2)) / (2 * r))[:, None, None, :]  # 2s / (1 + 2s^2) = r
    for axis in (1, 2):
        beside = np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
        noise = (noise + share * beside) / np.sqrt(1 + 2 * share**2)
    return noise


def _fitted(values: np.ndarray, weights: np.ndarray, terms: np.ndarray) -> np.ndarray:
    weighted = weights[:, :, None] * terms
    left = np.einsum("npi,pj->nij", weighted, terms)
    left += 1e-6 * weights.sum(1)[:, None, None] * np.eye(terms.shape[1], dtype=np.float32)
    right = np.einsum("npi,np->ni", weighted, values)
    factors = np.linalg.solve(left.astype(np.float64), right[..., None].astype(np.float64))
    fitted: np.ndarray = (factors[..., 0] @ terms.T.astype(np.float64)).astype(np.float32)
    return fitted


def replaced(
    images: np.ndarray, where: np.ndarray, others: Backgrounds, rng: np.random.Generator
) -> np.ndarray:
    """Replace pixels, `where` (n, frame, frame), by background; return float32."""
    return np.where(where[..., None], others.drawn(rng), images.astype(np.float32, copy=False))


def as_counts(images: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Round to whole numbers in the range of the dtype of other images, if that has only those."""
    if like.dtype.kind not in "ui":
        return images
    limits = np.iinfo(like.dtype)
    return np.clip(np.rint(images), limits.min, limits.max)

"""Principal components of features of any number of cells: memory does not grow with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress, Ticker
from deepometry.maps.feature_source import FeatureSource

_FLAT = 1e-6  # spread, relative to the mean, below which a feature is the same in all cells
_READING = "Reading the features"
_PLACING = "Projecting the cells on their principal components"


class Moments:
    """Mean and covariance of `width` features, added up block by block."""

    def __init__(self, width: int) -> None:
        self.cells = 0
        self._shift = np.zeros(width, np.float32)
        self._products, self._sum = np.zeros((width, width)), np.zeros(width)

    def add(self, block: np.ndarray) -> None:
        """Add cells: float32, shape (n, width)."""
        if not self.cells and len(block):  # sums around the first mean lose no digits
            self._shift = block.mean(0, dtype=np.float64).astype(np.float32)
        off = block - self._shift
        self._products += off.T @ off
        self._sum += off.sum(0, dtype=np.float64)
        self.cells += len(block)

    @property
    def mean(self) -> np.ndarray:
        """Mean of each feature: float64, shape (width,)."""
        return self._shift + self._sum / max(1, self.cells)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the features: float64, shape (width, width)."""
        cells = max(1, self.cells)
        return self._products / cells - np.outer(self._sum / cells, self._sum / cells)


def leading_axes(matrix: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the largest eigenvalues of a symmetric matrix, float64, and their vectors.

    Returns
    -------
    values : ndarray of float64, shape (number,)
        Falling.
    axes : ndarray of float64, shape (width, number)
        The largest weight of each is positive, so that the result is the same every time.
    """
    from scipy.linalg import eigh

    size = len(matrix)
    values, axes = eigh(matrix, subset_by_index=(size - number, size - 1))
    values, axes = values[::-1], axes[:, ::-1]
    strongest = axes[np.abs(axes).argmax(0), np.arange(number)]
    return values, axes * np.where(strongest < 0, -1, 1)


@dataclass(frozen=True)
class Reduced:
    """Cells on the principal components of their features.

    Attributes
    ----------
    places : ndarray of float32, shape (cells, components)
    explained : ndarray of float64, shape (components,)
        Share of the variance of the standardised features along each component.
    features : int
        Number of features.
    """

    places: np.ndarray
    explained: np.ndarray
    features: int


def reduce_features(
    source: FeatureSource, cells: int, components: int, progress: Progress
) -> Reduced:
    """Standardise features and project the cells on the first principal components.

    Raises
    ------
    DeepometryError
        The table cannot be used, has another number of rows, or all cells are the same.

    Notes
    -----
    Exact: the eigenvectors of the correlations of all cells. Apart from the result, memory does
    not grow with the number of cells.
    """
    ticker = Ticker(progress, 2 * cells, "rows")
    moments = _read_moments(source, cells, ticker)
    mean, covariance = moments.mean, moments.covariance
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    spread[spread <= _FLAT * np.maximum(np.abs(mean), _FLAT)] = np.inf  # says nothing
    wanted = min(components, max(1, cells - 1), int(np.isfinite(spread).sum()))
    if not wanted:
        raise DeepometryError(
            f"{source.table}: expected features that differ between cells, found the same in all "
            f"{cells:,}; extract the features of more cells, or of another model."
        )
    progress.check()
    correlation = covariance / np.outer(spread, spread)
    values, axes = leading_axes(correlation, wanted)
    explained = np.maximum(values, 0) / max(float(np.trace(correlation)), 1e-12)
    places = _project(source, cells, mean, axes / spread[:, None], ticker)
    return Reduced(places, explained, source.width)


def _read_moments(source: FeatureSource, cells: int, ticker: Ticker) -> Moments:
    moments = Moments(source.width)
    for block in source.blocks():
        moments.add(block)
        ticker.tick(_READING, len(block))
    if moments.cells != cells:
        raise DeepometryError(
            f"{source.table}: expected a row for each of the {cells:,} cells of "
            f"{source.metadata.name}, found {moments.cells:,}; extract the features again."
        )
    return moments


def _project(
    source: FeatureSource, cells: int, mean: np.ndarray, weights: np.ndarray, ticker: Ticker
) -> np.ndarray:
    places, done = np.empty((cells, weights.shape[1]), np.float32), 0
    middle, weights = mean.astype(np.float32), weights.astype(np.float32)
    for block in source.blocks():
        places[done : done + len(block)] = (block - middle) @ weights
        done += len(block)
        ticker.tick(_PLACING, len(block))
    ticker.last(_PLACING)
    return places

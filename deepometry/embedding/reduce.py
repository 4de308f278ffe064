"""Features of any number of cells on their principal components, in two passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepometry.embedding.source import Source
from deepometry.errors import DeepometryError
from deepometry.progress import Progress, Ticker

_FLAT = 1e-6  # spread, beside the mean, of a feature that is the same in all cells
_READING = "Reading the features"
_PLACING = "Putting them on their principal components"


@dataclass(frozen=True)
class Reduced:
    """Cells on the principal components of their features.

    Attributes
    ----------
    places : ndarray of float32, shape (cells, components)
    explained : ndarray of float64, shape (components,)
        Share of the variance of the standardised features along each component.
    features : int
        How many there were.
    """

    places: np.ndarray
    explained: np.ndarray
    features: int


@dataclass
class _Sums:
    """Means and products of features, added up block by block."""

    shift: np.ndarray
    products: np.ndarray
    total: np.ndarray
    cells: int = 0

    @classmethod
    def begin(cls, block: np.ndarray) -> _Sums:
        """Begin with the means of the first cells: sums around them lose no digits."""
        width = block.shape[1]
        shift = block.mean(0, dtype=np.float64).astype(np.float32)
        return cls(shift, np.zeros((width, width)), np.zeros(width))

    def add(self, block: np.ndarray) -> None:
        """Add some cells."""
        off = block - self.shift
        self.products += off.T @ off
        self.total += off.sum(0, dtype=np.float64)
        self.cells += len(block)

    def correlation(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give means, spreads (infinite where a feature never changes) and correlations."""
        off = self.total / self.cells
        covariance = self.products / self.cells - np.outer(off, off)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0))
        mean = self.shift + off
        spread[spread <= _FLAT * np.maximum(np.abs(mean), _FLAT)] = np.inf
        return mean, spread, covariance / np.outer(spread, spread)


def reduce_features(source: Source, cells: int, components: int, progress: Progress) -> Reduced:
    """Standardise features and put the cells on their first principal components.

    Parameters
    ----------
    source : Source
        The table, read twice.
    cells : int
        Rows that it must have.
    components : int
        How many at most.
    progress : Progress
        Told about the cells.

    Raises
    ------
    DeepometryError
        The table cannot be used, has another number of rows, or all cells are the same.

    Notes
    -----
    Exact: the eigenvectors of the correlations of all cells. Memory does not grow with the number
    of cells but for the result.
    """
    ticker, sums = Ticker(progress, 2 * cells), None
    for block in source.blocks():
        sums = sums or _Sums.begin(block)
        sums.add(block)
        ticker.tick(_READING, len(block))
    if sums is None or sums.cells != cells:
        found = sums.cells if sums else 0
        raise DeepometryError(
            f"{source.table}: expected a row for each of the {cells:,} cells of "
            f"{source.metadata.name}, found {found:,}; extract the features anew."
        )
    mean, spread, correlation = sums.correlation()
    wanted = min(components, max(1, cells - 1), int(np.isfinite(spread).sum()))
    if not wanted:
        raise DeepometryError(
            f"{source.table}: expected features that differ between cells, found the same in all "
            f"{cells:,}; extract the features of more cells, or of another model."
        )
    progress.check()
    values, axes = _leading(correlation, wanted)
    explained = np.maximum(values, 0) / max(float(np.trace(correlation)), 1e-12)
    places = _place(source, cells, mean, axes / spread[:, None], ticker)
    return Reduced(places, explained, source.width)


def _leading(correlation: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the largest eigenvalues, falling, and their vectors, whose largest weight is positive.

    So that the map is the same every time.
    """
    from scipy.linalg import eigh

    size = len(correlation)
    values, axes = eigh(correlation, subset_by_index=(size - number, size - 1))
    values, axes = values[::-1], axes[:, ::-1]
    strongest = axes[np.abs(axes).argmax(0), np.arange(number)]
    return values, axes * np.where(strongest < 0, -1, 1)


def _place(
    source: Source, cells: int, mean: np.ndarray, weights: np.ndarray, ticker: Ticker
) -> np.ndarray:
    places, done = np.empty((cells, weights.shape[1]), np.float32), 0
    middle, weights = mean.astype(np.float32), weights.astype(np.float32)
    for block in source.blocks():
        places[done : done + len(block)] = (block - middle) @ weights
        done += len(block)
        ticker.tick(_PLACING, len(block))
    ticker.last(_PLACING)
    return places

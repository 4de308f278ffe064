"""Features as points on a plane: a sample of the cells, on its first principal components."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.errors import DeepometryError, explain_os_error

if TYPE_CHECKING:
    import numpy as np

MOST_POINTS = 20_000
COMPONENTS = 5
_FITTED = 5_000  # cells that the components are fitted to
_AT_ONCE = 1_000  # cells
_SMALL = 64  # features
_CHUNK = 1 << 24  # bytes
_PARSED_AT_ONCE = 256  # rows
_TAB = "\t"


@dataclass(frozen=True)
class Points:
    """Cells on their principal components.

    Attributes
    ----------
    rows : ndarray of int64, shape (points,)
        Which cells of the table they are.
    places : ndarray of float32, shape (points, components)
    explained : list of float
        Share of the variance of the standardised features along each component.
    """

    rows: np.ndarray
    places: np.ndarray
    explained: list[float]


def sample_rows(cells: int, most: int = MOST_POINTS) -> np.ndarray:
    """Choose rows of a table at random, in order; the same ones every time."""
    import numpy as np

    if cells <= most:
        return np.arange(cells)
    return np.sort(np.random.default_rng(0).choice(cells, most, replace=False))


def read_rows(path: Path, rows: np.ndarray, features: int) -> np.ndarray:
    """Read some rows of a table of numbers, passing over the others without parsing them.

    Parameters
    ----------
    path : Path
        Tab-separated numbers, one row a line.
    rows : ndarray of int, shape (n,)
        Ascending.
    features : int
        Columns of the table.

    Returns
    -------
    ndarray of float32, shape (n, features)

    Raises
    ------
    DeepometryError
        The table cannot be read, or is not the one that was written.
    """
    import numpy as np

    found = np.empty((len(rows), features), np.float32)
    lines, read = _lines(path, rows), 0
    try:
        while some := list(islice(lines, _PARSED_AT_ONCE)):
            table = np.loadtxt(some, np.float32, comments=None, delimiter=_TAB, ndmin=2)
            found[read : read + len(some)] = _checked(table, len(some), features)
            read += len(some)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except ValueError as error:
        raise DeepometryError(
            f"{path}: expected {features} numbers in every row ({error}); "
            "extract the features anew."
        ) from error
    if read < len(rows):
        raise DeepometryError(f"{path} has fewer rows than there were cells; extract anew.")
    return found


def _checked(table: np.ndarray, rows: int, features: int) -> np.ndarray:
    if table.shape != (rows, features):
        raise ValueError(f"found {table.shape[1]} in {table.shape[0]} rows")
    return table


def _lines(path: Path, rows: np.ndarray) -> Iterator[bytes]:
    """Give the lines of these numbers, in one pass."""
    import numpy as np

    first, rest = 0, b""  # number of the line that `rest` begins
    with path.open("rb") as file:
        while (chunk := file.read(_CHUNK)) or rest:
            block = rest + chunk if chunk else rest + b"\n"
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + len(ends))]
            for line in (here - first).tolist():
                yield block[ends[line - 1] + 1 if line else 0 : ends[line]]
            rest = block[ends[-1] + 1 :] if len(ends) else block
            first += len(ends)
            if not chunk or first > rows[-1]:
                return


def principal_components(features: np.ndarray, components: int = COMPONENTS) -> Points:
    """Put features on their first principal components.

    Parameters
    ----------
    features : ndarray of float32, shape (points, features)
        Changed in place: standardised.
    components : int

    Returns
    -------
    Points
        With `rows` counted from 0. Signs are such that the largest weight of a component is
        positive, so that the picture is the same every time.
    """
    import numpy as np

    _standardise(features)
    step = max(1, len(features) // _FITTED)
    fitted = features[::step][:_FITTED]
    covariance = sum(part.T @ part for part in _parts(fitted)) / max(len(fitted), 1)
    components = min(components, features.shape[1], max(1, len(features) - 1))
    values, axes = _leading(np.asarray(covariance, np.float64), components)
    strongest = np.abs(axes).argmax(0)
    axes = axes * np.where(axes[strongest, range(components)] < 0, -1, 1)
    places = np.concatenate([part @ axes.astype(np.float32) for part in _parts(features)])
    total = max(float(np.trace(covariance)), 1e-12)
    explained = [max(0.0, float(value)) / total for value in values]
    return Points(np.arange(len(features)), places, explained)


def _leading(covariance: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the largest eigenvalues, falling, and their vectors as columns."""
    import numpy as np
    from scipy.sparse.linalg import eigsh

    size = len(covariance)
    if size <= _SMALL:
        values, vectors = np.linalg.eigh(covariance)
    else:  # a whole decomposition of 2,048 features takes many times as long
        values, vectors = eigsh(covariance, number, which="LA", v0=np.ones(size))
    order = np.argsort(-values)[:number]
    return values[order], vectors[:, order]


def _parts(features: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(features), _AT_ONCE):
        yield features[first : first + _AT_ONCE]


def _standardise(features: np.ndarray) -> None:
    """Give every feature mean 0 and spread 1; what never changes stays 0."""
    import numpy as np

    features[~np.isfinite(features)] = 0
    mean = features.mean(0, dtype=np.float64).astype(np.float32)
    features -= mean
    squares = sum((part.astype(np.float64) ** 2).sum(0) for part in _parts(features))
    spread = np.sqrt(np.asarray(squares) / len(features)).astype(np.float32)
    features /= np.where(spread > 1e-6, spread, np.inf)


def points_of(path: Path, cells: int, features: int) -> Points:
    """Read a sample of a table of features, and put it on its principal components."""
    rows = sample_rows(cells)
    found = principal_components(read_rows(path, rows, features))
    return Points(rows, found.places, found.explained)


def drawn(points: Points, columns: dict[str, Sequence[int]]) -> dict[str, Any]:
    """Give points as plain JSON, with the codes of their groups."""
    return {
        "rows": points.rows.tolist(),
        "places": [[round(v, 3) for v in axis] for axis in points.places.T.tolist()],
        "explained": [round(share, 4) for share in points.explained],
        "codes": {name: list(codes) for name, codes in columns.items()},
    }

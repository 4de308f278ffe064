"""Classical features of cells: morphology, intensity, texture, granularity, radial distribution.

Per channel inside its own mask, and of every pair of channels. The masks are computed from the
pixels, by what stands out from the background: parsed cells keep none of the masks of a .cif file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import combinations

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.core.numba_cache import compile_message
from deepometry.core.progress import Progress

__all__ = [
    "FAMILIES",
    "family_of",
    "feature_names",
    "measure",
    "measure_on_cores",
    "measured",
]

FAMILIES = (
    "morphology",
    "intensity",
    "texture",
    "granularity",
    "radial distribution",
    "morphology",
)
"""Kinds of features, in the order of the modules that measure them."""

BETWEEN = "between channels"
_AT_ONCE = 64  # cells of one call: up to some milliseconds each, so that stopping is quick
_KERNELS = "features"


def feature_names(
    depth: int, channels: Sequence[int] | None = None, named: Mapping[int, str] | None = None
) -> list[str]:
    """Name the features of cells, in the order of `measure`.

    Parameters
    ----------
    depth : int
        Number of channels.
    channels : sequence of int, optional
        Their numbers; by default from 1.
    named : mapping of int to str, optional
        Names of those that have one.

    Returns
    -------
    list of str
        Such as `Ch3 Brightfield: perimeter` and `Ch3 with Ch6: correlation`.
    """
    from deepometry.classical.features import channel_pairs as between
    from deepometry.classical.features import one_cell as cell

    numbers = list(channels or range(1, depth + 1))
    titles = [f"Ch{n} {(named or {}).get(n, '')}".strip() for n in numbers]
    each = [name for family in cell.FAMILIES for name in family.NAMES]
    single = [f"{channel}: {name}" for channel in titles for name in each]
    pairs = [f"Ch{one} with Ch{other}" for one, other in combinations(numbers, 2)]
    return single + [f"{pair}: {name}" for pair in pairs for name in between.NAMES]


def family_of(place: int, depth: int) -> str:
    """Name the kind of a feature, one of `FAMILIES` or `BETWEEN`, by its place."""
    from deepometry.classical.features import one_cell as cell

    if place >= depth * cell.A_CHANNEL:
        return BETWEEN
    place %= cell.A_CHANNEL
    for family, module in zip(FAMILIES, cell.FAMILIES, strict=True):
        if place < len(module.NAMES):
            return family
        place -= len(module.NAMES)
    raise IndexError(place)


def measure(images: np.ndarray, wanted: np.ndarray | None = None) -> np.ndarray:
    """Measure the features of cells.

    Parameters
    ----------
    images : ndarray of shape (n, frame, frame, channels)
        Counts.
    wanted : ndarray of int, optional
        Positions of the features that are wanted, by default all. Where none of a family (of a
        channel, or of a pair of channels) is wanted, its features are 0 and cost no time; of the
        other families all are measured.

    Returns
    -------
    ndarray of float32, shape (n, features)
        In the order of `feature_names`. The features of a channel in which nothing stands out from
        the background are 0.
    """
    from deepometry.classical.features import one_cell as cell

    pixels = np.ascontiguousarray(images, np.float32)
    families, pairs = _families(wanted, pixels.shape[3])
    width = len(families) * cell.A_CHANNEL + len(pairs) * cell.A_PAIR
    features = np.empty((len(pixels), width), np.float32)
    cell.measure_cells(pixels, families, pairs, features)
    return features


def _families(wanted: np.ndarray | None, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which families of each channel, (depth, families), and which pairs are wanted."""
    from deepometry.classical.features import one_cell as cell

    single, pairs = depth * cell.A_CHANNEL, depth * (depth - 1) // 2
    places = np.zeros(single + pairs * cell.A_PAIR, np.bool_)
    places[slice(None) if wanted is None else wanted] = True
    channels = places[:single].reshape(depth, cell.A_CHANNEL)
    families = np.logical_or.reduceat(channels, cell.STARTS, axis=1)
    between = places[single:].reshape(pairs, cell.A_PAIR)
    return families, np.logical_or.reduce(between, axis=1)


def measure_on_cores(
    images: np.ndarray,
    kernel: Callable[[np.ndarray], np.ndarray] | None = None,
    *,
    wanted: np.ndarray | None = None,
) -> np.ndarray:
    """Do to many cells, on all cores, what `measure` does to `wanted`, or another kernel."""
    kernel, cores = kernel or partial(measure, wanted=wanted), os.cpu_count() or 1
    size = max(1, min(_AT_ONCE, -(-len(images) // cores)))
    if len(images) <= size:
        return kernel(images)
    parts = [images[first : first + size] for first in range(0, len(images), size)]
    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(kernel, parts)))


def measured(
    dataset: Dataset,
    indices: np.ndarray,
    columns: Sequence[int],
    progress: Progress,
    workers: int | None = None,
    kernel: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Iterator[np.ndarray]:
    """Measure cells of a data set on all cores, in order; a few blocks are in memory at a time.

    `indices` are the cells, `columns` positions of the channels; `workers` are threads, by default
    as many as there are cores; `kernel` measures a block of images, by default `measure`. Yields
    float32 of shape (cells, features), of up to 64 cells.
    """
    if message := compile_message(_KERNELS):
        progress.say(message)
    workers = workers or os.cpu_count() or 1
    done = 0
    for features in _on_threads(dataset, indices, columns, workers, kernel or measure):
        done += len(features)
        progress.report(done, len(indices), "Measuring the cells", "cells")
        yield features


def _on_threads(
    dataset: Dataset,
    indices: np.ndarray,
    columns: Sequence[int],
    workers: int,
    kernel: Callable[[np.ndarray], np.ndarray],
) -> Iterator[np.ndarray]:
    waiting: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for first in range(0, len(indices), _AT_ONCE):
                images = dataset.read(indices[first : first + _AT_ONCE], columns)
                waiting.append(pool.submit(kernel, images))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

"""The ways to lay cells out on a plane or in space: PCA, t-SNE, UMAP and PHATE.

PCA: Pearson 1901. t-SNE: van der Maaten and Hinton 2008, by openTSNE (Policar et al. 2024). UMAP:
McInnes et al. 2018, by umap-learn. PHATE: Moon et al. 2019, by phate. All begin where the first
principal components put the cells, which keeps the large structure (Kobak and Linderman 2021).
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from deepometry.errors import DeepometryError
from deepometry.options import EmbedOptions
from deepometry.progress import Progress

NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "phate": "PHATE"}
_NEIGHBORS = {"umap": 15, "phate": 5}
_TSNE_ROUNDS = 250, 500  # of early exaggeration, and after it
_TSNE_TELLS = 10  # rounds between two reports
_WORTH_CORES = 5000  # cells; of fewer, the cores wait for each other longer than they work


def neighbors_of(options: EmbedOptions) -> int:
    """Give the neighbours that a method compares each cell with; 0 where it has none."""
    return (options.neighbors or _NEIGHBORS[options.method]) if options.method in _NEIGHBORS else 0


def check_enough(cells: int, options: EmbedOptions) -> None:
    """Refuse too few cells for the method, before anything is computed.

    Raises
    ------
    DeepometryError
        There are too few.
    """
    needed, advice = options.dims + 2, "map more cells"
    if near := neighbors_of(options):
        needed, advice = max(needed, near + 2), "use fewer --neighbors, or more cells"
    if options.method == "tsne":
        needed = max(needed, int(3 * options.perplexity) + 2)
        advice = "use a lower --perplexity, or more cells"
    if cells < needed:
        told = f" with {near} neighbours" if near else ""
        told = f" with a perplexity of {options.perplexity:g}" if options.method == "tsne" else told
        raise DeepometryError(
            f"{NAMES[options.method]}{told}: expected {needed:,} cells or more, found {cells:,}; "
            f"{advice}."
        )


def lay_out(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    """Lay cells out.

    Parameters
    ----------
    places : ndarray of float32, shape (cells, components)
        The cells on their principal components.
    options : EmbedOptions
        Method, dimensions and what the method is told.
    progress : Progress
        Told about its rounds, or its stages.

    Returns
    -------
    ndarray of float32, shape (cells, dims)
    """
    progress.report(0, 0, f"Starting {NAMES[options.method]}")
    found = _METHODS[options.method](places, options, progress)
    progress.check()
    return np.ascontiguousarray(found, np.float32)


def _pca(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    return _first(places, options.dims)


def _first(places: np.ndarray, dims: int) -> np.ndarray:
    """Take the first components; where there are fewer, the others are 0."""
    missing = max(0, dims - places.shape[1])
    return np.pad(places[:, :dims], ((0, 0), (0, missing)))


def _begin(places: np.ndarray, dims: int, spread: float) -> np.ndarray:
    """Begin on the first components, the first of them with this standard deviation."""
    first = _first(places, dims).astype(np.float64)
    return first * (spread / max(float(first[:, 0].std()), 1e-12))


def _tsne(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    from openTSNE import TSNE

    early, late = _TSNE_ROUNDS
    done = [0]

    def tell(_: int, __: float, ___: Any) -> None:
        done[0] += _TSNE_TELLS
        progress.report(min(done[0], early + late), early + late, "Laying out by t-SNE")

    progress.report(0, 0, "Finding similar cells")
    # above two dimensions there is the slower way only
    way = {"negative_gradient_method": "bh"} if options.dims > 2 else {}
    with _quietly():
        found = TSNE(
            n_components=options.dims,
            perplexity=options.perplexity,
            early_exaggeration_iter=early,
            n_iter=late,
            initialization=_begin(places, options.dims, 1e-4),
            n_jobs=_cores(len(places)),
            random_state=options.seed,
            callbacks=tell,
            callbacks_every_iters=_TSNE_TELLS,
            **way,
        ).fit(places)
    return np.asarray(found)


def _umap(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    progress.report(0, 0, "Compiling UMAP for this processor")
    kind = _import_umap()
    progress.report(0, 0, "Finding similar cells")
    more = {"n_jobs": -1} if options.parallel else {"random_state": options.seed, "n_jobs": 1}
    watch = {"file": _Rounds(progress, "Laying out by UMAP"), "disable": False}
    with _quietly():
        return kind(
            n_neighbors=neighbors_of(options),
            min_dist=options.min_dist,
            n_components=options.dims,
            init=_begin(places, options.dims, 1.0).astype(np.float32),
            tqdm_kwds={**watch, "bar_format": "{n_fmt}/{total_fmt}", "mininterval": 0.3},
            **more,
        ).fit_transform(places)


def _import_umap() -> Any:
    """Import UMAP without the kind of it that needs TensorFlow, which takes seconds to load."""
    part = "umap.parametric_umap"
    if "umap" in sys.modules:
        return sys.modules["umap"].UMAP
    sys.modules[part] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import umap
    finally:
        sys.modules.pop(part, None)
    return umap.UMAP


class _Rounds:
    """Takes the place of the screen for the bar of a library, and reports what it says."""

    def __init__(self, progress: Progress, text: str) -> None:
        self._progress, self._text = progress, text
        self._thread = threading.get_ident()

    def write(self, told: str) -> None:
        """Read `12/200`."""
        done, _, total = told.strip().partition("/")
        # the bar has a thread of its own, which must not be stopped in place of the work
        if done.isdecimal() and total.isdecimal() and threading.get_ident() == self._thread:
            self._progress.report(int(done), int(total), self._text)

    def flush(self) -> None:
        """Nothing waits to be written."""


def _phate(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    from phate import PHATE

    progress.report(0, 0, "Laying out by PHATE (its rounds cannot be counted)")
    with _quietly():
        return PHATE(
            n_components=options.dims,
            knn=neighbors_of(options),
            n_pca=None,
            n_jobs=_cores(len(places)),
            random_state=options.seed,
            verbose=0,
        ).fit_transform(places)


def _cores(cells: int) -> int:
    return (os.cpu_count() or 1) if cells >= _WORTH_CORES else 1


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back warnings of the libraries, which are for those who program with them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_METHODS: dict[str, Callable[[np.ndarray, EmbedOptions, Progress], np.ndarray]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
    "phate": _phate,
}

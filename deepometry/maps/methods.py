"""The methods that compute a map of cells: PCA, t-SNE, UMAP and PHATE.

PCA: Pearson 1901. t-SNE: van der Maaten and Hinton 2008, by openTSNE (Policar et al. 2024). UMAP:
McInnes et al. 2018, by umap-learn. PHATE: Moon et al. 2019, by phate. All begin where the first
principal components put the cells, which keeps the large structure (Kobak and Linderman 2021).
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from deepometry.core.errors import DeepometryError
from deepometry.core.options.embed import MAP_NAMES as NAMES
from deepometry.core.options.embed import EmbedOptions
from deepometry.core.progress import Progress

_NEIGHBORS = {"umap": 15, "phate": 5}
_TSNE_ROUNDS = 250, 500  # of early exaggeration, and after it
_TSNE_REPORTS = 10  # rounds between two reports
# warnings of the libraries are for programmers
_quietly = partial(warnings.catch_warnings, action="ignore")
_WORTH_CORES = 5000  # cells; with fewer, more cores are slower


def neighbors_of(options: EmbedOptions) -> int:
    """Return the number of neighbours of a method; 0 where it has none."""
    return (options.neighbors or _NEIGHBORS[options.method]) if options.method in _NEIGHBORS else 0


def check_enough(cells: int, options: EmbedOptions) -> None:
    """Raise `DeepometryError`, before the work, for fewer cells than the method needs."""
    needed, advice = options.dims + 2, "map more cells"
    if near := neighbors_of(options):
        needed, advice = max(needed, near + 2), "use fewer --neighbors, or more cells"
    if options.method == "tsne":
        needed = max(needed, int(3 * options.perplexity) + 2)
        advice = "use a lower --perplexity, or more cells"
    if cells < needed:
        raise DeepometryError(
            f"{described(options)}: expected {needed:,} cells or more, found {cells:,}; {advice}."
        )


def described(options: EmbedOptions) -> str:
    """Return the name of the method with its main setting: `UMAP with 15 neighbours`."""
    setting = f" with {near} neighbours" if (near := neighbors_of(options)) else ""
    if options.method == "tsne":
        setting = f" with a perplexity of {options.perplexity:g}"
    return f"{NAMES[options.method]}{setting}"


def compute_map(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    """Compute coordinates, float32 (cells, dims), from principal components of the cells."""
    progress.report(0, 0, f"Starting {NAMES[options.method]}")
    coordinates = _METHODS[options.method](places, options, progress)
    progress.check()
    return np.ascontiguousarray(coordinates, np.float32)


def _first(places: np.ndarray, dims: int) -> np.ndarray:
    """Take the first components; where there are fewer, the others are 0."""
    missing = max(0, dims - places.shape[1])
    return np.pad(places[:, :dims], ((0, 0), (0, missing)))


def _initial(places: np.ndarray, dims: int, spread: float) -> np.ndarray:
    """Scale the first components so that the first has this standard deviation."""
    first = _first(places, dims).astype(np.float64)
    return first * (spread / max(float(first[:, 0].std()), 1e-12))


def _tsne(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    from openTSNE import TSNE

    early, late = _TSNE_ROUNDS
    done = [0]

    def report(_: int, __: float, ___: Any) -> None:
        done[0] += _TSNE_REPORTS
        progress.report(
            min(done[0], early + late), early + late, "Computing the t-SNE map", "iterations"
        )

    progress.report(0, 0, "Finding similar cells")
    # above two dimensions there is only the slower algorithm
    gradient = {"negative_gradient_method": "bh"} if options.dims > 2 else {}
    with _quietly():
        coordinates = TSNE(
            n_components=options.dims,
            perplexity=options.perplexity,
            early_exaggeration_iter=early,
            n_iter=late,
            initialization=_initial(places, options.dims, 1e-4),
            n_jobs=_cores(len(places)),
            random_state=options.seed,
            callbacks=report,
            callbacks_every_iters=_TSNE_REPORTS,
            **gradient,
        ).fit(places)
    return np.asarray(coordinates)


def _umap(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    progress.report(0, 0, "Compiling UMAP for this processor")
    kind = _import_umap()
    progress.report(0, 0, "Finding similar cells")
    more = {"n_jobs": -1} if options.parallel else {"random_state": options.seed, "n_jobs": 1}
    watch = {"file": IterationReader(progress, "Computing the UMAP map"), "disable": False}
    with _quietly():
        return kind(
            n_neighbors=neighbors_of(options),
            min_dist=options.min_dist,
            n_components=options.dims,
            init=_initial(places, options.dims, 1.0).astype(np.float32),
            tqdm_kwds={**watch, "bar_format": "{n_fmt}/{total_fmt}", "mininterval": 0.3},
            **more,
        ).fit_transform(places)


def _import_umap() -> Any:
    """Import UMAP without its parametric variant, whose TensorFlow takes seconds to load."""
    part = "umap.parametric_umap"
    if "umap" in sys.modules:
        return sys.modules["umap"].UMAP
    sys.modules[part] = None  # type: ignore[assignment]
    try:
        with _quietly():
            import umap
    finally:
        sys.modules.pop(part, None)
    return umap.UMAP


class IterationReader:
    """Receives the progress bar of a library in place of the screen, and reports it."""

    def __init__(self, progress: Progress, text: str) -> None:
        self._progress, self._text = progress, text
        self._thread = threading.get_ident()

    def write(self, text: str) -> None:
        """Read `12/200`."""
        done, _, total = text.strip().partition("/")
        # the bar has a thread of its own, in which a cancel must not be raised
        if done.isdecimal() and total.isdecimal() and threading.get_ident() == self._thread:
            self._progress.report(int(done), int(total), self._text, "iterations")

    def flush(self) -> None:
        """Do nothing: every text is reported at once."""


def _phate(places: np.ndarray, options: EmbedOptions, progress: Progress) -> np.ndarray:
    from phate import PHATE

    progress.report(0, 0, "Computing the PHATE map (its iterations cannot be counted)")
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


_METHODS: dict[str, Callable[[np.ndarray, EmbedOptions, Progress], np.ndarray]] = {
    "pca": lambda places, options, _: _first(places, options.dims),
    "tsne": _tsne,
    "umap": _umap,
    "phate": _phate,
}

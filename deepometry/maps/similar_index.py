"""An index of cells by their features, stored beside them: who is most like whom.

Features are standardised and reduced to their first principal components. Beyond 20,000 cells, the
nearest neighbours of every cell are computed once, by nearest-neighbour descent (Dong, Moses and
Li 2011, by pynndescent), and looked up after that; fewer cells are compared with all others.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.feature_tables import metadata_rows
from deepometry.cells.identity import cell_key
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import staged
from deepometry.core.progress import Progress
from deepometry.core.run_records import own_record, provenance, write_json
from deepometry.maps.feature_source import FeatureSource
from deepometry.maps.pca import reduce_features

EXACT = 20_000
"""Most cells that are compared with all others at every question."""

_COMPONENTS, _NEIGHBOURS, _MOST_STEPS = 64, 30, 8
_BLOCK = 8192  # cells
_RECORD, _PLACES, _KEYS, _NEAREST = "similar.json", "places.npy", "keys.npy", "neighbours.npy"
_SEED = 0


@dataclass(frozen=True)
class SimilarIndex:
    """Cells by their features; the arrays stay on disk.

    Attributes
    ----------
    keys : ndarray of uint64, shape (cells,)
        Hash of source and object, in the order of the features.
    places : ndarray of float32, shape (cells, components)
        Principal components.
    neighbours : ndarray of int32, shape (cells, neighbours), or None
        The nearest cells of each, itself among them; None where all are compared.
    """

    keys: np.ndarray
    places: np.ndarray
    neighbours: np.ndarray | None

    def __len__(self) -> int:
        return len(self.keys)

    def position(self, key: int) -> int:
        """Return the position of a cell by its key; -1 where it has none."""
        here = np.flatnonzero(self.keys == np.uint64(key))
        return int(here[0]) if len(here) else -1

    def nearest(self, position: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the cells most like one, without that one.

        Returns
        -------
        positions : ndarray of int64, shape (n,)
            Nearest first; fewer than `number` where there are no more cells.
        distances : ndarray of float32, shape (n,)
            Between their principal components.
        """
        number = min(number, len(self) - 1)
        candidates = self._candidates(position, number)
        distances = self._apart(position, candidates)
        order = np.argsort(distances, kind="stable")[:number]
        return candidates[order], distances[order]

    def distances(self, position: int) -> np.ndarray:
        """Compute how far all cells are from one: float32, shape (cells,)."""
        firsts = range(0, len(self), _BLOCK)
        return np.concatenate([self._apart(position, slice(n, n + _BLOCK)) for n in firsts])

    def _candidates(self, position: int, number: int) -> np.ndarray:
        """Return the neighbours of neighbours, as many times over as it takes; or all cells."""
        if self.neighbours is None or 4 * number > len(self):
            return np.delete(np.arange(len(self)), position)
        pool, wanted = np.array([position]), max(4 * number, 4 * _NEIGHBOURS)
        for _ in range(_MOST_STEPS):
            pool = np.unique(self.neighbours[pool].astype(np.int64))
            if len(pool) >= wanted:
                return pool[pool != position]
        return np.delete(np.arange(len(self)), position)  # a small group, apart from the others

    def _apart(self, position: int, others: Any) -> np.ndarray:
        off = self.places[others] - self.places[position]
        return np.sqrt(np.einsum("ij,ij->i", off, off))


def index_folder(source: FeatureSource) -> Path:
    """Return where the index of features is: a folder beside them."""
    return source.table.parent / f"similar_{source.layer}"


def open_index(source: FeatureSource) -> SimilarIndex | None:
    """Open the index of features; None where there is none, or the features changed since.

    Raises
    ------
    DeepometryError
        A file of it is damaged.
    """
    folder = index_folder(source)
    record = own_record(folder / _RECORD, "similar")
    if not record or record.get("of") != _state(source):
        return None
    names = (_KEYS, _PLACES) + (_NEAREST,) * bool(record.get("neighbours"))
    try:
        arrays = [np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in names]
    except (ValueError, EOFError) as error:
        raise DeepometryError(f"{folder} is damaged ({error}): delete this folder.") from error
    except OSError as error:
        raise explain_os_error(error, folder) from error
    if len({len(array) for array in arrays}) != 1:
        raise DeepometryError(f"{folder} is damaged (other numbers of cells): delete this folder.")
    return SimilarIndex(arrays[0], arrays[1], arrays[2] if len(arrays) > 2 else None)


def build_index(source: FeatureSource, progress: Progress) -> SimilarIndex:
    """Compute the index of features and write it beside them; replaces an earlier one.

    Raises
    ------
    DeepometryError
        The features cannot be used, or the folder cannot be written to.
    """
    state, keys = _state(source), _keys(source.metadata, progress)
    places = reduce_features(source, len(keys), _COMPONENTS, progress).places
    nearest = neighbour_lists(places, progress) if len(keys) > EXACT else None
    folder = index_folder(source)
    stale = [_RECORD, _KEYS, _PLACES, _NEAREST]
    with staged(folder, stale, progress.say) as stage:
        np.save(stage / _KEYS, keys)
        np.save(stage / _PLACES, places)
        if nearest is not None:
            np.save(stage / _NEAREST, nearest)
        facts = {"of": state, "cells": len(keys), "neighbours": nearest is not None}
        write_json(stage / _RECORD, provenance("similar", None) | facts)
    return SimilarIndex(keys, places, nearest)


def _keys(metadata: Path, progress: Progress) -> np.ndarray:
    progress.report(0, 0, "Reading the table of cells")
    with metadata_rows(metadata) as (_, rows):
        return np.fromiter((cell_key(*row[:2]) for row in rows), np.uint64)


def _state(source: FeatureSource) -> list[list[int]]:
    """Return what changes with the features and the table of their cells."""
    states = [path.stat() for path in (source.table, source.metadata)]
    return [[state.st_size, state.st_mtime_ns] for state in states]


def neighbour_lists(places: np.ndarray, progress: Progress) -> np.ndarray:
    """Find the nearest cells of every cell: int32, shape (cells, neighbours), itself among them.

    Takes minutes for a million cells, and memory that grows with them.
    """
    progress.report(0, 0, "Comparing the cells with each other (this cannot be counted)")
    with warnings.catch_warnings(action="ignore"):  # of the library, for programmers
        from pynndescent import NNDescent

        found = NNDescent(
            places, n_neighbors=_NEIGHBOURS + 1, random_state=_SEED, low_memory=True
        ).neighbor_graph[0]
    progress.check()
    # where the descent found too few, -1: the cell itself is harmless there
    return np.where(found < 0, np.arange(len(places))[:, None], found).astype(np.int32)

"""An index of cells by their features, stored beside them: who is most like whom.

Features are standardised and reduced to their first principal components. A question compares a
cell with all others: for a million cells that is a fraction of a second, and no neighbour is
missed, so that no lists of neighbours have to be made before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.feature_tables import metadata_rows
from deepometry.cells.identity import cell_key
from deepometry.core.errors import DeepometryError, explain_os_error
from deepometry.core.files import staged
from deepometry.core.progress import Progress
from deepometry.core.run_records import own_record, provenance, write_json
from deepometry.maps.feature_source import FeatureSource
from deepometry.maps.pca import reduce_features

_COMPONENTS = 64
_BLOCK = 16_384  # cells compared at once: 4 MB of components
_RECORD, _PLACES, _KEYS = "similar.json", "places.npy", "keys.npy"
_EARLIER = "neighbours.npy"  # of a version that made lists of neighbours


@dataclass(frozen=True)
class SimilarIndex:
    """Cells by their features; the arrays stay on disk.

    Attributes
    ----------
    keys : ndarray of uint64, shape (cells,)
        Hash of source and object, in the order of the features.
    places : ndarray of float32, shape (cells, components)
        Principal components.
    """

    keys: np.ndarray
    places: np.ndarray

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
        number, distances = min(number, len(self) - 1), self.distances(position)
        distances[position] = np.inf
        near = np.argpartition(distances, number)[:number] if number else np.zeros(0, np.int64)
        order = near[np.lexsort((near, distances[near]))]
        return order, distances[order]

    def distances(self, position: int) -> np.ndarray:
        """Compute how far all cells are from one: float32, shape (cells,)."""
        squares, here = np.empty(len(self), np.float32), np.array(self.places[position])
        for first in range(0, len(self), _BLOCK):
            off = self.places[first : first + _BLOCK] - here
            squares[first : first + _BLOCK] = np.einsum("ij,ij->i", off, off)
        return np.sqrt(squares)


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
    try:
        keys, places = (
            np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in (_KEYS, _PLACES)
        )
    except (ValueError, EOFError) as error:
        raise DeepometryError(f"{folder} is damaged ({error}): delete this folder.") from error
    except OSError as error:
        raise explain_os_error(error, folder) from error
    if len(keys) != len(places):
        raise DeepometryError(f"{folder} is damaged (other numbers of cells): delete this folder.")
    return SimilarIndex(keys, places)


def build_index(source: FeatureSource, progress: Progress) -> SimilarIndex:
    """Compute the index of features and write it beside them; replaces an earlier one.

    Raises
    ------
    DeepometryError
        The features cannot be used, or the folder cannot be written to.
    """
    state, keys = _state(source), _keys(source.metadata, progress)
    places = reduce_features(source, len(keys), _COMPONENTS, progress).places
    folder = index_folder(source)
    with staged(folder, [_RECORD, _KEYS, _PLACES, _EARLIER], progress.say) as stage:
        np.save(stage / _KEYS, keys)
        np.save(stage / _PLACES, places)
        write_json(stage / _RECORD, provenance("similar", None) | {"of": state, "cells": len(keys)})
    return SimilarIndex(keys, places)


def _keys(metadata: Path, progress: Progress) -> np.ndarray:
    progress.report(0, 0, "Reading the table of cells")
    with metadata_rows(metadata) as (_, rows):
        return np.fromiter((cell_key(*row[:2]) for row in rows), np.uint64)


def _state(source: FeatureSource) -> list[list[int]]:
    """Return what changes with the features and the table of their cells."""
    states = [path.stat() for path in (source.table, source.metadata)]
    return [[state.st_size, state.st_mtime_ns] for state in states]

"""The features that gates are about, of all parsed cells; kept in `labels/features.h5`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.identity import distinct_keys
from deepometry.cells.imported_features import (
    ImportedFeatures,
    open_imported_features,
    write_imported_features,
)
from deepometry.classical.features import measure_on_cores, measured
from deepometry.classical.features.quality import KEPT, NAMES, measure_cells
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress

_SATURATED = NAMES.index("Saturated")
_LEAST_TOP = 255  # the highest count of a camera of 8 bits


def feature_names(dataset: Dataset) -> list[str]:
    """Name the features of all channels, such as `Area Ch1`, in the order they are measured."""
    return [f"{name} Ch{number}" for number in dataset.channel_numbers for name in NAMES]


def features_of(dataset: Dataset, home: Path, progress: Progress) -> ImportedFeatures:
    """Return the features of parsed cells, which are measured the first time.

    Parameters
    ----------
    dataset : Dataset
        All cells of the folder that Parse wrote.
    home : Path
        That folder.

    Returns
    -------
    ImportedFeatures
        With those that another program measured, if any.
    """
    keys, names = distinct_keys(dataset.keys), feature_names(dataset)
    known = open_imported_features(home)
    if known and np.array_equal(known.keys, keys) and is_measured(known, dataset):
        return known
    values = measured_columns(dataset, np.arange(len(dataset)), progress)

    def column(name: str, earlier: np.ndarray) -> None:
        earlier[:] = values[name]

    text = "Keeping the features"
    write_imported_features(home, keys, names, column, progress, text, stamp(dataset))
    found = open_imported_features(home)
    if found is None:
        raise DeepometryError(f"{home}: the features were deleted just now; run the step again.")
    return found


def is_measured(known: ImportedFeatures, dataset: Dataset) -> bool:
    """Return whether features of the same cells have those that were measured in these images."""
    return set(feature_names(dataset)) <= set(known.names) and known.made_of == stamp(dataset)


def stamp(dataset: Dataset) -> str:
    """Describe the images that were measured: another parse of the same cells has others."""
    written = dataset.parse_record.get("written", "")
    return f"{written} {dataset.frame} {dataset.channel_numbers} {dataset.dtype}"


def measured_columns(
    dataset: Dataset, cells: np.ndarray, progress: Progress
) -> dict[str, np.ndarray]:
    """Measure some cells: each feature of `feature_names` as float32, shape (cells,)."""
    columns = list(range(dataset.depth))
    raw = np.empty((len(cells), dataset.depth, KEPT), np.float32)
    done = 0
    for block in measured(dataset, cells, columns, progress, kernel=measure):
        raw[done : done + len(block)] = block.reshape(len(block), dataset.depth, KEPT)
        done += len(block)
    for channel in range(dataset.depth):
        _tell_saturation(raw[:, channel], dataset.dtype)
    values = raw[..., : len(NAMES)].reshape(len(cells), -1).T
    return dict(zip(feature_names(dataset), values, strict=True))


class Meter:
    """Measures cells that are read one after the other, in some of their channels.

    Parameters
    ----------
    columns : sequence of int
        Positions of the channels.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self._columns = list(columns)
        self._blocks = [np.empty((0, len(self._columns) * KEPT), np.float32)]

    def add(self, images: np.ndarray) -> None:
        """Measure the next cells, (n, frame, frame, channels)."""
        if len(images):
            self._blocks.append(measure_on_cores(images[..., self._columns], measure))

    def features(self, dtype: np.dtype) -> np.ndarray:
        """Return what was measured: float32, shape (cells, channels, features)."""
        raw = np.concatenate(self._blocks).reshape(-1, len(self._columns), KEPT)
        for channel in range(len(self._columns) if len(raw) else 0):
            _tell_saturation(raw[:, channel], dtype)
        return raw[..., : len(NAMES)]


def place_of(feature: str, numbers: Sequence[int]) -> tuple[int, int] | None:
    """Return the position of the channel, and of the kind, of a feature that is measured here.

    None for one of IDEAS, or of a channel that is not among `numbers`.
    """
    names = [f"{name} Ch{number}".casefold() for number in numbers for name in NAMES]
    if feature.casefold() not in names:
        return None
    return divmod(names.index(feature.casefold()), len(NAMES))


def measure(images: np.ndarray) -> np.ndarray:
    """Measure images (n, frame, frame, channels): float32, shape (n, channels * KEPT)."""
    pixels = np.ascontiguousarray(images, np.float32)
    features = np.empty((len(pixels), pixels.shape[3] * KEPT), np.float32)
    measure_cells(pixels, features)
    return features


def _tell_saturation(raw: np.ndarray, dtype: np.dtype) -> None:
    """Turn pixels at the highest count of a cell into percent of its area that is saturated.

    A camera is saturated where the highest count of all cells is the largest of so many bits, such
    as 4095; else no cell is.
    """
    top = raw[:, -1]
    highest = int(top.max())
    full = dtype.kind in "ui" and highest >= _LEAST_TOP and (highest & (highest + 1)) == 0
    share = 100 * raw[:, _SATURATED] / np.maximum(raw[:, 0], 1)
    raw[:, _SATURATED] = np.where(full & (top == highest), share, 0)

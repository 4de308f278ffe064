"""Features of all parsed cells, measured or taken from an extraction, and kept beside the cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.cell_features import features_path, find_cell_features, writing_features
from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.feature_tables import (
    count_features,
    find_features,
    layer_of,
    metadata_rows,
    read_features,
)
from deepometry.cells.identity import cell_keys, distinct_keys, find_keys
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.classical.cleaning.measure import stamp
from deepometry.classical.features import feature_names, measured
from deepometry.core.errors import DeepometryError
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.measure import MeasureOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import METADATA_TABLE
from deepometry.core.text import counted

CLASSICAL = "classical features"
_ROWS = 4096


@dataclass(frozen=True)
class MeasureResult(ShowsInNotebook):
    """Which features of parsed cells are kept.

    Attributes
    ----------
    cells, features : int
    missing : int
        Cells without any, of an extraction of fewer cells.
    origin : str
        What they are, in words.
    path : Path
        Where they are kept.
    """

    cells: int
    features: int
    missing: int
    origin: str
    path: Path

    def __str__(self) -> str:
        lost = f" {counted(self.missing, 'cell')} among them had none." if self.missing else ""
        return (
            f"{self.features:,} {self.origin} of {counted(self.cells, 'cell')} are kept.{lost}\n"
            f"Features: {self.path}"
        )

    def notebook_view(self) -> NotebookView:
        """Show how many there are."""
        rows: dict[str, object] = {"Cells": self.cells, "Features": self.features}
        return NotebookView(self.origin.capitalize(), rows | {"File": self.path})


def measure(options: MeasureOptions, progress: Progress | Report | None = None) -> MeasureResult:
    """Keep features of all parsed cells, labelled or not, for assisted labelling.

    Classical features that are kept already, of the same images, are not measured again.

    Parameters
    ----------
    options : MeasureOptions
        The parsed cells, and the folder of an extraction, if its features are to be kept.
    progress : Progress or callable, optional
        Called with (cells done, cells in all, text).

    Returns
    -------
    MeasureResult

    Raises
    ------
    DeepometryError
        The cells cannot be read, or the folder has no features of them.
    """
    progress = as_progress(progress)
    home = parsed_home(options.input)
    dataset = open_dataset(home, progress)
    if options.features is not None:
        return _extracted(dataset, home, options.features, options.layer, progress)
    known, made_of = find_cell_features(home), stamp(dataset)
    if known and known.origin == CLASSICAL and known.fits(dataset.keys, made_of):
        progress.say("The classical features of these cells are there already.")
        return MeasureResult(len(known), len(known.names), 0, CLASSICAL, known.path)
    return _measured(dataset, home, made_of, progress)


def _measured(dataset: Dataset, home: Path, made_of: str, progress: Progress) -> MeasureResult:
    names = feature_names(dataset.depth, dataset.channel_numbers, dataset.channel_names)
    everything, columns, done = np.arange(len(dataset)), list(range(dataset.depth)), 0
    with writing_features(home, names, dataset.keys, CLASSICAL, made_of) as values:
        for block in measured(dataset, everything, columns, progress):
            values[done : done + len(block)] = block
            done += len(block)
    return MeasureResult(len(dataset), len(names), 0, CLASSICAL, features_path(home))


# --- of an extraction ----------------------------------------------------------------------------


def _extracted(
    dataset: Dataset, home: Path, folder: Path, layer: str | None, progress: Progress
) -> MeasureResult:
    table = find_features(folder, layer)
    if table is None:
        raise DeepometryError(
            f"Features {folder}: expected a folder that Extract wrote, found no features; extract "
            "them, or leave the field blank for classical features."
        )
    places = _places(folder / METADATA_TABLE, dataset, folder)
    width, layer = count_features(table), layer_of(table)
    names, origin = [f"{layer}_{n + 1}" for n in range(width)], f"features of {layer}"
    with writing_features(home, names, dataset.keys, origin, stamp(dataset)) as values:
        for first, block in _blocks(table, progress, len(places)):
            here = places[first : first + len(block)]
            order = np.argsort(here)
            order = order[here[order] >= 0]
            values[here[order]] = block[order]
    missing = len(dataset) - int((places >= 0).sum())
    return MeasureResult(len(dataset), width, missing, origin, features_path(home))


def _blocks(table: Path, progress: Progress, total: int) -> Iterator[tuple[int, np.ndarray]]:
    done = 0
    for block in read_features(table, _ROWS):
        yield done, block
        done += len(block)
        progress.report(done, total, "Copying the features", "cells")


def _places(metadata: Path, dataset: Dataset, folder: Path) -> np.ndarray:
    """Return which cell each row of an extraction is, -1 for none of them."""
    with metadata_rows(metadata) as (_, rows):
        sources, objects = zip(*((row[0], row[1]) for row in rows), strict=True)
    keys = distinct_keys(cell_keys(sources, objects))
    places = find_keys(keys, distinct_keys(dataset.keys))
    if (places < 0).all():
        raise DeepometryError(
            f"Features {folder}: expected features of the cells in {dataset.root}, found those of "
            "others; extract the features of these cells."
        )
    return places

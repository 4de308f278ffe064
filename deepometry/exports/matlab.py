"""MATLAB files (version 5, which every MATLAB since 1999 and Octave read)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepometry import __version__
from deepometry.core.errors import DeepometryError
from deepometry.exports.cell_table import CellTable
from deepometry.exports.job import ExportJob

LARGEST = 2**31 - 1
"""Bytes of an array: MATLAB reads no larger one from such a file."""

_AT_ONCE = 1024


def write_mat(job: ExportJob, path: Path) -> list[str]:
    """Write a .mat file.

    Raises
    ------
    DeepometryError
        An array is larger than MATLAB reads.

    Notes
    -----
    Cell arrays of text: `source`, `object`, `columns`, `columns_text` (a column each), `classes`,
    `feature_names`. Numbers: `class_number` (in `classes`, from 1; 0 for none), `probabilities`
    (a column a class), `features`, a matrix for each kind of coordinates (`umap`), and `images`,
    height x width x channel x cell, with `channels`. A row of each is the same cell.
    """
    from scipy.io import savemat

    _check_sizes(job)
    content = _content(job)
    if job.images_wanted:
        content |= _pictures(job)
    with path.open("wb") as file:
        savemat(file, content, do_compression=False, long_field_names=True, oned_as="column")
    return []


def _check_sizes(job: ExportJob) -> None:
    cells = len(job.table)
    sizes = {"features": 4 * cells * len(job.features.names)}
    if job.images_wanted:
        data = job.images.dataset
        sizes["images"] = cells * data.frame**2 * data.depth * data.dtype.itemsize
    name, size = max(sizes.items(), key=lambda item: item[1])
    if size > LARGEST:
        raise DeepometryError(
            f"MATLAB file: expected at most 2 GB in an array, found {size / 1e9:.1f} GB of {name}; "
            "choose fewer features (--features), one class (--label), or Parquet."
        )


def _content(job: ExportJob) -> dict[str, Any]:
    table, features, cells = job.table, job.features, len(job.table)
    texts = {n: np.empty(cells, object) for n in ("source", "object", *table.texts)}
    numbers = {n: np.empty(cells) for n in table.numbers}
    matrix = np.empty((cells, len(features.names)), np.float32, order="F")
    with job.pieces("Reading cells") as pieces:
        for piece in pieces:
            here = slice(piece.first, piece.first + len(piece.cells))
            for name, values in (texts | numbers).items():
                values[here] = piece.cells[name].to_numpy()
            matrix[here] = features.of(piece.features)
    content: dict[str, Any] = {"source": texts["source"], "object": texts["object"]}
    content |= _text_columns(table, texts) | _maps(table, numbers)
    if features:
        content |= {"features": matrix, "feature_names": _cells(features.names)}
    return content


def _cells(names: list[str]) -> np.ndarray:
    """Return a cell array of text."""
    cells = np.empty(len(names), object)
    cells[:] = names
    return cells


def _text_columns(table: CellTable, texts: dict[str, np.ndarray]) -> dict[str, Any]:
    columns = np.empty((len(table), len(table.texts)), object)
    for place, name in enumerate(table.texts):
        columns[:, place] = texts[name]
    content: dict[str, Any] = {"columns": _cells(table.texts), "columns_text": columns}
    codes = {label: code for code, label in enumerate(table.classes, 1)}
    for name, column in (("class_number", table.label), ("true_class_number", "true_label")):
        if column is not None and column in texts:
            content[name] = np.array([codes.get(text, 0) for text in texts[column]], np.float64)
    content |= {"classes": _cells(table.classes)} if table.classes else {}
    return content | {"deepometry_version": __version__, "folder": str(table.folder.absolute())}


def _maps(table: CellTable, numbers: dict[str, np.ndarray]) -> dict[str, Any]:
    groups = dict(table.embeddings)
    if table.probabilities:
        groups["probabilities"] = list(table.probabilities.values())
    grouped = {name for names in groups.values() for name in names}
    if others := [name for name in table.numbers if name not in grouped]:
        groups["numbers"] = others
    content: dict[str, Any] = {
        name: np.stack([numbers[each] for each in names], 1) for name, names in groups.items()
    }
    return content | ({"numbers_names": _cells(others)} if others else {})


def _pictures(job: ExportJob) -> dict[str, Any]:
    data, cells = job.images.dataset, len(job.table)
    pixels = np.empty((data.frame, data.frame, data.depth, cells), data.dtype, order="F")
    for first in range(0, cells, _AT_ONCE):
        rows = job.images.rows[first : first + _AT_ONCE]
        pixels[..., first : first + len(rows)] = data.read(rows).transpose(1, 2, 3, 0)
        job.progress.report(first + len(rows), cells, "Reading images", "cells")
    return {"images": pixels, "channels": np.array(data.channel_numbers, np.float64)}

"""The cells of a dataset as AnnData, for scanpy and its kin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from deepometry import __version__
from deepometry.cells.feature_tables import (
    count_features,
    find_features,
    layer_of,
    metadata_rows,
    read_features,
)
from deepometry.cells.identity import (
    cell_keys,
    cell_names,
    distinct_keys,
    find_keys,
    repeats,
)
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder
from deepometry.core.progress import Progress
from deepometry.core.result_files import METADATA_TABLE, layer_table

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_AT_ONCE = 1024


class Cells(Protocol):
    """What is needed of a dataset."""

    root: Path
    frame: int

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> np.ndarray: ...
    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def channel_table(self) -> pd.DataFrame: ...


def annotate(
    cells: Cells, features: Path | None, layer: str | None, images: bool, progress: Progress
) -> AnnData:
    """Make an AnnData of cells; see `Dataset.to_anndata`."""
    from anndata import AnnData

    obs = cells.table.copy()
    keys = cell_keys(obs["source"], obs["object"])
    obs.index = cell_names(obs["source"], obs["object"], repeats(keys))
    uns = {"deepometry_version": __version__, "folder": str(cells.root.absolute())}
    if features is None:
        var, matrix = cells.channel_table, _mean_intensities(cells, progress)
        uns["X"] = "mean intensity of each channel over the image, in counts"
    else:
        var, matrix, more = _read_features(cells, keys, Path(features), layer)
        obs = obs.assign(**{n: more[n].to_numpy() for n in more if n not in obs})
        uns["X"] = f"features of {Path(features).absolute()}"
    obsm = {"images": cells[:]} if images else {}
    return AnnData(X=matrix, obs=obs, var=var, uns=uns, obsm=obsm)


def _mean_intensities(cells: Cells, progress: Progress) -> np.ndarray:
    parts = []
    for first in range(0, len(cells), _AT_ONCE):
        parts.append(cells[first : first + _AT_ONCE].mean((1, 2), dtype=np.float64))
        progress.report(
            min(first + _AT_ONCE, len(cells)), len(cells), "Reading the images", "cells"
        )
    return np.concatenate(parts).astype(np.float32)


def _read_features(
    cells: Cells, keys: np.ndarray, folder: Path, layer: str | None
) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Read features in the order of the cells: their names, the matrix, and the rows beside it."""
    import pandas as pd

    path = find_features(existing_folder(folder, "Features"), layer)
    if path is None:
        raise DeepometryError(
            f"Features {folder}: expected {layer_table('<layer>')}, found no features; give the "
            "folder that Extract wrote."
        )
    rows = _read_metadata(folder / METADATA_TABLE)
    matrix = np.concatenate(
        [np.empty((0, count_features(path)), np.float32), *read_features(path, _AT_ONCE)]
    )
    places = find_keys(
        distinct_keys(keys), distinct_keys(cell_keys(rows["source"], rows["object"]))
    )
    missing = int((places < 0).sum())
    if missing or len(matrix) != len(rows):
        raise DeepometryError(
            f"{path}: expected a row for each of the {len(cells):,} cells of {cells.root}, found "
            f"{len(matrix):,} rows, and none for {missing:,} of the cells; extract the features of "
            "these cells."
        )
    names = [f"{layer_of(path)}_{number}" for number in range(1, matrix.shape[1] + 1)]
    return pd.DataFrame(index=names), matrix[places], rows.iloc[places]


def _read_metadata(path: Path) -> pd.DataFrame:
    """Read the cells that features belong to."""
    import pandas as pd

    with metadata_rows(path) as (header, rows):
        columns = range(len(header))
        return pd.DataFrame([[row[n] for n in columns] for row in rows], columns=header)

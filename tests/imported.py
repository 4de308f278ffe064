"""Features of IDEAS beside parsed cells, for tests, as `deepometry label` copies them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import open_dataset
from deepometry.cells.identity import distinct_keys
from deepometry.cells.imported_features import write_imported_features
from deepometry.core.progress import Progress


def import_features(home: Path, features: Mapping[str, np.ndarray]) -> Path:
    """Give parsed cells features, in the order of `open_dataset`; NaN leaves earlier ones."""

    def column(name: str, values: np.ndarray) -> None:
        given = np.asarray(features[name], np.float32)
        values[~np.isnan(given)] = given[~np.isnan(given)]

    keys = distinct_keys(open_dataset(home).keys)
    return write_imported_features(home, keys, list(features), column, Progress())

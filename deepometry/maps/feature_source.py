"""Features as `extract` wrote them: found, checked and read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.feature_tables import count_features, find_features, layer_of, read_features
from deepometry.core.errors import DeepometryError
from deepometry.core.exchange import settle
from deepometry.core.result_files import (
    EXTRACT_RECORD,
    LAYER_PREFIX,
    METADATA_TABLE,
    layer_table,
)
from deepometry.core.run_records import own_record
from deepometry.core.text import counted

MOST_FEATURES = 8192  # whose covariances take half a gigabyte


@dataclass(frozen=True)
class FeatureSource:
    """A table of features and the table that says which cells they are of.

    Attributes
    ----------
    table : Path
        Tab-separated numbers, one row a cell.
    metadata : Path
        Which cell each row is about.
    width : int
        Number of features.
    record : dict
        The record of `extract`; empty where there is none.
    block_bytes : int
        Size of the numbers to read at once.
    """

    table: Path
    metadata: Path
    width: int
    record: dict[str, Any]
    block_bytes: int = 32 << 20

    @property
    def layer(self) -> str:
        """The layer that the features are of, from the name of the table."""
        return layer_of(self.table)

    def blocks(self) -> Iterator[np.ndarray]:
        """Read the features of all cells in order.

        Yields
        ------
        ndarray of float32, shape (n, features)

        Raises
        ------
        DeepometryError
            The table cannot be read, or a value in it is not a finite number.
        """
        done = 0
        for block in read_features(self.table, max(64, self.block_bytes // (4 * self.width))):
            self._check(block, done)
            done += len(block)
            yield block

    def _check(self, block: np.ndarray, done: int) -> None:
        """Refuse values that are not finite; a row that is too short has NaN at its end."""
        good = np.isfinite(block).all(1)
        if not good.all():
            row = done + int(np.argmin(good)) + 1
            raise DeepometryError(
                f"{self.table}: expected {counted(self.width, 'number')} in row {row:,}, found "
                "one that is missing, infinite or no number (NaN); extract the features again, or "
                "train the model again if they stay so."
            )


def find_source(place: Path, layer: str | None = None) -> FeatureSource:
    """Find the features in a folder that `extract` wrote, or beside one of its tables.

    Raises `DeepometryError` without features, or without a table of their cells.
    """
    settle(place, above=True)
    if not place.exists():
        raise DeepometryError(f"Features {place} does not exist: check the path.")
    folder = place if place.is_dir() else place.parent
    table = _table_in(folder, layer) if place.is_dir() else place
    if not table.name.startswith(LAYER_PREFIX):
        raise DeepometryError(
            f"Features {table}: expected a table named {layer_table('<layer>')}, found another "
            "file; give the folder that Extract wrote."
        )
    if not (folder / METADATA_TABLE).is_file():
        raise DeepometryError(
            f"Features {folder}: expected {METADATA_TABLE}, which says which cells the features "
            "are of, found none; extract the features again."
        )
    record = own_record(folder / EXTRACT_RECORD, "extract")
    return FeatureSource(table, folder / METADATA_TABLE, _width(table), record)


def _table_in(folder: Path, layer: str | None) -> Path:
    table = find_features(folder, layer)
    if table is None:
        raise DeepometryError(
            f"Features {folder}: expected a table of features ({layer_table('<layer>')}), found "
            "none; run Extract first and give the folder that it wrote."
        )
    return table


def _width(table: Path) -> int:
    width = count_features(table)
    if not width:
        raise DeepometryError(f"{table} holds no features: extract them again.")
    if width > MOST_FEATURES:
        raise DeepometryError(
            f"{table}: expected at most {MOST_FEATURES:,} features, found {width:,}; "
            "extract a deeper layer, such as pool5."
        )
    return width

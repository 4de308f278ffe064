"""Features as `extract` wrote them: found, checked and read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.errors import DeepometryError, explain_os_error
from deepometry.files import earlier_files, own_record
from deepometry.options import EmbedOptions
from deepometry.projector import METADATA
from deepometry.words import counted

EXTRACTED = "extract.json"
_TABLE = "features_extracted_by_"
_BLOCK = 32 << 20  # bytes of numbers at once
MOST_FEATURES = 8192  # the table of how they go together takes half a gigabyte then


@dataclass(frozen=True)
class Source:
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
        What `extract` wrote of itself; empty where it is not there any more.
    """

    table: Path
    metadata: Path
    width: int
    record: dict[str, Any]

    @property
    def layer(self) -> str:
        """The layer that the features are of, as the name of the table tells."""
        return self.table.stem.removeprefix(_TABLE)

    def blocks(self) -> Iterator[np.ndarray]:
        """Give the features of all cells in order.

        Yields
        ------
        ndarray of float32, shape (n, features)

        Raises
        ------
        DeepometryError
            The table cannot be read, or a number in it is none.
        """
        import pandas as pd

        rows, done = max(64, _BLOCK // (4 * self.width)), 0
        style: dict[str, Any] = {"sep": "\t", "header": None, "dtype": np.float32}
        try:
            with pd.read_csv(self.table, chunksize=rows, **style) as parts:
                for part in parts:
                    found = np.ascontiguousarray(part.to_numpy(np.float32))
                    self._check(found, done)
                    done += len(found)
                    yield found
        except OSError as error:
            raise explain_os_error(error, self.table) from error
        except ValueError as error:
            if isinstance(error, DeepometryError):
                raise
            told = " ".join(str(error).split())[:120]
            raise DeepometryError(
                f"{self.table}: expected {counted(self.width, 'number')} in every row, found "
                f"something else below row {done:,} ({told}); extract the features anew."
            ) from error

    def _check(self, block: np.ndarray, done: int) -> None:
        """Refuse numbers that are none; a row that is too short has them at its end."""
        good = np.isfinite(block).all(1)
        if not good.all():
            row = done + int(np.argmin(good)) + 1
            raise DeepometryError(
                f"{self.table}: expected {counted(self.width, 'number')} in row {row:,}, found "
                "one that is missing, infinite or no number (NaN); extract the features anew, or "
                "train the model anew if they stay so."
            )


def find_source(options: EmbedOptions) -> Source:
    """Find the features in a folder that `extract` wrote, or beside one of its tables.

    Raises
    ------
    DeepometryError
        There are none, or the folder does not say which cells they are of.
    """
    place = options.input
    if not place.exists():
        raise DeepometryError(f"Features {place} does not exist: check the path.")
    folder = place if place.is_dir() else place.parent
    table = _table_in(folder, options.layer) if place.is_dir() else place
    if not table.name.startswith(_TABLE):
        raise DeepometryError(
            f"Features {table}: expected a table named {_TABLE}<layer>.txt, found another file; "
            "give the folder that Extract wrote."
        )
    if not (folder / METADATA).is_file():
        raise DeepometryError(
            f"Features {folder}: expected {METADATA}, which says which cells the features are of, "
            "found none; extract the features anew."
        )
    record = own_record(folder / EXTRACTED, "extract")
    return Source(table, folder / METADATA, _width(table), record)


def _table_in(folder: Path, layer: str | None) -> Path:
    """Choose a table: of the layer that was asked for, or the one extracted last."""
    found = sorted(folder.glob(f"{_TABLE}*.txt"))
    if not found:
        raise DeepometryError(
            f"Features {folder}: expected a table of features ({_TABLE}<layer>.txt), found none; "
            "run Extract first and give the folder that it wrote."
        )
    told = own_record(folder / EXTRACTED, "extract").get("options", {}).get("layer")
    wanted = folder / f"{_TABLE}{layer or told}.txt"
    if wanted in found:
        return wanted
    if layer is None:
        return max(found, key=lambda path: path.stat().st_mtime)
    layers = ", ".join(path.stem.removeprefix(_TABLE) for path in found)
    raise DeepometryError(
        f"Features {folder}: expected features of the layer {layer}, found {layers}; choose "
        "among these, or extract that layer."
    )


def _width(table: Path) -> int:
    try:
        with table.open("rb") as file:
            first = file.readline()
    except OSError as error:
        raise explain_os_error(error, table) from error
    if not first.strip():
        raise DeepometryError(f"{table} holds no features: extract them anew.")
    width = first.count(b"\t") + 1
    if width > MOST_FEATURES:
        raise DeepometryError(
            f"{table}: expected at most {MOST_FEATURES:,} features, found {width:,}; "
            "extract a deeper layer, such as pool5."
        )
    return width


def earlier_maps(output: Path) -> list[str]:
    """Name what an earlier map left in a folder."""
    return earlier_files(output / "embed.json", "embed")

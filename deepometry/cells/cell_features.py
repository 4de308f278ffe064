"""Features of all parsed cells, kept beside them row by row, for what learns while one waits.

`labels/cell_features.h5` (HDF5) in the folder that Parse wrote: `names`; `keys`, a hash of source
and object of every cell; `values`, float32 of shape (cells, features), NaN where a cell has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.feature_file import begun, mapped, opened, read_names_and_keys
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.result_files import CELL_FEATURES, LABELS_FOLDER

_ADVICE = "delete the file, and measure the cells again"


@dataclass(frozen=True)
class CellFeatures:
    """Features of all parsed cells.

    Attributes
    ----------
    path : Path
    names : tuple of str
    keys : ndarray of uint64, shape (cells,)
        As `Dataset.keys`, in the same order.
    origin : str
        What they are, in words, such as `classical features`.
    made_of : str
        Describes the images that they were measured in.
    """

    path: Path
    names: tuple[str, ...]
    keys: np.ndarray
    origin: str
    made_of: str

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read the features of some cells: float32, shape (n, features)."""
        with mapped(self.path, _ADVICE) as values:
            return np.asarray(values[rows])

    def fits(self, keys: np.ndarray, made_of: str) -> bool:
        """Return whether they are of these cells and these images."""
        return self.made_of == made_of and np.array_equal(self.keys, keys)


def find_cell_features(folder: Path) -> CellFeatures | None:
    """Find the features of parsed cells; None where they were not measured yet.

    Parameters
    ----------
    folder : Path
        Folder that Parse wrote, or one in it, such as `Hold-out`.

    Raises
    ------
    DeepometryError
        The file is damaged.
    """
    path = features_path(folder)
    if not path.is_file():
        return None
    with opened(path, _ADVICE) as file:
        names, keys = read_names_and_keys(file, cells_first=True)
        origin, made_of = (str(file.attrs[name]) for name in ("origin", "made_of"))
    return CellFeatures(path, tuple(names), keys, origin, made_of)


def features_path(folder: Path) -> Path:
    """Return where the features of parsed cells are kept."""
    return parsed_home(folder) / LABELS_FOLDER / CELL_FEATURES


@contextmanager
def writing_features(
    folder: Path, names: Sequence[str], keys: np.ndarray, origin: str, made_of: str
) -> Iterator[Any]:
    """Yield an array (cells, features) to be written; it is kept when the block ends well.

    Rows that are not written are NaN.
    """
    about = {"origin": origin, "made_of": made_of}
    with begun(features_path(folder), names, keys, **about) as file:
        yield file.create_dataset("values", (len(keys), len(names)), "<f4", fillvalue=np.nan)

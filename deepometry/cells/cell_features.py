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

from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing
from deepometry.core.result_files import CELL_FEATURES, LABELS_FOLDER

_FORMAT = 1
_DAMAGE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)


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
        with _opened(self.path) as file:
            place, shape = file["values"].id.get_offset(), file["values"].shape
        if place is None:
            return np.empty((0, len(self.names)), np.float32)  # there are no cells
        values = np.memmap(self.path, "<f4", "r", place, shape)
        try:
            return np.asarray(values[rows])
        finally:
            values._mmap.close()  # type: ignore[attr-defined]  # Windows could not replace it

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
    with _opened(path) as file:
        names = tuple(name.decode() for name in file["names"][:])
        keys = np.asarray(file["keys"], np.uint64)
        if file["values"].shape != (len(keys), len(names)):
            raise ValueError("its parts do not fit together")
        origin, made_of = (str(file.attrs[name]) for name in ("origin", "made_of"))
    return CellFeatures(path, names, keys, origin, made_of)


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
    import h5py

    with writing(features_path(folder)) as part, h5py.File(part, "w") as file:
        file.attrs["format_version"] = _FORMAT
        file.attrs["origin"], file.attrs["made_of"] = origin, made_of
        file["names"] = np.array([name.encode() for name in names], dtype=object)
        file["keys"] = keys
        yield file.create_dataset("values", (len(keys), len(names)), "<f4", fillvalue=np.nan)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open the file; every failure is a `DeepometryError`."""
    import h5py  # takes long to load

    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise DeepometryError(
            f"{path} is damaged ({reason}): delete the file, and measure the cells again."
        ) from error

"""Features that another program measured, of parsed cells: one file, read column by column.

`labels/features.h5` (HDF5) in the folder that Parse wrote: `names`; `keys`, a hash of source and
object of every cell; `values`, float32 of shape (features, cells), NaN where a cell has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.feature_file import begun, mapped, opened, read_names_and_keys
from deepometry.cells.identity import find_keys
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.progress import Progress
from deepometry.core.result_files import IMPORTED_FEATURES, LABELS_FOLDER

_ADVICE = "import the analysis of IDEAS again, or delete the file"


@dataclass(frozen=True)
class ImportedFeatures:
    """Features of parsed cells.

    Attributes
    ----------
    path : Path
    names : list of str
    keys : ndarray of uint64, shape (cells,)
        As `deepometry.cells.identity.distinct_keys` makes them.
    made_of : str
        Describes the images that features were measured in, blank where only another program did.
    """

    path: Path
    names: list[str]
    keys: np.ndarray
    made_of: str = ""

    def column(self, name: str) -> np.ndarray:
        """Read a feature: float32, shape (cells,), NaN where a cell has none."""
        with opened(self.path, _ADVICE) as file:
            return np.asarray(file["values"][self.names.index(name)])

    def of(self, keys: np.ndarray, name: str) -> np.ndarray:
        """Read a feature of the cells of these keys, in their order; NaN for others."""
        values: np.ndarray = np.append(self.column(name), np.float32(np.nan))
        found: np.ndarray = values[find_keys(keys, self.keys)]
        return found

    def blocks(self, keys: np.ndarray, size: int) -> Iterator[np.ndarray]:
        """Read all features of the cells of these keys, `size` cells at a time.

        Yields
        ------
        ndarray of float32, shape (n, features)
            NaN for cells that have none.
        """
        places = find_keys(keys, self.keys)
        with mapped(self.path, _ADVICE) as values:
            for first in range(0, len(keys), size):
                some = places[first : first + size]
                block = np.ascontiguousarray(values[:, some].T)
                block[some < 0] = np.nan
                yield block


def open_imported_features(folder: Path) -> ImportedFeatures | None:
    """Find the imported features of parsed cells; None where there are none.

    Parameters
    ----------
    folder : Path
        Folder that Parse wrote, or one in it, such as `Hold-out`.

    Raises
    ------
    DeepometryError
        The file is damaged.
    """
    return _open(_path(parsed_home(folder)))


def _open(path: Path) -> ImportedFeatures | None:
    if not path.is_file():
        return None
    with opened(path, _ADVICE) as file:
        names, keys = read_names_and_keys(file, cells_first=False)
        made_of = str(file.attrs.get("made_of", ""))
    return ImportedFeatures(path, names, keys, made_of)


def write_imported_features(
    home: Path,
    keys: np.ndarray,
    names: Sequence[str],
    column: Callable[[str, np.ndarray], None],
    progress: Progress,
    text: str = "Copying the features of IDEAS",
    made_of: str = "",
) -> Path:
    """Write features of parsed cells; those of the same cells that were written before stay.

    Parameters
    ----------
    home : Path
        Folder that Parse wrote.
    keys : ndarray of uint64, shape (cells,)
        Of all its cells, all different.
    names : sequence of str
        Names of the features.
    column : callable
        Called with the name of a feature and its earlier values, float32 of shape (cells,), which
        it changes where it knows better.
    progress : Progress
        Receives the number of features done; may cancel.
    text : str
        What it reports.
    made_of : str
        Of features that were measured here, a description of the images.
    """
    path = _path(home)
    earlier = _open(path)
    if earlier is not None and not np.array_equal(earlier.keys, keys):
        earlier = None  # of another parse
    every = list(dict.fromkeys([*(earlier.names if earlier else ()), *names]))
    made_of = made_of or (earlier.made_of if earlier else "")
    with begun(path, every, keys, made_of=made_of) as file:
        values = file.create_dataset("values", (len(every), len(keys)), "<f4")
        for place, name in enumerate(every):
            progress.report(place, len(every), text, "features")
            known = earlier is not None and name in earlier.names
            own = earlier.column(name) if known and earlier else np.full(len(keys), np.nan, "f4")
            if name in names:
                column(name, own)
            values[place] = own
    return path


def _path(home: Path) -> Path:
    return home / LABELS_FOLDER / IMPORTED_FEATURES

"""What all tables of cells have in common; features, and parsed cells, as such tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.feature_tables import count_features, layer_of, read_features
from deepometry.cells.identity import distinct_keys, find_keys
from deepometry.cells.imported_features import ImportedFeatures
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import level_columns, level_value
from deepometry.exports.text_table import PIECE, TextTable, scan

if TYPE_CHECKING:
    import pandas as pd

GATED_OUT, YES = "gated_out", "yes"
"""The column that marks cells that gates leave out, and its mark."""


class CellFile(Protocol):
    """A table with one row a cell.

    Attributes
    ----------
    path : Path
    texts, numbers, features : list of str
        Columns of text, numbers, and features; identity is none of them.
    keys : ndarray of uint64, shape (cells,)
        Hash of source and object of each row.
    values : dict of str to list of str
        For each column of text, and for `source`, the values that occur.
    """

    path: Path
    texts: list[str]
    numbers: list[str]
    features: list[str]
    keys: np.ndarray
    values: dict[str, list[str]]

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Read cells (identity, text, numbers) and features (n, features), `size` at a time."""


class FeatureTable:
    """Features without a header, in the order of the rows of `metadata.tsv`.

    The layer, in the name of the file, begins the names of the features: `pool5_1`.
    """

    def __init__(self, path: Path, cells: TextTable) -> None:
        self.path, self._cells, self.keys = path, cells, cells.keys
        numbers = range(1, count_features(path) + 1)
        self.features = [f"{layer_of(path)}_{number}" for number in numbers]
        self.texts: list[str] = []
        self.numbers: list[str] = []
        self.values: dict[str, list[str]] = {}

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Read no cells, and features, `size` at a time.

        Raises
        ------
        DeepometryError
            There are more or fewer rows than cells.
        """
        import pandas as pd

        nothing, done = pd.DataFrame(), 0
        for features in read_features(self.path, size):
            done += len(features)
            yield nothing, features
        if done != len(self.keys):
            raise DeepometryError(
                f"{self.path}: expected a row for each of the {len(self.keys):,} cells of "
                f"{self._cells.path.name}, found {done:,}; extract the features again."
            )


class ImportedTable:
    """The features that IDEAS measured, in the order of the cells of another table.

    Parameters
    ----------
    features : ImportedFeatures
    cells : CellFile
        The other table.
    taken : collection of str
        Names that columns have already; features of these names are called so of IDEAS.
    """

    def __init__(self, features: ImportedFeatures, cells: CellFile, taken: Collection[str]) -> None:
        self.path, self.keys, self._features = features.path, cells.keys, features
        self.features = [n if n not in taken else f"{n} (IDEAS)" for n in features.names]
        self.texts: list[str] = []
        self.numbers: list[str] = []
        self.values: dict[str, list[str]] = {}

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Read no cells, and features, `size` at a time."""
        import pandas as pd

        nothing = pd.DataFrame()
        for block in self._features.blocks(distinct_keys(self.keys), size):
            yield nothing, block


class CellsLike:
    """What parsed cells know of the cells of another table, in its order: folder levels, labels.

    Parameters
    ----------
    parsed : ParsedCells
    cells : CellFile
        The other table.
    taken : collection of str
        Names that columns have already, which are left out here.
    """

    def __init__(self, parsed: ParsedCells, cells: CellFile, taken: Collection[str]) -> None:
        self.path, self.keys = parsed.path, cells.keys
        self.texts = [name for name in parsed.texts if name not in taken]
        self.numbers: list[str] = []
        self.features: list[str] = []
        self.values = {name: parsed.values[name] for name in self.texts}
        rows = find_keys(distinct_keys(cells.keys), distinct_keys(parsed.keys))
        blank = len(parsed.keys)
        self._columns = {name: np.full(blank + 1, "", object) for name in self.texts}
        done = 0
        for some, _ in parsed.pieces(PIECE):
            for name, column in self._columns.items():
                column[done : done + len(some)] = some[name]
            done += len(some)
        self._columns = {name: column[rows] for name, column in self._columns.items()}

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Read cells and no features, `size` at a time."""
        import pandas as pd

        for first in range(0, len(self.keys), size):
            some = slice(first, first + size)
            cells = pd.DataFrame({name: each[some] for name, each in self._columns.items()})
            yield cells, np.empty((len(cells), 0), np.float32)


class ParsedCells:
    """The cells of a parsed folder as a table: identity, folder levels, labels, side of a split.

    With `gates`, and where there are some, a column marks the cells that they leave out.
    """

    def __init__(self, dataset: Dataset, gates: bool = False) -> None:
        self.path, self.dataset = dataset.root, dataset
        self._out = dataset.gated_out if gates and dataset.gated_out.gates else None
        self._levels = level_columns(dataset.folders)
        self._labels = dataset.label_columns
        self.texts = [*self._levels, *self._labels, *["split"] * bool(dataset.sides - {None})]
        self.texts += [GATED_OUT] * (self._out is not None)
        self.numbers: list[str] = []
        self.features: list[str] = []
        self.keys, self.values = scan((cells for cells, _ in self.pieces(PIECE)), self.texts)

    def pieces(self, size: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Read cells and no features, `size` at a time."""
        import pandas as pd

        rows = self._rows()
        while some := list(islice(rows, size)):
            cells = pd.DataFrame(some, columns=[*IDENTITY, *self.texts], dtype=object)
            yield cells, np.empty((len(some), 0), np.float32)

    def _rows(self) -> Iterator[list[str]]:
        labels = [each.texts() for each in self._labels.values()]
        for row, (part, source, name) in enumerate(self.dataset.identities()):
            levels = [level_value(part.levels, d, c) for c, d in self._levels.items()]
            levels += [texts[row] for texts in labels]
            side = [part.side or ""] * ("split" in self.texts)
            if self._out is not None:
                side.append(YES if self._out.cells[row] else "")
            yield [source, name, *levels, *side]

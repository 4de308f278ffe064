"""All tables of a folder of results, joined by the identity of the cells, read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.identity import distinct_keys, repeats
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import natural_key
from deepometry.core.progress import Progress
from deepometry.core.task_names import PREDICTED_VALUE
from deepometry.exports.result_tables import GATED_OUT, YES, CellFile
from deepometry.exports.row_join import Part, RowReader, rows_like
from deepometry.exports.text_table import COORDINATE

if TYPE_CHECKING:
    import pandas as pd

_BYTES = 32 << 20  # of features in a piece
_FEWEST_ROWS, _MOST_ROWS = 64, 16384
GATED = "gated out"
"""The class by which they are listed."""
_LABELS = ("label", "predicted", "prediction")


@dataclass(frozen=True)
class Piece:
    """Some cells.

    Attributes
    ----------
    first : int
        Number of cells in earlier pieces.
    cells : DataFrame
        Identity, text and numbers. A cell that a table does not have has `""` and NaN there.
    features : ndarray of float32, shape (n, features)
    """

    first: int
    cells: pd.DataFrame
    features: np.ndarray


@dataclass(frozen=True)
class CellTable:
    """Cells with the columns of all tables.

    Attributes
    ----------
    folder : Path
        Where the tables are.
    files : tuple of CellFile
        The first has every cell; the others some or all of them, in any order.
    records : dict of str to dict
        Of the steps that wrote them, by step.
    selected : ndarray of bool, shape (cells of the first file,), or None
        The cells that are meant; None means all.
    """

    folder: Path
    files: tuple[CellFile, ...]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    selected: np.ndarray | None = None

    def __len__(self) -> int:
        if self.selected is None:
            return len(self.files[0].keys)
        return int(np.count_nonzero(self.selected))

    # --- columns -----------------------------------------------------------------------------

    @cached_property
    def texts(self) -> list[str]:
        """Columns of text; where two files have the same, the first one's is taken."""
        return list(dict.fromkeys(name for file in self.files for name in file.texts))

    @cached_property
    def numbers(self) -> list[str]:
        """Columns of numbers: probabilities, coordinates."""
        names = dict.fromkeys(name for file in self.files for name in file.numbers)
        return [name for name in names if name not in self.texts]

    @cached_property
    def features(self) -> list[str]:
        """Names of the features."""
        return [name for file in self.files for name in file.features]

    @cached_property
    def probabilities(self) -> dict[str, str]:
        """For each class, the column of its probability."""
        begin = "probability_"
        return {n.removeprefix(begin): n for n in self.numbers if n.startswith(begin)}

    @cached_property
    def embeddings(self) -> dict[str, list[str]]:
        """For each method, such as umap, its columns of coordinates."""
        columns: dict[str, list[str]] = {}
        for name in self.numbers:
            if parts := COORDINATE.fullmatch(name):
                columns.setdefault(parts["method"], []).append(name)
        return columns

    @cached_property
    def label(self) -> str | None:
        """The column of the predicted class."""
        columns = [name for name in _LABELS if name in self.texts]
        columns += [name for name in self.texts if name.startswith("predicted ")]
        return columns[0] if columns else None

    def without(self, what: str) -> DeepometryError:
        """Return the error of a format for classes; `what` is what it expected."""
        if PREDICTED_VALUE in self.numbers:
            found = "predicted numbers, which FCS and tables hold; choose one of these formats"
        else:
            found = "none; give the folder that Predict wrote"
        return DeepometryError(f"{self.folder}: expected {what} (predicted.csv), found {found}.")

    @cached_property
    def classes(self) -> list[str]:
        """The classes in the order of the model, then other labels, such as unsure."""
        labels = self.values(self.label) if self.label else []
        if "true_label" in self.texts:
            labels = [*labels, *self.values("true_label")]
        return list(dict.fromkeys([*self.probabilities, *filter(None, labels)]))

    @cached_property
    def sources(self) -> list[str]:
        """All source files, in natural order."""
        return self.values("source")

    def values(self, column: str) -> list[str]:
        """Return the values of a column of text, in natural order."""
        file = next(file for file in self.files if column in file.values)
        values = {*file.values[column]}
        if len(file.keys) < len(self.files[0].keys):
            values.add("")
        return sorted(values, key=natural_key)

    # --- cells -------------------------------------------------------------------------------

    @property
    def keys(self) -> np.ndarray:
        """A key of each cell, which no other has."""
        keys = distinct_keys(self.files[0].keys)
        return keys if self.selected is None else keys[self.selected]

    @property
    def repeats(self) -> np.ndarray:
        """For each cell, the number of earlier ones of the same source and object."""
        counts = repeats(self.files[0].keys)
        return counts if self.selected is None else counts[self.selected]

    def select(self, cells: np.ndarray) -> CellTable:
        """Return the table of some of its cells: a mask, shape (cells,)."""
        if self.selected is not None:
            every = self.selected.copy()
            every[every] = cells
            cells = every
        return replace(self, selected=cells)

    def of_class(self, label: str) -> CellTable:
        """Return the table of the cells of a class, as `classified` has them."""
        parts = [np.empty(0, bool)]
        with self.pieces(features=False) as pieces:
            parts += [(self.classified(piece.cells) == label).to_numpy() for piece in pieces]
        return self.select(np.concatenate(parts))

    def classified(self, cells: pd.DataFrame) -> pd.Series:
        """Return the class of some cells by which they are listed: `GATED` for those gated out."""
        labels = cells[self.label]
        return labels.mask(cells[GATED_OUT] == YES, GATED) if GATED_OUT in cells else labels

    @property
    def listed_classes(self) -> list[str]:
        """The classes that `classified` may return, in natural order."""
        gated = GATED_OUT in self.texts and YES in self.values(GATED_OUT)
        return [*(self.values(self.label) if self.label else []), *[GATED] * gated]

    @contextmanager
    def pieces(
        self, progress: Progress | None = None, text: str = "", features: bool = True
    ) -> Iterator[Iterator[Piece]]:
        """Read all cells in order, piece by piece; reports `text` and the number of cells.

        Raises
        ------
        DeepometryError
            A file changed, or is about other cells than the first.
        """
        files = [file for file in self.files if features or not file.features or file.texts]
        width = sum(len(file.features) for file in files) if features else 0
        size = max(_FEWEST_ROWS, min(_MOST_ROWS, _BYTES // (4 * max(1, width))))
        with ExitStack() as stack:
            others = [rows_like(stack, self.files[0], file, size) for file in files[1:]]
            yield self._joined(files[0].pieces(size), others, progress, text)

    def _joined(
        self,
        first: Iterator[tuple[pd.DataFrame, np.ndarray]],
        others: Sequence[RowReader],
        progress: Progress | None,
        text: str,
    ) -> Iterator[Piece]:
        done = seen = 0
        for cells, features in first:
            here = slice(seen, seen + len(cells))
            beside = [other(here) for other in others]
            seen += len(cells)
            joined, features = self._one(cells, features, beside)
            if self.selected is not None:
                mask = self.selected[here]
                joined, features = joined[mask], features[mask]
            if len(joined):
                yield Piece(done, joined.reset_index(drop=True), features)
            done += len(joined)
            if progress is not None:
                progress.report(seen, len(self.files[0].keys), text, "cells")
        for other in others:
            other(slice(seen, seen))  # one that has more rows raises

    def _one(self, cells: pd.DataFrame, features: np.ndarray, beside: Sequence[Part]) -> Part:
        import pandas as pd

        frames = [cells, *(frame for frame, _ in beside)]
        columns = {n: frame[n] for frame in reversed(frames) for n in frame.columns}
        order = [*IDENTITY, *self.texts, *self.numbers]
        joined = pd.DataFrame({n: columns[n].to_numpy() for n in order if n in columns})
        return joined, np.concatenate([features, *(more for _, more in beside)], axis=1)

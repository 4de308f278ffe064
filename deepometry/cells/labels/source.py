"""What gives cells a class or a number, and the labels of all cells of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from deepometry.core.folder_names import CLASSES, FOLDERS, NUMBER, Target, number_of


class LabelSource(Protocol):
    """Something that knows the class or the number of cells, by their keys.

    Attributes
    ----------
    name : str
        Name of the target, such as `Gate`.
    kind : str
        `CLASSES` or `NUMBER`.
    origin : str
        Where the labels come from, in words, such as `column gate of cells.csv`.
    """

    name: str
    kind: str
    origin: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes, in order; empty for numbers."""

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read the labels.

        Returns
        -------
        keys : ndarray of uint64, shape (labelled cells,)
            As `deepometry.cells.identity.cell_key` makes them; all different.
        values : ndarray, shape (labelled cells,)
            Indices into `classes`, or float64.
        """


@dataclass(frozen=True)
class CellLabels:
    """The labels of one target, for every cell of a dataset.

    Attributes
    ----------
    name, kind, origin : str
        As those of a `LabelSource`.
    classes : tuple of str
        In order; empty for numbers.
    values : ndarray, shape (cells,)
        int64 indices into `classes`, -1 for none; or float64, NaN for none.
    channels : tuple of int
        Numbers of the channels that the labels were made of, which no model of them may see.
    """

    name: str
    kind: str
    origin: str
    classes: tuple[str, ...]
    values: np.ndarray
    channels: tuple[int, ...] = ()

    @cached_property
    def labelled(self) -> np.ndarray:
        """Which cells have a label: bool, shape (cells,)."""
        return np.isfinite(self.values) if self.kind == NUMBER else self.values >= 0

    @property
    def from_folders(self) -> bool:
        """Whether folder names are the labels."""
        return self.origin == FOLDERS

    def codes(self, labels: Sequence[str]) -> np.ndarray:
        """Return the class of each cell as int64 index into `labels`; -1 for none of them."""
        index = {label: code for code, label in enumerate(labels)}
        places = [index.get(label, -1) for label in self.classes]
        if self.kind == NUMBER:
            return np.full(len(self.values), -1, np.int64)
        codes: np.ndarray = np.array([*places, -1], np.int64)[self.values]
        return codes

    def numbers(self) -> np.ndarray:
        """Return the number of each cell, float64; NaN for none, or for a class that is no number.

        A class such as `15` or `2.5` is a number.
        """
        if self.kind == NUMBER:
            return self.values
        numbers: np.ndarray = np.array([*map(number_of, self.classes), np.nan])[self.values]
        return numbers

    def texts(self, cells: slice = slice(None)) -> list[str]:
        """Return the labels of some cells as tables have them; blank for none."""
        some = self.values[cells].tolist()
        if self.kind == NUMBER:
            return ["" if value != value else f"{value:.9g}" for value in some]
        return [self.classes[code] if code >= 0 else "" for code in some]

    def without(self, cells: np.ndarray) -> CellLabels:
        """Return the labels without those of some cells, bool of shape (cells,)."""
        nothing = np.nan if self.kind == NUMBER else -1
        return replace(self, values=np.where(cells, nothing, self.values))

    def target(self) -> Target:
        """Count the cells of each label."""
        unlabelled = int(np.count_nonzero(~self.labelled))
        if self.kind == NUMBER:
            known = self.values[self.labelled]
            span = (float(known.min()), float(known.max())) if len(known) else None
            return Target(self.name, {}, unlabelled, NUMBER, self.origin, len(known), span)
        counts = np.bincount(self.values[self.labelled], minlength=len(self.classes)).tolist()
        labels = {name: n for name, n in zip(self.classes, counts, strict=True) if n}
        return Target(self.name, labels, unlabelled, CLASSES, self.origin)

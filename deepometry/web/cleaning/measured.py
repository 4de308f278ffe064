"""The features of parsed cells that limits are set on: of all of them once these are measured."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.core.errors import DeepometryError
from deepometry.core.options.gate import ranges_of
from deepometry.core.progress import Progress
from deepometry.web.results.cell_pictures import Cells, pictures_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from deepometry.cells.gates.gate import Limit
    from deepometry.cells.imported_features import ImportedFeatures

_MOST = 5000  # cells that are measured to show something at once


@dataclass(frozen=True)
class Measured:
    """Cells and their features.

    Attributes
    ----------
    home : Path
        The folder that Parse wrote.
    cells : Cells
        The pictures.
    own : list of str
        Features that the step measures.
    kept : ImportedFeatures or None
        Those beside the parsed cells; with those of the step once it has measured them.
    sample : mapping of str to ndarray of float32
        Those of the step, of some cells, where it has not.
    rows : ndarray of int64, shape (cells,)
        The cells that are shown.
    """

    home: Path
    cells: Cells
    own: list[str]
    kept: ImportedFeatures | None
    sample: Mapping[str, np.ndarray]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def whole(self) -> bool:
        """Whether all cells are measured."""
        return len(self.rows) == len(self.cells)

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Names of the features by the title of their group."""
        others = [name for name in (self.kept.names if self.kept else []) if name not in self.own]
        groups: dict[str, list[str]] = {}
        for channel in self.cells.channels:
            end = f" Ch{channel.number}"
            groups[str(channel)] = [name for name in self.own if name.endswith(end)]
        usable = [name for name in others if ";" not in name]  # which stands between limits
        return groups | ({"Features of IDEAS": usable} if usable else {})

    @property
    def every(self) -> list[str]:
        """Names of all features."""
        return [name for group in self.names.values() for name in group]

    def column(self, name: str) -> np.ndarray:
        """Return a feature of the cells that are shown: float32, shape (cells,)."""
        if name in self.sample:
            return self.sample[name]
        if self.kept is None or name not in self.kept.names:
            raise DeepometryError(f"These cells have no feature {name}; reload the page.")
        values = self.kept.column(name)
        return values if self.whole else values[self.rows]

    def limits(self, text: str) -> list[Limit]:
        """Read limits as the field has them.

        Raises
        ------
        ValueError
            They are none, or of a feature that there is not.
        """
        from deepometry.cells.gates.gate import Limit

        known = {name.casefold(): name for name in self.every}
        limits = []
        for feature, low, high in ranges_of(text.strip()):
            if feature.casefold() not in known:
                raise DeepometryError(f"Limits: these cells have no feature {feature}.")
            limits.append(Limit(known[feature.casefold()], low, high))
        return limits

    def channel(self, feature: str) -> int:
        """Return the position of the channel that shows a feature; the first one for others."""
        found = re.search(r"Ch0*(\d+)(?!.*Ch\d)", feature)
        numbers = [channel.number for channel in self.cells.channels]
        return numbers.index(int(found[1])) if found and int(found[1]) in numbers else 0


def open_measured(home: Path, progress: Progress) -> Measured:
    """Open the features of parsed cells; those that are not known are measured of some cells."""
    import numpy as np

    from deepometry.cells.dataset import Dataset, open_dataset
    from deepometry.cells.identity import distinct_keys
    from deepometry.cells.imported_features import open_imported_features
    from deepometry.classical.cleaning.measure import feature_names, is_measured, measured_columns

    dataset = open_dataset(home, progress)
    kept = open_imported_features(home)
    if kept and not np.array_equal(kept.keys, distinct_keys(dataset.keys)):
        kept = None  # of another parse
    rows = np.arange(len(dataset))
    sample: Mapping[str, np.ndarray] = {}
    if kept is None or not is_measured(kept, dataset):
        if len(rows) > _MOST:
            rows = np.unique(np.linspace(0, len(rows) - 1, _MOST).astype(np.int64))
        # with readers of its own, so that no file stays open: Windows could not write over it
        parts = [replace(part, stored=copy(part.stored)) for part in dataset.parts]
        sample = measured_columns(Dataset(home, parts), rows, progress)
    return Measured(home, pictures_of(dataset), feature_names(dataset), kept, sample, rows)

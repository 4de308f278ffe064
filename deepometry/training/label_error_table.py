"""The table of labels that are likely wrong, beside the predictions of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.text import counted
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.label_errors import find_label_errors
from deepometry.training.cells import Cells

_MANY = 0.15  # of the labelled cells: of more that are flagged, not so many labels will be wrong


@dataclass(frozen=True)
class LabelCheck:
    """How many labels of a cross-validation are doubtful.

    Attributes
    ----------
    listed : int
        Cells that are predicted as another class than their label: the rows of the table.
    flagged : int
        Those of them whose label confident learning takes for an error.
    file : str
        The table in the output folder, the most doubtful first.
    cells : int
        All labelled cells that were judged.
    """

    listed: int
    flagged: int
    file: str
    cells: int

    @property
    def caveat(self) -> str:
        """Why the number of flagged cells says little; empty where they are few."""
        if self.flagged <= _MANY * self.cells:
            return ""
        return (
            f"These are {100 * self.flagged / self.cells:.0f} % of all labelled cells. The model "
            "confuses classes anyway, so that many of these labels may be right: begin at the "
            "top, and stop where most labels are right."
        )

    def __str__(self) -> str:
        if not self.flagged:
            return "No label is likely to be wrong."
        verb = "is" if self.flagged == 1 else "are"
        return (
            f"{counted(self.flagged, 'cell')} {verb} likely mislabelled; the list, with the most "
            f"doubtful first: {self.file}. {self.caveat}"
        ).strip()

    def plain(self) -> Mapping[str, Any]:
        """Return it for a record."""
        return vars(self) | {"caveat": self.caveat}


def write_label_errors(
    path: Path, cells: Cells, indices: np.ndarray, probabilities: np.ndarray
) -> LabelCheck:
    """Write a row for each cell that is predicted as another class than its label.

    `indices` (n,) are the cells, in rising order; `probabilities` has shape (n, classes), each by
    a model that did not learn from the cell.
    """
    errors = find_label_errors(cells.codes[indices], probabilities)
    table = errors.table(cells.labels)
    listed = indices[errors.cells]
    names = dict(zip(np.sort(listed), cells.dataset.identities_of(listed), strict=True))
    for place, column in enumerate(IDENTITY):
        table.insert(place, column, [names[cell][place] for cell in listed])
    write_table(path, table)
    return LabelCheck(len(errors), int(errors.flagged.sum()), path.name, len(indices))

"""What the parts of a combined model say of each cell: columns of a table, and their scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deepometry.cells.model_description import Description
from deepometry.core.task_names import PREDICTED_VALUE
from deepometry.core.text import table_number
from deepometry.evaluation.part_scores import BOTH, PARTS, ClassTally, NumberTally, PartScores
from deepometry.inference.run import Outcome


class PartTables:
    """Keeps the scores of the parts of a combined model, and writes their predictions in words.

    Of other models there is nothing: no columns, no scores.
    """

    def __init__(self, description: Description) -> None:
        self._labels, self._task = description.labels, description.task
        self._tally: ClassTally | NumberTally | None = None
        if description.combination:
            number = description.task.is_number
            self._tally = NumberTally() if number else ClassTally(description.outputs)

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        if self._tally is None:
            return []
        what = PREDICTED_VALUE if self._task.is_number else "label"
        return [f"{part}_{what}" for part in PARTS]

    def columns(self, outcome: Outcome) -> list[list[str]]:
        """Return what each part predicts for some cells, as text."""
        return [self._texts(outcome.parts[part]) for part in PARTS] if outcome.parts else []

    def _texts(self, outputs: np.ndarray) -> list[str]:
        if self._task.is_number:
            return [table_number(number) for number in self._task.numbers_of(outputs).tolist()]
        return [self._labels[code] for code in outputs.argmax(1).tolist()]

    def add(self, outcome: Outcome, both: np.ndarray, true: np.ndarray | None) -> None:
        """Score cells: `both` are probabilities of the whole model, or its outputs.

        `true` (n,) are the classes, -1 for cells that no score is of, or numbers, NaN for these.
        """
        if isinstance(self._tally, NumberTally):
            parts = {**outcome.parts, BOTH: both}
            numbers = {name: self._task.numbers_of(each) for name, each in parts.items()}
            self._tally.add(numbers, np.full(len(both), np.nan) if true is None else true)
        elif self._tally is not None:
            known = np.full(len(both), -1) if true is None else true
            self._tally.add({**outcome.parts, BOTH: both}, known)

    @property
    def scores(self) -> PartScores | None:
        """The scores of all cells that were added; None where the model has no parts."""
        return None if self._tally is None else self._tally.result()


def told(scores: PartScores | None) -> Mapping[str, object]:
    """Return what a record says of the parts."""
    return {} if scores is None else {"parts": scores.plain()}

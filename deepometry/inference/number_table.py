"""What a prediction of numbers has seen: a row a cell on disk, and in memory the numbers."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from deepometry.cells.model_description import Description
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.spreadsheet import SafeWriter
from deepometry.core.task_names import LOWER, PREDICTED_VALUE, TRUE_VALUE, UPPER
from deepometry.core.text import table_number
from deepometry.evaluation.top_mistakes import NumberMistakes
from deepometry.inference.novelty import Novelties
from deepometry.inference.part_tables import PartTables
from deepometry.inference.recognition import Recognition
from deepometry.inference.run import Outcome


class SeenNumbers:
    """Writes the table of predicted numbers, and keeps them in memory.

    `true` (cells,) are the true numbers, NaN for none; None for unannotated data. `recognition`
    says which cells scores are of; `novelties` takes how novel they are.
    """

    def __init__(
        self,
        file: TextIO,
        description: Description,
        true: np.ndarray | None,
        recognition: Recognition,
        novelties: Novelties,
    ) -> None:
        self.novelties = novelties
        self.task, self.true = description.task, true
        self.mistakes = NumberMistakes()
        self._blocks: list[np.ndarray] = []
        self._done = 0
        self._judged = recognition.judged
        self._more, self.parts = recognition.columns, PartTables(description)
        self._writer = SafeWriter(file, lineterminator="\n")
        columns = [*[TRUE_VALUE] * (true is not None), PREDICTED_VALUE, LOWER, UPPER]
        header = [*novelties.header, *self.parts.header, *self._more]
        self._writer.writerow([*IDENTITY, *columns, *header])

    def add(self, outcome: Outcome) -> None:
        """Add the outputs of the model for the next cells."""
        predictions = self.task.predictions_of(outcome.outputs[0])
        here = slice(self._done, self._done + len(predictions))
        columns, judged = [predictions], None
        if self.true is not None:
            true = self.true[here]
            judged = np.where(self._judged[here], true, np.nan)
            self.mistakes.look(outcome.cells, outcome.images, judged, predictions[:, 0])
            columns.insert(0, true[:, None])
        self.parts.add(outcome, outcome.outputs[0], judged)
        beside = [each[here] for each in self._more.values()]
        more = [*zip(*self.parts.columns(outcome), *beside, strict=True)] or [()] * len(predictions)
        _, novelty = self.novelties.add(outcome, [*map(table_number, predictions[:, 0].tolist())])
        rows = np.hstack(columns).tolist()
        self._writer.writerows(
            [source, name, *map(table_number, row), *novel, *last]
            for (_, source, name), row, novel, last in zip(
                outcome.cells, rows, novelty, more, strict=True
            )
        )
        self._blocks.append(predictions)
        self._done = here.stop

    @property
    def predictions(self) -> np.ndarray:
        """Number, lower and upper end of its interval, of every cell: float64 (cells, 3)."""
        return np.concatenate(self._blocks)

"""What a prediction has seen: a row a cell on disk, and in memory what the evaluation needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.groups import Level
from deepometry.cells.model_description import Description
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.spreadsheet import SafeWriter
from deepometry.core.task_names import EXPECTED_VALUE
from deepometry.evaluation.calibration import probability_of
from deepometry.evaluation.novelty import UNKNOWN
from deepometry.evaluation.selective import UNSURE, is_unsure
from deepometry.evaluation.temperature_scaling import scaled
from deepometry.evaluation.top_mistakes import Mistakes
from deepometry.inference.audit.result import Audit
from deepometry.inference.novelty import Novelties
from deepometry.inference.number_table import SeenNumbers
from deepometry.inference.part_tables import PartTables
from deepometry.inference.recognition import Recognition
from deepometry.inference.run import Inference, Outcome


class LabelOptions(Protocol):
    """Options of the steps that label cells."""

    @property
    def input(self) -> Path:
        """Where the cells are."""

    @property
    def output(self) -> Path:
        """Folder of the results."""

    @property
    def batch_size(self) -> int:
        """Cells processed at once."""

    @property
    def unsure_below(self) -> float | None:
        """Confidence below which a label is withheld."""

    @property
    def unknown_above(self) -> float | None:
        """Novelty above which a label is withheld."""

    @property
    def group_by(self) -> str | None:
        """Folder level whose cells are resampled as a whole."""


class Seen:
    """Writes the table of a prediction, and keeps classes and probabilities in memory.

    `true` (cells,) are the true classes, -1 for none, None for unannotated data; `below` is the
    confidence below which the label is withheld; `recognition` says which cells scores are of;
    `novelties` takes how novel they are.

    Notes
    -----
    Of a cell there stay in memory its class, whether it is unsure and, with true labels, a float32
    for every class: 40 MB for a million cells of seven classes.
    """

    def __init__(
        self,
        file: TextIO,
        description: Description,
        true: np.ndarray | None,
        below: float | None,
        recognition: Recognition,
        novelties: Novelties,
    ) -> None:
        self.novelties = novelties
        self._labels, self._temperature = description.labels, description.temperature
        self._task = description.task
        self.true, self._below = true, below
        self.mistakes = Mistakes(self._labels)
        self._chosen: list[np.ndarray] = []
        self._unsure: list[np.ndarray] = []
        self._probabilities: list[np.ndarray] = []
        self._done = 0
        self._judged = recognition.judged
        self._more, self.parts = recognition.columns, PartTables(description)
        self._writer = SafeWriter(file, lineterminator="\n")
        withheld = below is not None or novelties.withholds
        header = _header(self._labels, true is not None, withheld)
        expected = [EXPECTED_VALUE] * self._task.is_ordered
        header = [*header, *expected, *novelties.header, *self.parts.header, *self._more]
        self._writer.writerow(header)

    def add(self, outcome: Outcome) -> None:
        """Add the outputs of the model for the next cells."""
        raw = outcome.outputs[0]
        chosen = raw.argmax(1)
        probabilities = scaled(raw, self._temperature)
        confidence = probability_of(probabilities, chosen)
        unknown, novelty = self.novelties.add(outcome, [self._labels[code] for code in chosen])
        unsure = is_unsure(confidence, self._below) & ~unknown
        true = None
        if self.true is not None:
            true = self.true[self._done : self._done + len(chosen)]
            self._look(outcome, true, chosen, confidence)
            self._probabilities.append(probabilities)
        self.parts.add(outcome, probabilities, self._scored(true))
        withheld = np.select([unknown, unsure], [UNKNOWN, UNSURE], "")
        self._write(outcome, true, chosen, withheld, probabilities, novelty)
        self._chosen.append(chosen.astype(np.int64))
        self._unsure.append(unsure)
        self._done += len(chosen)

    def _scored(self, true: np.ndarray | None) -> np.ndarray | None:
        """Return the true classes of the next cells, -1 where no score is of them."""
        if true is None:
            return None
        return np.where(self._judged[self._done : self._done + len(true)], true, -1)

    def _look(
        self, outcome: Outcome, true: np.ndarray, chosen: np.ndarray, confidence: np.ndarray
    ) -> None:
        """Keep the errors among the cells that scores are of."""
        judged = self._judged[self._done : self._done + len(chosen)]
        compared = np.where(judged, true, chosen)
        self.mistakes.look(outcome.cells, outcome.images, compared, chosen, confidence)

    def _write(
        self,
        outcome: Outcome,
        true: np.ndarray | None,
        chosen: np.ndarray,
        withheld: np.ndarray,
        probabilities: np.ndarray,
        novelty: Sequence[Sequence[str]],
    ) -> None:
        labels = self._labels
        named = [labels[code] for code in chosen]
        columns = [] if true is None else [[labels[code] if code >= 0 else "" for code in true]]
        if self._below is not None or self.novelties.withholds:
            columns.append(named)
        columns.append(np.where(withheld == "", named, withheld).tolist())
        rows = zip(*columns, strict=True)
        here = slice(self._done, self._done + len(chosen))
        if self._task.is_ordered:
            probabilities = np.column_stack([probabilities, self._task.expected(probabilities)])
        beside = [each[here] for each in self._more.values()]
        more = [*zip(*self.parts.columns(outcome), *beside, strict=True)] or [()] * len(chosen)
        self._writer.writerows(
            [source, name, *words, *(f"{number:.6g}" for number in row), *novel, *last]
            for (_, source, name), words, row, novel, last in zip(
                outcome.cells, rows, probabilities.tolist(), novelty, more, strict=True
            )
        )

    @property
    def chosen(self) -> np.ndarray:
        """Predicted class of every cell, int64."""
        return np.concatenate(self._chosen)

    @property
    def unsure(self) -> np.ndarray:
        """Whether the label of a cell is withheld."""
        return np.concatenate(self._unsure)

    @property
    def probabilities(self) -> np.ndarray:
        """Of every cell and class, float32, at the temperature; with true labels only."""
        return np.concatenate(self._probabilities)


def _header(labels: Sequence[str], annotated: bool, may_be_withheld: bool) -> list[str]:
    columns = ["true_label"] if annotated else []
    columns += ["predicted"] if may_be_withheld else []
    return [*IDENTITY, *columns, "label", *(f"probability_{label}" for label in labels)]


@dataclass(frozen=True)
class Prediction:
    """A prediction, ready to be evaluated.

    Attributes
    ----------
    seen : Seen or SeenNumbers
        Classes and probabilities, or numbers.
    recognition : Recognition
        Which of the cells the model knows from its training.
    groups : (values, codes) or None
        Groups of cells that are resampled as a whole.
    audit : Audit or None
        What the model goes by; None where that was not asked for.
    """

    options: LabelOptions
    inference: Inference
    dataset: Dataset
    seen: Seen | SeenNumbers
    recognition: Recognition
    groups: Level | None
    audit: Audit | None = None

    @property
    def apart(self) -> str:
        """The end of titles of counts, such as ` (8 gated out, not counted)`; empty if none are."""
        out = self.dataset.gated_out.count
        return f" ({out:,} gated out, not counted)" if out else ""

    @property
    def with_unsure(self) -> bool:
        """Whether cells may be labelled unsure."""
        return self.options.unsure_below is not None

    @property
    def with_unknown(self) -> bool:
        """Whether cells may be labelled unknown."""
        return self.options.unknown_above is not None

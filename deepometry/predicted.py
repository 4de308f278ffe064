"""What a prediction has seen: a row a cell on disk, and in memory what the evaluation needs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np

from deepometry.evaluation.mistakes import Mistakes
from deepometry.evaluation.reliability import probability_of
from deepometry.evaluation.temperature import scaled
from deepometry.evaluation.tradeoff import UNSURE, is_unsure
from deepometry.inference import Outcome
from deepometry.model import Description
from deepometry.stored import IDENTITY


class Seen:
    """Writes the table of a prediction, and remembers classes and probabilities.

    Parameters
    ----------
    file : text file
        Where the table goes.
    description : Description
        Of the model: labels and temperature, as `Inference` gives it.
    true : ndarray of int, shape (cells,), or None
        Where the folders name classes.
    below : float or None
        Confidence below which the label is withheld.

    Notes
    -----
    Of a cell there stay in memory its class, whether it is unsure and, with true labels, a float32
    for every class: 40 MB for a million cells of seven classes.
    """

    def __init__(
        self, file: TextIO, description: Description, true: np.ndarray | None, below: float | None
    ) -> None:
        self._labels, self._temperature = description.labels, description.temperature
        self.true, self._below = true, below
        self.mistakes = Mistakes(self._labels)
        self._chosen: list[np.ndarray] = []
        self._unsure: list[np.ndarray] = []
        self._chances: list[np.ndarray] = []
        self._done = 0
        self._writer: Any = csv.writer(file, lineterminator="\n")
        self._writer.writerow(_header(self._labels, true is not None, below is not None))

    def add(self, outcome: Outcome) -> None:
        """Take what the model says of the next cells."""
        raw = outcome.outputs[0]
        chosen = raw.argmax(1)
        chances = scaled(raw, self._temperature)
        sure = probability_of(chances, chosen)
        unsure = is_unsure(sure, self._below)
        known = None
        if self.true is not None:
            known = self.true[self._done : self._done + len(chosen)]
            self.mistakes.look(outcome.cells, outcome.images, known, chosen, sure)
            self._chances.append(chances)
        self._write(outcome, known, chosen, unsure, chances)
        self._chosen.append(chosen.astype(np.int32))
        self._unsure.append(unsure)
        self._done += len(chosen)

    def _write(
        self,
        outcome: Outcome,
        known: np.ndarray | None,
        chosen: np.ndarray,
        unsure: np.ndarray,
        chances: np.ndarray,
    ) -> None:
        labels = self._labels
        named = [labels[code] for code in chosen]
        columns = [] if known is None else [[labels[code] for code in known]]
        if self._below is not None:
            columns.append(named)
        given = [UNSURE if held else name for name, held in zip(named, unsure, strict=True)]
        told = zip(*columns, given, strict=True)
        self._writer.writerows(
            [source, name, *words, *(f"{chance:.6g}" for chance in row)]
            for (_, source, name), words, row in zip(
                outcome.cells, told, chances.tolist(), strict=True
            )
        )

    @property
    def chosen(self) -> np.ndarray:
        """Predicted class of every cell, int64."""
        return _joined(self._chosen, np.int32).astype(np.int64)

    @property
    def unsure(self) -> np.ndarray:
        """Whether the label of a cell is withheld."""
        return _joined(self._unsure, np.bool_)

    @property
    def probabilities(self) -> np.ndarray:
        """Of every cell and class, float32, at the temperature; with true labels only."""
        return np.concatenate(self._chances)


def _joined(parts: Sequence[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _header(labels: Sequence[str], annotated: bool, may_be_unsure: bool) -> list[str]:
    told = ["true_label"] if annotated else []
    told += ["predicted"] if may_be_unsure else []
    return [*IDENTITY, *told, "label", *(f"probability_{label}" for label in labels)]

"""What training does in one way for classes and in another for a number: outputs, loss, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from deepometry.cells.batches import Batch
from deepometry.cells.model_description import Description
from deepometry.evaluation.calibration import calibration_error
from deepometry.evaluation.confusion import confusion
from deepometry.evaluation.evaluate import json_number
from deepometry.evaluation.evaluate_numbers import true_ranges
from deepometry.evaluation.judge import judge
from deepometry.evaluation.metrics import ordered_scores
from deepometry.evaluation.number_metrics import judge_numbers
from deepometry.evaluation.part_scores import BOTH, ClassTally, NumberTally, PartScores
from deepometry.evaluation.score_names import told, unitless
from deepometry.evaluation.stacking import Stack, fit_classes, fit_numbers
from deepometry.evaluation.temperature_scaling import fit_temperature, scaled
from deepometry.network.losses import absolute_error, class_loss, number_loss
from deepometry.network.small_resnet import LINEAR, SOFTMAX
from deepometry.training.cells import Cells
from deepometry.training.fold_predictions import write_numbers, write_predictions
from deepometry.training.recipes import Recipe

Scores = dict[str, float]

_BY_PART = "parts"  # in a record


@dataclass(frozen=True)
class Validated:
    """How a model does on the validation cells.

    Attributes
    ----------
    row : dict of str to float
        Scores, named as in the history: those of the objective's `judge` behind `val_`, and what
        was measured besides.
    measured : dict
        Fields of the model's description that were measured on these cells.
    predictions : ndarray, shape (validation cells, ...)
        As the model will predict.
    sentence : str
        The same for people.
    """

    row: Scores
    measured: dict[str, Any]
    predictions: np.ndarray = field(repr=False, compare=False)
    sentence: str = ""

    def __str__(self) -> str:
        return self.sentence


class Objective(Protocol):
    """What a network learns of some cells, and how it is scored."""

    outputs: int
    activation: str

    def compiling(self, recipe: Recipe) -> dict[str, Any]:
        """Return loss and measure for `compile_network`."""

    def wanted(self, batch: Batch) -> np.ndarray:
        """Return what the network is to predict for a batch: float32 (n, outputs)."""

    def measured(self, value: float) -> float:
        """Return the measure of the training in the units of the target."""

    def judge(self, indices: np.ndarray, raw: np.ndarray) -> Scores:
        """Score the outputs (n, outputs) for some cells."""

    def score(self, indices: np.ndarray, predictions: np.ndarray) -> Scores:
        """Score what a model predicts of some cells, as `finished` returns it."""

    def validate(self, raw: np.ndarray, errors: np.ndarray | None = None) -> Validated:
        """Score the outputs for the validation cells, and measure what predictions need.

        `errors` are those of the numbers of more cells not learnt from, where there are some.
        """

    def finished(self, raw: np.ndarray, description: Description) -> np.ndarray:
        """Return what a model predicts, given its outputs for some cells."""

    def stack(self, parts: Sequence[np.ndarray], indices: np.ndarray, balance: float) -> Stack:
        """Fit the weights of several models on their outputs (n, outputs) for some cells.

        `balance` is as in `evaluation.stacking.fit_classes`.
        """

    def by_part(self, indices: np.ndarray, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return what a record says of the parts of a model; nothing where it has only one.

        `parts` are their outputs for some cells, and of both what `finished` returns.
        """

    def write(
        self,
        path: Path,
        indices: np.ndarray,
        predictions: np.ndarray,
        folds: np.ndarray | None = None,
    ) -> None:
        """Write a row for each of some cells, with its fold from 0 where there are folds."""

    def facts(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return what a record says of predictions of the validation cells."""


def objective_of(cells: Cells) -> Objective:
    """Return what is learnt of some cells."""
    return NumberObjective(cells) if cells.task.is_number else ClassObjective(cells)


class ClassObjective:
    """Learns classes by the cross-entropy; the order of classes that have one counts, too."""

    activation = SOFTMAX

    def __init__(self, cells: Cells) -> None:
        self._cells, self.outputs = cells, len(cells.labels)

    def compiling(self, recipe: Recipe) -> dict[str, Any]:
        """Return loss and measure for `compile_network`."""
        shares = self._shares if recipe.balance == "adjust" else None
        loss = class_loss(shares, recipe.smoothing, self._cells.task.is_ordered)
        return {"loss": loss, "measure": "accuracy"}

    def wanted(self, batch: Batch) -> np.ndarray:
        """Return 1 for the class of every cell, 0 for others."""
        return np.eye(self.outputs, dtype=np.float32)[batch.labels]

    def measured(self, value: float) -> float:
        """Return the accuracy as it is."""
        return value

    def judge(self, indices: np.ndarray, raw: np.ndarray) -> Scores:
        """Score class probabilities without a temperature."""
        return self.score(indices, raw)

    def score(self, indices: np.ndarray, predictions: np.ndarray) -> Scores:
        """Score class probabilities."""
        judged = judge(self._cells.codes[indices], predictions)
        ordered = ordered_scores(judged.confusion) if self._cells.task.is_ordered else {}
        return judged.scores | {name: float(value) for name, value in ordered.items()}

    def validate(self, raw: np.ndarray, errors: np.ndarray | None = None) -> Validated:
        """Score the validation cells, and fit the temperature on them."""
        indices = self._cells.validation
        true, temperature = self._cells.codes[indices], fit_temperature(raw, self._true)
        probabilities = scaled(raw, temperature)
        scores = self.judge(indices, raw)
        scores["calibration_error"] = after = calibration_error(probabilities, true)
        scores["calibration_error_before"] = before = calibration_error(raw, true)
        matrix = confusion(true, raw.argmax(1), self.outputs)
        measured = {"temperature": temperature, "confusion": tuple(map(tuple, matrix.tolist()))}
        sentence = (
            f"Validation: accuracy {scores['accuracy']:.3f}, balanced "
            f"{scores['balanced_accuracy']:.3f}. Temperature {temperature:.2f}: "
            f"expected calibration error on the validation cells {after:.3f}, {before:.3f} without."
        )
        return Validated(_as_validation(scores), measured, probabilities, sentence)

    @property
    def _true(self) -> np.ndarray:
        return self._cells.codes[self._cells.validation]

    def finished(self, raw: np.ndarray, description: Description) -> np.ndarray:
        """Return the probabilities at the temperature."""
        return scaled(raw, description.temperature)

    def stack(self, parts: Sequence[np.ndarray], indices: np.ndarray, balance: float) -> Stack:
        """Fit weights for every class."""
        return fit_classes(parts, self._cells.codes[indices], self._shares, balance)

    def by_part(self, indices: np.ndarray, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Count how each part does."""
        return _by_part(ClassTally(self.outputs), parts, self._cells.codes[indices])

    @property
    def _shares(self) -> np.ndarray:
        """The share of every class in the training cells."""
        cells = self._cells
        counts = np.bincount(cells.codes[cells.training], minlength=self.outputs)
        shares: np.ndarray = counts / counts.sum()
        return shares

    def write(
        self,
        path: Path,
        indices: np.ndarray,
        predictions: np.ndarray,
        folds: np.ndarray | None = None,
    ) -> None:
        """Write labels and probabilities."""
        write_predictions(path, self._cells, indices, predictions, folds)

    def facts(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the numbers of cells by class, and the confusion matrix."""
        matrix = confusion(self._true, predictions.argmax(1), self.outputs)
        counts = dict(zip(self._cells.labels, matrix.sum(0).tolist(), strict=True))
        return {"cells": len(predictions), "counts": counts, "confusion": matrix.tolist()}


class NumberObjective:
    """Learns a number, standardised, by the Huber loss."""

    outputs, activation = 1, LINEAR

    def __init__(self, cells: Cells) -> None:
        self._cells, self._task = cells, cells.fitted_task

    def compiling(self, recipe: Recipe) -> dict[str, Any]:
        """Return loss and measure for `compile_network`."""
        return {"loss": number_loss(), "measure": absolute_error()}

    def wanted(self, batch: Batch) -> np.ndarray:
        """Return the standardised numbers."""
        return self._task.standardised(self._cells.numbers(batch.indices))[:, None]

    def measured(self, value: float) -> float:
        """Return a mean absolute error in the units of the numbers."""
        return value * self._task.deviation

    def judge(self, indices: np.ndarray, raw: np.ndarray) -> Scores:
        """Score the outputs for some cells."""
        return self.score(indices, self._task.predictions_of(raw))

    def score(self, indices: np.ndarray, predictions: np.ndarray) -> Scores:
        """Score predicted numbers."""
        true = self._cells.numbers(indices)
        return judge_numbers(true, predictions[:, 0], self._task.deviation).scores

    def validate(self, raw: np.ndarray, errors: np.ndarray | None = None) -> Validated:
        """Score the validation cells, and compute the interval from their errors.

        From the errors of a cross-validation, where there are some: they are of all cells.
        """
        indices = self._cells.validation
        scores = self.judge(indices, raw)
        if errors is None:
            errors = self._cells.numbers(indices) - self._task.numbers_of(raw)
        task = self._task.with_interval(errors)
        sentence = (
            f"Validation: {told(scores)}, Spearman {unitless(scores['spearman'])}. "
            f"{_about_interval(task)}"
        )
        predictions = task.predictions_of(raw)
        return Validated(_as_validation(scores), {"task": task}, predictions, sentence)

    def finished(self, raw: np.ndarray, description: Description) -> np.ndarray:
        """Return number, lower and upper end of its interval."""
        return description.task.predictions_of(raw)

    def stack(self, parts: Sequence[np.ndarray], indices: np.ndarray, balance: float) -> Stack:
        """Fit one weight for each model."""
        return fit_numbers(parts, self._task.standardised(self._cells.numbers(indices)))

    def by_part(self, indices: np.ndarray, parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Add up the errors of each part."""
        numbers = {name: self._task.numbers_of(each) for name, each in parts.items()}
        numbers[BOTH] = parts[BOTH][:, 0]
        return _by_part(NumberTally(), numbers, self._cells.numbers(indices))

    def write(
        self,
        path: Path,
        indices: np.ndarray,
        predictions: np.ndarray,
        folds: np.ndarray | None = None,
    ) -> None:
        """Write true and predicted numbers with their intervals."""
        write_numbers(path, self._cells, indices, predictions, folds)

    def facts(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the number of cells, and their errors by true number."""
        true, (predicted, low, high) = self._cells.numbers(self._cells.validation), predictions.T
        inside = None if np.isnan(low).all() else (true >= low) & (true <= high)
        ranges = [
            {name: json_number(value) for name, value in asdict(each).items()}
            for each in true_ranges(true, predicted, inside)
        ]
        return {"cells": len(predictions), "task": self._task.brief(), "ranges": ranges}


def _by_part(
    tally: ClassTally | NumberTally, parts: Mapping[str, np.ndarray], true: np.ndarray
) -> dict[str, Any]:
    if len(parts) == 1:
        return {}
    tally.add(parts, true)
    return {_BY_PART: tally.plain()}


def pooled_parts(cells: Cells, records: Sequence[Mapping[str, Any]]) -> PartScores | None:
    """Put together what `by_part` gave to records; None where a model had one part only."""
    if not all(_BY_PART in record for record in records):
        return None
    tally = NumberTally() if cells.task.is_number else ClassTally(len(cells.labels))
    for record in records:
        tally.add_counts(record[_BY_PART])
    return tally.result()


def _as_validation(scores: Scores) -> Scores:
    return {f"val_{name}": value for name, value in scores.items()}


def _about_interval(task: Any) -> str:
    if task.half_width is None:
        return "There are too few validation cells for intervals of predicted numbers."
    return f"90 % interval: predicted number +/- {task.half_width:.4g}."

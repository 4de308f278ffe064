"""The model that was kept, judged on the validation cells as it will predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepometry.chance import chance_of
from deepometry.evaluation.reliability import calibration_error, log_loss
from deepometry.evaluation.temperature import fit_temperature, scaled
from deepometry.out_of_fold import outcomes
from deepometry.progress import Progress
from deepometry.report import confusion, scores
from deepometry.training_cells import Cells


@dataclass(frozen=True)
class Judged:
    """How a model does on the validation cells.

    Attributes
    ----------
    row : dict of str to float
        Scores, named as in the history: `val_loss`, `val_accuracy`, `val_balanced_accuracy`;
        `val_calibration_error` at its temperature, `val_calibration_error_before` without.
    temperature : float
        Fitted on these cells.
    confusion : tuple of tuple of int
        Rows are the true classes.
    """

    row: dict[str, float]
    temperature: float
    confusion: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        return (
            f"Temperature {self.temperature:.2f}: expected calibration error on the validation "
            f"cells {self.row['val_calibration_error']:.3f}, "
            f"{self.row['val_calibration_error_before']:.3f} without."
        )


def judge(model: Any, cells: Cells, views: int, progress: Progress) -> Judged:
    """Predict the validation cells over all views, and fit the temperature on them.

    Parameters
    ----------
    model : keras.Model
    cells : Cells
        Of the training.
    views : int
        1 or 8.
    progress : Progress
        Told about it; may cancel.
    """
    given = outcomes(model, cells, cells.validation, views, progress)
    chances = np.concatenate([each for _, each in given])
    true = cells.codes[cells.validation]
    temperature = fit_temperature(chances, true)
    matrix = confusion(true, chances.argmax(1), len(cells.labels))
    row = {
        "loss": log_loss(chances, true),
        **scores(matrix),
        "chance": chance_of(matrix),
        "calibration_error": calibration_error(scaled(chances, temperature), true),
        "calibration_error_before": calibration_error(chances, true),
    }
    named = {f"val_{name}": value for name, value in row.items()}
    return Judged(named, temperature, tuple(map(tuple, matrix.tolist())))

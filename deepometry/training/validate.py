"""A network judged by cells that it did not learn from, as it will predict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepometry.cells.batches import batches
from deepometry.core.progress import Progress
from deepometry.evaluation.calibration import calibration_error
from deepometry.evaluation.judge import judge
from deepometry.evaluation.temperature_scaling import fit_temperature, scaled
from deepometry.network.precision import as_float32
from deepometry.network.test_time_augmentation import predict_views
from deepometry.training.cells import Cells

_AT_ONCE = 128


def predict_cells(
    model: Any, cells: Cells, indices: np.ndarray, views: int, progress: Progress
) -> np.ndarray:
    """Compute the class probabilities of some cells, float32 of shape (n, classes).

    The cells are not augmented; `views` mirror images and quarter turns of each are averaged, 1 or
    8. A network that is still training may use bfloat16, but predicts in float32, as its file.
    """
    results = np.empty((len(indices), len(cells.labels)), np.float32)
    done = 0
    with as_float32(model):
        for batch in batches(cells.dataset, indices, cells.codes, _AT_ONCE, cells.columns):
            progress.check()
            (probabilities,) = predict_views(model, batch.images, views)
            results[done : done + len(probabilities)] = probabilities
            done += len(probabilities)
    return results


@dataclass(frozen=True)
class Validated:
    """How a model does on the validation cells.

    Attributes
    ----------
    row : dict of str to float
        Scores, named as in the history: those of `judge` behind `val_`, then
        `val_calibration_error` at the temperature, `val_calibration_error_before` without.
    temperature : float
        Fitted on these cells.
    confusion : tuple of tuple of int
        Rows are the true classes.
    probabilities : ndarray of float32, shape (validation cells, classes)
        At the temperature.
    """

    row: dict[str, float]
    temperature: float
    confusion: tuple[tuple[int, ...], ...]
    probabilities: np.ndarray = field(repr=False, compare=False)

    def __str__(self) -> str:
        return (
            f"Validation: accuracy {self.row['val_accuracy']:.3f}, balanced "
            f"{self.row['val_balanced_accuracy']:.3f}. Temperature {self.temperature:.2f}: "
            "expected calibration error on the validation cells "
            f"{self.row['val_calibration_error']:.3f}, "
            f"{self.row['val_calibration_error_before']:.3f} without."
        )


def validate(model: Any, cells: Cells, views: int, progress: Progress) -> Validated:
    """Predict the validation cells, and fit the temperature on them."""
    raw = predict_cells(model, cells, cells.validation, views, progress)
    true = cells.codes[cells.validation]
    judged, temperature = judge(true, raw), fit_temperature(raw, true)
    probabilities = scaled(raw, temperature)
    scores = {
        **judged.scores,
        "calibration_error": calibration_error(probabilities, true),
        "calibration_error_before": calibration_error(raw, true),
    }
    row = {f"val_{name}": value for name, value in scores.items()}
    confusion = tuple(map(tuple, judged.confusion.tolist()))
    return Validated(row, temperature, confusion, probabilities)

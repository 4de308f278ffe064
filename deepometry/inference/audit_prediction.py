"""The shortcut audit of a prediction: on some of its annotated cells, one view of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.core.numba_cache import compile_message
from deepometry.core.progress import Progress
from deepometry.core.result_files import AUDIT_TABLE
from deepometry.evaluation.confusion import write_table
from deepometry.inference.audit.audit import audit, evenly
from deepometry.inference.audit.result import Audit, no_audit
from deepometry.inference.model_gates import warned
from deepometry.inference.number_table import SeenNumbers
from deepometry.inference.prediction_table import Prediction
from deepometry.inference.run import Inference

_FEWEST = 20  # cells, of which an audit says anything


def audited(prediction: Prediction, stage: Path, progress: Progress) -> Prediction:
    """Audit a prediction of annotated cells; what makes its score doubtful becomes a warning.

    Writes `audit.csv` to the folder `stage`. Predictions of cells without true labels stay as
    they are.
    """
    seen = prediction.seen
    if seen.true is None:
        return prediction
    reason = _why_not(prediction)
    result = no_audit(reason) if reason else _audited(prediction, seen.true, progress)
    if result.rows:
        write_table(stage / AUDIT_TABLE, result.table())
    if not result.doubtful:
        progress.say(result.verdict)
        return replace(prediction, audit=result)
    inference = warned(prediction.inference, result.verdict, progress)
    return replace(prediction, inference=inference, audit=result)


def _why_not(prediction: Prediction) -> str:
    """Return why a prediction cannot be audited; empty if it can."""
    recognition = prediction.recognition
    if isinstance(prediction.seen, SeenNumbers):
        return "it is there for classes, and this model predicts a number."
    if recognition.of_training:
        return "the model has learnt from these cells."
    if np.count_nonzero(recognition.judged) < _FEWEST:
        return f"it needs {_FEWEST} cells with a true label or more."
    return ""


@dataclass(frozen=True)
class _Images:
    """The images of some cells of a data set, read when asked."""

    inference: Inference
    dataset: Dataset
    chosen: np.ndarray

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        return self.inference.read(self.dataset, self.chosen[places])


def _audited(prediction: Prediction, true: np.ndarray, progress: Progress) -> Audit:
    inference, judged = prediction.inference, prediction.recognition.judged
    description = inference.description
    if message := compile_message("features"):
        progress.say(message)
    chosen = evenly(true, judged, len(inference.columns))
    counts = np.bincount(true[judged], minlength=len(description.labels))
    return audit(
        _Images(inference, prediction.dataset, chosen),
        true[chosen],
        description.labels,
        description.channel_labels,
        replace(inference, views=1).predict,  # of a combined model, both parts together
        description.target,
        counts / counts.sum(),
        progress,
    )

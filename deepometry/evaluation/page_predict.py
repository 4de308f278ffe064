"""What the report of a prediction tells besides: the model, and how every sample is composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deepometry.evaluation.page import Facts
from deepometry.evaluation.provenance import training_options
from deepometry.evaluation.samples import Sample
from deepometry.evaluation.tradeoff import UNSURE
from deepometry.inference import Inference
from deepometry.options import PredictOptions

_MOST_SAMPLES = 200  # in the table of the page


@dataclass(frozen=True, kw_only=True)
class PredictionFacts(Facts):
    """What the report of a prediction tells of.

    Attributes
    ----------
    options : PredictOptions
    inference : Inference
        The model.
    samples : sequence of Sample
        That of all cells first.
    correction : str
        What must be known of the correction of shares, or why there is none; may be empty.
    """

    template: ClassVar[str] = "report_predict.html"

    options: PredictOptions
    inference: Inference
    samples: Sequence[Sample]
    correction: str

    def own(self) -> dict[str, Any]:
        """Give what the template of this kind of report needs besides."""
        return {
            "corrected": self.samples[0].corrected is not None,
            "samples": list(self.samples)[:_MOST_SAMPLES],
            "more_samples": max(0, len(self.samples) - _MOST_SAMPLES),
            "training": training_options(self.inference.description),
            "unsure": UNSURE,
        }

"""What the report of a prediction tells besides: the model, and how every sample is composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deepometry.dataset import Dataset
from deepometry.evaluation.page import Facts
from deepometry.evaluation.provenance import made, training_options
from deepometry.evaluation.samples import Sample
from deepometry.evaluation.tradeoff import UNSURE
from deepometry.evaluation.write import channel_names
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


def prediction_facts(
    options: PredictOptions, inference: Inference, dataset: Dataset, **found: Any
) -> PredictionFacts:
    """Gather what the report of a prediction tells of.

    Parameters
    ----------
    options : PredictOptions
    inference : Inference
        The model.
    dataset : Dataset
        The cells that were predicted.
    **found
        What was found out: evaluation, matrix, mistakes, plots, samples, correction.
    """
    description = inference.description
    return PredictionFacts(
        place=options.input,
        cells=len(dataset),
        target=description.target,
        labels=description.labels,
        channels=channel_names(description),
        made=made(options, inference, dataset),
        options=options,
        inference=inference,
        **found,
    )

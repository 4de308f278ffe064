"""What the report of a prediction tells besides: the model, and how every sample is composed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deepometry.cells.dataset import Dataset
from deepometry.cells.model_description import Description, is_baseline
from deepometry.core.result_files import BASELINE_RECORD
from deepometry.core.run_records import own_record, provenance
from deepometry.core.steps import STEPS, step_of
from deepometry.core.text import joined
from deepometry.evaluation.report.provenance import Made, Pairs, commands_of, option_pairs
from deepometry.evaluation.report.render import Facts
from deepometry.evaluation.sample_composition import Sample
from deepometry.evaluation.selective import UNSURE
from deepometry.inference.prediction_table import LabelOptions, Prediction
from deepometry.inference.run import Inference

_MOST_SAMPLES = 200  # in the table of the page


@dataclass(frozen=True, kw_only=True)
class PredictionFacts(Facts):
    """The contents of the report of a prediction.

    Attributes
    ----------
    samples : sequence of Sample
        That of all cells first.
    correction : str
        Limits of the correction of shares, or why there is none; may be empty.
    """

    template: ClassVar[str] = "report_predict.html"

    options: LabelOptions
    inference: Inference
    samples: Sequence[Sample]
    correction: str

    def own(self) -> dict[str, Any]:
        """Return what the template of this kind of report needs besides."""
        return {
            "corrected": self.samples[0].corrected is not None,
            "samples": list(self.samples)[:_MOST_SAMPLES],
            "more_samples": max(0, len(self.samples) - _MOST_SAMPLES),
            "training": _training_options(self.inference.description),
            "unsure": UNSURE,
        }


def prediction_facts(prediction: Prediction, **results: Any) -> PredictionFacts:
    """Gather the contents of the report of a prediction.

    `results` are its evaluation, matrix, mistakes, plots, samples and correction.
    """
    options, inference = prediction.options, prediction.inference
    description = inference.description
    return PredictionFacts(
        place=options.input,
        cells=len(prediction.dataset),
        target=description.target,
        labels=description.labels,
        channels=description.channel_labels,
        made=_made(options, inference, prediction.dataset),
        options=options,
        inference=inference,
        **results,
    )


def _made(options: LabelOptions, inference: Inference, dataset: Dataset) -> Made:
    """Gather how predictions came about."""
    record = provenance(step_of(options).name, options)
    description, path = inference.description, inference.path
    step = str(description.record.get("step", "train"))
    beside = own_record(path.parent / STEPS.get(step, STEPS["train"]).record, step)
    same = beside.get("model") == path.name
    settings = option_pairs(type(options), record["options"])
    return Made.of(
        record,
        {"Prediction": settings, "Model": _model(inference)},
        commands_of(options, dataset.parse_record, description.record),
        beside.get("warnings") or [] if same else [],
        _comparison(inference),
    )


def _model(inference: Inference) -> Pairs:
    description = inference.description
    channels = joined(description.channels) if description.channels else str(description.depth)
    scores = description.scores
    facts = {
        "File": inference.path.name,
        "Network": description.network,
        "Classes": ", ".join(description.labels),
        "Channels": channels,
        "Frame": f"{description.frame} pixels",
        "Intensity scaling": description.scaling,
        "Cells of training and validation": f"{sum(description.cells.values()):,}",
        "Views averaged": str(inference.views),
        "Temperature": f"{description.temperature:.3f}",
        "Fingerprint of the cells": description.fingerprint,
    }
    for name, label in _VALIDATED.items():
        if name in scores:
            facts[label] = f"{scores[name]:.3f}"
    return list(facts.items())


_VALIDATED = {
    "val_accuracy": "Validation accuracy",
    "val_accuracy_one_view": "Validation accuracy with one view",
    "val_balanced_accuracy": "Validation balanced accuracy",
    "val_calibration_error": "Validation calibration error",
    "val_calibration_error_before": "The same without temperature",
}


def _training_options(description: Description) -> Pairs:
    """Return the options that a model was trained with, as far as they are recorded."""
    record = description.record
    step, values = str(record.get("step", "train")), record.get("options") or {}
    return option_pairs(STEPS[step].options, values) if step in STEPS else []


def _comparison(inference: Inference) -> Mapping[str, Any]:
    """Return the comparison in the record of a baseline of the same cells beside the model."""
    record = own_record(inference.path.parent / BASELINE_RECORD, "baseline")
    same = record.get("fingerprint") == inference.description.fingerprint
    usable = same and not is_baseline(inference.path)
    return record.get("comparison") or {} if usable else {}

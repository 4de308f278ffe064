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
from deepometry.evaluation.novelty import UNKNOWN
from deepometry.evaluation.number_samples import NumberSample
from deepometry.evaluation.report.provenance import Made, Pairs, commands_of, option_pairs
from deepometry.evaluation.report.render import Facts
from deepometry.evaluation.sample_composition import Sample
from deepometry.evaluation.selective import UNSURE
from deepometry.inference.audit.result import Audit
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
    audit : Audit or None
        What the model goes by; None where that was not asked for.
    """

    template: ClassVar[str] = "report_predict.html"

    options: LabelOptions
    inference: Inference
    samples: Sequence[Sample]
    correction: str
    audit: Audit | None

    def own(self) -> dict[str, Any]:
        """Return what the template of this kind of report needs besides."""
        return _first_of(self.samples) | {
            "corrected": self.samples[0].corrected is not None,
            "training": _training_options(self.inference.description),
            "unsure": UNSURE,
            "unknown": UNKNOWN,
        }


def prediction_facts(prediction: Prediction, **results: Any) -> PredictionFacts:
    """Gather the contents of the report of a prediction.

    `results` are its evaluation, matrix, mistakes, plots, samples and correction.
    """
    return PredictionFacts(
        **_shared_facts(prediction),
        options=prediction.options,
        inference=prediction.inference,
        audit=prediction.audit,
        **results,
    )


@dataclass(frozen=True, kw_only=True)
class NumberPredictionFacts(Facts):
    """The contents of the report of a prediction of numbers.

    Attributes
    ----------
    samples : sequence of NumberSample
        That of all cells first.
    """

    template: ClassVar[str] = "report_predict_number.html"

    inference: Inference
    samples: Sequence[NumberSample]

    def own(self) -> dict[str, Any]:
        """Return what the template of this kind of report needs besides."""
        return _first_of(self.samples) | {"training": _training_options(self.inference.description)}


def number_facts(
    prediction: Prediction, samples: Sequence[NumberSample], **results: Any
) -> NumberPredictionFacts:
    """Gather the contents of the report of a prediction of numbers.

    `results` are its evaluation, mistakes and plots.
    """
    recognition = prediction.recognition
    return NumberPredictionFacts(
        **_shared_facts(prediction),
        inference=prediction.inference,
        samples=samples,
        matrix=None,
        caveat=recognition.sentence,
        caveat_title=recognition.title,
        **results,
    )


def _first_of(samples: Sequence[Any]) -> dict[str, Any]:
    """Return the samples that the page shows, and the number of the others."""
    shown = list(samples)[:_MOST_SAMPLES]
    return {"samples": shown, "more_samples": max(0, len(samples) - _MOST_SAMPLES)}


def _shared_facts(prediction: Prediction) -> dict[str, Any]:
    """Return what the reports of all predictions have."""
    options, description = prediction.options, prediction.inference.description
    return {
        "place": options.input,
        "cells": len(prediction.dataset),
        "target": description.target,
        "labels": description.labels,
        "task": description.task,
        "channels": description.channel_labels,
        "made": _made(options, prediction.inference, prediction.dataset),
    }


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
        "Network": description.about_network,
        "Predicts": description.about_outputs,
        "Channels": channels,
        "Frame": f"{description.frame} pixels",
        "Intensity scaling": description.scaling,
        "Cells of training and validation": f"{sum(description.cells.values()):,}",
        "Views averaged": str(inference.views),
        "Temperature": f"{description.temperature:.3f}",
        "Fingerprint of the cells": description.fingerprint,
    }
    if description.task.half_width is not None:
        facts["90 % interval"] = f"predicted number +/- {description.task.half_width:.4g}"
    if description.gates:
        facts["Learnt inside of"] = description.about_gates
    for name, label in _VALIDATED.items():
        if name in scores:
            facts[label] = f"{scores[name]:.4g}"
    return list(facts.items())


_VALIDATED = {
    "val_accuracy": "Validation accuracy",
    "val_accuracy_one_view": "Validation accuracy with one view",
    "val_balanced_accuracy": "Validation balanced accuracy",
    "val_calibration_error": "Validation calibration error",
    "val_calibration_error_before": "The same without temperature",
    "val_mae": "Validation mean absolute error",
    "val_mae_one_view": "Validation mean absolute error with one view",
    "val_r2": "Validation R2",
    "val_spearman": "Validation Spearman correlation",
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

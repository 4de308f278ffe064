"""Prediction: a label for every cell, and where labels are known, how often it is right."""

from __future__ import annotations

from dataclasses import replace

from deepometry.cells.dataset import Dataset
from deepometry.cells.groups import groups_of
from deepometry.core.earlier_results import earlier_results
from deepometry.core.files import check_not_among_cells, staged
from deepometry.core.folder_names import HOLD_OUT, TRAIN
from deepometry.core.options.predict import PredictOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.text import counted
from deepometry.inference.audit_prediction import audited
from deepometry.inference.evaluate_prediction import evaluate_prediction
from deepometry.inference.label_cells import (
    check_name,
    check_output,
    gated_sentences,
    label_cells,
    true_labels,
    unlabelled_sentence,
)
from deepometry.inference.likeness import compared
from deepometry.inference.model_gates import with_gates
from deepometry.inference.prediction_result import PredictResult, results_of, write_record
from deepometry.inference.recognition import recognition_of
from deepometry.inference.run import open_inference

__all__ = ["PredictResult", "predict"]

_ALL_OUT = "look at the histograms of the gate step with --preview, and widen or remove the gate."


def predict(options: PredictOptions, progress: Progress | Report | None = None) -> PredictResult:
    """Predict a label for every cell, and compare it with the one of its folders.

    Parameters
    ----------
    options : PredictOptions
        Where the cells and the model are.
    progress : Progress or callable, optional
        Called with (cells done, total cells, text).

    Returns
    -------
    PredictResult
        `predicted.csv`, `count_plot.png`, `sample_summary.csv` and `report.html` lie in the output
        folder, and for annotated data the confusion matrix, the classification report, scores
        with intervals, curves, calibration, the most confident errors and the shortcut audit, as
        tables and plots.

    Raises
    ------
    DeepometryError
        Cells, model or output folder cannot be used; the cells have another frame or lack a
        channel; the folders name no class of the model, or another one, or no groups;
        the output folder holds a cross-validation.
    """
    progress = as_progress(progress)
    check_not_among_cells(options.output, options.input)
    check_output(options)
    earlier = earlier_results(options)
    inference = open_inference(
        *(options.input, options.model, progress, options.views),
        *(options.precision, options.parts),
    )
    description = inference.description
    check_name(description, options)
    dataset, true, groups, notes = inference.dataset, None, None, [""]
    if not options.unannotated:
        dataset, left_out = _held_out(dataset, progress)
        true = true_labels(dataset, description)
        notes = [left_out, unlabelled_sentence(true, description.target, dataset.gated_out.cells)]
        if options.group_by:
            groups = groups_of(dataset, options.group_by, description.target)
    notes += gated_sentences(dataset, "" if true is None else description.target, _ALL_OUT)
    inference = compared(inference, dataset, options, progress)
    inference = with_gates(inference, dataset, options.input, progress)
    inference = replace(inference, warnings=tuple(filter(None, [*notes, *inference.warnings])))
    recognition = recognition_of(inference.path, dataset, true, progress)
    with staged(options.output, earlier, progress.say) as stage:
        prediction = label_cells(
            inference, dataset, true, options, recognition, groups, stage, progress
        )
        if options.audit:
            prediction = audited(prediction, stage, progress)
        scored = evaluate_prediction(prediction, stage, progress)
        result = PredictResult(**results_of(prediction, scored))
        write_record(prediction, result, stage)
    return result


def _held_out(dataset: Dataset, progress: Progress) -> tuple[Dataset, str]:
    """Leave the training cells out, which would make the model look better than it is.

    Return also a sentence on it; blank if there is nothing to leave out.
    """
    if not {TRAIN, HOLD_OUT} <= dataset.sides:
        return dataset, ""
    held = dataset.without(TRAIN)
    left = counted(len(dataset) - len(held), "cell")
    text = f"{dataset.root} has {TRAIN} and {HOLD_OUT}: {TRAIN} is left out, with {left}."
    progress.say(text)
    return held, text

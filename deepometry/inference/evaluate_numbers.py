"""The evaluation of a prediction of numbers: scores, plots, samples, errors, the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepometry.cells.groups import levels_of
from deepometry.core.progress import Progress
from deepometry.core.result_files import COUNT_PLOT
from deepometry.evaluation.evaluate_numbers import NumberEvaluation, evaluate_numbers
from deepometry.evaluation.number_plots import plot_numbers
from deepometry.evaluation.number_samples import NumberSample, number_samples
from deepometry.evaluation.report.render import write_page
from deepometry.evaluation.write import write_mistakes, write_number_samples, write_numbers
from deepometry.inference.novelty_results import novelty_page
from deepometry.inference.number_table import SeenNumbers
from deepometry.inference.prediction_table import Prediction
from deepometry.inference.report import number_facts


def evaluate_number_prediction(
    prediction: Prediction, seen: SeenNumbers, stage: Path, progress: Progress
) -> tuple[NumberEvaluation | None, list[NumberSample]]:
    """Score predicted numbers, and write tables, plots and report to the folder `stage`.

    Returned are the evaluation, None for unannotated data, and the summaries of the samples.
    """
    description = prediction.inference.description
    target, unit = description.target, description.task.unit
    predictions, gates = seen.predictions, prediction.dataset.gated_out
    title = f"Predicted {target}{prediction.apart}"
    plot_numbers(stage / COUNT_PLOT, predictions[gates.inside, 0], title, unit)
    evaluation, plots = None, {}
    if seen.true is not None:
        evaluation = _evaluated(prediction, seen.true, predictions)
        plots = write_numbers(stage, evaluation, target)
        write_mistakes(stage, seen.mistakes.top, description.channel_labels, numbers=True)
        progress.check()
    levels = levels_of(prediction.dataset, "" if seen.true is None else target)
    samples = number_samples(predictions[:, 0], levels, gates.marks, seen.novelties.novel)
    plots |= write_number_samples(stage, samples, target, unit)
    page = {"evaluation": evaluation, "mistakes": seen.mistakes.top, "plots": plots}
    page |= novelty_page(prediction, stage)
    parts = seen.parts.scores
    write_page(stage, number_facts(prediction, samples, parts=parts, **page))
    return evaluation, samples


def _evaluated(
    prediction: Prediction, true: np.ndarray, predictions: np.ndarray
) -> NumberEvaluation:
    task, recognition = prediction.inference.description.task, prediction.recognition
    judged, groups, by = recognition.judged, None, ""
    if prediction.groups:  # numbered again: some may have no cell that scores are of
        groups = np.unique(prediction.groups[1][judged], return_inverse=True)[1]
        by = prediction.options.group_by or ""
    how = (groups, by, task.half_width, task.unit, recognition.of_training)
    return evaluate_numbers(true[judged], predictions[judged], *how)

"""The evaluation of a prediction: scores, plots, samples, mistakes, the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.groups import levels_of
from deepometry.core.progress import Progress
from deepometry.core.result_files import COUNT_PLOT
from deepometry.evaluation.confusion import confusion, write_scores
from deepometry.evaluation.confusion_plots import plot_counts
from deepometry.evaluation.evaluate import Evaluation, evaluate
from deepometry.evaluation.evaluate_numbers import NumberEvaluation
from deepometry.evaluation.novelty import UNKNOWN
from deepometry.evaluation.number_samples import NumberSample
from deepometry.evaluation.report.render import write_page
from deepometry.evaluation.sample_composition import Sample, about_correction, samples_of
from deepometry.evaluation.selective import UNSURE
from deepometry.evaluation.share_intervals import BetweenSamples
from deepometry.evaluation.write import write_evaluation, write_mistakes, write_samples
from deepometry.inference.evaluate_numbers import evaluate_number_prediction
from deepometry.inference.novelty_results import novelty_page
from deepometry.inference.number_table import SeenNumbers
from deepometry.inference.prediction_table import Prediction, Seen
from deepometry.inference.report import prediction_facts

_SEED = 0


@dataclass(frozen=True)
class PredictionScores:
    """The scores of a prediction.

    Attributes
    ----------
    confusion : ndarray of int64, shape (classes, classes), or None
        Rows are the true classes; None for unannotated data.
    evaluation : Evaluation or NumberEvaluation or None
        None for unannotated data.
    samples : list of Sample or NumberSample
        That of all cells first.
    """

    confusion: np.ndarray | None
    evaluation: Evaluation | NumberEvaluation | None
    samples: Sequence[Sample | NumberSample]


def evaluate_prediction(
    prediction: Prediction, stage: Path, progress: Progress
) -> PredictionScores:
    """Score a prediction, and write tables, plots and report to the folder `stage`."""
    progress.report(0, 0, "Evaluating")
    description, seen = prediction.inference.description, prediction.seen
    if isinstance(seen, SeenNumbers):
        found = evaluate_number_prediction(prediction, seen, stage, progress)
        return PredictionScores(None, *found)
    labels, target = description.labels, description.target
    _plot_counts(prediction, seen, stage)
    evaluation, plots, matrix = None, {}, None
    if seen.true is not None:
        judged = prediction.recognition.judged
        matrix = confusion(seen.true[judged], seen.chosen[judged], len(labels))
        write_scores(stage, matrix, labels, target)
        evaluation = _evaluated(prediction, seen, seen.true)
        plots = write_evaluation(stage, evaluation)
        write_mistakes(stage, seen.mistakes.top, description.channel_labels)
        progress.check()
    samples, correction = _samples(prediction, seen, progress)
    plots |= write_samples(stage, samples, labels, target, prediction.with_unsure)
    page: dict[str, object] = {"evaluation": evaluation, "matrix": matrix, "plots": plots}
    page |= {"mistakes": seen.mistakes.top, "samples": samples, "correction": correction}
    recognition = prediction.recognition
    page |= novelty_page(prediction, stage)
    page |= {"caveat": recognition.sentence, "caveat_title": recognition.title}
    page |= {"parts": seen.parts.scores}
    write_page(stage, prediction_facts(prediction, **page))
    return PredictionScores(matrix, evaluation, samples)


def _plot_counts(prediction: Prediction, seen: Seen, stage: Path) -> None:
    description = prediction.inference.description
    inside = prediction.dataset.gated_out.inside
    unknown = seen.novelties.unknown
    withheld = seen.unsure if unknown is None else seen.unsure | unknown
    labelled = np.bincount(seen.chosen[inside & ~withheld], minlength=len(description.labels))
    counts = dict(zip(description.labels, labelled.tolist(), strict=True))
    if prediction.with_unsure:
        counts[UNSURE] = int(seen.unsure[inside].sum())
    if unknown is not None:
        counts[UNKNOWN] = int(unknown[inside].sum())
    plot_counts(stage / COUNT_PLOT, counts, f"Predicted {description.target}{prediction.apart}")


def _evaluated(prediction: Prediction, seen: Seen, true: np.ndarray) -> Evaluation:
    options, description = prediction.options, prediction.inference.description
    judged, groups = prediction.recognition.judged, None
    if prediction.groups:  # numbered again: some may have no cell that scores are of
        groups = np.unique(prediction.groups[1][judged], return_inverse=True)[1]
    return evaluate(
        true[judged],
        seen.chosen[judged],
        seen.probabilities[judged],
        description.labels,
        groups,
        (options.group_by or "") if prediction.groups else "",
        description.temperature,
        options.unsure_below,
        prediction.recognition.of_training,
        description.task.is_ordered,
    )


def _samples(prediction: Prediction, seen: Seen, progress: Progress) -> tuple[list[Sample], str]:
    """Count the classes by folder level; return also a sentence about the correction of shares."""
    description = prediction.inference.description
    matrix = np.array(description.confusion, np.int64)
    between = BetweenSamples.read(description.between_samples) if matrix.size else None
    matrix = between.confusion if between else matrix
    possible, correction = about_correction(matrix, description.labels)
    if possible and between:
        correction = f"{correction} {between}".strip()
    samples = samples_of(
        seen.chosen,
        seen.unsure,
        levels_of(prediction.dataset, "" if seen.true is None else description.target),
        matrix if possible else None,
        len(description.labels),
        np.random.default_rng(_SEED),
        progress,
        prediction.dataset.gated_out.marks,
        seen.novelties.unknown,
        seen.novelties.novel,
        between,
    )
    return samples, correction

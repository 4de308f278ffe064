"""What is told of a prediction beside its table: scores, plots, samples, mistakes, the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deepometry.dataset import Dataset
from deepometry.evaluation.evaluate import Evaluation, evaluate
from deepometry.evaluation.levels import Level, levels_of
from deepometry.evaluation.page import write_page
from deepometry.evaluation.page_predict import prediction_facts
from deepometry.evaluation.samples import Sample, about_correction, samples_of
from deepometry.evaluation.tradeoff import UNSURE
from deepometry.evaluation.write import write_evaluation, write_mistakes, write_samples
from deepometry.inference import Inference
from deepometry.options import PredictOptions
from deepometry.predicted import Seen
from deepometry.progress import Progress
from deepometry.report import confusion, plot_counts, write_scores

_SEED = 0


@dataclass(frozen=True)
class Judgement:
    """What is told of a prediction.

    Attributes
    ----------
    evaluation : Evaluation or None
        None for unannotated data.
    samples : list of Sample
    """

    evaluation: Evaluation | None
    samples: list[Sample] = field(default_factory=list)


def judged(
    options: PredictOptions,
    inference: Inference,
    dataset: Dataset,
    seen: Seen,
    groups: Level | None,
    stage: Path,
    progress: Progress,
) -> Judgement:
    """Judge a prediction, and write all that is told of it.

    Parameters
    ----------
    options : PredictOptions
    inference : Inference
        The model.
    dataset : Dataset
        The cells that were predicted.
    seen : Seen
        What it said of them.
    groups : (values, codes) or None
        Groups of cells that are resampled as a whole.
    stage : Path
        Folder to write to.
    progress : Progress
        Told about it; may cancel.
    """
    progress.report(0, 0, "Summing up")
    labels, target = inference.description.labels, inference.description.target
    _plot_counts(stage, seen, labels, target, options.unsure_below is not None)
    found, plots, matrix = None, {}, None
    if seen.true is not None:
        matrix = confusion(seen.true, seen.chosen, len(labels))
        write_scores(stage, matrix, labels, target)
        found = _evaluated(options, inference, seen, seen.true, groups)
        plots = write_evaluation(stage, found)
        write_mistakes(stage, seen.mistakes.found, inference.description)
        progress.check()
    samples, told = _samples(inference, dataset, seen, progress)
    plots |= write_samples(stage, samples, labels, target, options.unsure_below is not None)
    facts = prediction_facts(
        options,
        inference,
        dataset,
        evaluation=found,
        matrix=matrix,
        mistakes=seen.mistakes.found,
        plots=plots,
        samples=samples,
        correction=told,
    )
    write_page(stage, facts)
    return Judgement(found, samples)


def _plot_counts(
    stage: Path, seen: Seen, labels: tuple[str, ...], target: str, with_unsure: bool
) -> None:
    kept = np.bincount(seen.chosen[~seen.unsure], minlength=len(labels))
    counts = dict(zip(labels, kept.tolist(), strict=True))
    if with_unsure:
        counts[UNSURE] = int(seen.unsure.sum())
    plot_counts(stage / "count_plot.png", counts, f"Predicted {target}")


def _evaluated(
    options: PredictOptions,
    inference: Inference,
    seen: Seen,
    true: np.ndarray,
    groups: Level | None,
) -> Evaluation:
    return evaluate(
        true,
        seen.chosen,
        seen.probabilities,
        inference.description.labels,
        groups[1] if groups else None,
        options.group_by if groups and options.group_by else "",
        inference.description.temperature,
        options.unsure_below,
    )


def _samples(
    inference: Inference, dataset: Dataset, seen: Seen, progress: Progress
) -> tuple[list[Sample], str]:
    """Sum up every folder level; say what must be known of the correction of the shares."""
    description = inference.description
    known = np.array(description.confusion, np.int64)
    possible, told = about_correction(known, description.labels)
    levels = levels_of(dataset, "" if seen.true is None else description.target)
    rng = np.random.default_rng(_SEED)
    found = samples_of(
        seen.chosen,
        seen.unsure,
        levels,
        known if possible else None,
        len(description.labels),
        rng,
        progress,
    )
    return found, told

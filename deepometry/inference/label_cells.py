"""Labels for cells: what Predict and Classify have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.groups import Level
from deepometry.cells.model_description import Description
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.core.result_files import (
    CROSS_VALIDATION_RECORD,
    FOLD_RECORD,
    LAST_EPOCH,
    PREDICTED_TABLE,
)
from deepometry.core.run_records import own_record
from deepometry.core.spreadsheet import table_file
from deepometry.core.steps import WITH_TABLES, step_of
from deepometry.core.text import shortened
from deepometry.evaluation.selective import UNSURE
from deepometry.inference.prediction_table import LabelOptions, Prediction, Seen
from deepometry.inference.recognition import Recognition
from deepometry.inference.run import Inference


def check_output(options: LabelOptions) -> None:
    """Refuse to write over predictions of another step, a cross-validation included."""
    begun = (f"fold_1/{name}" for name in (LAST_EPOCH, FOLD_RECORD))
    crossed = (CROSS_VALIDATION_RECORD, FOLD_RECORD, *begun)
    step = step_of(options)
    others = [each for each in WITH_TABLES if each.table == step.table and each is not step]
    found = [name for name in crossed if (options.output / name).exists()]
    found += [each.record for each in others if own_record(options.output / each.record, each.name)]
    if found:
        what = "a cross-validation" if found[0] in crossed else "another step"
        raise DeepometryError(
            f"Output location {options.output}: expected no results of {what}, which the "
            f"prediction would write over, found {found[0]}; choose another folder."
        )


def check_name(description: Description, options: LabelOptions) -> None:
    """Refuse a class that could not be told from cells without a label."""
    taken = [label for label in description.labels if label.casefold() == UNSURE]
    if taken and options.unsure_below is not None:
        raise DeepometryError(
            f"Unsure below: the model has a class {taken[0]!r}, which could not be told from "
            "cells that are unsure; leave the option out, or train with another folder name."
        )


def true_classes(dataset: Dataset, description: Description) -> np.ndarray:
    """Read the class of every cell from its folders."""
    classes = shortened(description.labels, 5)
    for part, label in zip(dataset.parts, dataset.labels(description.target), strict=True):
        if label not in description.labels:
            value = "no such folder name" if label is None else f"{label!r}"
            raise DeepometryError(
                f"{part.stored.path}: expected a {description.target} that the model knows "
                f"({classes}), found {value}; remove these cells, or predict them as unannotated."
            )
    return dataset.codes(description.target, description.labels)


def label_cells(
    inference: Inference,
    dataset: Dataset,
    true: np.ndarray | None,
    options: LabelOptions,
    recognition: Recognition,
    groups: Level | None,
    stage: Path,
    progress: Progress,
) -> Prediction:
    """Write a row a cell to the folder `stage`, and keep what the evaluation needs.

    `true` (cells,) are the classes of the folders, None for unannotated data.
    """
    with table_file(stage / PREDICTED_TABLE) as file:
        seen = Seen(file, inference.description, true, options.unsure_below, recognition)
        for outcome in inference.over(
            dataset, inference.model, options.batch_size, progress, "Predicting"
        ):
            seen.add(outcome)
    return Prediction(options, inference, dataset, seen, recognition, groups)

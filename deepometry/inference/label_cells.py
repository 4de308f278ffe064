"""Labels for cells: what Predict and Classify have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.gate_like import limits_of
from deepometry.cells.gates.apply import GatedOut
from deepometry.cells.groups import Level, levels_of
from deepometry.cells.labels.source import CellLabels
from deepometry.cells.model_description import Description
from deepometry.core.errors import DeepometryError
from deepometry.core.label_numbers import read_number
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
from deepometry.core.task_names import NOVELTY
from deepometry.core.text import counted, shortened
from deepometry.evaluation.novelty import UNKNOWN
from deepometry.evaluation.selective import UNSURE
from deepometry.inference.novelty import Novelties, meter_of, with_novelty
from deepometry.inference.number_table import SeenNumbers
from deepometry.inference.prediction_table import LabelOptions, Prediction, Seen
from deepometry.inference.recognition import GATED_OUT, Recognition, has_label
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
    """Refuse a class that could not be told from cells without a label, and unsure numbers."""
    _check_withheld(description, UNKNOWN, "Unknown above", options.unknown_above)
    if description.task.is_number and options.unknown_above is not None:
        raise DeepometryError(
            "Unknown above: expected a model of classes, found one that predicts a number, which "
            f"has no label to withhold; leave the option out: the column {NOVELTY} is there."
        )
    if description.task.is_number and options.unsure_below is not None:
        raise DeepometryError(
            "Unsure below: expected a model of classes, found one that predicts a number, whose "
            "interval says how sure it is; leave the option out."
        )
    _check_withheld(description, UNSURE, "Unsure below", options.unsure_below)


def _check_withheld(
    description: Description, word: str, field: str, threshold: float | None
) -> None:
    """Refuse a class that is called as cells whose label is withheld."""
    taken = [label for label in description.labels if label.casefold() == word]
    if taken and threshold is not None:
        raise DeepometryError(
            f"{field}: the model has a class {taken[0]!r}, which could not be told from "
            f"cells that are {word}; leave the option out, or train with another folder name."
        )


def true_labels(dataset: Dataset, description: Description) -> np.ndarray:
    """Return the class of every cell, from its folders or from other labels; -1 for none.

    Cells that gates leave out have none.

    Where the model predicts a number, return the numbers, float64; NaN for none.

    Raises
    ------
    DeepometryError
        A cell in a folder has no class, no cell has one, or one has a class that the model does
        not know; or the same of numbers, or these have another unit than the model's.
    """
    labels, number = dataset.learnt(description.target), description.task.is_number
    true = labels.numbers() if number else labels.codes(description.labels)
    if number:
        _check_unit(labels, description)
    wrong = ~has_label(true) & ~dataset.gated_out.cells
    if not labels.from_folders and labels.labelled.any():
        wrong &= labels.labelled
    if wrong.any():
        part, (source, name) = dataset.cell(int(wrong.argmax()))
        label = labels.texts()[int(wrong.argmax())]
        where = part.stored.path if labels.from_folders else f"{name} of {source}"
        value = repr(label) if label else "no such folder name, and no labels of this name"
        known = f"that the model knows ({shortened(description.labels, 5)})"
        raise DeepometryError(
            f"{where}: expected a {description.target} {'that is a number' if number else known}, "
            f"found {value}; remove these cells, or predict them as unannotated."
        )
    return true


def _check_unit(labels: CellLabels, description: Description) -> None:
    """Refuse true numbers in another unit than that of the model."""
    own, target = description.task.unit, description.target
    for label in labels.classes:
        unit = (read_number(label) or (0.0, ""))[1]
        if own and unit and unit != own:
            raise DeepometryError(
                f"{target} {label}: expected a number in {own}, as the model learnt, found one in "
                f"{unit}; name the classes in {own}, or predict the cells as unannotated."
            )


def gated_sentences(dataset: Dataset, target: str, advice: str) -> list[str]:
    """Say how many cells gates leave out, and which samples whole; nothing where there are none.

    Raises DeepometryError, which ends with `advice`, where no other cell is left.
    """
    out = dataset.gated_out
    if not out.count:
        return []
    if out.count == len(dataset):
        limits = "; ".join(map(str, limits_of(out.gates)))
        raise DeepometryError(
            f"{dataset.root}: expected cells inside of the gates ({limits}), found all "
            f"{counted(out.count, 'cell')} outside; {advice}"
        )
    told = f"predicted and marked {GATED_OUT} in {PREDICTED_TABLE}, but neither counted nor scored."
    whole = [
        f"{level} {value}"
        for level, (values, places) in levels_of(dataset, target).items()
        for value, inside in zip(values, _inside(places, len(values), out), strict=True)
        if not inside
    ]
    lost = f"All cells of {shortened(whole)} are gated out: there is no composition of them."
    return [f"{out.sentence}: {told}", *[lost] * bool(whole)]


def _inside(places: np.ndarray, values: int, out: GatedOut) -> list[int]:
    """Count the cells of each value that are not gated out."""
    counts: list[int] = np.bincount(places[out.inside & (places >= 0)], minlength=values).tolist()
    return counts


def unlabelled_sentence(true: np.ndarray, target: str, gated_out: np.ndarray) -> str:
    """Say how many cells no score can be of; empty if every cell that is not gated out has one."""
    without = int(np.count_nonzero(~has_label(true) & ~gated_out))
    cells = counted(len(true), "cell")
    verb = "has" if without == 1 else "have"
    text = f"{without:,} of {cells} {verb} no label of {target}: predicted, but not scored."
    return text if without else ""


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

    `true` (cells,) are the true classes or numbers, None for unannotated data.
    """
    description, above = inference.description, options.unknown_above
    meter = meter_of(inference, above, progress)
    novelties = Novelties(meter.reference, above, dataset.gated_out.marks)
    with table_file(stage / PREDICTED_TABLE) as file:
        if description.task.is_number:
            seen: Seen | SeenNumbers = SeenNumbers(file, description, true, recognition, novelties)
        else:
            seen = Seen(file, description, true, options.unsure_below, recognition, novelties)
        for outcome in inference.over(
            dataset, meter.model, options.batch_size, progress, "Predicting"
        ):
            seen.add(meter.measured(outcome))
    inference = with_novelty(inference, novelties, progress)
    return Prediction(options, inference, dataset, seen, recognition, groups)

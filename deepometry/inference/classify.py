"""Classify new samples: from image files to labels, with no arrays on disk between."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.file_cells import FileCells, find_cell_files, look_at_cells
from deepometry.cells.groups import Level, groups_of
from deepometry.cells.known_cells import read_known
from deepometry.cells.model_description import Description, find_model, read_description
from deepometry.cells.parse_result import lost_folders
from deepometry.core.earlier_results import asked_to_replace, earlier_results
from deepometry.core.export_formats import EXPORT_FORMATS
from deepometry.core.files import check_outside, staged
from deepometry.core.numba_cache import compile_message
from deepometry.core.options.classify import ClassifyOptions
from deepometry.core.options.export import ExportOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import PROBLEMS_TABLE
from deepometry.core.steps import STEPS
from deepometry.core.text import counted
from deepometry.inference.evaluate_prediction import evaluate_prediction
from deepometry.inference.file_gates import FileGates
from deepometry.inference.label_cells import (
    check_name,
    check_output,
    gated_sentences,
    label_cells,
    true_labels,
)
from deepometry.inference.likeness import compared
from deepometry.inference.model_gates import warned
from deepometry.inference.prediction_result import PredictResult, results_of, write_record
from deepometry.inference.recognition import Recognition, has_label, tell_recognised
from deepometry.inference.run import Inference, inference_over, load

_ALL_OUT = "parse and predict them, which applies no gate unless you run the gate step."
_EXPORTED = "cells"  # beside the results; predicted.csv is the name of the table


@dataclass(frozen=True)
class ClassifyResult(PredictResult):
    """The labels of new samples.

    Attributes
    ----------
    problems : int
        Cells that could not be used, listed in problems.csv.
    remarks : tuple of str
        What was decided for the user, or changed in the cells: a sentence each.
    exported : Path or None
        The file for another program.
    """

    problems: int = 0
    remarks: tuple[str, ...] = field(default=())
    exported: Path | None = None

    def __str__(self) -> str:
        lines = [*super().__str__().splitlines(), *self.remarks]
        if self.problems:
            listed = self.output / PROBLEMS_TABLE
            lines.append(
                f"{counted(self.problems, 'cell')} could not be used: {listed} lists the reasons."
            )
        if self.exported is not None:
            lines.append(f"Exported: {self.exported}")
        return "\n".join(lines)


def classify(options: ClassifyOptions, progress: Progress | Report | None = None) -> ClassifyResult:
    """Label the cells of new image files with a trained model.

    Parameters
    ----------
    options : ClassifyOptions
        Where the files and the model are.
    progress : Progress or callable, optional
        Receives the number of cells done; may cancel.

    Returns
    -------
    ClassifyResult
        The files of a prediction lie in the output folder, and `problems.csv` where cells could
        not be used.

    Raises
    ------
    DeepometryError
        Files, model or output folder cannot be used; the files have no cells, or lack a channel of
        the model.
    Question
        The files do not say what their images are, or the cells are of another intensity scale.
    Cancelled
        When asked to stop. Then, as after any error, the output is as it was before.

    Notes
    -----
    The probabilities are those of Parse, with the frame of the model, and Predict: the same cells
    in the same order, padded with the same noise. Gates that the model learnt under are applied
    where their features can be measured, as the gate step does. Every cell is read once to find
    those that can be used, and once more to be labelled, unless there are so few that they stay in
    memory.
    """
    progress = as_progress(progress)
    check_output(options)
    check_outside(options.output, options.input, "in the new files")
    earlier = earlier_results(options)
    _check_export(options)
    if message := compile_message():
        progress.say(message)
    path = find_model(options.model)
    description = read_description(path)
    check_name(description, options)
    files = find_cell_files(options.reading(description.frame), description, path, progress)
    loaded = load(path, options.precision, progress, options.parts)
    with staged(options.output, earlier, progress.say) as stage:
        gates, problems = FileGates(description, files), stage / PROBLEMS_TABLE
        if gates.measures and (message := compile_message("features")):
            progress.say(message)
        cells = look_at_cells(files, problems, read_known(path), progress, gates.watch)
        cells = replace(cells, dataset=gates.apply(cells.dataset))
        inference = inference_over(cells.dataset, loaded, progress, options.views)
        inference = compared(inference, cells.dataset, options, progress)
        if gates.sentence:
            inference = warned(inference, gates.sentence, progress)
        result = _classified(options, inference, cells, files.remarks, stage, progress)
    return _exported(options, result, progress)


def _classified(
    options: ClassifyOptions,
    inference: Inference,
    cells: FileCells,
    remarks: tuple[str, ...],
    stage: Path,
    progress: Progress,
) -> ClassifyResult:
    """Label the cells, and write all results to the folder `stage`."""
    dataset, true, groups = cells.dataset, None, None
    if options.annotated:
        true, groups = _annotation(options, inference, dataset)
    labelled = None if true is None else has_label(true)
    gated = dataset.gated_out.marks
    recognition = Recognition(len(dataset), cells.recognised, labelled, gated)
    tell_recognised(recognition, progress)
    inference, notes = _with_reading(inference, cells, options)
    prediction = label_cells(
        inference, dataset, true, options, recognition, groups, stage, progress
    )
    scored = evaluate_prediction(prediction, stage, progress)
    problems = cells.reading.problems.number
    result = ClassifyResult(
        **results_of(prediction, scored), problems=problems, remarks=(*remarks, *notes)
    )
    write_record(prediction, result, stage, _facts(result, cells))
    return result


def _annotation(
    options: ClassifyOptions, inference: Inference, dataset: Dataset
) -> tuple[np.ndarray, Level | None]:
    """Return the true classes, and the groups of cells if any."""
    description = inference.description
    true = true_labels(dataset, description)
    by = options.group_by
    return true, groups_of(dataset, by, description.target) if by else None


def _with_reading(
    inference: Inference, cells: FileCells, options: ClassifyOptions
) -> tuple[Inference, list[str]]:
    """Add to the warnings that much was cut off; return what else is to be told, in sentences."""
    reading, dataset = cells.reading, cells.dataset
    fit = reading.sizes.fit(dataset.frame)
    told = fit.sentences()
    lost = lost_folders(reading.lost, dataset.folders)
    target = inference.description.target if options.annotated else ""
    gated = gated_sentences(dataset, target, _ALL_OUT)
    warnings, notes = [*gated, *lost, *told[: fit.heavy]], told[fit.heavy :]
    notes += [f"{counted(n, 'cell')}: {text}" for text, n in reading.notices.most_common()]
    if not options.annotated:
        notes += _named_classes(inference.description, dataset)
    return replace(inference, warnings=(*warnings, *inference.warnings)), notes


def _named_classes(description: Description, dataset: Dataset) -> list[str]:
    """Say that folders that are named after classes of the model were not taken for true labels."""
    labels = {*dataset.labels(description.target).classes} & {*description.labels}
    if not labels:
        return []
    return [
        f"Folders are named after classes of {description.target}: they count as samples, not as "
        "true labels. For scores, classify with --annotated."
    ]


def _facts(result: ClassifyResult, cells: FileCells) -> dict[str, Any]:
    """Return what the record says besides: what was found, and how to find the cells again."""
    dataset = cells.dataset
    named = {str(number): name for number, name in dataset.channel_names.items()}
    return {
        "problems": result.problems,
        "remarks": list(result.remarks),
        "channels": list(dataset.channel_numbers),
        "channel_names": named,
        "frame": dataset.frame,
        "sources": [file.plain() for file in cells.files],
    }


# --- for another program -------------------------------------------------------------------------


def _export_path(options: ClassifyOptions) -> Path | None:
    if options.export is None:
        return None
    return options.output / EXPORT_FORMATS[options.export].file_name(_EXPORTED)


def _check_export(options: ClassifyOptions) -> None:
    """Ask, before the work, about a file that the export would replace."""
    path = _export_path(options)
    if path is not None and path.is_file() and not options.overwrite:
        raise asked_to_replace(f"{path} exists already", {}, path.parent, [path.name])


def _exported(
    options: ClassifyOptions, result: ClassifyResult, progress: Progress
) -> ClassifyResult:
    """Write the results for another program, as the step Export does."""
    path = _export_path(options)
    if path is None:
        return result
    how = ExportOptions(
        input=options.output,
        output=path,
        format=options.export or "",
        overwrite=options.overwrite,
    )
    STEPS["export"].run(how, progress)
    return replace(result, exported=path)

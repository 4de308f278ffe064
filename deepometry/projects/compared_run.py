"""A run that is compared with others: its record, options, scores, curve and table of cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.model_description import Description, find_model, read_description
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder
from deepometry.core.folder_names import NUMBER
from deepometry.core.result_files import (
    CLASSIFY_RECORD,
    CROSS_VALIDATION_RECORD,
    EVALUATION_RECORD,
    PREDICT_RECORD,
    PREDICTED_TABLE,
    TRAIN_RECORD,
    TRAINING_TABLE,
    VALIDATION_TABLE,
)
from deepometry.core.run_records import own_record, read_json
from deepometry.core.spreadsheet import safe_records
from deepometry.evaluation.metrics import Score
from deepometry.projects.compared_names import names_of
from deepometry.projects.project import find_project
from deepometry.projects.runs import find_run

PREDICTION, TRAINING = "prediction", "training"
CURVES = ("loss", "val_loss", "accuracy", "val_accuracy", "mae", "val_mae")
_OWN_PLACES = {"output", "overwrite", "resume"}  # options that say nothing of the result


@dataclass(frozen=True)
class ComparedRun:
    """A run that is compared with others.

    Attributes
    ----------
    name : str
        Which no other run of the comparison has.
    folder : Path
    kind : str
        `prediction`, also of new files, or `training`.
    target : str
    labels : tuple of str
        The classes of its model; empty where that is not known.
    table : Path or None
        Its `predicted.csv`; of a training without folds, that of its validation cells.
    scores : tuple of Score
        Of all its cells, as it recorded them.
    matrix : ndarray of int64, shape (classes, classes), or None
        Of a training's validation cells.
    curve : list of dict
        Of the training of its model, a row an epoch, with `epoch` and those of `CURVES`.
    options : dict of str to dict
        Options as recorded, by step.
    input : str
        The folder of its parsed cells.
    group_by : str
        What its intervals were grouped by; may be empty.
    of_training : bool
        Whether it found that all its scores are of cells that its model has seen.
    validated : bool
        Whether its cells are those that its own model was validated with.
    notes : tuple of str
        What limits it in a comparison.
    number : bool
        Whether it predicts a number; then its cells are not compared one by one.
    """

    name: str
    folder: Path
    kind: str
    target: str
    labels: tuple[str, ...]
    table: Path | None
    scores: tuple[Score, ...]
    matrix: np.ndarray | None
    curve: list[dict[str, float]]
    options: Mapping[str, Mapping[str, Any]]
    input: str
    group_by: str
    of_training: bool = False
    validated: bool = False
    notes: tuple[str, ...] = ()
    number: bool = False


def open_runs(places: Sequence[Path], beside: Path | None = None) -> list[ComparedRun]:
    """Open runs that are to be compared.

    Parameters
    ----------
    places : sequence of Path
        Folders, or names of runs in a project.
    beside : Path, optional
        A place in the project; by default the current folder.

    Raises
    ------
    DeepometryError
        One is not there or of a step whose runs are not compared, or they classify by different
        targets.
    """
    runs = [_opened(_folder(place, beside)) for place in places]
    targets = {run.target.casefold(): run for run in runs if run.target}
    if len(targets) > 1:
        each = " and ".join(f"{run.folder} by {run.target}" for run in targets.values())
        raise DeepometryError(
            f"Runs: expected cells classified by one target, found {each}; compare runs of one "
            "target."
        )
    kinds = {run.number: run for run in runs}
    if len(kinds) > 1:
        raise DeepometryError(
            f"Runs: expected runs that all predict classes or all predict a number, found "
            f"{kinds[False].folder} of classes and {kinds[True].folder} of a number; compare runs "
            "of one kind."
        )
    names = names_of([(run.folder, next(iter(run.options))) for run in runs])
    return [replace(run, name=name) for run, name in zip(runs, names, strict=True)]


def _folder(place: Path, beside: Path | None) -> Path:
    """Find the folder of a run, or the run of that name in the project around."""
    project = None if place.exists() else find_project(beside or Path.cwd())
    return find_run(project, str(place)).folder if project else existing_folder(place, "Run")


def _opened(folder: Path) -> ComparedRun:
    for step, name in (("predict", PREDICT_RECORD), ("classify", CLASSIFY_RECORD)):
        if record := own_record(folder / name, step):
            return _prediction(folder, record, step)
    if record := own_record(folder / TRAIN_RECORD, "train"):
        return _training(folder, record)
    raise DeepometryError(
        f"Run {folder}: expected the results of predict, classify or train ({PREDICT_RECORD}, "
        f"{CLASSIFY_RECORD} or {TRAIN_RECORD}), found none; name the output folder of one of these "
        "steps."
    )


def _prediction(folder: Path, record: dict[str, Any], step: str) -> ComparedRun:
    options = _options(record)
    model = _beside(Path(str(record.get("model", ""))), folder)
    description = _description(model)
    seen = record.get("seen") or {}
    known = isinstance(seen, Mapping) and ("training" in seen or not seen)
    unknown = () if known else (f"{folder.name}: {seen.get('message')}",)
    number = _of_a_number(record)
    return ComparedRun(
        name=folder.name,
        folder=folder,
        kind=PREDICTION,
        target=str(record.get("target") or ""),
        labels=tuple(record.get("counts") or ()),
        table=None if number else _predicted(folder),
        scores=_recorded_scores(folder),
        matrix=None,
        curve=_curve_of(model),
        options={step: options, **_trained_with(description)},
        input=str(options.get("input") or ""),
        group_by=str(options.get("group_by") or ""),
        of_training=bool(seen.get("training_scores")),
        notes=(*unknown, *[_not_by_cells(folder)] * number),
        number=number,
    )


def _of_a_number(record: Mapping[str, Any]) -> bool:
    return (record.get("task") or {}).get("kind") == NUMBER


def _not_by_cells(folder: Path) -> str:
    return f"{folder.name} predicts a number: its own scores are shown, its cells are not compared."


def _training(folder: Path, record: dict[str, Any]) -> ComparedRun:
    options, crossed = _options(record), record.get("cross_validation")
    description = _description(_beside(Path(str(record.get("model", ""))), folder))
    labels: Sequence[str] = description.labels if description else ()
    number = _of_a_number(record)
    table = _predicted(folder) if crossed else _validation(folder, record)
    table = None if number else table
    whole = own_record(folder / CROSS_VALIDATION_RECORD, "cross-validation")
    matrix = np.array(description.confusion, np.int64) if description else np.zeros(0)
    cells = int((record.get("validation") or {}).get("cells") or matrix.sum())
    lacking = (
        f"{folder.name} has no table of its validation cells: it was stopped early, or trained by "
        "an earlier version. For a paired test, predict the same cells with each model and compare "
        "the predictions."
    )
    if number:
        lacking = _not_by_cells(folder)
    return ComparedRun(
        name=folder.name,
        folder=folder,
        kind=TRAINING,
        target=description.target if description else str(options.get("target") or ""),
        labels=tuple((whole or {}).get("counts") or labels),
        table=table,
        scores=_recorded_scores(folder) or _validated(record.get("scores") or {}, cells),
        matrix=matrix if matrix.ndim == 2 and not table else None,
        curve=_read_curve(folder / TRAINING_TABLE),
        options={"train": options},
        input=str(options.get("input") or ""),
        group_by=str(options.get("group_by") or "") if table else "",
        validated=bool(table and not crossed),
        notes=() if table else (lacking,),
        number=number,
    )


def _options(record: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in dict(record.get("options") or {}).items() if n not in _OWN_PLACES}


def _predicted(folder: Path) -> Path:
    path = folder / PREDICTED_TABLE
    if not path.is_file():
        raise DeepometryError(f"{path} is not there any more: put it back, or run the step again.")
    return path


def _validation(folder: Path, record: Mapping[str, Any]) -> Path | None:
    """Find the table of the validation cells; one that the record does not name is older."""
    path = folder / VALIDATION_TABLE
    return path if record.get("validation") and path.is_file() else None


def _beside(model: Path, folder: Path) -> Path | None:
    """Find the file of a model, also where its whole project has been moved."""
    places = [model, folder / model.name, *(p / model.parent.name / model.name for p in
              (folder.parent, folder.parent.parent / "models", folder.parent.parent))]  # fmt: skip
    return next((place for place in places if model.name and place.is_file()), None)


def _description(model: Path | None) -> Description | None:
    try:
        return read_description(find_model(model)) if model else None
    except DeepometryError:
        return None  # damaged or of a later version: what else there is can be compared


def _trained_with(description: Description | None) -> dict[str, dict[str, Any]]:
    record = description.record if description else {}
    return {str(record.get("step", "train")): _options(record)} if record else {}


def _curve_of(model: Path | None) -> list[dict[str, float]]:
    """Return the curve of the training that wrote a model, if it still stands beside it."""
    if model is None:
        return []
    record = own_record(model.parent / TRAIN_RECORD, "train")
    return _read_curve(model.parent / TRAINING_TABLE) if record.get("model") == model.name else []


def _read_curve(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [*safe_records(file)]
        return [{n: float(row[n]) for n in ("epoch", *CURVES) if row.get(n)} for row in rows]
    except (OSError, ValueError):
        return []


def _recorded_scores(folder: Path) -> tuple[Score, ...]:
    path = folder / EVALUATION_RECORD
    scores = read_json(path).get("scores") if path.is_file() else None
    rows = [row for row in scores or () if not row.get("label")]
    bounds = ({name: _number(row[name]) for name in ("value", "low", "high")} for row in rows)
    each = zip(rows, bounds, strict=True)
    return tuple(Score(row["name"], "", cells=row["cells"], **three) for row, three in each)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


_VALIDATED = {"val_accuracy": "accuracy", "val_balanced_accuracy": "balanced_accuracy"}
_VALIDATED |= {"val_loss": "log_loss", "val_calibration_error": "calibration_error"}
_NUMBERS = {f"val_{name}": name for name in ("mae", "rmse", "r2", "pearson", "spearman")}


def _validated(recorded: Mapping[str, Any], cells: int) -> tuple[Score, ...]:
    """Return the scores of the validation cells of a training."""
    none, wanted = math.nan, _NUMBERS if "val_r2" in recorded else _VALIDATED
    names = {name: label for name, label in wanted.items() if name in recorded}
    return tuple(
        Score(label, "", _number(recorded[name]), none, none, cells)
        for name, label in names.items()
    )


def options_that_differ(
    runs: Sequence[ComparedRun],
) -> list[tuple[str, str, list[Any]]]:
    """Return step, name and the values of the options that are not the same in all runs.

    Runs without such a step, as a training beside predictions, have None and do not count.
    """
    steps = dict.fromkeys(step for run in runs for step in run.options)
    rows = []
    for step in steps:
        own = [run.options.get(step, {}) for run in runs]
        for name in dict.fromkeys(name for options in own for name in options):
            values = [options.get(name) for options in own]
            known = [options.get(name) for options in own if options]
            if any(value != known[0] for value in known):
                rows.append((step, name, values))
    return rows

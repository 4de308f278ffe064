"""Retrieve: the targets of parsed cells, and whether a model has the same labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import CLASSES, FOLDERS, NUMBER, number_of
from deepometry.core.text import counted, joined, shortened
from deepometry.web.browse.background import Task

if TYPE_CHECKING:
    from deepometry.cells.dataset import Dataset
    from deepometry.cells.model_description import Description
    from deepometry.core.folder_names import Target

_FAVOURITE = "class"


@dataclass(frozen=True)
class ModelNote:
    """What a model was trained on, and how the chosen cells fit: "good", "warn" or "bad"."""

    text: str
    target: str
    labels: tuple[str, ...]
    state: str
    fit: str


@dataclass(frozen=True)
class Retrieved:
    """The cells in words, their targets, the one to begin with (blank: none), and the model.

    `others` are labels that cannot be learnt, and why.
    """

    head: str
    choices: tuple[dict[str, Any], ...]
    suggested: str
    model: ModelNote | None
    others: tuple[dict[str, str], ...] = ()


def retrieve(path: Path, model: Path | None, task: Task) -> Retrieved:
    """List the targets of the parsed cells in a folder, for training or prediction.

    Parameters
    ----------
    path : Path
        Folder of parsed cells.
    model : Path or None
        Model file, or the folder of one, to compare with the cells.
    task : Task
        Receives reports of the search; may be cancelled.

    Raises
    ------
    DeepometryError
        There are no parsed cells.
    Cancelled
        When asked to stop.
    """
    task.progress.report(0, 0, "Looking for parsed cells")
    from deepometry.cells.dataset import open_dataset

    dataset = open_dataset(path, task.progress)
    targets = dataset.targets()
    note = _model_note(model, dataset, targets) if model is not None else None
    choices = tuple(map(_choice, targets))
    others = _others(dataset, {target.name for target in targets})
    return Retrieved(_head(dataset), choices, _suggested(targets, note), note, others)


def _others(dataset: Dataset, names: set[str]) -> tuple[dict[str, str], ...]:
    """Return the labels that are no target."""
    found = []
    for name in (source.name for source in dataset.label_sources if source.name not in names):
        labels = dataset.learnt(name)
        some = labels.target()
        what = f"only {shortened([*some.labels])}" if some.labels else "no cell here has one"
        what = "folders have this name, too" if labels.from_folders else what
        found.append({"name": name, "text": f"{name}: {what}"})
    return tuple(found)


def _head(dataset: Dataset) -> str:
    numbers = dataset.channels
    channels = f"channel{'s' * (len(numbers) != 1)} {joined(numbers)}" if numbers else ""
    parts = [counted(len(dataset), "cell"), channels, f"frame {dataset.frame}"]
    sides = sorted(side for side in dataset.sides if side)
    return ", ".join(filter(None, [*parts, " and ".join(sides)]))


def _choice(target: Target) -> dict[str, Any]:
    """Return a target as the page shows it; the shares are percents of the largest label."""
    most = max(target.labels.values(), default=1)
    labels = target.labels.items()
    bars = [{"label": label, "cells": n, "share": 100 * n / most} for label, n in labels]
    what = counted(len(bars), "label") if target.kind == CLASSES else target.between
    text = f"{target.name} ({what}, {counted(target.cells, 'cell')})"
    return {
        "name": target.name,
        "text": text,
        "origin": "" if target.origin == FOLDERS else target.origin,
        "bars": bars,
        "unlabelled": target.unlabelled,
        "gated_out": target.gated_out,
        "are_numbers": bool(bars) and not any(isnan(number_of(label)) for label in target.labels),
    }


def _suggested(targets: Sequence[Target], note: ModelNote | None) -> str:
    names = [target.name for target in targets]
    wanted = (note.target.casefold() if note else "", _FAVOURITE)
    for name in (name for want in wanted if want for name in names if name.casefold() == want):
        return name
    return names[0] if len(names) == 1 else ""


def _model_note(location: Path, dataset: Dataset, targets: Sequence[Target]) -> ModelNote:
    from deepometry.cells.model_description import find_model, read_description

    try:
        path = find_model(location)
        model = read_description(path)
    except DeepometryError as error:
        return ModelNote("", "", (), "bad", str(error))
    text = f"{path.name}: {_learnt(model)}"
    try:
        model.columns(dataset, path)
    except DeepometryError as error:
        return ModelNote(text, model.target, model.labels, "bad", str(error))
    state, fit = _fit(model, dataset, targets)
    return ModelNote(text, model.target, model.labels, state, fit)


def _learnt(model: Description) -> str:
    """Say in a few words what a model predicts."""
    if model.task.is_number:
        return model.about_outputs
    return f"{model.target}, {counted(len(model.labels), 'label')}"


def _fit(model: Description, dataset: Dataset, targets: Sequence[Target]) -> tuple[str, str]:
    """Compare the labels of the model with those of the folders."""
    same = next((t for t in targets if t.name.casefold() == model.target.casefold()), None)
    present = set(same.labels) if same else set(dataset.learnt(model.target).target().labels)
    if same and same.kind == NUMBER and model.task.is_number:
        return "good", f"These cells have numbers of {model.target}, as the model predicts."
    if not present:
        return "warn", (
            f"These cells have no labels of {model.target}, in folder names or otherwise; tick "
            "“Unannotated data?”."
        )
    if model.task.is_number:
        wrong = [label for label in present if isnan(number_of(label))]
        if wrong:
            named = shortened(sorted(wrong))
            return "warn", f"Some values of {model.target} here are no numbers: {named}."
        return "good", f"The values of {model.target} here are numbers, as the model predicts."
    if strange := sorted(present - set(model.labels)):
        return "warn", (
            f"The model was not trained on {counted(len(strange), 'label')} of {model.target} "
            f"that these cells have: {shortened(strange)}."
        )
    if absent := [label for label in model.labels if label not in present]:
        text = f"The model was trained on every {model.target} here"
        return "good", f"{text}; no cells of: {shortened(absent)}."
    return "good", f"The cells have the same {counted(len(model.labels), 'label')}."

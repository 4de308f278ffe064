"""Warnings about scores that are inflated or unreliable because of the data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import Levels, find_targets, label_of
from deepometry.core.progress import Progress
from deepometry.core.text import counted, shortened
from deepometry.evaluation.share_intervals import FEWEST
from deepometry.training.cells import LabelledCells
from deepometry.training.near_duplicates import Pair, pairs_across
from deepometry.training.technique import technique

LabelsByFolder = Mapping[Levels, Collection[str]]
_PLURALS = {"class": "classes", "value": "values"}
_ENOUGH_NUMBERS = 30  # cells, below which a correlation says little
_NAMED = 4  # classes that a sentence names


def warnings_of(
    cells: LabelledCells,
    training: np.ndarray,
    validation: np.ndarray,
    judged: np.ndarray,
    progress: Progress,
) -> tuple[str, ...]:
    """Find reasons why a validation score is inflated or unreliable; return a sentence for each.

    `training` and `validation` are indices of cells, `judged` those of the cells on which scores
    rest: the validation cells, or in a cross-validation all.
    """
    dataset, labels = cells.dataset, cells.labels
    sides = (np.setdiff1d(training, judged), judged)
    counts = np.array([np.bincount(cells.codes[n], minlength=len(labels)) for n in sides])
    few = too_few(dict(zip(labels, map(tuple, counts.T.tolist()), strict=True)))
    if cells.task.is_number:
        few = too_few_numbers(len(judged))
    alike = near_duplicates(dataset, training, validation, progress)
    giving_away, notes = technique(cells)
    for note in notes:
        progress.say(f"Note: {note}")
    given = dataset.labels_by_folder(cells.target)
    kind = "value" if cells.task.is_number else "class"
    found = confounded(dataset.folders, cells.target, given, kind)
    return (*giving_away, *found, *few, *alike)


# --- a class that another folder level gives away -----------------------------------------------


def confounded(
    folders: Mapping[Levels, int],
    target: str,
    labels: LabelsByFolder | None = None,
    kind: str = "class",
) -> list[str]:
    """Find folder levels that separate classes of the target without a look at the cells.

    Parameters
    ----------
    folders : dict of folder names to int
        Cells of every folder.
    target : str
    labels : dict of folder names to set of str, optional
        The labels in every folder; by default those that the folder names give.
    kind : str
        What the labels are called, `class` or `value`.

    Returns
    -------
    list of str
        A sentence for each other target with classes that occur under one of its values only.
    """
    labels = labels or {levels: _named_label(levels, target) for levels in folders}
    classes, sentences = set[str]().union(*labels.values()), []
    for other in find_targets(folders):
        if not _is_same_level(folders, target, other.name):
            alone = _alone(labels, other.name)
            if alone:
                sentences.append(_sentence(target, other.name, alone, len(classes), kind))
    return sentences


def _named_label(levels: Levels, target: str) -> set[str]:
    label = label_of(levels, target)
    return set() if label is None else {label}


def _is_same_level(folders: Mapping[Levels, int], one: str, other: str) -> bool:
    """Return whether two targets are read from the same folder names."""
    if all(_place(levels, one) is None for levels in folders):
        return False  # its labels come from elsewhere
    pairs = ((_place(levels, one), _place(levels, other)) for levels in folders)
    return all(a == b for a, b in pairs if a is not None and b is not None)


def _place(levels: Levels, target: str) -> int | None:
    """Return the depth of the folder that names the value of a target."""
    if target.casefold().startswith("folder level "):
        place = int(target.split()[-1]) - 1
        return place if place < len(levels) else None
    named = (depth for depth, name in enumerate(levels) if label_of((name,), target) is not None)
    return next(named, None)


def _alone(labels: LabelsByFolder, other: str) -> dict[str, str]:
    """Return the classes that occur under one value of another target only, with that value."""
    values: dict[str, set[str]] = {}
    for levels, names in labels.items():
        value = label_of(levels, other)
        for label in sorted(names) if value is not None else ():
            values.setdefault(label, set()).add(str(value))
    if len(set().union(*values.values())) < 2:
        return {}
    return {label: next(iter(places)) for label, places in values.items() if len(places) == 1}


def _sentence(target: str, other: str, alone: Mapping[str, str], classes: int, kind: str) -> str:
    named = [f"{label} ({_named(other, value)})" for label, value in alone.items()]
    many = f"{len(alone)} of the {classes} {_PLURALS[kind]} of {target} come"
    who = f"{target} {next(iter(alone))} comes" if len(alone) == 1 else many
    where = _named(other, next(iter(alone.values()))) if len(alone) == 1 else f"one {other} each"
    listed = "" if len(alone) == 1 else f": {shortened(named, _NAMED)}"
    return (
        f"{who} from {where} only{listed}. The model may learn what is particular to that {other} "
        f"(stain, focus, instrument settings) instead of the {kind}, and the score does not show "
        f"it. Add cells of the {kind} from another {other}, or test on a {other} that was held out."
    )


def _named(prefix: str, value: str) -> str:
    return repr(value) if prefix.casefold().startswith("folder level") else f"{prefix} {value}"


# --- a class with too few cells -----------------------------------------------------------------


def too_few(cells: Mapping[str, tuple[int, int]]) -> list[str]:
    """Find classes with too few validation cells for a reliable score, in one sentence at most.

    `cells` has the training and validation cells of every class.
    """
    small = {label: both for label, both in cells.items() if both[1] < FEWEST}
    if not small:
        return []
    named = [f"{label} ({m} of {counted(t + m, 'cell')})" for label, (t, m) in small.items()]
    least = max(min(m for _, m in small.values()), 1)
    return [
        f"Too few validation cells: {shortened(named, _NAMED)}. The score of a class is reliable "
        f"only with at least {FEWEST} validation cells: one cell more or less classified correctly "
        f"moves it by up to {100 / least:.0f} percentage points."
    ]


def too_few_numbers(cells: int) -> list[str]:
    """Return a warning where too few numbers are there to score predicted ones, or else nothing."""
    if cells >= _ENOUGH_NUMBERS:
        return []
    return [
        f"Too few validation cells: {cells}. Errors and correlations of predicted numbers, and "
        f"their intervals, are reliable only with at least {_ENOUGH_NUMBERS} validation cells."
    ]


# --- images that stand on both sides, nearly ----------------------------------------------------


def near_duplicates(
    dataset: Dataset, training: np.ndarray, validation: np.ndarray, progress: Progress
) -> list[str]:
    """Find validation cells with a nearly identical image among the training cells."""
    pairs = pairs_across(dataset, training, validation, progress)
    if not pairs:
        return []
    cells = len({pair.validation for pair in pairs})
    first, second = _identities(dataset, pairs[0])
    return [
        f"{cells:,} of {counted(len(validation), 'validation cell')} "
        f"{'is a near-duplicate' if cells == 1 else 'are near-duplicates'} of a training cell, "
        f"such as {first} and {second}. The score is inflated by memorised images; "
        "remove one of each pair."
    ]


def _identities(dataset: Dataset, pair: Pair) -> tuple[str, str]:
    wanted = {pair.validation: "", pair.training: ""}
    try:
        for number, (_, source, name) in enumerate(dataset.identities()):
            if number in wanted:
                wanted[number] = f"{name} of {source}"
    except DeepometryError:  # a table that is damaged says so where it matters
        return f"cell {pair.validation}", f"cell {pair.training}"
    return wanted[pair.validation], wanted[pair.training]

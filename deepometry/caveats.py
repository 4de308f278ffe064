"""What makes scores look better, or surer, than they are: told before anybody believes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deepometry.dataset import Dataset
from deepometry.errors import DeepometryError
from deepometry.lookalikes import Pair, pairs_across
from deepometry.names import Levels, find_targets, label_of
from deepometry.progress import Progress, Report, as_progress
from deepometry.words import counted, shortened

FEWEST = 10
"""Validation cells of a class below which its score is left to chance."""

_NAMED = 4  # classes that a sentence names


def caveats_of(
    dataset: Dataset,
    target: str,
    labels: Sequence[str],
    codes: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    progress: Progress | Report | None = None,
    judged: np.ndarray | None = None,
) -> tuple[str, ...]:
    """Look for all that makes a validation score say less than it seems to.

    Parameters
    ----------
    dataset : Dataset
        All cells.
    target : str
        What is learnt.
    labels : sequence of str
        Its classes.
    codes : ndarray of int, shape (cells,)
        Class of every cell.
    training, validation : ndarray of int
        Indices of the cells on either side.
    progress : Progress or callable, optional
        Told how far the search for lookalikes is.
    judged : ndarray of int, optional
        Cells on which scores rest; by default those of validation. In a cross-validation all.

    Returns
    -------
    tuple of str
        A sentence for each finding, in the words of the laboratory.
    """
    judged = validation if judged is None else judged
    others = np.setdiff1d(training, judged)
    counts = [np.bincount(codes[side], minlength=len(labels)) for side in (others, judged)]
    few = too_few(dict(zip(labels, zip(*map(np.ndarray.tolist, counts), strict=True), strict=True)))
    alike = lookalikes(dataset, training, validation, as_progress(progress))
    return (*confounded(dataset.folders, target), *few, *alike)


# --- a class that another folder level gives away -----------------------------------------------


def confounded(folders: Mapping[Levels, int], target: str) -> list[str]:
    """Find folder levels that tell classes of the target apart without a look at the cells.

    Parameters
    ----------
    folders : dict of folder names to int
        Cells of every folder.
    target : str
        What is learnt.

    Returns
    -------
    list of str
        A sentence for each other target with classes that occur under one of its values only.
    """
    found = []
    for other in find_targets(folders):
        if not _is_same_level(folders, target, other.name):
            alone = _alone(folders, target, other.name)
            if alone:
                found.append(_sentence(target, other.name, alone, _classes(folders, target)))
    return found


def _is_same_level(folders: Mapping[Levels, int], one: str, other: str) -> bool:
    """Tell whether two targets are read from the same folder names."""
    pairs = ((_place(levels, one), _place(levels, other)) for levels in folders)
    return all(a == b for a, b in pairs if a is not None and b is not None)


def _place(levels: Levels, target: str) -> int | None:
    """Give the depth of the folder that names the value of a target."""
    if target.casefold().startswith("folder level "):
        place = int(target.split()[-1]) - 1
        return place if place < len(levels) else None
    named = (depth for depth, name in enumerate(levels) if label_of((name,), target) is not None)
    return next(named, None)


def _classes(folders: Mapping[Levels, int], target: str) -> int:
    return len({label for levels in folders if (label := label_of(levels, target)) is not None})


def _alone(folders: Mapping[Levels, int], target: str, other: str) -> dict[str, str]:
    """Give the classes that occur under one value of another target only, each with that value."""
    values: dict[str, set[str]] = {}
    for levels in folders:
        label, value = label_of(levels, target), label_of(levels, other)
        if label is not None and value is not None:
            values.setdefault(label, set()).add(value)
    if len(set().union(*values.values())) < 2:
        return {}
    return {label: next(iter(found)) for label, found in values.items() if len(found) == 1}


def _sentence(target: str, other: str, alone: Mapping[str, str], classes: int) -> str:
    named = [f"{label} ({_named(other, value)})" for label, value in alone.items()]
    many = f"{len(alone)} of the {classes} classes of {target} come"
    who = f"{target} {next(iter(alone))} comes" if len(alone) == 1 else many
    where = _named(other, next(iter(alone.values()))) if len(alone) == 1 else f"one {other} each"
    listed = "" if len(alone) == 1 else f": {shortened(named, _NAMED)}"
    return (
        f"{who} from {where} only{listed}. What is peculiar to that {other} (stain, focus, "
        "instrument settings) may be learnt in place of the cells, and the score cannot tell. "
        f"Add cells of the class from another {other}, or test on a {other} that was held out."
    )


def _named(prefix: str, value: str) -> str:
    return repr(value) if prefix.casefold().startswith("folder level") else f"{prefix} {value}"


# --- a class with too few cells to judge --------------------------------------------------------


def too_few(cells: Mapping[str, tuple[int, int]]) -> list[str]:
    """Find classes with so few validation cells that chance decides on their score.

    Parameters
    ----------
    cells : dict of str to (int, int)
        Training and validation cells of every class.

    Returns
    -------
    list of str
        One sentence about all of them, or none.
    """
    small = {label: both for label, both in cells.items() if both[1] < FEWEST}
    if not small:
        return []
    named = [f"{label} ({m} of {counted(t + m, 'cell')})" for label, (t, m) in small.items()]
    least = max(min(m for _, m in small.values()), 1)
    return [
        f"Too few validation cells to judge: {shortened(named, _NAMED)}. One cell more or less "
        f"that is named rightly moves the score of such a class by up to {100 / least:.0f} points; "
        f"trust it from {FEWEST} validation cells up."
    ]


# --- images that stand on both sides, nearly ----------------------------------------------------


def lookalikes(
    dataset: Dataset, training: np.ndarray, validation: np.ndarray, progress: Progress
) -> list[str]:
    """Find validation cells with a nearly identical image among the training cells."""
    pairs = pairs_across(dataset, training, validation, progress)
    if not pairs:
        return []
    cells = len({pair.validation for pair in pairs})
    first, second = _identities(dataset, pairs[0])
    return [
        f"{counted(cells, 'validation cell')} of {len(validation):,} "
        f"look{'s' * (cells == 1)} like a training cell to the pixel noise, such as {first} and "
        f"{second}: the same image saved twice, it seems. The score counts what was learnt by "
        "heart; remove one of each pair."
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

"""What a training learns of a target: classes, ordered classes, or numbers with their strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.folder_names import CLASSES, NUMBER, Target
from deepometry.core.label_numbers import read_numbers
from deepometry.core.options.fields import AUTO
from deepometry.core.task import Task
from deepometry.core.task_names import ORDERED
from deepometry.core.text import shortened

_FEWEST_IN_STRATUM, _MOST_STRATA = 40, 10


@dataclass(frozen=True)
class Learnt:
    """What is to be learnt of every cell.

    Attributes
    ----------
    task : Task
    labels : tuple of str
        The classes in their order; of numbers the strata, by which cells are divided evenly.
    codes : ndarray of int64, shape (cells,)
        Class or stratum of every cell; -1 for none.
    values : ndarray of float64, shape (cells,), or None
        The numbers; NaN for none. None for classes.
    """

    task: Task
    labels: tuple[str, ...]
    codes: np.ndarray
    values: np.ndarray | None = None


def learnt_of(dataset: Dataset, target: Target, learn_as: str) -> Learnt:
    """Return what is to be learnt of a target.

    Raises
    ------
    OptionsError
        The labels are no numbers, where their order or the numbers themselves are to be learnt, or
        measured numbers where classes are.
    DeepometryError
        All numbers are the same.
    """
    if target.kind == NUMBER:
        return _measured(dataset, target, learn_as)
    labels = tuple(target.labels)
    if learn_as in (AUTO, CLASSES):
        return Learnt(Task(), labels, dataset.codes(target.name, labels))
    numbers, unit = read_numbers(labels, target.name, learn_as)
    if learn_as == ORDERED:
        return _ordered(dataset, target.name, labels, numbers, unit)
    return _numbers(dataset.values(target.name), unit, target.name)


def _measured(dataset: Dataset, target: Target, learn_as: str) -> Learnt:
    """Return labels that are numbers of their own, not classes."""
    if learn_as not in (AUTO, NUMBER):
        raise OptionsError(
            {"learn_as": f"Learn as: expected auto or number, because the labels of {target.name} "
             f"are measured numbers, found {learn_as}; for classes, add the labels again as such."}
        )  # fmt: skip
    return _numbers(dataset.values(target.name), "", target.name)


def _ordered(
    dataset: Dataset, target: str, labels: Sequence[str], numbers: Sequence[float], unit: str
) -> Learnt:
    if len(set(numbers)) < len(numbers):
        same = [label for label, n in zip(labels, numbers, strict=True) if numbers.count(n) > 1]
        raise OptionsError(
            {"learn_as": f"Learn as ordered: expected another number in every label of {target}, "
             f"found the same in {shortened(same, 4)}; rename them, or learn them as classes."}
        )  # fmt: skip
    order = np.argsort(numbers, kind="stable")
    rising = tuple(labels[place] for place in order)
    task = Task(ORDERED, tuple(numbers[place] for place in order), unit)
    return Learnt(task, rising, dataset.codes(target, rising))


def _numbers(values: np.ndarray, unit: str, target: str) -> Learnt:
    known = np.isfinite(values)
    if len(np.unique(values[known])) < 2:
        raise DeepometryError(
            f"Target classification {target}: expected two numbers or more, found one; name "
            "another target."
        )
    labels, codes = strata_of(values[known])
    every = np.full(len(values), -1, np.int64)
    every[known] = codes
    return Learnt(Task(NUMBER, unit=unit), labels, every, values)


def strata_of(values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Divide numbers (cells,) into ranges of about as many cells each.

    Returns
    -------
    labels : tuple of str
        The ranges, rising: `0.5 to 1.2`, or a single number.
    codes : ndarray of int64, shape (cells,)
        Range of each cell.

    Notes
    -----
    Cells are divided into training, validation and folds range by range, so that each of these
    has small and large numbers. Equal numbers are never separated.
    """
    distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    wanted = min(max(len(values) // _FEWEST_IN_STRATUM, 1), _MOST_STRATA)
    each = len(values) / wanted
    # the range in which the middle of the cells with a number would lie
    middles = np.cumsum(counts) - counts / 2
    ranges = _without_small(np.minimum(middles // each, wanted - 1), counts)
    first = np.searchsorted(ranges, np.arange(ranges[-1] + 1))
    last = np.append(first[1:], len(distinct)) - 1
    ends = zip(distinct[first], distinct[last], strict=True)
    labels = [f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in ends]
    return _numbered(labels), ranges[places].astype(np.int64)


def _without_small(ranges: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Join ranges of few cells with the next one; number them from 0."""
    numbers = np.unique(ranges, return_inverse=True)[1]
    sizes = np.bincount(numbers, weights=counts)
    joined, number, size = np.empty(len(sizes), np.int64), 0, 0.0
    for place, own in enumerate(sizes):
        joined[place], size = number, size + own
        if size >= _FEWEST_IN_STRATUM / 2:
            number, size = number + 1, 0.0
    joined[joined == number] = max(number - 1, 0)  # the last ones were too few
    return joined[numbers]


def _numbered(labels: list[str]) -> tuple[str, ...]:
    """Number ranges whose ends are too close for their labels to differ."""
    twice = len(set(labels)) < len(labels)
    return tuple(f"{n}: {text}" if twice else text for n, text in enumerate(labels, start=1))

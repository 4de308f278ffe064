"""How cells are dealt out to folds, and divided into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepometry.core.errors import OptionsError
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Progress
from deepometry.training.cells import Cells, LabelledCells
from deepometry.training.folds import (
    assign_folds,
    assign_group_folds,
    check_spread,
    each_group_a_fold,
    group_table,
)
from deepometry.training.recipes import recipe_for
from deepometry.training.validation_split import validation_groups, validation_split

MOST_ALONE = 10
"""Groups that are left out one by one, where the number of folds is not given."""


def deal_folds(
    cells: LabelledCells, options: TrainOptions | BaselineOptions, progress: Progress
) -> np.ndarray | None:
    """Return the fold of every cell, by whole groups if there are any; None without folds."""
    if options.across:
        return _deal_across(cells, options, progress)
    if not options.folds:
        return None
    rng, codes, labels = np.random.default_rng([options.seed, 3]), cells.codes, cells.labels
    if cells.groups is None:
        return assign_folds(codes, cells.images, labels, options.folds, rng)
    how = (cells.group_by, options.folds, rng)
    # of ranges of a number not every one must be learnt from: what lies between is predicted, too
    return assign_group_folds(codes, cells.groups, labels, *how, not cells.task.is_number)


def _deal_across(
    cells: LabelledCells, options: TrainOptions | BaselineOptions, progress: Progress
) -> np.ndarray:
    """Return the fold of every cell: each group is one, or of very many several together are."""
    assert cells.groups is not None  # those that the options name
    most, by, groups = options.folds or MOST_ALONE, cells.group_by, cells.groups
    number = len(np.unique(groups[cells.codes >= 0]))
    needed = () if cells.task.is_number else cells.labels
    check_alone(cells, needed)
    if number <= most:
        progress.say(f"Each of the {number} values of {by} is left out once.")
        return each_group_a_fold(cells.codes, groups)
    progress.say(
        f"The {number} values of {by} are dealt out to {most} folds of whole values: each cell is "
        f"predicted by a model that saw none of its {by}, nor of the others in its fold. More "
        "--folds leave out fewer at a time, and take longer."
    )
    rng = np.random.default_rng([options.seed, 3])
    return assign_group_folds(cells.codes, groups, cells.labels, by, most, rng, bool(needed))


def check_alone(cells: LabelledCells, labels: Sequence[str]) -> None:
    """Check that every class comes from two groups or more, so that none is left out whole."""
    assert cells.groups is not None
    table = group_table(cells.codes, cells.groups, len(cells.labels)) > 0
    alone = [code for code in range(len(labels)) if table[:, code].sum() == 1]
    if alone:
        label, group = labels[alone[0]], cells.group_names[int(table[:, alone[0]].argmax())]
        raise OptionsError(
            {"across": f"Across: expected every class in two values of {cells.group_by} or more, "
             f"found {label} in {group} only: a model that never saw {group} cannot predict it. "
             f"Leave the folder of {label} out, or use Folds without Across."}
        )  # fmt: skip


def fold_cells(
    cells: Cells, fold: int, options: TrainOptions | BaselineOptions, progress: Progress
) -> Cells:
    """Return the cells of a fold, from 0: training and validation without what it leaves out."""
    wanted = (cells.codes >= 0) & (np.asarray(cells.folds) != fold)
    share = validation_share(options, len(cells.codes))
    return with_sides(cells, wanted, share, [options.seed, 0, fold + 1], progress)


def with_sides(
    cells: Cells, wanted: np.ndarray, share: float, seed: Sequence[int], progress: Progress
) -> Cells:
    """Return cells of which only some are divided into training and validation; see `divide`."""
    training, validation = divide(cells, wanted, share, seed, progress)
    return replace(cells, training=training, validation=validation)


def divide(
    cells: LabelledCells, wanted: np.ndarray, share: float, seed: Sequence[int], progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Divide some of the cells into training and validation, by whole groups if there are any.

    `wanted` (cells,) are the cells to divide, `share` is that of validation, `seed` is of the
    random number generator. Returns the rising indices of the cells of training and validation;
    raises DeepometryError where a class has too few cells, or comes from too few groups.
    """
    codes, labels = np.where(wanted, cells.codes, -1), cells.labels
    rng = np.random.default_rng(seed)
    if cells.groups is not None:
        needed, names = (
            (codes, labels) if not cells.task.is_number else _as_one(codes, cells.target)
        )
        sides = validation_groups(needed, cells.groups, len(names), share, rng)
        if sides is not None:
            return sides
        if wanted[cells.codes >= 0].all():
            check_spread(group_table(needed, cells.groups, len(names)), names, cells.group_by)
        progress.say(
            f"No {cells.group_by} can be spared for validation without losing "
            f"{'too many cells' if cells.task.is_number else 'a class'}: the validation cells are "
            "chosen one by one."
        )
    return validation_split(codes, cells.images, labels, share, rng)


def _as_one(codes: np.ndarray, target: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Take the ranges of a number as one class, of which any group may be spared."""
    return np.minimum(codes, 0), (target,)


def validation_share(options: TrainOptions | BaselineOptions, cells: int) -> float:
    """Return the share of the cells that goes to validation."""
    if isinstance(options, BaselineOptions):
        return options.validation
    return recipe_for(options, cells).validation

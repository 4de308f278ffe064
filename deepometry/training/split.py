"""How cells are dealt out to folds, and divided into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Progress
from deepometry.training.cells import Cells, LabelledCells
from deepometry.training.folds import assign_folds, assign_group_folds, check_spread, group_table
from deepometry.training.recipes import recipe_for
from deepometry.training.validation_split import validation_groups, validation_split


def deal_folds(cells: LabelledCells, options: TrainOptions | BaselineOptions) -> np.ndarray | None:
    """Return the fold of every cell, by whole groups if there are any; None without folds."""
    if not options.folds:
        return None
    rng, codes, labels = np.random.default_rng([options.seed, 3]), cells.codes, cells.labels
    if cells.groups is None:
        return assign_folds(codes, cells.images, labels, options.folds, rng)
    how = (cells.group_by, options.folds, rng)
    # of ranges of a number not every one must be learnt from: what lies between is predicted, too
    return assign_group_folds(codes, cells.groups, labels, *how, not cells.task.is_number)


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

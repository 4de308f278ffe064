"""Scores across groups: folds of whole groups, and scores by group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from deepometry.core.figure_style import save_plots
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.result_files import GROUPS_PLOT, GROUPS_TABLE
from deepometry.evaluation.confusion import write_table
from deepometry.evaluation.group_plots import plot_groups
from deepometry.evaluation.group_scores import (
    Grouped,
    GroupScores,
    class_group_scores,
    number_group_scores,
)
from deepometry.training.cells import Cells

AnyOptions = TypeVar("AnyOptions", TrainOptions, BaselineOptions)


def settled(options: AnyOptions, cells: Cells) -> AnyOptions:
    """Return options whose folds and groups are those that `across` came to for these cells."""
    if not options.across or cells.folds is None:
        return options
    return replace(options, folds=int(cells.folds.max()) + 1, group_by=cells.group_by)


def group_scores(cells: Cells, indices: np.ndarray, predictions: np.ndarray) -> GroupScores | None:
    """Score the groups of cells that folds left out; None where single cells were.

    `indices` (n,) are the cells, `predictions` (n, ...) the probabilities of the classes, or
    numbers with the ends of their intervals.
    """
    if cells.groups is None or cells.folds is None:
        return None
    folds = np.asarray(cells.folds)[indices]
    grouped = Grouped(cells.group_by, cells.groups[indices], cells.group_names, folds)
    if cells.task.is_number:
        return number_group_scores(cells.numbers(indices), predictions[:, 0], grouped)
    return class_group_scores(cells.codes[indices], predictions, cells.labels, grouped)


def write_groups(folder: Path, scores: GroupScores, prefix: str = "") -> dict[str, str]:
    """Write the scores by group as a table and a plot; return the plot, for the report.

    `prefix` begins the name of every file.
    """
    write_table(folder / f"{prefix}{GROUPS_TABLE}", scores.table())
    name = f"{prefix}{GROUPS_PLOT}"
    return {name: save_plots(plot_groups(scores), folder, name)}

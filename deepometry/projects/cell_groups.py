"""The groups of the cells that runs share, whose cells stay together in intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.groups import groups_of
from deepometry.cells.identity import cell_key, distinct_keys, find_keys
from deepometry.cells.reopened_files import open_classified
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.projects.compared_run import ComparedRun
from deepometry.projects.shared_cells import SharedCells


def groups_of_cells(
    runs: Sequence[ComparedRun],
    cells: SharedCells,
    group_by: str | None,
    notes: list[str],
    progress: Progress,
) -> tuple[str, np.ndarray | None]:
    """Return what the cells are grouped by, and the group of every cell of the first run."""
    levels = {run.group_by.casefold(): run.group_by for run in runs}
    level = group_by or (next(iter(levels.values())) if len(levels) == 1 else "")
    if not level:
        if len(levels) > 1:
            each = ", ".join(f"{run.name} by {run.group_by or 'cells'}" for run in runs)
            notes.append(f"Not grouped: the runs were grouped differently ({each}).")
        return "", None
    try:
        return level, _codes(runs[0], cells, level, progress)
    except DeepometryError as error:
        if group_by:
            raise
        notes.append(f"Not grouped by {level}, so each cell was taken as independent: {error}")
        return "", None


def _codes(run: ComparedRun, cells: SharedCells, level: str, progress: Progress) -> np.ndarray:
    progress.report(0, 0, f"Looking for the {level} of every cell")
    dataset = _opened(run, progress)
    codes = groups_of(dataset, level, run.target)[1]
    keys = np.fromiter((cell_key(*each[1:]) for each in dataset.identities()), np.uint64)
    rows = find_keys(cells.keys, distinct_keys(keys))
    return np.where(rows >= 0, codes[rows], -1)


def _opened(run: ComparedRun, progress: Progress) -> Dataset:
    """Open the cells of a run; those of new files are found in these again."""
    if "classify" in run.options:
        return open_classified(run.folder, progress)
    return open_dataset(Path(run.input))

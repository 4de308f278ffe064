"""Runs compared by the cells that they share, or by what each recorded of its own cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepometry.core.progress import Progress
from deepometry.projects.cell_groups import groups_of_cells
from deepometry.projects.cell_tally import Tally, cells_left_out
from deepometry.projects.compared_run import ComparedRun
from deepometry.projects.comparison import Comparison, Differing
from deepometry.projects.shared_cells import SharedCells


def own_results(runs: list[ComparedRun], options: list[Differing]) -> Comparison:
    """Compare runs by what each recorded of its own cells: there is no table of cells to join."""
    labels = [*dict.fromkeys(label for run in runs for label in run.labels)]
    matrices = [_placed(run.matrix, run.labels, labels) for run in runs]
    notes = [note for run in runs for note in run.notes]
    scores = [list(run.scores) for run in runs]
    facts: dict[str, Any] = {"shared": 0, "scored": 0, "left_out": {}, "pairs": [], "differing": 0}
    facts |= {"scores": scores, "matrices": matrices, "options": options, "notes": notes}
    return Comparison(runs=runs, labels=labels, **facts)


def _placed(
    matrix: np.ndarray | None, own: Sequence[str], labels: Sequence[str]
) -> np.ndarray | None:
    """Put a confusion matrix in the order of other classes."""
    if matrix is None or matrix.shape != (len(own), len(own)):
        return None
    places = [labels.index(label) for label in own]
    placed = np.zeros((len(labels), len(labels)), np.int64)
    placed[np.ix_(places, places)] = matrix
    return placed


def compare_cells(
    runs: list[ComparedRun],
    places: Sequence[int],
    cells: SharedCells,
    group_by: str | None,
    options: list[Differing],
    progress: Progress,
) -> Comparison:
    """Compare runs by the cells that they share.

    Parameters
    ----------
    runs : list of ComparedRun
        All of them.
    places : sequence of int
        Which of them have a table, in the order of `cells`.
    cells : SharedCells
    group_by : str, optional
        Folder level whose cells stay together; by default that of the runs, if it is one.
    options : list
        Those that differ.
    """
    notes = [note for run in runs for note in run.notes]
    level, groups = groups_of_cells(
        [runs[place] for place in places], cells, group_by, notes, progress
    )
    left_out, of_training = cells_left_out(cells, groups, notes)
    tally = Tally(cells, groups, of_training)
    for number, rows in enumerate(cells.slices()):
        progress.report(number, 0, "Counting the cells")
        tally.add(rows)
    scored_cells = int(tally.matrices[0].sum())
    scores = [list(run.scores) for run in runs]
    matrices: list[np.ndarray | None] = [
        _placed(run.matrix, run.labels, cells.labels) for run in runs
    ]
    for own, place in enumerate(places):
        matrices[place] = tally.matrices[own].sum(0) if scored_cells else None
        if scored_cells:
            scores[place] = tally.scores(own, of_training)
    notes += _about_validation([runs[place] for place in places if scored_cells])
    if not tally.shared:
        notes.append("These runs share no cells, so there is nothing to test.")
    elif not scored_cells:
        notes.append(
            "None of the cells that these runs share has a true label: how far runs agree does not "
            "show which of them is right."
        )
    return Comparison(
        runs=runs,
        labels=cells.labels,
        shared=tally.shared,
        scored=scored_cells,
        left_out=left_out,
        scores=scores,
        matrices=matrices,
        pairs=tally.pairs(places) if tally.shared else [],
        options=options,
        differing=tally.differing,
        group_by=level,
        groups=tally.groups if level else 0,
        of_training=of_training,
        notes=notes,
    )


def _about_validation(runs: Sequence[ComparedRun]) -> list[str]:
    """Say which scores are of cells that had a part in the choice of their model."""
    names = " and ".join(run.name for run in runs if run.validated)
    if not names:
        return []
    return [
        f"The cells of {names} are validation cells, which chose the temperature and, unless the "
        "final epoch was kept, the epoch of the model: these scores are slightly too good. For a "
        "fairer comparison, predict held-out cells with each model and compare the predictions."
    ]

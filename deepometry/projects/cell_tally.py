"""Which of the cells that runs share are scored, and counts of all runs on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from deepometry.evaluation.calibration import LEAST
from deepometry.evaluation.metrics import Score, scored
from deepometry.evaluation.pair_tally import PairTally
from deepometry.evaluation.paired import paired
from deepometry.evaluation.paired_tests import holm
from deepometry.evaluation.score_names import NAMES
from deepometry.projects.comparison import Pair
from deepometry.projects.shared_cells import NO_LABEL, OTHER_LABELS, SharedCells

_SEED = 0
_FEWEST = 5  # cells of which a score says anything

_GATED = "gated out"
_UNLABELLED, _OTHER = "without a true label", "labelled differently in the runs"
_FOREIGN, _SEEN = "of classes that not all models know", "seen by a model in its training"
_UNGROUPED = "without a group"
_REASONS = (_GATED, _UNLABELLED, _OTHER, _FOREIGN, _UNGROUPED, _SEEN)


def _reasons(
    cells: SharedCells, rows: slice, groups: np.ndarray | None
) -> list[tuple[str, np.ndarray]]:
    """Return for every reason which of some cells it leaves out."""
    true = np.asarray(cells.true[rows])
    ungrouped = np.zeros(len(true), bool) if groups is None else groups[rows] < 0
    return [
        (_GATED, np.asarray(cells.gated_out[rows])),
        (_UNLABELLED, true == NO_LABEL),
        (_OTHER, true == OTHER_LABELS),
        (_FOREIGN, ~cells.known_to_all(rows)),
        (_UNGROUPED, ungrouped),
        (_SEEN, np.asarray(cells.seen[rows])),
    ]


def cells_left_out(
    cells: SharedCells, groups: np.ndarray | None, notes: list[str]
) -> tuple[dict[str, int], bool]:
    """Count the shared cells that scores are not of, and say whether they are training scores."""
    counts = dict.fromkeys(_REASONS, 0)
    scored, seen = 0, 0
    for rows in cells.slices():
        rest = cells.shared(rows)
        for reason, applies in _reasons(cells, rows, groups):
            counts[reason] += int((rest & applies).sum())
            rest = rest & ~applies
        scored += int(rest.sum())
    seen = counts[_SEEN]
    if seen and scored < _FEWEST:
        notes.append(
            f"Models have seen {'all' if not scored else 'almost all'} of the shared cells in "
            "their training: these are training scores, and nothing is tested."
        )
        return {**counts, _SEEN: 0}, True
    return counts, False


class Tally:
    """Counts of all runs on the cells that are scored, added some rows at a time."""

    def __init__(self, cells: SharedCells, groups: np.ndarray | None, of_training: bool) -> None:
        self._cells, self._groups, self._of_training = cells, groups, of_training
        self._runs, classes = len(cells.chosen), len(cells.labels)
        self.groups = 0 if groups is None else int(groups.max(initial=-1)) + 1
        shape = (self._runs, max(self.groups, 1), classes, classes)
        self.matrices = np.zeros(shape, np.int64)
        self._losses = np.zeros(self._runs)
        self._pairs = [*combinations(range(self._runs), 2)]
        self._tallies = [PairTally(max(classes, 1), self.groups) for _ in self._pairs]
        self._agreements = np.zeros((len(self._pairs), classes, classes), np.int64)
        self.shared = self.differing = 0

    def add(self, rows: slice) -> None:
        """Add some cells."""
        cells, shared = self._cells, self._cells.shared(rows)
        chosen = np.asarray(cells.chosen[:, rows])
        self.shared += int(shared.sum())
        self.differing += int((shared & (chosen != chosen[0]).any(0)).sum())
        for place, (one, two) in enumerate(self._pairs):
            np.add.at(self._agreements[place], (chosen[one, shared], chosen[two, shared]), 1)
        for reason, applies in _reasons(cells, rows, self._groups):
            if reason != _SEEN or not self._of_training:
                shared = shared & ~applies
        if shared.any():
            self._score(rows, shared, chosen[:, shared].astype(np.int64))

    def _score(self, rows: slice, some: np.ndarray, chosen: np.ndarray) -> None:
        true = np.asarray(self._cells.true[rows])[some].astype(np.int64)
        of_true = np.asarray(self._cells.of_true[:, rows])[:, some]
        groups = None if self._groups is None else self._groups[rows][some]
        classes = len(self._cells.labels)
        for run in range(self._runs):
            flat = (true if groups is None else groups * classes + true) * classes + chosen[run]
            counts = np.bincount(flat, minlength=self.matrices[run].size)
            self.matrices[run] += counts.reshape(self.matrices[run].shape)
        self._losses += -np.log(np.maximum(of_true.astype(np.float64), LEAST)).sum(1)
        for tally, (one, two) in zip(self._tallies, self._pairs, strict=True):
            tally.add(true, (chosen[one], chosen[two]), (of_true[one], of_true[two]), groups)

    def scores(self, run: int, of_training: bool) -> list[Score]:
        """Return the scores of a run on the scored cells; without intervals if of training."""
        matrices = self.matrices[run]
        real = matrices[matrices.sum((1, 2)) > 0]
        given = real if self._groups is not None else matrices[0]
        scores = scored(given, self._cells.labels, np.random.default_rng(_SEED))
        cells, none = int(matrices.sum()), math.nan
        loss = float(self._losses[run]) / cells
        scores.insert(5, Score("log_loss", "", loss, none, none, cells))
        if of_training:
            scores = [Score(s.name, s.label, s.value, none, none, s.cells) for s in scores]
        return [score for score in scores if score.name in NAMES]

    def pairs(self, places: Sequence[int]) -> list[Pair]:
        """Test all pairs, and adjust for their number."""
        results = [paired(tally) for tally in self._tallies]
        adjusted = holm([result.p_value for result in results])
        rows = zip(self._pairs, results, adjusted, self._agreements, strict=True)
        return [
            Pair(places[one], places[two], result, p, agreement)
            for (one, two), result, p, agreement in rows
        ]

"""What a comparison of runs says: scores, tests, matrices, and which cells they are of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import open_dataset
from deepometry.cells.groups import groups_of
from deepometry.cells.identity import cell_key, distinct_keys, find_keys
from deepometry.core.errors import DeepometryError
from deepometry.core.options.fields import settings
from deepometry.core.progress import Progress
from deepometry.core.steps import STEPS
from deepometry.core.text import counted
from deepometry.evaluation.evaluate import FEW_GROUPS
from deepometry.evaluation.metrics import Score, scored
from deepometry.evaluation.paired import Paired, PairTally, holm, paired, shown
from deepometry.evaluation.score_names import NAMES
from deepometry.evaluation.significance import SURE
from deepometry.projects.compared_run import ComparedRun
from deepometry.projects.shared_cells import NO_LABEL, OTHER_LABELS, SharedCells

_SEED = 0
_FEWEST = 5  # cells of which a score says anything
_LEAST = 1e-7

Differing = tuple[str, str, list[Any]]
"""Step, name and the value in each run of an option that is not the same in all."""


@dataclass(frozen=True)
class Pair:
    """Two runs of a comparison, by their places, the first less than the second.

    Attributes
    ----------
    paired : Paired
    p_adjusted : float
        For the number of pairs, by Holm.
    differ : int
        Shared cells that the two predict differently, also without a true label.
    """

    first: int
    second: int
    paired: Paired
    p_adjusted: float
    differ: int


@dataclass(frozen=True)
class Comparison:
    """What a comparison of runs says.

    Attributes
    ----------
    runs : list of ComparedRun
    labels : list of str
        The classes of the matrices.
    shared : int
        Cells that all runs with a table have.
    scored : int
        Those of them that scores and tests are of.
    left_out : dict of str to int
        Why the others are left out.
    scores : list of list of Score
        Of every run: on the scored cells, or where there are none, its own.
    matrices : list of ndarray or None
        Confusion matrix of every run, int64 of shape (classes, classes).
    pairs : list of Pair
    options : list
        Those that differ.
    differing : int
        Shared cells that not all runs predict as the same class.
    group_by : str
        Folder level whose cells stay together; empty where cells stand for themselves.
    groups : int
    of_training : bool
        Whether models have seen the scored cells; then nothing is tested.
    notes : list of str
    """

    runs: list[ComparedRun]
    labels: list[str]
    shared: int
    scored: int
    left_out: dict[str, int]
    scores: list[list[Score]]
    matrices: list[np.ndarray | None]
    pairs: list[Pair]
    options: list[Differing]
    differing: int
    group_by: str = ""
    groups: int = 0
    of_training: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def scores_by_name(self) -> list[dict[str, Score]]:
        """Scores of all classes together, by name."""
        return [{s.name: s for s in scores if not s.label} for scores in self.scores]

    @property
    def about(self) -> str:
        """Which cells the scores are of, in a sentence."""
        if not self.scored:
            return "The scores are those that each run recorded of its own cells."
        rest = [f"{number:,} {reason}" for reason, number in self.left_out.items() if number]
        without = f"; left out: {', '.join(rest)}" if rest else ""
        kind = "Training scores" if self.of_training else "Scores"
        return (
            f"{kind} of {counted(self.scored, 'cell')}, of the {self.shared:,} that these runs "
            f"share{without}."
        )

    @property
    def how(self) -> str:
        """What intervals and tests are, in a sentence."""
        if not self.pairs or self.of_training:
            return ""
        if not self.group_by:
            how = "McNemar's test (exact) and 95 % intervals by paired bootstrap, each cell taken "
            how += "as independent."
        else:
            how = f"The {self.groups:,} values of {self.group_by} are exchanged, and drawn, each "
            how += "with all its cells."
            how += f" {self.groups} are few." * (self.groups < FEW_GROUPS)
        many = len(self.pairs)
        return how + f" p-values are adjusted for {many} pairs (Holm)." * (many > 1)

    def sentence(self, pair: Pair) -> str:
        """Say how two runs differ."""
        first, second = self.runs[pair.first].name, self.runs[pair.second].name
        gain = pair.paired.differences[0]
        interval = f" ({gain.low:+.3f} to {gain.high:+.3f})" if gain.low == gain.low else ""
        text = pair.paired.sentence(first, second, pair.p_adjusted)
        more = f"Accuracy of {second} less that of {first}: {gain.value:+.3f}{interval}."
        return " ".join(filter(None, (text, more, pair.paired.caution)))

    @property
    def sentences(self) -> list[str]:
        """What the tests say, and how many cells differ."""
        tests = [self.sentence(pair) for pair in self.pairs if self.scored and not self.of_training]
        first = f"{counted(self.differing, 'cell')} of the {self.shared:,} shared ones "
        first += f"{'is' if self.differing == 1 else 'are'} predicted differently."
        return [*tests, *filter(None, [self.how]), *[first] * bool(self.shared)]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON and for the page."""
        return {
            "runs": [_plain_run(run) for run in self.runs],
            "labels": self.labels,
            "about": self.about,
            "how": self.how,
            "cells": {"shared": self.shared, "scored": self.scored, "left_out": self.left_out},
            "group_by": self.group_by,
            "groups": self.groups,
            "training_scores": self.of_training,
            "scores": [[_finite(asdict(score)) for score in scores] for scores in self.scores],
            "matrices": [None if m is None else m.tolist() for m in self.matrices],
            "pairs": [self._plain_pair(pair) for pair in self.pairs],
            "options": [
                {"step": step, "name": name, "label": label_of(step, name), "values": values}
                for step, name, values in self.options
            ],
            "differing": self.differing,
            "notes": self.notes,
        }

    def _plain_pair(self, pair: Pair) -> dict[str, Any]:
        values = _finite(asdict(pair.paired))
        values["differences"] = [_finite(asdict(each)) for each in pair.paired.differences]
        tested = bool(self.scored) and not self.of_training
        return values | {
            "first": pair.first,
            "second": pair.second,
            "test": pair.paired.test,
            "tested": tested,
            "p_adjusted": pair.p_adjusted,
            "p_text": shown(pair.p_adjusted),
            "significant": tested and pair.p_adjusted <= SURE,
            "differ": pair.differ,
            "sentence": self.sentence(pair) if tested else "",
        }


def _plain_run(run: ComparedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.folder.absolute()),
        "kind": run.kind,
        "target": run.target,
        "with_cells": run.table is not None,
        "curve": run.curve,
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: None if isinstance(v, float) and math.isnan(v) else v for n, v in values.items()}


def label_of(step: str, name: str) -> str:
    """Return what an option is called."""
    known = settings(STEPS[step].options) if step in STEPS else {}
    return known[name][0].label if name in known else name


# --- without shared cells ---------------------------------------------------------------------


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


# --- by the cells that runs share -------------------------------------------------------------


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
    level, groups = _groups([runs[place] for place in places], cells, group_by, notes, progress)
    left_out, of_training = _left_out(cells, groups, notes)
    tally = _Tally(cells, groups, of_training)
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
        notes.append("None of the cells that these runs share has a true label.")
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
        "final epoch was kept, the epoch of the model: its scores are slightly too good. For a "
        "fairer comparison, predict held-out cells with each model and compare the predictions."
    ]


def _left_out(
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


_UNLABELLED, _OTHER = "without a true label", "labelled differently in the runs"
_FOREIGN, _SEEN = "of classes that not all models know", "seen by a model in its training"
_UNGROUPED = "without a group"
_REASONS = (_UNLABELLED, _OTHER, _FOREIGN, _UNGROUPED, _SEEN)


def _reasons(
    cells: SharedCells, rows: slice, groups: np.ndarray | None
) -> list[tuple[str, np.ndarray]]:
    """Return for every reason which of some cells it leaves out."""
    true = np.asarray(cells.true[rows])
    ungrouped = np.zeros(len(true), bool) if groups is None else groups[rows] < 0
    return [
        (_UNLABELLED, true == NO_LABEL),
        (_OTHER, true == OTHER_LABELS),
        (_FOREIGN, ~cells.known_to_all(rows)),
        (_UNGROUPED, ungrouped),
        (_SEEN, np.asarray(cells.seen[rows])),
    ]


class _Tally:
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
        self._differ = [0] * len(self._pairs)
        self.shared = self.differing = 0

    def add(self, rows: slice) -> None:
        """Add some cells."""
        cells, shared = self._cells, self._cells.shared(rows)
        chosen = np.asarray(cells.chosen[:, rows])
        self.shared += int(shared.sum())
        self.differing += int((shared & (chosen != chosen[0]).any(0)).sum())
        for place, (one, two) in enumerate(self._pairs):
            self._differ[place] += int((shared & (chosen[one] != chosen[two])).sum())
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
        self._losses += -np.log(np.maximum(of_true.astype(np.float64), _LEAST)).sum(1)
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
        rows = zip(self._pairs, results, adjusted, self._differ, strict=True)
        return [
            Pair(places[one], places[two], result, p, differ)
            for (one, two), result, p, differ in rows
        ]


def _groups(
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
    dataset = open_dataset(Path(run.input))
    codes = groups_of(dataset, level, run.target)[1]
    keys = np.fromiter((cell_key(*each[1:]) for each in dataset.identities()), np.uint64)
    rows = find_keys(cells.keys, distinct_keys(keys))
    return np.where(rows >= 0, codes[rows], -1)

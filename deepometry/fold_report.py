"""What is told of a cross-validation beside its tables: scores, plots, mistakes, the report."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.chance import no_better_than_guessing
from deepometry.checkpoint import Row
from deepometry.errors import DeepometryError
from deepometry.evaluation.evaluate import Evaluation, evaluate
from deepometry.evaluation.mistakes import MOST, Mistake, Mistakes
from deepometry.evaluation.page import write_page
from deepometry.evaluation.page_folds import FoldFacts
from deepometry.evaluation.provenance import Made, Pairs, commands_of, made_by, told_options
from deepometry.evaluation.reliability import probability_of
from deepometry.evaluation.write import channel_names, write_evaluation, write_mistakes
from deepometry.files import provenance
from deepometry.options import TrainOptions
from deepometry.out_of_fold import PREDICTED, cell_names
from deepometry.progress import Progress
from deepometry.training_cells import Cells, describe


@dataclass(frozen=True)
class Pooled:
    """What all folds found, cell by cell.

    Attributes
    ----------
    true, chosen : ndarray of int64, shape (cells,)
        Classes.
    chances : ndarray of float32, shape (cells, classes)
        Probabilities, each at the temperature of its fold.
    """

    true: np.ndarray
    chosen: np.ndarray
    chances: np.ndarray

    @property
    def sure(self) -> np.ndarray:
        """Probability of the class given, shape (cells,)."""
        return probability_of(self.chances, self.chosen)


def read_pooled(path: Path, labels: Sequence[str], cells: int) -> Pooled:
    """Read the predictions of all folds back, row by row.

    Parameters
    ----------
    path : Path
        As `merge_predictions` wrote it.
    labels : sequence of str
        The classes.
    cells : int
        Number of rows.

    Raises
    ------
    DeepometryError
        It holds something else.

    Notes
    -----
    Of a cell there stay in memory its classes and a float32 for every class: 44 MB for a million
    cells of seven classes.
    """
    codes = {label: code for code, label in enumerate(labels)}
    true, chosen = np.empty(cells, np.int64), np.empty(cells, np.int64)
    chances = np.empty((cells, len(labels)), np.float32)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            for place, row in zip(range(cells), rows, strict=True):
                true[place], chosen[place] = codes[row[2]], codes[row[3]]
                chances[place] = [float(text) for text in row[4:-1]]
    except (StopIteration, LookupError, ValueError, csv.Error) as error:
        raise DeepometryError(
            f"{path.name} of a fold: expected the predictions that its training wrote, found "
            "others; delete the folders of the folds and train without resuming."
        ) from error
    return Pooled(true, chosen, chances)


class FoldReport:
    """Judges what all folds found, and writes it down.

    Parameters
    ----------
    options : TrainOptions
        With folds.
    cells : Cells
        All of them.
    trained : dict
        Options of the training of a fold, as its record tells them.
    progress : Progress
        Asked whether to stop.
    """

    def __init__(
        self, options: TrainOptions, cells: Cells, trained: Mapping[str, Any], progress: Progress
    ) -> None:
        self.options, self.cells, self.progress = replace(options, resume=False), cells, progress
        self.trained, self._indices = trained, np.flatnonzero(np.asarray(cells.folds) >= 0)
        how = {name: str(trained.get(name, "")) for name in ("network", "scaling")}
        self._description = describe(cells, options.channels, **how)

    def write(
        self, stage: Path, matrix: np.ndarray, rows: Sequence[Row], scores: Mapping[str, float]
    ) -> Evaluation:
        """Write tables, plots, the surest mistakes and the report.

        Parameters
        ----------
        stage : Path
            Folder to write to; holds the predictions of all folds.
        matrix : ndarray of int, shape (classes, classes)
            Confusion matrix of all cells.
        rows : list of dict
            A row a fold.
        scores : dict of str to float
            Of all cells, as `pooled_scores` gives them.

        Returns
        -------
        Evaluation
        """
        self.progress.report(0, 0, "Summing up the folds")
        pooled = read_pooled(stage / PREDICTED, self.cells.labels, len(self._indices))
        found = self._evaluated(pooled)
        plots = write_evaluation(stage, found)
        self.progress.check()
        mistakes = self._surest(pooled)
        write_mistakes(stage, mistakes, self._description)
        found_out = {"evaluation": found, "matrix": matrix, "mistakes": mistakes, "plots": plots}
        write_page(stage, self._facts(rows, scores, found_out))
        return found

    def _facts(
        self, rows: Sequence[Row], scores: Mapping[str, float], found: dict[str, Any]
    ) -> FoldFacts:
        return FoldFacts(
            place=self.options.input,
            cells=len(self._indices),
            target=self.cells.target,
            labels=self.cells.labels,
            channels=channel_names(self._description),
            made=self._made(scores),
            folds=rows,
            pooled=scores,
            group_by=self.cells.group_by,
            **found,
        )

    def _evaluated(self, pooled: Pooled) -> Evaluation:
        cells, groups = self.cells, None
        if cells.groups is not None:  # cells without a label may be a group of their own
            groups = np.unique(cells.groups[self._indices], return_inverse=True)[1]
        told = (pooled.true, pooled.chosen, pooled.chances, cells.labels)
        return evaluate(*told, groups, cells.group_by, temperature=None)

    def _surest(self, pooled: Pooled) -> list[Mistake]:
        """Find the mistakes that the networks were surest of, with their pictures."""
        wrong = np.flatnonzero(pooled.true != pooled.chosen)
        order = np.argsort(-pooled.sure[wrong], kind="stable")
        some = np.sort(wrong[order[:MOST]])
        if not len(some):
            return []
        indices, found = self._indices[some], Mistakes(self.cells.labels)
        images = self.cells.dataset.read(indices, self.cells.columns)
        names = [(None, *each) for each in cell_names(self.cells, indices)]
        found.look(names, images, pooled.true[some], pooled.chosen[some], pooled.sure[some])
        return found.found

    # --- how it was made ---------------------------------------------------------------------

    def _made(self, scores: Mapping[str, float]) -> Made:
        options = self.options
        known = {f"cv_{name}": value for name, value in scores.items()}
        trained = {name: value for name, value in self.trained.items() if name != "resume"}
        trained |= {"output": str(options.output.absolute())}
        return made_by(
            provenance("train", options),
            {"Training of a fold": told_options(type(options), trained), "Cells": self._about()},
            commands_of(options, self.cells.dataset),
            [*self.cells.caveats, *no_better_than_guessing(known, self.cells)],
        )

    def _about(self) -> Pairs:
        cells, groups = self.cells, []
        if cells.groups is not None:
            left = np.unique(cells.groups[self._indices])
            groups = [("Left out whole", f"{len(left):,} values of {cells.group_by}")]
        counts = np.bincount(cells.codes[self._indices], minlength=len(cells.labels))
        each = zip(cells.labels, counts.tolist(), strict=True)
        return [
            ("Target classification", cells.target),
            ("Cells of the classes", ", ".join(f"{label} {count:,}" for label, count in each)),
            *groups,
            ("Channels", ", ".join(channel_names(self._description))),
            ("Frame", f"{cells.dataset.frame} pixels"),
            ("Fingerprint of the cells", cells.fingerprint),
        ]

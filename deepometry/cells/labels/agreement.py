"""How far annotators agree who labelled the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.labels.hand_files import find_hand_labels
from deepometry.cells.labels.hand_schema import NONE
from deepometry.cells.labels.hands import HandLabels
from deepometry.core.options.agreement import AgreementOptions
from deepometry.core.progress import Progress, Report
from deepometry.core.text import counted

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20  # cells


@dataclass(frozen=True)
class Pair:
    """Two annotators and the cells that both labelled.

    Attributes
    ----------
    first, second : str
    cells : int
        Labelled by both.
    same : int
        With the same class.
    kappa : float or None
        Cohen's kappa; None where it is not defined: no such cells, or only one class among them.
    """

    first: str
    second: str
    cells: int
    same: int
    kappa: float | None

    def __str__(self) -> str:
        kappa = "not defined" if self.kappa is None else f"{self.kappa:.3f}"
        both = f"{self.first} and {self.second}: {counted(self.cells, 'cell')} labelled by both"
        return f"{both}, {self.same:,} with the same class, Cohen's kappa {kappa}"


@dataclass(frozen=True)
class Agreement:
    """The agreement of all annotators of a set of labels.

    Attributes
    ----------
    name : str
        Of the labels.
    labelled : dict of str to int
        For each annotator, how many cells have a label of theirs.
    pairs : tuple of Pair
        Each two annotators.
    cells : DataFrame
        The cells that annotators label differently: `source`, `object`, a column an annotator, and
        `settled`, the class that was settled on (empty for none). Open ones come first.
    """

    name: str
    labelled: dict[str, int]
    pairs: tuple[Pair, ...]
    cells: pd.DataFrame

    @property
    def open(self) -> int:
        """Number of cells that are still to be settled; they count as unlabelled."""
        return int((self.cells["settled"] == "").sum())

    def __str__(self) -> str:
        who = [f"  {name}: {counted(cells, 'cell')}" for name, cells in self.labelled.items()]
        lines = [f"{self.name}, labelled by", *(who or ["  nobody yet"]), *map(str, self.pairs)]
        if len(self.cells):
            differ = f"{counted(len(self.cells), 'cell')} labelled differently, {self.open:,} open"
            table = self.cells.head(_SHOWN).to_string(index=False)
            lines += [differ, table, *(["..."] if len(self.cells) > _SHOWN else [])]
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "name": self.name,
            "labelled": self.labelled,
            "pairs": [vars(pair) for pair in self.pairs],
            "disagreements": self.cells.to_dict("records"),
            "open": self.open,
        }


def agreement(options: AgreementOptions, progress: Progress | Report | None = None) -> Agreement:
    """Compare all annotators of labels given by hand.

    Parameters
    ----------
    options : AgreementOptions
        The parsed cells, and the name of the labels.
    progress : Progress or callable, optional
        Not used: this takes seconds at most.

    Returns
    -------
    Agreement
        Cohen's kappa of each two annotators, and the cells that they label differently.

    Raises
    ------
    DeepometryError
        There are no such labels.
    """
    return agreement_of(find_hand_labels(options.input, options.name))


def agreement_of(labels: HandLabels) -> Agreement:
    """Compare the annotators of a set of labels."""
    standing, names = labels.standing(), labels.annotators
    ids = [each.id for each in labels.class_list]
    who = [names[number] for number in standing.annotators]
    given = [standing.given_by(number, ids) for number in standing.annotators]
    labelled = {name: int((each != NONE).sum()) for name, each in zip(who, given, strict=True)}
    cells = labels.table(disputed=True).drop(columns="label")
    cells = cells.sort_values("settled", key=lambda each: each != "", kind="stable")
    return Agreement(labels.name, labelled, compare_pairs(who, given), cells)


def compare_pairs(names: Sequence[str], labels: Sequence[np.ndarray]) -> tuple[Pair, ...]:
    """Compare each two annotators.

    Parameters
    ----------
    names : sequence of str
        The annotators.
    labels : sequence of ndarray of int, each of shape (cells,)
        Class of every cell, 0 for none; one array an annotator.
    """
    both = combinations(zip(names, labels, strict=True), 2)
    return tuple(_compare(*one, *other) for one, other in both)


def _compare(first: str, one: np.ndarray, second: str, other: np.ndarray) -> Pair:
    both = (one != 0) & (other != 0)
    one, other = one[both], other[both]
    return Pair(first, second, len(one), int((one == other).sum()), cohens_kappa(one, other))


def cohens_kappa(one: np.ndarray, other: np.ndarray) -> float | None:
    """Compute Cohen's kappa; None where both give one and the same class only, or no label.

    Source: J. Cohen, Educational and Psychological Measurement 20 (1960) 37-46.
    """
    from sklearn.metrics import cohen_kappa_score

    if len(np.union1d(one, other)) < 2:
        return None
    return float(cohen_kappa_score(one, other))

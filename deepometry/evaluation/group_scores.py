"""Scores of groups that were left out whole, and what a new group costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.core.text import counted
from deepometry.evaluation.calibration import log_loss
from deepometry.evaluation.evaluate import FEW_GROUPS, json_number
from deepometry.evaluation.group_cost import Price
from deepometry.evaluation.intervals import DRAWS
from deepometry.evaluation.metrics import Score, scored
from deepometry.evaluation.number_metrics import number_scores
from deepometry.evaluation.score_names import CLASS_PAIR, NAMES, NUMBER_PAIR, lowered, score_text
from deepometry.evaluation.share_intervals import BetweenSamples, between_samples

if TYPE_CHECKING:
    import pandas as pd

_SEED = 0
_LEAST_DRAWS, _MOST_DRAWS = 100, 200_000  # of one group, and of all groups together


@dataclass(frozen=True)
class GroupScore:
    """The scores of one group.

    Attributes
    ----------
    value : str
        Such as `Day 3`.
    fold : int
        Fold that left it out, from 1.
    cells : int
    pair : tuple of Score
        Accuracy and balanced accuracy, or mean absolute error and R2, with 95 % intervals over the
        cells of the group.
    log_loss : float
        NaN for numbers.
    """

    value: str
    fold: int
    cells: int
    pair: tuple[Score, ...]
    log_loss: float = math.nan


@dataclass(frozen=True)
class GroupScores:
    """Scores of every group, each predicted by a model that saw none of its cells.

    Attributes
    ----------
    by : str
        What groups are, such as Day.
    groups : tuple of GroupScore
        In natural order.
    pooled : tuple of Score
        Of all cells together, with 95 % intervals over groups.
    log_loss : float
        Of all cells; NaN for numbers.
    folds : int
    price : Price or None
        None where it was not measured.
    between : BetweenSamples or None
        How the confusion of classes varies between groups; None for numbers and few groups.
    """

    by: str
    groups: tuple[GroupScore, ...]
    pooled: tuple[Score, ...]
    log_loss: float
    folds: int
    price: Price | None = None
    between: BetweenSamples | None = None

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two scores."""
        return self.pooled[0].name, self.pooled[1].name

    @property
    def sentences(self) -> list[str]:
        """The scores by group in words: how left out, their range, class shares, the price."""
        return [self.how, self.range, *map(str, filter(None, [self.between, self.price]))]

    @property
    def how(self) -> str:
        """How groups were left out, in a sentence."""
        values, by = counted(len(self.groups), "value"), self.by
        if self.folds == len(self.groups):
            return f"Each of {values} of {by} was left out once."
        return (
            f"{values} of {by} in {self.folds} folds of whole values: each cell was predicted by a "
            f"model that saw none of its {by}."
        )

    @property
    def range(self) -> str:
        """The pooled score with its interval, and the worst and the best group, in a sentence."""
        name = lowered(NAMES[self.names[0]])
        order = sorted(self.groups, key=lambda each: each.pair[0].value)
        low, high = order[0], order[-1]
        few = "; few values, so the interval is rough" * (len(order) < FEW_GROUPS)
        return (
            f"On a {self.by} that the model never saw: {name} {score_text(self.pooled[0])}, 95 % "
            f"interval over values of {self.by}{few}. By {self.by}: {_brief(low)} "
            f"({self._named(low)}) to {_brief(high)} ({self._named(high)})."
        )

    def _named(self, group: GroupScore) -> str:
        return f"{self.by} {group.value}, {counted(group.cells, 'cell')}"

    def table(self) -> pd.DataFrame:
        """Return a row for every group, and one of all of them."""
        import pandas as pd

        every = sum(group.cells for group in self.groups)
        whole = GroupScore("pooled", 0, every, self.pooled, self.log_loss)
        table = pd.DataFrame([self._row(each) for each in (*self.groups, whole)])
        table["fold"] = table["fold"].astype("Int64").replace(0, pd.NA)
        return table.drop(columns="log_loss") if math.isnan(self.log_loss) else table

    def _row(self, group: GroupScore) -> dict[str, Any]:
        row: dict[str, Any] = {"group": group.value, "fold": group.fold, "cells": group.cells}
        for score in group.pair:
            row |= {score.name: score.value}
            row |= {f"{score.name}_low": score.low, f"{score.name}_high": score.high}
        return row | {"log_loss": group.log_loss}

    def plain(self) -> dict[str, Any]:
        """Return what a record says of it."""
        price = {n: json_number(v) for n, v in vars(self.price).items()} if self.price else None
        if price is not None:
            price["message"] = str(self.price)
        between = self.between.plain() if self.between else None
        return {"by": self.by, "sentences": self.sentences, "price": price, "between": between}

    @property
    def described(self) -> dict[str, Any]:
        """Fields of the description of a model whose cross-validation this is of."""
        return {"between_samples": self.between.plain()} if self.between else {}

    def with_price(self, price: Price | None) -> GroupScores:
        """Return the same with a price."""
        return replace(self, price=price)


def _brief(group: GroupScore) -> str:
    digits = ".4g" if group.pair[0].name == "mae" else ".3f"
    return f"{group.pair[0].value:{digits}}"


# --- computed ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grouped:
    """The groups of cells that were predicted.

    Attributes
    ----------
    by : str
    codes : ndarray of int, shape (cells,)
        Group of every cell, a place in `names`.
    names : sequence of str
    folds : ndarray of int, shape (cells,)
        From 0.
    """

    by: str
    codes: np.ndarray
    names: Sequence[str]
    folds: np.ndarray

    def places(self) -> Mapping[int, np.ndarray]:
        """Return the places of the cells of every group that has some."""
        order = np.argsort(self.codes, kind="stable")
        cuts = np.flatnonzero(np.diff(self.codes[order])) + 1
        return {int(self.codes[some[0]]): some for some in np.split(order, cuts)}


def class_group_scores(
    true: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], grouped: Grouped
) -> GroupScores:
    """Score predicted classes by group.

    Parameters
    ----------
    true : ndarray of int, shape (cells,)
    probabilities : ndarray of float, shape (cells, classes)
    labels : sequence of str
    grouped : Grouped

    Notes
    -----
    The intervals of a group are a bootstrap of its cells; those of all cells, of whole groups.
    The balanced accuracy of a group is the mean over the classes that it has.
    """
    rng, chosen, classes = np.random.default_rng(_SEED), probabilities.argmax(1), len(labels)
    places, draws = grouped.places(), _draws(grouped)
    matrices = [_matrix(true[some], chosen[some], classes) for some in places.values()]
    groups = []
    for (code, some), matrix in zip(places.items(), matrices, strict=True):
        pair = _pair(scored(matrix, labels, rng, draws), CLASS_PAIR)
        loss = log_loss(probabilities[some], true[some])
        groups.append(_of_group(grouped, code, some, pair, loss))
    pooled = _pair(scored(np.stack(matrices), labels, rng), CLASS_PAIR)
    between = between_samples(np.stack(matrices), grouped.by, rng)
    return replace(_all(grouped, groups, pooled, log_loss(probabilities, true)), between=between)


def number_group_scores(true: np.ndarray, predicted: np.ndarray, grouped: Grouped) -> GroupScores:
    """Score predicted numbers (cells,) by group, as `class_group_scores`."""
    rng, draws = np.random.default_rng(_SEED), _draws(grouped)
    groups = []
    for code, some in grouped.places().items():
        scores = number_scores(true[some], predicted[some], None, None, rng, draws)
        groups.append(_of_group(grouped, code, some, _pair(scores, NUMBER_PAIR)))
    units = np.unique(grouped.codes, return_inverse=True)[1]
    pooled = _pair(number_scores(true, predicted, None, units, rng), NUMBER_PAIR)
    return _all(grouped, groups, pooled, math.nan)


def _draws(grouped: Grouped) -> int:
    return int(np.clip(_MOST_DRAWS // max(len(grouped.names), 1), _LEAST_DRAWS, DRAWS))


def _matrix(true: np.ndarray, chosen: np.ndarray, classes: int) -> np.ndarray:
    counts = np.bincount(true * classes + chosen, minlength=classes**2)
    return counts.reshape(classes, classes)


def _pair(scores: Sequence[Score], names: Sequence[str]) -> tuple[Score, ...]:
    by_name = {score.name: score for score in scores if not score.label}
    return tuple(by_name[name] for name in names)


def _of_group(
    grouped: Grouped,
    code: int,
    some: np.ndarray,
    pair: tuple[Score, ...],
    loss: float = math.nan,
) -> GroupScore:
    fold = int(grouped.folds[some[0]]) + 1
    return GroupScore(grouped.names[code], fold, len(some), pair, loss)


def _all(
    grouped: Grouped, groups: Sequence[GroupScore], pooled: tuple[Score, ...], loss: float
) -> GroupScores:
    folds = len(np.unique(grouped.folds))
    return GroupScores(grouped.by, tuple(groups), pooled, loss, folds)

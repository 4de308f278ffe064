"""Folds of a cross-validation: every cell is left out once, its class or its group in mind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.errors import DeepometryError

_TRIES = 50  # orders in which groups are dealt out; the most even outcome is taken
_DEALT = 5000  # groups dealt out in all tries together


def assign_folds(
    codes: np.ndarray,
    images: np.ndarray,
    labels: Sequence[str],
    folds: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Deal the labelled cells out to folds, class by class; equal images stay together.

    Parameters
    ----------
    codes : ndarray of int, shape (cells,)
        Class of each cell; cells of class -1 come to no fold.
    images : ndarray of int, shape (cells,)
        Equal for equal images; from 0.
    labels : sequence of str
        Names of the classes.
    folds : int
        Number of folds, 2 or more.
    rng : numpy.random.Generator
        Where the chance comes from.

    Returns
    -------
    ndarray of int8, shape (cells,)
        Fold of each cell, from 0; -1 for none. Each fold has as many cells of every class as the
        others, give or take one (more where images are there several times).

    Raises
    ------
    DeepometryError
        A class has too few different images: without one fold it could not be learnt.
    """
    least = max(folds, 4 if folds == 2 else 0)  # two to learn and to validate with, at least
    fold_of = np.full(images.max(initial=-1) + 1, -1, np.int8)
    total = np.zeros(folds, np.int64)
    for code in np.argsort(np.bincount(codes[codes >= 0], minlength=len(labels)), kind="stable"):
        own, counts = np.unique(images[codes == code], return_counts=True)
        if len(own) < least:
            raise DeepometryError(_too_few(labels[code], len(own), folds, least))
        total += _deal(fold_of, own, counts, total, rng)
    return np.where(codes >= 0, fold_of[images], np.int8(-1)).astype(np.int8)


def _too_few(label: str, found: int, folds: int, least: int) -> str:
    fewer = f"use --folds {found} or fewer, " if 3 <= found < folds else ""
    return (
        f"Folds: expected at least {least} different cells of {label} for {folds} folds, found "
        f"{found}; {fewer}add cells, or leave the folder of {label} out."
    )


def _deal(
    fold_of: np.ndarray,
    own: np.ndarray,
    counts: np.ndarray,
    total: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Deal the images of one class out, in place; give the cells that each fold got.

    Images that are there several times go first, one by one; the others level the folds.
    """
    have = np.zeros(len(total), np.int64)
    dealt = fold_of[own] >= 0  # an image that has two labels
    np.add.at(have, fold_of[own[dealt]], counts[dealt])
    several = np.flatnonzero(~dealt & (counts > 1))
    for n in rng.permutation(several):
        fold = int(np.lexsort((total + have, have))[0])
        fold_of[own[n]] = fold
        have[fold] += counts[n]
    single = rng.permutation(own[~dealt & (counts == 1)])
    given = _levelling(have, total + have, len(single))
    fold_of[single] = np.repeat(np.arange(len(total)), given)
    return have + given


def _levelling(have: np.ndarray, total: np.ndarray, number: int) -> np.ndarray:
    """Share a number of cells out so that the folds have equally many, as far as that goes."""
    low, high = 0, int(have.max()) + number
    while low < high:  # the highest level to which they all can be filled
        middle = (low + high + 1) // 2
        if np.maximum(middle - have, 0).sum() <= number:
            low = middle
        else:
            high = middle - 1
    given = np.maximum(low - have, 0)
    lowest = np.lexsort((total + given, have + given))
    given[lowest[: number - given.sum()]] += 1
    return given


# --- whole groups ------------------------------------------------------------------------------


def assign_group_folds(
    codes: np.ndarray,
    groups: np.ndarray,
    labels: Sequence[str],
    by: str,
    folds: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Deal whole groups out to folds, so that classes are spread as evenly as they allow.

    Parameters
    ----------
    codes, labels, folds, rng
        As in `assign_folds`.
    groups : ndarray of int, shape (cells,)
        Group of each cell, from 0.
    by : str
        What the groups are, such as `Sample`.

    Returns
    -------
    ndarray of int8, shape (cells,)
        Fold of each cell, from 0; -1 for none.

    Raises
    ------
    DeepometryError
        There are fewer groups than folds, or a class comes from one group only.

    Notes
    -----
    Greedy, the most uneven groups first, as scikit-learn's StratifiedGroupKFold; of several random
    orders the best is taken.
    """
    table = group_table(codes, groups, len(labels))
    there = np.flatnonzero(table.sum(1))
    if len(there) < folds:
        raise DeepometryError(
            f"Group by: expected at least {folds} values of {by} for {folds} folds, found "
            f"{len(there)}; use fewer --folds, or group by a level with more values."
        )
    check_spread(table, labels, by)
    found = [_deal_groups(table[there], folds, rng) for _ in range(_tries(len(there)))]
    fold_of = np.full(len(table), -1, np.int8)
    fold_of[there] = min(found, key=lambda each: each[0])[1]
    _check_training_parts(table, fold_of, labels, by, folds)
    return np.where(codes >= 0, fold_of[groups], np.int8(-1)).astype(np.int8)


def _tries(groups: int) -> int:
    """Choose the number of orders to try: fewer of many groups, which divide evenly anyway."""
    return max(1, min(_TRIES, _DEALT // groups))


def group_table(codes: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """Count the labelled cells of every class in every group, shape (groups, classes)."""
    known = codes >= 0
    table = np.zeros((int(groups.max(initial=-1)) + 1, classes), np.int64)
    np.add.at(table, (groups[known], codes[known]), 1)
    return table


def check_spread(table: np.ndarray, labels: Sequence[str], by: str) -> None:
    """Check that every class comes from two groups or more.

    Parameters
    ----------
    table : ndarray of int, shape (groups, classes)
        As `group_table` gives it.

    Raises
    ------
    DeepometryError
        One does not: with its group left out, it could not be learnt.
    """
    single = [label for label, n in zip(labels, (table > 0).sum(0), strict=True) if n < 2]
    if single:
        raise DeepometryError(
            f"Group by: expected cells of {single[0]} in two values of {by} or more, found them "
            "in one only, without which the class could not be learnt; group by another level, "
            "or leave Group by blank."
        )


def _deal_groups(
    table: np.ndarray, folds: int, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Deal groups out in one order; give how uneven it came out, and the fold of each group."""
    shares = table / np.maximum(table.sum(0), 1)  # of the cells of every class
    order = rng.permutation(len(table))
    order = order[np.argsort(-shares[order].std(1), kind="stable")]
    have, fold_of = np.zeros((folds, table.shape[1])), np.full(len(table), -1, np.int8)
    for place, group in enumerate(order):
        after = have + shares[group]
        uneven = [_unevenness(np.vstack([have[:n], after[n : n + 1], have[n + 1 :]]))
                  for n in range(folds)]  # fmt: skip
        empty = have.sum(1) == 0
        if empty.sum() >= len(order) - place:  # the rest must go to folds that have nothing yet
            uneven = np.where(empty, uneven, np.inf).tolist()
        fold = int(np.argmin(uneven))
        have[fold] += shares[group]
        fold_of[group] = fold
    lost = (have >= 1 - 1e-9).any(0).sum()  # classes that one fold has alone
    return float(lost * 1e6 + _unevenness(have)), fold_of


def _unevenness(have: np.ndarray) -> float:
    return float(have.std(0).mean() + have.mean(1).std())


def _check_training_parts(
    table: np.ndarray, fold_of: np.ndarray, labels: Sequence[str], by: str, folds: int
) -> None:
    """Check that every class is in the training part of every fold."""
    for fold in range(folds):
        missing = np.flatnonzero(table[(fold_of != fold) & (fold_of >= 0)].sum(0) == 0)
        if len(missing):
            raise DeepometryError(
                f"Group by: expected cells of {labels[missing[0]]} in every training part, found "
                f"no way to deal the values of {by} out to {folds} folds like that; use more "
                "--folds, or group by another level."
            )

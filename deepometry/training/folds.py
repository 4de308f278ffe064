"""Folds of a cross-validation: every cell is left out once, its class or its group in mind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepometry.core.errors import DeepometryError

_TRIES = 50  # orders in which groups are dealt out; the most even outcome is taken
_DEALT = 5000  # groups dealt out in all tries together
_FOR_EACH = 20  # cells on average that stand for those of one class in one group


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
    codes, images : ndarray of int, shape (cells,)
        Class of each cell, -1 for none; and a number from 0, equal for equal images.
    labels : sequence of str
    folds : int
        Number of folds, 2 or more.
    rng : numpy.random.Generator

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
    for code, label in enumerate(labels):
        distinct = len(np.unique(images[codes == code]))
        if distinct < least:
            raise DeepometryError(_too_few(label, distinct, folds, least))
    cells = rng.permutation(np.flatnonzero(codes >= 0))
    own, first = np.unique(images[cells], return_index=True)
    fold_of = np.full(images.max(initial=-1) + 1, -1, np.int8)
    # an image with two labels is dealt out with one of them
    fold_of[own] = _deal(codes[cells[first]], folds, rng)
    return np.where(codes >= 0, fold_of[images], np.int8(-1))


def _deal(codes: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of every image, given their classes."""
    from sklearn.model_selection import StratifiedKFold

    fold_of = np.empty(len(codes), np.int8)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    for fold, (_, left_out) in enumerate(splitter.split(codes, codes)):
        fold_of[left_out] = fold
    return fold_of


def _too_few(label: str, number: int, folds: int, least: int) -> str:
    fewer = f"use --folds {number} or fewer, " if 3 <= number < folds else ""
    return (
        f"Folds: expected at least {least} different cells of {label} for {folds} folds, found "
        f"{number}; {fewer}add cells, or leave the folder of {label} out."
    )


# --- whole groups ------------------------------------------------------------------------------


def assign_group_folds(
    codes: np.ndarray,
    groups: np.ndarray,
    labels: Sequence[str],
    by: str,
    folds: int,
    rng: np.random.Generator,
    all_needed: bool = True,
) -> np.ndarray:
    """Deal whole groups out to folds, so that classes are spread as evenly as they allow.

    As `assign_folds`; `groups` (cells,) are numbers of groups from 0, `by` is what they are, such
    as `Sample`. Raises DeepometryError where there are fewer groups than folds, or where all
    classes are needed in every training part and one comes from one group only.

    Notes
    -----
    scikit-learn's StratifiedGroupKFold: greedy, the most uneven groups first. Of several random
    orders the best is taken.
    """
    table = group_table(codes, groups, len(labels))
    there = np.flatnonzero(table.sum(1))
    if len(there) < folds:
        raise DeepometryError(
            f"Group by: expected at least {folds} values of {by} for {folds} folds, found "
            f"{len(there)}; use fewer --folds, or group by a level with more values."
        )
    if all_needed:
        check_spread(table, labels, by)
    tries = [_deal_groups(table[there], folds, rng) for _ in range(_tries(len(there)))]
    fold_of = np.full(len(table), -1, np.int8)
    fold_of[there] = min(tries, key=lambda each: each[0])[1]
    if all_needed:
        _check_training_parts(table, fold_of, labels, by, folds)
    return np.where(codes >= 0, fold_of[groups], np.int8(-1)).astype(np.int8)


def each_group_a_fold(codes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Make every group with labelled cells a fold of its own, in the order of their numbers.

    As `assign_group_folds`, for at most 127 groups.
    """
    folds = np.full(len(codes), -1, np.int8)
    labelled = codes >= 0
    folds[labelled] = np.unique(groups[labelled], return_inverse=True)[1]
    return folds


def _tries(groups: int) -> int:
    """Choose the number of orders to try: fewer of many groups, which divide evenly anyway."""
    return max(1, min(_TRIES, _DEALT // groups))


def group_table(codes: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """Count the labelled cells of every class in every group, shape (groups, classes)."""
    labelled = codes >= 0
    table = np.zeros((int(groups.max(initial=-1)) + 1, classes), np.int64)
    np.add.at(table, (groups[labelled], codes[labelled]), 1)
    return table


def check_spread(table: np.ndarray, labels: Sequence[str], by: str) -> None:
    """Check that every class comes from two groups or more, in a table of `group_table`."""
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
    """Deal groups out in one order; return how uneven it came out, and the fold of each group."""
    from sklearn.model_selection import StratifiedGroupKFold

    # scikit-learn deals single cells out: some stand for all that a group has of a class
    scale = _FOR_EACH * np.count_nonzero(table) / table.sum()
    counts = np.where(table, folds + np.ceil(table * scale), 0).astype(np.int64)
    group, code = np.repeat(np.indices(table.shape).reshape(2, -1), counts.ravel(), axis=1)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    fold_of = np.full(len(table), -1, np.int8)
    for fold, (_, left_out) in enumerate(splitter.split(code, code, group)):
        fold_of[group[left_out]] = fold
    shares = np.zeros((folds, table.shape[1]))  # of the cells of every class
    np.add.at(shares, fold_of, table / np.maximum(table.sum(0), 1))
    alone = (shares >= 1 - 1e-9).any(0).sum()  # classes that one fold has alone
    empty = (shares.sum(1) == 0).sum()
    uneven = shares.std(0).mean() + shares.mean(1).std()
    return float((alone + empty) * 1e6 + uneven), fold_of


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

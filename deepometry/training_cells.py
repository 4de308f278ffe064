"""The cells that a training learns from: found, labelled, and divided for validation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.caveats import caveats_of
from deepometry.dataset import Dataset, open_dataset, training_part
from deepometry.errors import DeepometryError
from deepometry.files import check_writable
from deepometry.folds import assign_folds, assign_group_folds, check_spread, group_table
from deepometry.groups import group_values
from deepometry.model import Description
from deepometry.names import Target, normal_name
from deepometry.options import BaselineOptions, TrainOptions
from deepometry.progress import Progress
from deepometry.recipe import recipe_for
from deepometry.validation import validation_groups, validation_split
from deepometry.words import shortened


@dataclass(frozen=True)
class Cells:
    """The labelled cells, divided into training and validation.

    Attributes
    ----------
    dataset : Dataset
        All cells of the input but those held out.
    target : str
        What is learnt, as the folders spell it.
    labels : tuple of str
        Its classes.
    codes : ndarray of int64, shape (cells,)
        Class of every cell; -1 for none.
    columns : list of int
        Positions of the wanted channels in the images.
    training, validation : ndarray of int64
        Indices of the cells.
    fingerprint : str
        Hash of all pixels and labels.
    images : ndarray of int64, shape (cells,)
        Equal for equal images.
    caveats : tuple of str
        What makes a score on the validation cells say less than it seems to.
    group_by : str
        What groups are, such as Sample; blank where cells stand for themselves.
    groups : ndarray of int64, shape (cells,), or None
        Group of every cell.
    folds : ndarray of int8, shape (cells,), or None
        Fold in which each labelled cell is left out, from 0; -1 for others.
    """

    dataset: Dataset
    target: str
    labels: tuple[str, ...]
    codes: np.ndarray
    columns: list[int]
    training: np.ndarray
    validation: np.ndarray
    fingerprint: str
    images: np.ndarray
    caveats: tuple[str, ...] = ()
    group_by: str = ""
    groups: np.ndarray | None = None
    folds: np.ndarray | None = None

    @property
    def labelled(self) -> int:
        """Number of cells that have a label."""
        return len(self.training) + len(self.validation)


def gather_cells(options: TrainOptions | BaselineOptions, progress: Progress) -> Cells:
    """Find the cells of a training, and say what to beware of.

    Raises
    ------
    DeepometryError
        The cells or the target cannot be used, or not divided as was asked for.
    """
    dataset = open_dataset(options.input, progress, training_part)
    target = _find_target(dataset, options.target)
    labels = tuple(target.labels)
    codes = dataset.codes(target.name, labels)
    columns = dataset.columns(options.channels)
    if target.unlabelled:
        progress.say(f"{target.unlabelled:,} cells have no value of {target.name}: left out.")
    prints = dataset.fingerprints(progress)
    digest = hashlib.blake2b(np.sort(prints + codes.astype(np.uint64)).tobytes(), digest_size=16)
    found = Cells(
        dataset=dataset,
        target=target.name,
        labels=labels,
        codes=codes,
        columns=columns,
        training=np.empty(0, np.int64),
        validation=np.empty(0, np.int64),
        fingerprint=digest.hexdigest(),
        images=np.unique(prints, return_inverse=True)[1],
        group_by=options.group_by or "",
        groups=_groups(dataset, target.name, options.group_by),
    )
    return _with_caveats(_divided(found, options, progress), progress)


def _groups(dataset: Dataset, target: str, by: str | None) -> np.ndarray | None:
    """Number the groups of all cells; those without a label may have none."""
    if not by:
        return None
    labelled = [label is not None for label in dataset.labels(target)]
    folders = [part.levels for part, here in zip(dataset.parts, labelled, strict=True) if here]
    values = iter(group_values(folders, by, "Group by", "leave it blank"))
    each = [next(values) if here else "" for here in labelled]
    numbers = np.unique(each, return_inverse=True)[1]
    return np.repeat(numbers, [len(part.stored) for part in dataset.parts])


def _divided(cells: Cells, options: TrainOptions | BaselineOptions, progress: Progress) -> Cells:
    """Deal the cells out to folds, if there are any, and all of them to training and validation."""
    if options.folds:
        rng = np.random.default_rng([options.seed, 3])
        if cells.groups is None:
            dealt = assign_folds(cells.codes, cells.images, cells.labels, options.folds, rng)
        else:
            kept = (cells.groups, cells.labels, cells.group_by)
            dealt = assign_group_folds(cells.codes, *kept, options.folds, rng)
        cells = replace(cells, folds=dealt)
    share = _validation_share(options, len(cells.codes))
    return with_sides(cells, cells.codes >= 0, share, [options.seed, 0], progress)


def fold_cells(
    cells: Cells, fold: int, options: TrainOptions | BaselineOptions, progress: Progress
) -> Cells:
    """Give the cells of a fold: training and validation without those that it leaves out.

    Parameters
    ----------
    cells : Cells
        With folds.
    fold : int
        From 0.
    options : TrainOptions or BaselineOptions
    progress : Progress
        Told where groups cannot be kept together.
    """
    kept = (cells.codes >= 0) & (np.asarray(cells.folds) != fold)
    share = _validation_share(options, len(cells.codes))
    return with_sides(cells, kept, share, [options.seed, 0, fold + 1], progress)


def with_sides(
    cells: Cells, kept: np.ndarray, share: float, seed: Sequence[int], progress: Progress
) -> Cells:
    """Divide some of the cells into training and validation, by whole groups if there are any.

    Parameters
    ----------
    cells : Cells
    kept : ndarray of bool, shape (cells,)
        The cells to divide.
    share : float
        Share of the cells that goes to validation.
    seed : sequence of int
        Where the chance comes from.
    progress : Progress
        Told where groups cannot be kept together.

    Raises
    ------
    DeepometryError
        A class has too few cells, or comes from too few groups.
    """
    codes, labels = np.where(kept, cells.codes, -1), cells.labels
    rng = np.random.default_rng(seed)
    if cells.groups is not None:
        found = validation_groups(codes, cells.groups, len(labels), share, rng)
        if found is not None:
            return replace(cells, training=found[0], validation=found[1])
        if kept[cells.codes >= 0].all():
            check_spread(group_table(codes, cells.groups, len(labels)), labels, cells.group_by)
        progress.say(
            f"No {cells.group_by} can be spared for validation without losing a class: the "
            "validation cells are chosen one by one."
        )
    training, validation = validation_split(codes, cells.images, labels, share, rng)
    return replace(cells, training=training, validation=validation)


def _validation_share(options: TrainOptions | BaselineOptions, cells: int) -> float:
    if isinstance(options, BaselineOptions):
        return options.validation
    return recipe_for(options, cells).validation


def _with_caveats(cells: Cells, progress: Progress) -> Cells:
    sides = (cells.training, cells.validation)
    judged = cells.validation if cells.folds is None else np.flatnonzero(cells.folds >= 0)
    known = (cells.dataset, cells.target, cells.labels, cells.codes)
    caveats = caveats_of(*known, *sides, progress, judged)
    for caveat in caveats:
        progress.say(f"Beware: {caveat}")
    return replace(cells, caveats=caveats)


def _find_target(dataset: Dataset, wanted: str) -> Target:
    """Find a target by its name, in any case.

    Raises
    ------
    DeepometryError
        There is none of that name, or it has one label only.
    """
    offered = {target.name.casefold(): target for target in dataset.targets()}
    if found := offered.get(normal_name(wanted).casefold()):
        return found
    there = ", ".join(map(str, offered.values())) or "none"
    labels = sorted({label for label in dataset.labels(wanted) if label is not None})
    if labels:
        what = f"two labels or more, found one, {labels[0]}"
    else:
        what = f"a folder prefix below {dataset.root}, found none of that name"
    raise DeepometryError(
        f"Target classification {wanted}: expected {what}; targets that can be learnt: {there}."
    )


def about(cells: Cells) -> str:
    """Tell in words how many cells of each class there are."""
    counts = np.bincount(cells.codes[cells.training], minlength=len(cells.labels))
    each = [f"{label} {n:,}" for label, n in zip(cells.labels, counts, strict=True)]
    listed = shortened(each)
    return f"{len(cells.training):,} cells ({listed}), validation on {len(cells.validation):,}"


def describe(cells: Cells, channels: tuple[int, ...] | None, **more: Any) -> Description:
    """Say of a model what its cells tell.

    Parameters
    ----------
    cells : Cells
        Those that it learnt from.
    channels : tuple of int or None
        Numbers of the channels as they were asked for, where the cells do not tell their own.
    **more
        What else it says of itself: `network`, `scaling`, `record` ...
    """
    dataset = cells.dataset
    known = dataset.channels
    channels = tuple(known[c] for c in cells.columns) if known else channels
    names = {str(n): dataset.channel_names[n] for n in channels or () if n in dataset.channel_names}
    used = np.concatenate([cells.training, cells.validation])
    counts = np.bincount(cells.codes[used], minlength=len(cells.labels))
    return Description(
        labels=cells.labels,
        target=cells.target,
        channels=channels,
        depth=len(cells.columns),
        channel_names=names,
        frame=dataset.frame,
        fingerprint=cells.fingerprint,
        cells=dict(zip(cells.labels, counts.tolist(), strict=True)),
        **more,
    )


def check_output(output: Path) -> None:
    """Find out before long work whether the results can be written.

    Raises
    ------
    DeepometryError
        They cannot, or the folder holds cells, which a model beside them would hide.
    """
    check_writable(output)
    if found := next(output.glob("*.npy"), None):
        raise DeepometryError(
            f"Output location {output}: expected a folder for the model, found parsed cells "
            f"({found.name}); choose another folder."
        )

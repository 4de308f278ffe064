"""The cells that a training learns from: found, labelled, and divided for validation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.caveats import caveats_of
from deepometry.dataset import Dataset, open_dataset, training_part
from deepometry.errors import DeepometryError
from deepometry.files import check_writable
from deepometry.model import Description
from deepometry.names import Target, normal_name
from deepometry.options import BaselineOptions, TrainOptions
from deepometry.progress import Progress
from deepometry.recipe import recipe_for
from deepometry.validation import validation_split
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
    caveats : tuple of str
        What makes a score on the validation cells say less than it seems to.
    """

    dataset: Dataset
    target: str
    labels: tuple[str, ...]
    codes: np.ndarray
    columns: list[int]
    training: np.ndarray
    validation: np.ndarray
    fingerprint: str
    caveats: tuple[str, ...] = ()

    @property
    def labelled(self) -> int:
        """Number of cells that have a label."""
        return len(self.training) + len(self.validation)


def gather_cells(options: TrainOptions | BaselineOptions, progress: Progress) -> Cells:
    """Find the cells of a training, and say what to beware of.

    Raises
    ------
    DeepometryError
        The cells or the target cannot be used.
    """
    dataset = open_dataset(options.input, progress, training_part)
    target = _find_target(dataset, options.target)
    labels = tuple(target.labels)
    codes = dataset.codes(target.name, labels)
    columns = dataset.columns(options.channels)
    if target.unlabelled:
        progress.say(f"{target.unlabelled:,} cells have no value of {target.name}: left out.")
    prints = dataset.fingerprints(progress)
    rng = np.random.default_rng([options.seed, 0])
    share = _validation_share(options, len(codes))
    training, validation = validation_split(codes, prints, labels, share, rng)
    digest = hashlib.blake2b(np.sort(prints + codes.astype(np.uint64)).tobytes(), digest_size=16)
    found = Cells(
        dataset, target.name, labels, codes, columns, training, validation, digest.hexdigest()
    )
    return _with_caveats(found, progress)


def _validation_share(options: TrainOptions | BaselineOptions, cells: int) -> float:
    if isinstance(options, BaselineOptions):
        return options.validation
    return recipe_for(options, cells).validation


def _with_caveats(cells: Cells, progress: Progress) -> Cells:
    sides = (cells.training, cells.validation)
    caveats = caveats_of(cells.dataset, cells.target, cells.labels, cells.codes, *sides, progress)
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

"""The cells that a training learns from: found, labelled, and divided for validation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from deepometry.dataset import Dataset, open_dataset, training_part
from deepometry.errors import DeepometryError
from deepometry.names import Target, normal_name
from deepometry.options import TrainOptions
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
    """

    dataset: Dataset
    target: str
    labels: tuple[str, ...]
    codes: np.ndarray
    columns: list[int]
    training: np.ndarray
    validation: np.ndarray
    fingerprint: str

    @property
    def labelled(self) -> int:
        """Number of cells that have a label."""
        return len(self.training) + len(self.validation)


def gather_cells(options: TrainOptions, progress: Progress) -> Cells:
    """Find the cells of a training.

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
    share = recipe_for(options, len(codes)).validation
    training, validation = validation_split(codes, prints, labels, share, rng)
    digest = hashlib.blake2b(np.sort(prints + codes.astype(np.uint64)).tobytes(), digest_size=16)
    return Cells(
        dataset, target.name, labels, codes, columns, training, validation, digest.hexdigest()
    )


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

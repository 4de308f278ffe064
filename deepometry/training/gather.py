"""The cells of a training: found, labelled, divided, and checked."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from deepometry.cells.appearance import appearance_of
from deepometry.cells.dataset import Dataset, open_dataset, training_part
from deepometry.cells.groups import groups_of
from deepometry.cells.known_cells import fingerprints_of
from deepometry.cells.model_description import Description
from deepometry.core.errors import DeepometryError, OptionsError
from deepometry.core.folder_names import FOLDERS, Target, normal_name
from deepometry.core.options.train import BaselineOptions, TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.text import counted, joined
from deepometry.training.cells import Cells, LabelledCells
from deepometry.training.dataset_checks import warnings_of
from deepometry.training.learnt import Learnt, learnt_of
from deepometry.training.split import deal_folds, divide, validation_share


def gather_cells(options: TrainOptions | BaselineOptions, progress: Progress) -> Cells:
    """Find the cells of a training, divide them, and report warnings."""
    cells = _labelled_cells(options, progress)
    folds = deal_folds(cells, options, progress)
    share = validation_share(options, len(cells.codes))
    seed = [options.seed, 0]
    training, validation = divide(cells, cells.codes >= 0, share, seed, progress)
    judged = validation if folds is None else np.flatnonzero(folds >= 0)
    warnings = warnings_of(cells, training, validation, judged, progress)
    for warning in warnings:
        progress.say(f"Warning: {warning}")
    return Cells(
        **vars(cells), training=training, validation=validation, folds=folds, warnings=warnings
    )


def _labelled_cells(options: TrainOptions | BaselineOptions, progress: Progress) -> LabelledCells:
    dataset = open_dataset(options.input, progress, training_part)
    target = _find_target(dataset, options.target)
    learnt = learnt_of(dataset, target, options.learn_as)
    columns = _columns(dataset, target.name, options.channels, progress)
    if out := dataset.gated_out.sentence:
        progress.say(f"{out}: not learnt from.")
    if target.unlabelled:
        without = counted(target.unlabelled, "cell")
        progress.say(f"{without} without a label of {target.name}: not learnt from.")
    if target.origin != FOLDERS:
        progress.say(f"{target.name}: {target.origin}.")
    prints = dataset.fingerprints(progress)
    digest = hashlib.blake2b(np.sort(prints + _bits(learnt)).tobytes(), digest_size=16)
    by = options.across or options.group_by
    option = "across" if options.across else "group_by"
    names, groups = groups_of(dataset, by, target.name, option) if by else ([], None)
    return LabelledCells(
        dataset=dataset,
        target=target.name,
        task=learnt.task,
        labels=learnt.labels,
        codes=learnt.codes,
        values=learnt.values,
        columns=columns,
        fingerprint=digest.hexdigest(),
        images=np.unique(prints, return_inverse=True)[1],
        prints=fingerprints_of(dataset, progress),
        group_by=by or "",
        groups=groups,
        group_names=tuple(names),
    )


def _columns(
    dataset: Dataset, target: str, wanted: tuple[int, ...] | None, progress: Progress
) -> list[int]:
    """Return the positions of the channels to learn from: none that the labels were made of."""
    made_of = dataset.labels(target).channels
    columns = dataset.columns(wanted)
    numbers = [dataset.channel_numbers[column] for column in columns]
    if not set(numbers) & set(made_of):
        return columns
    named = joined(made_of)
    left = [n for n in numbers if n not in made_of]
    if wanted or not left:
        raise OptionsError(
            {"channels": f"Channels: expected others than {named}, of which {target} was made, "
             f"found {joined(numbers)}; a model that sees it reads the label, not the cell."}
        )  # fmt: skip
    progress.say(f"Channel {named} is what {target} was made of: left out.")
    return dataset.columns(left)


def _bits(learnt: Learnt) -> np.ndarray:
    """Return what is learnt of each cell as 64 bits, (cells,)."""
    codes, values = learnt.codes, learnt.values
    return codes.astype(np.uint64) if values is None else values.view(np.uint64)


def _find_target(dataset: Dataset, wanted: str) -> Target:
    """Find a target by its name, in any case."""
    offered = {target.name.casefold(): target for target in dataset.targets()}
    if target := offered.get(normal_name(wanted).casefold()):
        return target
    there = ", ".join(map(str, offered.values())) or "none"
    labels = dataset.learnt(wanted).target().labels
    if labels:
        what = f"two labels or more, found one, {next(iter(labels))}"
    else:
        what = f"a folder prefix below {dataset.root}, or labels, found none of that name"
    raise DeepometryError(
        f"Target classification {wanted}: expected {what}; targets that can be learnt: {there}."
    )


def describe(cells: Cells, channels: tuple[int, ...] | None, **more: Any) -> Description:
    """Describe a model by the cells that it learns from.

    `channels` are the numbers that the options ask for, used where the cells have none; `more`
    are further fields of the description.
    """
    dataset = cells.dataset
    numbers = dataset.channels
    channels = tuple(numbers[c] for c in cells.columns) if numbers else channels
    names = {str(n): dataset.channel_names[n] for n in channels or () if n in dataset.channel_names}
    used = np.concatenate([cells.training, cells.validation])
    counts = np.bincount(cells.codes[used], minlength=len(cells.labels))
    return Description(
        labels=() if cells.task.is_number else cells.labels,
        target=cells.target,
        label_source=dataset.labels(cells.target).origin,
        task=cells.fitted_task,
        channels=channels,
        depth=len(cells.columns),
        channel_names=names,
        frame=dataset.frame,
        fingerprint=cells.fingerprint,
        cells=dict(zip(cells.labels, counts.tolist(), strict=True)),
        gates=tuple(gate.plain() for gate in dataset.gated_out.gates),
        appearance=appearance_of(dataset, cells.training, cells.codes, cells.columns).plain(),
        **more,
    )

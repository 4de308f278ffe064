"""Data leakage: a training that starts from a model which has seen its validation cells."""

from __future__ import annotations

from pathlib import Path

from deepometry.cells.known_cells import TRAINING, KnownCells, read_known, recognise
from deepometry.cells.model_description import find_model
from deepometry.core.errors import DeepometryError
from deepometry.core.options.train import TrainOptions
from deepometry.core.progress import Progress
from deepometry.core.text import counted
from deepometry.network.hdf5_weights import is_hdf5
from deepometry.training.cells import Cells


def leakage_warnings(
    options: TrainOptions, cells: Cells, progress: Progress | None = None
) -> tuple[str, ...]:
    """Return a warning if the earlier model was trained on validation cells of this training.

    Raises DeepometryError for folds if the earlier model has seen any of their cells.
    """
    known = earlier_cells(options)
    if known is None:
        return ()
    codes = recognise(cells.dataset, known, progress or Progress()).codes
    name = Path(str(options.start_from)).name
    if options.folds or options.across:
        _check_folds(int((codes[cells.codes >= 0] > 0).sum()), cells.labelled, name)
    seen = int((codes[cells.validation] == TRAINING).sum())
    if not seen:
        return ()
    return (
        f"{name}, from which this training starts, was trained on {seen:,} of the "
        f"{counted(len(cells.validation), 'validation cell')}: it has seen some of the validation "
        "cells, and the scores are inflated. Use the seed, the validation share and the groups of "
        "that training, or other cells.",
    )


def _check_folds(seen: int, cells: int, name: str) -> None:
    if seen:
        raise DeepometryError(
            "From model: expected a model that was not trained on these cells, because in a "
            f"cross-validation no model may have seen its test cells, found {name}, which has seen "
            f"{seen:,} of {cells:,}; leave out --from or --folds."
        )


def earlier_cells(options: TrainOptions) -> KnownCells | None:
    """Return the cells that the model has seen from which a training starts, if there is one.

    None also where its file does not say, or where a training goes on and the file is gone.
    """
    if not options.start_from:
        return None
    try:
        path = find_model(Path(options.start_from))
        return None if is_hdf5(path) else read_known(path)
    except DeepometryError:
        if options.resume:
            return None
        raise


def all_known(options: TrainOptions, cells: Cells, model: Path) -> KnownCells:
    """Return all cells that the model of a training has seen, those of its ancestors included.

    `model` is where its file lies once a first epoch is whole.
    """
    known = cells.known.with_earlier(earlier_cells(options))
    if options.resume and model.is_file():
        known = known.with_earlier(read_known(model))
    return known

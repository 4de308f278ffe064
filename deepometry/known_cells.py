"""Whether a training starts from a model that has seen the cells which are to judge it."""

from __future__ import annotations

from pathlib import Path

from deepometry.errors import DeepometryError
from deepometry.legacy import is_hdf5
from deepometry.model import Description, find_model, read_description
from deepometry.options import TrainOptions
from deepometry.recipe import recipe_for
from deepometry.training_cells import Cells


def known_cells(options: TrainOptions, cells: Cells) -> tuple[str, ...]:
    """Tell when the earlier model learnt from the validation cells of this training.

    Only the very same cells with the same labels are recognised.

    Parameters
    ----------
    options : TrainOptions
        Of the training.
    cells : Cells
        Its cells.

    Returns
    -------
    tuple of str
        A sentence, or none.

    Raises
    ------
    DeepometryError
        Folds are asked for, whose cells the earlier model has all seen.
    """
    earlier = _earlier(options)
    if earlier is None or earlier.fingerprint != cells.fingerprint:
        return ()
    name = earlier.file_name
    if options.folds:
        raise DeepometryError(
            "From model: expected a model that did not learn from these cells, because in a "
            f"cross-validation none may know the cells that judge it, found {name}, which learnt "
            "from them; leave out --from or --folds."
        )
    if _same_split(options, cells, earlier):
        return ()
    return (
        f"{name}, from which this training starts, learnt from the same cells, divided otherwise: "
        "it knows some of the validation cells, and the scores are too good. Use the seed, the "
        "validation share and the groups of that training.",
    )


def _earlier(options: TrainOptions) -> Description | None:
    """Find what is known of the earlier model; of one that goes on, it may be gone."""
    if not options.start_from:
        return None
    try:
        path = find_model(Path(options.start_from))
        return None if is_hdf5(path) else read_description(path)
    except DeepometryError:
        if options.resume:
            return None
        raise


def _same_split(options: TrainOptions, cells: Cells, earlier: Description) -> bool:
    then = earlier.record.get("options", {})
    share = recipe_for(options, cells.labelled).validation
    now = {"seed": options.seed, "group_by": options.group_by, "validation": share}
    return all(then.get(name) == value for name, value in now.items())

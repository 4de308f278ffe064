"""Labels given by hand, opened or begun beside the parsed cells that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepometry.cells.dataset import open_dataset
from deepometry.cells.labels.hand_files import labels_file
from deepometry.cells.labels.hand_log import Identity
from deepometry.cells.labels.hand_schema import SCHEMA
from deepometry.cells.labels.hands import HandLabels
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.stacked_cells import StackedCells
from deepometry.core.database import Database
from deepometry.core.errors import DeepometryError
from deepometry.core.safe_names import folded


def open_hand_labels(parsed: Path | str, name: str, make: bool = False) -> HandLabels:
    """Open labels given by hand.

    Parameters
    ----------
    parsed : Path
        Folder of parsed cells, or a part of it such as `Train`.
    name : str
        Of the labels; the target of models that learn from them.
    make : bool
        Whether to begin them where there are none of this name.

    Raises
    ------
    DeepometryError
        There are no such labels, or the name cannot be used, or another target has it.

    Examples
    --------
    >>> labels = deepometry.open_hand_labels("parsed", "Phase", make=True)  # doctest: +SKIP
    >>> labels.add_class("Mitosis")  # doctest: +SKIP
    >>> labels.give([("Day 1/a.cif", "17")], "Mitosis", who="Anna")  # doctest: +SKIP
    """
    path = labels_file(parsed, name)
    if make and not path.is_file():
        check_free(path)
        Database(path, SCHEMA).close()
    return HandLabels(path)


def names_at_home(dataset: StackedCells, names: Sequence[Identity]) -> list[Identity]:
    """Name cells of a part of parsed cells, such as `Hold-out`, as the whole of them names them.

    Only arrays without a table are called differently: by their path.

    Parameters
    ----------
    dataset : Dataset
        All cells of a folder.
    names : sequence of (source, object)
        Some of them.
    """
    root = dataset.root.absolute()
    below = root.relative_to(parsed_home(root))
    by_path = {source for source, _ in names if below.parts and _is_array(root / source)}
    return [
        ((below / source).as_posix(), name) if source in by_path else (source, name)
        for source, name in names
    ]


def _is_array(path: Path) -> bool:
    return path.suffix == ".npy" and path.is_file() and not path.with_suffix(".csv").is_file()


def check_free(path: Path) -> None:
    """Raise `DeepometryError` if folder names or other labels are a target of this name."""
    dataset = open_dataset(path.parents[1])
    labels = dataset.labels(path.stem)
    others = {folded(source.name) for source in dataset.label_sources}
    if labels.labelled.any() or folded(path.stem) in others:
        raise DeepometryError(
            f"Name of the labels: {path.stem} is a target already ({labels.origin}); choose "
            "another name."
        )

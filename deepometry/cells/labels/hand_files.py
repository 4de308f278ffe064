"""Where labels given by hand lie: a file a set, in the folder `labels` of the parsed cells."""

from __future__ import annotations

from pathlib import Path

from deepometry.cells.labels.hands import HandLabels
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder
from deepometry.core.options.subset import read_name
from deepometry.core.result_files import HAND_LABELS, LABELS_FOLDER
from deepometry.core.safe_names import folded, safe_name


def list_hand_labels(parsed: Path | str) -> list[HandLabels]:
    """List the labels given by hand to parsed cells, or to a part of them, by name."""
    return [HandLabels(path) for path in sorted(_folder(parsed).glob(f"*{HAND_LABELS}"))]


def hand_labels_beside(parsed: Path | str) -> list[HandLabels]:
    """List the labels given by hand to cells of other parses, in folders beside this one."""
    home = _folder(parsed).parent
    there = sorted(home.parent.glob(f"*/{LABELS_FOLDER}/*{HAND_LABELS}"))
    return [HandLabels(path) for path in there if path.parents[1] != home]


def find_hand_labels(parsed: Path | str, name: str) -> HandLabels:
    """Open labels given by hand, by their name in any case; raise `DeepometryError` if missing."""
    return HandLabels(labels_file(parsed, name))


def labels_file(parsed: Path | str, name: str) -> Path:
    """Return the file of labels of a name, or where it would lie.

    Raises
    ------
    DeepometryError
        The name cannot be that of a file.
    """
    path = _folder(parsed) / f"{_checked(name)}{HAND_LABELS}"
    same = (
        each
        for each in path.parent.glob(f"*{HAND_LABELS}")
        if folded(each.stem) == folded(path.stem)
    )
    return next(same, path)


def _folder(parsed: Path | str) -> Path:
    return parsed_home(existing_folder(Path(parsed), "Input location")) / LABELS_FOLDER


def _checked(name: str) -> str:
    try:
        name = safe_name(read_name(name))
    except ValueError as error:
        raise DeepometryError(f"Name of the labels: {error}") from error
    if not name.strip("_ "):
        raise DeepometryError("Name of the labels: expected a name, found none; name them.")
    return name

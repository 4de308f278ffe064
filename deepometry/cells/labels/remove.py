"""Labels that are taken away from parsed cells: moved aside, so that they can be put back."""

from __future__ import annotations

from pathlib import Path

from deepometry.cells.labels.label_folder import label_files, parsed_home
from deepometry.core.errors import OptionsError
from deepometry.core.files import move_within
from deepometry.core.folder_names import normal_name
from deepometry.core.result_files import LABELS_FOLDER
from deepometry.core.safe_names import folded, unique_name
from deepometry.core.text import shortened

REMOVED = "removed"
"""The folder in `labels` where removed ones lie."""


def remove_labels(folder: Path, name: str) -> Path:
    """Take labels away from parsed cells; moved back, their files are labels again.

    Parameters
    ----------
    folder : Path
        Folder that Parse wrote, or one in it.
    name : str
        What the labels are called, in any case.

    Returns
    -------
    Path
        The folder where their files lie now.

    Raises
    ------
    DeepometryError
        There are no such labels, or their files cannot be moved.
    """
    place = parsed_home(folder) / LABELS_FOLDER
    files = label_files(place.parent)
    wanted = normal_name(name).casefold()
    path = next((p for n, p in files.items() if normal_name(n).casefold() == wanted), None)
    if path is None:
        there = shortened([*files]) or "none"
        raise OptionsError(
            {"remove": f"Remove: expected labels of these cells beside their folder names "
             f"({there}), found {name!r}; choose one of them."}
        )  # fmt: skip
    aside = place / REMOVED
    used = {folded(each.stem) for each in aside.iterdir()} if aside.is_dir() else set()
    stem = unique_name(path.stem, used)
    own = [each for each in (path, path.with_suffix(".json")) if each.is_file()]
    move_within(place, [(each.name, f"{REMOVED}/{stem}{each.suffix}") for each in own])
    return aside

"""Labels corrected by hand: those of a target, kept as they were, with decisions on top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.label_import.foreign_table import read_foreign
from deepometry.cells.labels.hand_files import labels_file
from deepometry.cells.labels.hand_log import Identity
from deepometry.cells.labels.hand_schema import CORRECTED, LONGEST_NAME, SCHEMA
from deepometry.cells.labels.hands import HandLabels
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.labels.source import CellLabels
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.database import Database
from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing
from deepometry.core.folder_names import CLASSES, normal_name
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.correct import CorrectOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.result_files import CORRECT_LABEL
from deepometry.core.text import counted
from deepometry.core.user_folders import user_name

_CORRECTED = "{} corrected"
_SOMEBODY = "somebody"


@dataclass(frozen=True)
class CorrectResult(ShowsInNotebook):
    """How many labels were corrected and confirmed.

    Attributes
    ----------
    target : str
        The target to train on: the labels with all corrections so far.
    corrected, confirmed : int
        Cells that have another label now, and cells whose label was confirmed, in all.
    path : Path
        The file of these labels.
    """

    target: str
    corrected: int
    confirmed: int
    path: Path

    def __str__(self) -> str:
        return (
            f"{counted(self.corrected, 'label')} corrected, {self.confirmed:,} confirmed.\n"
            f"To train with them: --target {self.target!r}. Labels: {self.path}"
        )

    def notebook_view(self) -> NotebookView:
        """Show the numbers."""
        rows: dict[str, object] = {"Corrected": self.corrected, "Confirmed": self.confirmed}
        return NotebookView(f"Labels of {self.target}", rows | {"File": self.path})


def correct(options: CorrectOptions, progress: Progress | Report | None = None) -> CorrectResult:
    """Correct or confirm labels by a table, such as the one of likely mislabelled cells.

    The labels of the target stay as they are. A target of its own, `<target> corrected`, has all
    of them with the corrections; labels given by hand keep their name.

    Parameters
    ----------
    options : CorrectOptions
        Parsed cells, the target, and the table with a filled in column `correct_label`.
    progress : Progress or callable, optional
        Receives messages.

    Returns
    -------
    CorrectResult

    Raises
    ------
    DeepometryError
        The table has no such column, or a label or a cell that there is not.
    """
    progress = as_progress(progress)
    home = parsed_home(options.input)
    dataset = open_dataset(home, progress)
    target = _labels_of(dataset, options.target)
    wanted = _wanted(options.table, dataset, target.classes)
    labels = open_corrections(dataset, options.target)
    settle(labels, wanted, options.who or user_name() or _SOMEBODY)
    return CorrectResult(labels.name, *labels.decisions(), labels.path)


def settle(labels: HandLabels, wanted: Mapping[Identity, str], who: str) -> None:
    """Decide what the labels of some cells are."""
    for label in dict.fromkeys(wanted.values()):
        cells = [cell for cell, each in wanted.items() if each == label]
        labels.give(cells, label, who, settles=True)


def find_corrections(dataset: Dataset, target: str) -> HandLabels | None:
    """Find the labels that have the corrections of a target; None before the first one."""
    own = _by_hand(dataset, target)
    if own is not None:
        return own
    path = labels_file(dataset.root, _CORRECTED.format(_labels_of(dataset, target).name))
    return HandLabels(path) if path.is_file() else None


def open_corrections(dataset: Dataset, target: str) -> HandLabels:
    """Open the labels that have the corrections of a target, or make them of its labels.

    Parameters
    ----------
    dataset : Dataset
        Of all parsed cells, or of a part of them such as `Train`.
    target : str

    Raises
    ------
    DeepometryError
        There is no such target, or it is of numbers.
    """
    there = find_corrections(dataset, target)
    if there is not None:
        return there
    whole = open_dataset(parsed_home(dataset.root))
    given = _labels_of(whole, target)
    path = labels_file(whole.root, _CORRECTED.format(given.name))
    with writing(path) as part:  # whole, or not at all
        with Database(part, SCHEMA) as database:
            database.tuples(f"PRAGMA application_id = {CORRECTED}")
        labels, who = HandLabels(part), shorten(given.origin, LONGEST_NAME, placeholder=" ...")
        for name in given.classes:
            labels.add_class(name)
        for name, cells in _cells_of(whole, given):
            labels.give(cells, name, who)
    return open_hand_labels(whole.root, path.stem)


def _by_hand(dataset: Dataset, target: str) -> HandLabels | None:
    wanted = normal_name(target).casefold()
    named = (s for s in dataset.label_sources if normal_name(s.name).casefold() == wanted)
    return next((source for source in named if isinstance(source, HandLabels)), None)


def _labels_of(dataset: Dataset, target: str) -> CellLabels:
    labels = dataset.labels(target)
    if labels.kind != CLASSES or not labels.classes:
        found = "numbers" if labels.kind != CLASSES else "none of this name"
        raise DeepometryError(
            f"Target classification {target}: expected classes to correct, found {found}; see "
            "deepometry targets."
        )
    offered = {normal_name(each.name).casefold(): each.name for each in dataset.targets()}
    name = offered.get(normal_name(target).casefold(), labels.name)  # as the folders spell it
    return replace(labels, name=name)


def _cells_of(dataset: Dataset, labels: CellLabels) -> Iterator[tuple[str, list[Identity]]]:
    """Yield each class with its cells."""
    names = np.empty((len(dataset), 2), object)
    for place, (_, source, name) in enumerate(dataset.identities()):
        names[place] = source, name
    for code, label in enumerate(labels.classes):
        own = names[labels.values == code]
        yield label, [(source, name) for source, name in own.tolist()]


def _wanted(path: Path, dataset: Dataset, classes: Sequence[str]) -> dict[Identity, str]:
    """Read the corrections of a table: the label of each cell that has one."""
    rows = read_foreign(path).rows
    columns = (*IDENTITY, CORRECT_LABEL)
    if missing := [name for name in columns if name not in rows]:
        raise DeepometryError(
            f"{path}: expected the columns source, object and {CORRECT_LABEL}, found no "
            f"{' and no '.join(missing)}; give the table of likely mislabelled cells."
        )
    filled = rows.loc[rows[CORRECT_LABEL] != "", [*columns]].to_numpy().tolist()
    if not filled:
        raise DeepometryError(
            f"{path}: expected labels in the column {CORRECT_LABEL}, found none; fill it in for "
            "the cells that you looked at."
        )
    known = {_plain(label): label for label in classes}
    if wrong := next((label for *_, label in filled if label not in known), None):
        raise DeepometryError(
            f"{path}: expected one of {', '.join(classes)} in {CORRECT_LABEL}, found {wrong}; "
            "correct the table."
        )
    cells = {
        (_plain(source), _plain(name)): (source, name) for _, source, name in dataset.identities()
    }
    others = [(source, name) for source, name, _ in filled if (source, name) not in cells]
    if others:
        raise DeepometryError(
            f"{path}: expected cells of {dataset.root}, found {counted(len(others), 'other')}, "
            f"such as {others[0][1]} of {others[0][0]}; give the parsed cells that it is of."
        )
    return {cells[source, name]: known[label] for source, name, label in filled}


def _plain(text: str) -> str:
    """Return a text as it is read from tables: runs of spaces count as one."""
    return " ".join(text.split())

"""Which cells to label next, as a table, and how good the labels given so far make a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepometry.cells.cell_features import CellFeatures, find_cell_features
from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.identity import find_keys
from deepometry.cells.labels.hands import HandLabels
from deepometry.cells.labels.label_folder import parsed_home
from deepometry.cells.random_order import random_order
from deepometry.cells.stack_reader import IDENTITY
from deepometry.classical.cleaning.measure import stamp
from deepometry.classical.measure import measure
from deepometry.core.earlier_results import check_new_table
from deepometry.core.errors import DeepometryError
from deepometry.core.files import writing
from deepometry.core.folder_names import CLASSES, normal_name
from deepometry.core.notebook import NotebookView, ShowsInNotebook
from deepometry.core.options.measure import MeasureOptions
from deepometry.core.options.suggest import LIKELY, SuggestOptions
from deepometry.core.progress import Progress, Report, as_progress
from deepometry.core.spreadsheet import SafeWriter, table_file
from deepometry.core.text import counted
from deepometry.training.assisted.assistant import Assistant, Labels, Progression

_COLUMNS = ("rank", "predicted", "probability")  # behind source and object


@dataclass(frozen=True)
class SuggestResult(ShowsInNotebook):
    """The cells to label next.

    Attributes
    ----------
    cells : tuple of (source, object)
        In this order.
    labels : int
        Labels given so far.
    progression : Progression
        The running estimate of the accuracy, and how much the last labels changed.
    output : Path
        The table.
    """

    cells: tuple[tuple[str, str], ...]
    labels: int
    progression: Progression
    output: Path

    def __str__(self) -> str:
        given = counted(self.labels, "label")
        return (
            f"{counted(len(self.cells), 'cell')} to label next, by {given}.\n"
            f"{self.progression}\nTable: {self.output}"
        )

    def notebook_view(self) -> NotebookView:
        """Show the estimate."""
        rows: dict[str, object] = {"Labels so far": self.labels, "Table": self.output}
        title = f"{counted(len(self.cells), 'cell')} to label next"
        return NotebookView(title, rows, [str(self.progression)])


def suggest(options: SuggestOptions, progress: Progress | Report | None = None) -> SuggestResult:
    """Choose the cells whose labels help most, by a fast classifier on features.

    Parameters
    ----------
    options : SuggestOptions
        Parsed cells, and the labels given so far; there may be none yet.
    progress : Progress or callable, optional
        Called with (done, in all, text).

    Returns
    -------
    SuggestResult
        The table has a row a cell, the most helpful first. With the orders uncertain and different,
        one cell in five, at first one in two, is chosen at random: by these, the accuracy is
        estimated.

    Raises
    ------
    DeepometryError
        There are no such labels, or they are numbers, or the table is there already.

    Notes
    -----
    Features that are kept with the cells are used, of whichever kind; see `measure`. Where there
    are none, classical features are measured.
    """
    progress = as_progress(progress)
    check_new_table(options.output, options.overwrite)
    home = parsed_home(options.input)
    dataset = open_dataset(home, progress)
    labels = labels_of(dataset, options.target)
    label = _class_of(labels, options)
    assistant = Assistant(features_of(dataset, progress), dataset.gated_out.cells, progress)
    progress.report(0, 0, "Learning from the labels")
    assistant.learn(labels)
    rows = assistant.order(options.order, options.number, label)[: options.number]
    cells = _named(dataset, rows)
    _write(options.output, cells, *_predicted(assistant, labels, rows))
    return SuggestResult(cells, len(labels.rows), assistant.progression(), options.output)


def features_of(dataset: Dataset, progress: Progress) -> CellFeatures:
    """Return features of all cells, which are measured where none of these images are kept."""
    kept = find_cell_features(dataset.root)
    if kept is None or not kept.fits(dataset.keys, stamp(dataset)):
        measure(MeasureOptions(input=dataset.root), progress)
        kept = find_cell_features(dataset.root)
    if kept is None:
        raise DeepometryError(
            f"{dataset.root}: the features were deleted just now; run the step again."
        )
    return kept


def labels_of(dataset: Dataset, target: str) -> Labels:
    """Return labels in the order in which they were given; of a table, in random order.

    Raises
    ------
    DeepometryError
        There are none of this name, or they are numbers.
    """
    wanted = normal_name(target).casefold()
    sources = {normal_name(each.name).casefold(): each for each in dataset.label_sources}
    source = sources.get(wanted)
    if isinstance(source, HandLabels):
        return _in_time(dataset, *source.in_order(), source.classes)
    labels = dataset.labels(target)
    if labels.kind != CLASSES or not (source or labels.labelled.any()):
        found = "numbers" if labels.labelled.any() else "none of this name"
        raise DeepometryError(
            f"Labels {target}: expected classes given by hand, of a table or of folders, found "
            f"{found}; see deepometry targets."
        )
    order = random_order(dataset.keys)
    rows = order[labels.values[order] >= 0]
    return Labels(rows, labels.values[rows], labels.classes)


def _in_time(
    dataset: Dataset, keys: np.ndarray, codes: np.ndarray, classes: tuple[str, ...]
) -> Labels:
    first, places = np.unique(dataset.keys, return_index=True)
    found = find_keys(keys, first)
    return Labels(places[found[found >= 0]], codes[found >= 0], classes)


def _class_of(labels: Labels, options: SuggestOptions) -> int:
    if options.order != LIKELY:
        return 0
    if options.label not in labels.classes:
        raise DeepometryError(
            f"Class: expected one of {', '.join(labels.classes) or 'some'}, found {options.label}."
        )
    return labels.classes.index(options.label)


def _named(dataset: Dataset, rows: np.ndarray) -> tuple[tuple[str, str], ...]:
    names = dict(zip(np.sort(rows).tolist(), dataset.identities_of(rows), strict=True))
    return tuple(names[row] for row in rows.tolist())


def _predicted(
    assistant: Assistant, labels: Labels, rows: np.ndarray
) -> tuple[Sequence[str], Sequence[str]]:
    """Return what cells are predicted as, and how probably; blank before there is a classifier."""
    probabilities = assistant.probabilities
    if probabilities is None:
        return [""] * len(rows), [""] * len(rows)
    some = probabilities[np.searchsorted(assistant.rows, rows)]
    named = [labels.classes[code] for code in some.argmax(1)]
    return named, [f"{share:.3g}" for share in some.max(1)]


def _write(
    path: Path,
    cells: Sequence[tuple[str, str]],
    predicted: Sequence[str],
    probabilities: Sequence[str],
) -> None:
    with writing(path) as part, table_file(part) as file:
        writer = SafeWriter(file, lineterminator="\n")
        writer.writerow([*IDENTITY, *_COLUMNS])
        rows = zip(cells, predicted, probabilities, strict=True)
        writer.writerows([*c, rank, *more] for rank, (c, *more) in enumerate(rows, 1))

"""The labels of chosen cells, copied to the parsed cells that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.labels.label_folder import label_files
from deepometry.cells.labels.label_table import (
    LabelTable,
    label_rows,
    open_label_table,
    write_label_table,
)
from deepometry.cells.labels.source import CellLabels
from deepometry.core.errors import DeepometryError
from deepometry.core.folder_names import CLASSES, NUMBER
from deepometry.core.options.subset import SubsetOptions

_Row = tuple[str, str, str]


def copy_labels(
    dataset: Dataset, cells: np.ndarray, options: SubsetOptions, stage: Path
) -> Iterator[str]:
    """Write the labels that chosen cells have beside their folder names, source by source.

    Labels of the same name that cells of other sets have stay.

    Parameters
    ----------
    dataset : Dataset
        The cells that are chosen from.
    cells : ndarray of int64, shape (n,)
        Which are chosen.
    options : SubsetOptions
    stage : Path
        Takes the place of the output.

    Yields
    ------
    str
        The files below the output that are replaced.

    Raises
    ------
    DeepometryError
        Labels of a name are numbers here and classes there, or a person gave labels there by hand.
    """
    there = {name.casefold(): path for name, path in label_files(options.output).items()}
    for name, labels in dataset.label_columns.items():
        if labels.from_folders or not labels.labelled[cells].any():
            continue
        path = there.get(name.casefold())
        earlier = _earlier(path, labels, options) if path else None
        chosen = cells[labels.labelled[cells]]
        rows = {row[:2]: row for row in [*_known(earlier), *_rows(dataset, labels, chosen)]}
        write_label_table(stage, name, rows.values(), _facts(labels, earlier), options)
        if path:
            yield from (f"{path.parent.name}/{p.name}" for p in (path, path.with_suffix(".json")))


def _earlier(path: Path, labels: CellLabels, options: SubsetOptions) -> LabelTable:
    """Open the labels that sets in the output have; raise an error if these cannot join them."""
    table = open_label_table(path) if path.suffix == ".csv" else None
    if table is not None and table.kind == labels.kind:
        return table
    found = "labels given by hand" if table is None else table.kind
    raise DeepometryError(
        f"Output location {options.output}: expected labels {labels.name} that are {labels.kind}, "
        f"as those of the chosen cells, found {found}; choose another folder."
    )


def _known(earlier: LabelTable | None) -> Iterable[_Row]:
    return label_rows(earlier.path) if earlier else ()


def _rows(dataset: Dataset, labels: CellLabels, cells: np.ndarray) -> Iterator[_Row]:
    values = labels.values[cells].tolist()
    number = labels.kind == NUMBER
    texts = (f"{value:.15g}" if number else labels.classes[value] for value in values)
    for (source, name), text in zip(dataset.identities_of(cells), texts, strict=True):
        yield source, name, text


def _facts(labels: CellLabels, earlier: LabelTable | None) -> dict[str, Any]:
    """Return what the record says, as far as it is known of the labels that were copied."""
    classes = dict.fromkeys([*(earlier.classes if earlier else ()), *labels.classes])
    channels = dict.fromkeys([*(earlier.channels if earlier else ()), *labels.channels])
    facts = {
        "kind": labels.kind,
        "origin": labels.origin,
        "classes": [*classes] if labels.kind == CLASSES else [],
    }
    return facts | ({"channels": [*channels]} if channels else {})

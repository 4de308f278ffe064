"""The parsed cells of which a table of results has rows, compared with it."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress, as_progress
from deepometry.core.steps import STEPS
from deepometry.web.results.cell_pictures import Cells, file_state, pictures_of
from deepometry.web.results.output import Output
from deepometry.web.results.predict import learns
from deepometry.web.results.table_index import CellNames, RowTable
from deepometry.web.results.table_store import TableStore

if TYPE_CHECKING:
    import numpy as np

    from deepometry.cells.dataset import Dataset

Identity = tuple[str, str]
"""Source and object of a cell."""

_AT_ONCE = 16_384  # cells
_COMPARING = "Comparing with the parsed cells"
_CHANGED = "The parsed cells were changed after this run"


def open_cells(output: Output) -> Dataset:
    """Open the parsed cells that a job looked at, in the order of its table.

    Raises
    ------
    DeepometryError
        They are not there any more, or damaged.
    """
    from deepometry.cells.dataset import Dataset, open_dataset, training_part
    from deepometry.cells.reopened_files import open_classified
    from deepometry.core.folder_names import HOLD_OUT, TRAIN, label_of

    if output.verb == "embed":
        parsed = str(output.record.get("parsed") or "")
        if not parsed:
            raise DeepometryError(
                "The record of the features does not name their parsed cells; extract again."
            )
        return open_dataset(Path(parsed))
    if output.verb == "classify":
        return open_classified(output.root)
    place, target = Path(str(output.option("input"))), str(output.option("target") or "")
    if learns(output):  # the table is of the labelled cells, those held out aside
        dataset = open_dataset(place, keep=training_part)
        named = [part for part in dataset.parts if label_of(part.levels, target) is not None]
        return Dataset(dataset.root, named) if named else dataset
    dataset = open_dataset(place)
    both = {TRAIN, HOLD_OUT} <= dataset.sides
    if output.verb == "predict" and both and not output.option("unannotated"):
        return dataset.without(TRAIN)  # as predict does
    return dataset


def matched_cells(
    output: Output, table: RowTable, store: TableStore | None, progress: Progress | None = None
) -> Cells | str:
    """Return the parsed cells of a table, or the sentence that says why they cannot be shown.

    With a store, they are compared only where they or the table have changed since the last time.
    """
    some = learns(output)  # of the labelled cells, in their order; without those gated out
    try:
        dataset = open_cells(output)
        told = _digest(dataset)
        places = store.agreed(table.path, told) if store else None
        if places is None:
            spaced = STEPS[output.verb].writes in ("map", "features")  # no runs of spaces there
            identities = ((_plain(s), _plain(n)) if spaced else (s, n) for s, n in _names(dataset))
            compare = _some_of if some else _all_of
            places = compare(table.names, identities, as_progress(progress))
            if store:
                store.note_agreement(table.path, told, places)
    except (DeepometryError, OSError) as error:
        return str(error)
    return pictures_of(dataset, places if some else None)


def _names(dataset: Dataset) -> Iterator[Identity]:
    return ((source, name) for _, source, name in dataset.identities())


def _all_of(names: CellNames, identities: Iterator[Identity], progress: Progress) -> np.ndarray:
    """Compare cell by cell; raise `DeepometryError` where they are others, or more of them."""
    import numpy as np

    for first in range(0, len(names), _AT_ONCE):
        progress.report(first, len(names), _COMPARING, "cells")
        if names.some(first, first + _AT_ONCE) != [*islice(identities, _AT_ONCE)]:
            raise DeepometryError(f"{_CHANGED}.")
    if next(identities, None) is not None:
        raise DeepometryError(f"{_CHANGED}: there are more of them now.")
    return np.zeros(0, np.int64)


def _some_of(names: CellNames, identities: Iterator[Identity], progress: Progress) -> np.ndarray:
    """Find each among the cells, in their order; raise `DeepometryError` where one is missing."""
    import numpy as np

    places, numbered = array("q"), enumerate(identities)
    for first in range(0, len(names), _AT_ONCE):
        progress.report(first, len(names), _COMPARING, "cells")
        for wanted in names.some(first, first + _AT_ONCE):
            place = next((n for n, identity in numbered if identity == wanted), None)
            if place is None:
                raise DeepometryError(f"{_CHANGED}.")
            places.append(place)
    return np.array(places, np.int64)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _digest(dataset: Dataset) -> str:
    """Return a text that changes with what the identities of parsed cells are read from."""
    told = hashlib.blake2b(digest_size=16)
    for line in _states(dataset):
        told.update(f"{line}\n".encode("utf-8", "surrogatepass"))
    return told.hexdigest()


def _states(dataset: Dataset) -> Iterator[str]:
    folders: dict[Path, None] = {}
    for part in dataset.parts:
        folders[part.stored.path.parent] = None
        yield f"{part.stored.path} {len(part.stored)} {file_state(part.stored.path)}"
    for folder in folders:  # whose time changes with the names in it
        yield f"{folder} {file_state(folder)[0]}"
        yield from (f"{path} {file_state(path)}" for path in _tables(folder))


def _tables(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.csv"))

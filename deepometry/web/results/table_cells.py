"""The parsed cells of which a table of results has rows, compared with it as both are read."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepometry.core.errors import DeepometryError
from deepometry.core.steps import STEPS
from deepometry.web.results.cell_pictures import Cells, pictures_of
from deepometry.web.results.output import Output
from deepometry.web.results.predict import is_of_validation

if TYPE_CHECKING:
    from deepometry.cells.dataset import Dataset
    from deepometry.cells.dataset_parts import Part


def open_cells(output: Output) -> Dataset:
    """Open the parsed cells that a job looked at, in the order of its table.

    Raises
    ------
    DeepometryError
        They are not there any more, or damaged.
    """
    from deepometry.cells.dataset import open_dataset, training_part
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
    if output.verb == "train":  # its table is of the labelled cells, those held out aside

        def labelled(part: Part) -> bool:
            return training_part(part) and label_of(part.levels, target) is not None

        return open_dataset(place, keep=labelled)
    dataset = open_dataset(place)
    both = {TRAIN, HOLD_OUT} <= dataset.sides
    if output.verb == "predict" and both and not output.option("unannotated"):
        return dataset.without(TRAIN)  # as predict does
    return dataset


class Matching:
    """Compares the identity of every row of a table with the parsed cells, as both are read."""

    def __init__(self, output: Output) -> None:
        self.reason, self._dataset = "", None
        self._identities: Iterator[Any] = iter(())
        # whose tables have no runs of spaces
        self._spaced = STEPS[output.verb].writes in ("map", "features")
        # the validation cells of a training are some of the labelled ones, in their order
        self._chosen = array("q") if is_of_validation(output) else None
        self._passed = 0
        try:
            self._dataset = open_cells(output)
            self._identities = self._dataset.identities()
        except DeepometryError as error:
            self.reason = str(error)

    def __call__(self, number: int, row: list[str]) -> None:
        """Compare one row."""
        if self.reason:
            return
        try:
            there = self._find(row[:2])
        except (DeepometryError, OSError) as error:
            self.reason = str(error)
            return
        if not there:
            self.reason = "The parsed cells were changed after this run."

    def _find(self, names: list[str]) -> bool:
        """Return whether the next cell has these names; of some cells, whether a later one has."""
        for identity in self._identities:
            self._passed += 1
            if [self._plain(text) for text in identity[1:]] == names:
                if self._chosen is not None:
                    self._chosen.append(self._passed - 1)
                return True
            if self._chosen is None:
                return False
        return False

    def _plain(self, text: str) -> str:
        return " ".join(text.split()) if self._spaced else text

    def cells(self) -> Cells | str:
        """Return the cells, or the sentence that says why they cannot be shown."""
        import numpy as np

        if self._dataset is None or self.reason:
            return self.reason
        if self._chosen is not None:
            return pictures_of(self._dataset, np.array(self._chosen, np.int64))
        if next(self._identities, None) is not None:
            return "The parsed cells were changed after this run: there are more of them now."
        return pictures_of(self._dataset)

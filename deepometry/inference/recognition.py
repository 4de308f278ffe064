"""Which of the cells of a prediction the model has seen in its training, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.known_cells import TRAINING, VALIDATION, Recognised, read_known, recognise
from deepometry.core.progress import Progress
from deepometry.core.text import counted

SEEN = "seen"
"""The column of `predicted.csv` that says what a cell was for the model; blank for other cells."""

GATED_OUT = "gated_out"
"""The column of `predicted.csv` that marks cells that gates leave out."""

_WORDS = np.array(["", "training", "validation"], object)
_FEWEST = 5  # cells of which a score says anything


def has_label(true: np.ndarray) -> np.ndarray:
    """Return which cells have a true class, -1 for none, or a true number, NaN for none."""
    return np.isfinite(true) if true.dtype.kind == "f" else true >= 0


@dataclass(frozen=True)
class Recognition:
    """Which cells of a prediction the model has seen.

    Attributes
    ----------
    cells : int
        Number of all cells.
    recognised : Recognised or None
        None where the model file does not say which cells it has seen.
    labelled : ndarray of bool, shape (cells,), or None
        Which cells have a true label to compare with; None for unannotated data.
    gated_out : ndarray of bool, shape (cells,), or None
        Which cells gates leave out; None where there are no gates.
    """

    cells: int
    recognised: Recognised | None
    labelled: np.ndarray | None
    gated_out: np.ndarray | None = None

    @property
    def annotated(self) -> bool:
        """Whether there are true labels to compare with."""
        return self.labelled is not None

    @property
    def _unseen(self) -> np.ndarray:
        """Which cells the model has not seen."""
        codes = None if self.recognised is None else self.recognised.codes
        return np.ones(self.cells, bool) if codes is None else codes == 0

    @property
    def others(self) -> int:
        """Number of cells that the model has not seen; where there are labels, of those with one"""
        labelled = True if self.labelled is None else self.labelled
        return int(np.count_nonzero(self._unseen & labelled))

    def count(self, code: int) -> int:
        """Count the cells that were for training, or for validation."""
        return 0 if self.recognised is None else int((self.recognised.codes == code).sum())

    @property
    def seen(self) -> int:
        """Number of cells that the model has seen."""
        return self.count(TRAINING) + self.count(VALIDATION)

    @property
    def of_training(self) -> bool:
        """Whether so few other cells are left that scores are of cells that the model has seen."""
        return self.annotated and self.seen > 0 and self.others < _FEWEST

    @property
    def named(self) -> int:
        """Number of the other cells that have the path and object of a cell that it has seen."""
        return 0 if self.recognised is None else self.recognised.only_named

    @property
    def perhaps_of_training(self) -> bool:
        """Whether most cells that scores are of may be cells that the model has seen."""
        return self.annotated and not self.of_training and 2 * self.named > self.others

    @property
    def title(self) -> str:
        """What the scores are of, in two or three words, for a heading."""
        if self.of_training:
            return "Training scores"
        maybe = "Possibly training scores"
        return maybe if self.perhaps_of_training else "Cells that the model has seen"

    @property
    def judged(self) -> np.ndarray:
        """Which cells scores are of: of those with a label, the ones not seen if there are some."""
        among = np.ones(self.cells, bool) if self.of_training else self._unseen
        return among if self.labelled is None else among & self.labelled

    @property
    def words(self) -> np.ndarray:
        """What each cell was for the model, for the table."""
        codes = np.zeros(self.cells, np.int8) if self.recognised is None else self.recognised.codes
        return np.asarray(_WORDS[codes])

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Columns of the table that say more of each cell, by name; `SEEN` comes last."""
        found = {}
        if self.gated_out is not None:
            found[GATED_OUT] = np.where(self.gated_out, "yes", "").astype(object)
        return found | ({SEEN: self.words} if self.seen else {})

    @property
    def sentence(self) -> str:
        """What a reader of the scores must know; empty where the model has seen none."""
        return " ".join(filter(None, [self._about_seen(), self._about_named()]))

    def _about_named(self) -> str:
        """Return a sentence on cells that may be the same as those of the training."""
        if not self.named:
            return ""
        others = self.cells - self.seen
        of = f"of {counted(others, 'other cell' if self.seen else 'cell')}"
        verb = "has" if self.named == 1 else "have"
        start = (
            f"{self.named:,} {of} {verb} the file and object number of a cell that the model was "
            "trained or validated on, but other pixels"
        )
        if not self.annotated or self.of_training:
            return f"{start}: they may be the same cells, exported or parsed in another way."
        if self.perhaps_of_training:
            return (
                f"{start}. If they are the same cells, exported or parsed in another way, these "
                "are training scores, and do not show how it does on new cells."
            )
        return (
            f"{start}. If they are the same cells, exported or parsed in another way, the scores "
            "are too good."
        )

    def _about_seen(self) -> str:
        if not self.seen:
            return ""
        others = self.cells - self.seen
        who = f"{self.seen:,} of {counted(self.cells, 'cell')}" if others else "All of these cells"
        sides = [(self.count(TRAINING), "trained"), (self.count(VALIDATION), "validated")]
        roles = " or ".join(f"{verb} on ({n:,})" for n, verb in sides if n)
        which = "is one" if self.seen == 1 else "are among those"
        return f"{who} {which} that the model was {roles}{self._so(self.others)}"

    def _so(self, others: int) -> str:
        if not self.annotated:
            return "."
        if not self.of_training:
            return f": the scores are of the {counted(others, 'other')}."
        few = f", and {counted(others, 'other')} are too few" if others else ""
        return f"{few}: these are training scores, and do not show how it does on new cells."

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for the record."""
        if self.recognised is None:
            return {"message": "The model file does not list the cells that the model has seen."}
        facts: dict[str, Any] = {
            "training": self.count(TRAINING),
            "validation": self.count(VALIDATION),
            "same_name_other_pixels": self.recognised.only_named,
        }
        if self.annotated:
            facts |= {"scored": int(self.judged.sum()), "training_scores": self.of_training}
            facts["perhaps_training_scores"] = self.perhaps_of_training
        return facts | {"message": self.sentence}


def recognition_of(
    model: Path, dataset: Dataset, true: np.ndarray | None, progress: Progress
) -> Recognition:
    """Look for the cells that a model has seen, and report them as a warning.

    `true` are the classes of the cells, -1 for none, or numbers, NaN for none; None for
    unannotated data.
    """
    known = read_known(model)
    found = None if known is None else recognise(dataset, known, progress)
    labelled = None if true is None else has_label(true)
    gates = dataset.gated_out
    out = gates.cells if gates.gates else None
    recognition = Recognition(len(dataset), found, labelled, out)
    tell_recognised(recognition, progress)
    return recognition


def tell_recognised(recognition: Recognition, progress: Progress) -> None:
    """Report the cells that a model has seen, or may have seen, if any, as a warning."""
    if recognition.sentence:
        progress.say(f"Warning: {recognition.sentence}")

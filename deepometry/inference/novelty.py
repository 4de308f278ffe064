"""How novel the cells of a prediction are, measured from the pass that predicts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepometry.classical.model_file import BaselineModel
from deepometry.core.errors import DeepometryError
from deepometry.core.progress import Progress
from deepometry.core.task_names import NOVELTY
from deepometry.evaluation.novel_cells import NovelCells
from deepometry.evaluation.novelty import (
    NETWORK,
    NOVEL_ABOVE,
    Reference,
    is_novel,
)
from deepometry.evaluation.novelty_file import read_reference
from deepometry.evaluation.novelty_tally import NoveltyTally
from deepometry.inference.run import Inference, Outcome
from deepometry.network.build import NOVELTY_LAYERS, with_layers


@dataclass(frozen=True)
class Meter:
    """Measures the novelty of cells while a model predicts them.

    Attributes
    ----------
    model : keras.Model or BaselineModel
        What predicts; its last output is that of the model, those before are features.
    reference : Reference or None
        None where the model cannot measure novelty.
    """

    model: Any
    reference: Reference | None

    def measured(self, outcome: Outcome) -> Outcome:
        """Return an outcome with the model's own outputs, and how ordinary its cells are."""
        if self.reference is None:
            return outcome
        *features, own = outcome.outputs
        share = self.reference.ordinariness({NETWORK: np.hstack(features)})
        return replace(outcome, outputs=(own,), ordinariness=share)


def meter_of(inference: Inference, above: float | None, progress: Progress) -> Meter:
    """Return what measures the novelty of cells, and report where the model cannot.

    Raises DeepometryError where it cannot, but labels are to be withheld `above` a novelty.
    """
    measures = not isinstance(inference.model, BaselineModel)
    reference = read_reference(inference.path) if measures else None
    if reference is not None:
        return Meter(with_layers(inference.model, NOVELTY_LAYERS), reference)
    why = f"{inference.path.name} cannot measure how novel cells are"
    if above is not None:
        raise DeepometryError(
            f"Unknown above: {why}: an earlier version made it, only its classical features are "
            "used, or it had too few validation cells; train again, or leave the option out."
        )
    progress.say(f"{why}: no cell is called novel.")
    return Meter(inference.model, None)


def with_novelty(inference: Inference, novelties: Novelties, progress: Progress) -> Inference:
    """Add the warning that many cells are novel, if they are, and report it."""
    tally = novelties.tally()
    if tally is None or not tally.warning:
        return inference
    progress.say(f"Warning: {tally.warning}")
    return replace(inference, warnings=(*inference.warnings, tally.warning))


class Novelties:
    """Collects how novel the cells of a prediction are, and the most novel with their images.

    `reference` is what it is measured by, None where the model cannot; `above` is the novelty above
    which a label is withheld, None for none; `gated_out` (cells,) are cells that gates leave out.

    Notes
    -----
    Of a cell there stay in memory 8 bytes.
    """

    def __init__(
        self, reference: Reference | None, above: float | None, gated_out: np.ndarray | None
    ) -> None:
        self.reference, self._above, self._gated_out = reference, above, gated_out
        self.threshold = NOVEL_ABOVE if above is None else above
        self.most = NovelCells()
        self._blocks: list[np.ndarray] = []

    @property
    def header(self) -> list[str]:
        """The column of the table, if there is one."""
        return [NOVELTY] * (self.reference is not None)

    @property
    def withholds(self) -> bool:
        """Whether cells may be labelled unknown."""
        return self._above is not None

    def add(self, outcome: Outcome, predicted: Sequence[str]) -> tuple[np.ndarray, list[list[str]]]:
        """Add the next cells; return which of them are unknown, and their values of the column."""
        share = outcome.ordinariness
        if share is None:
            return np.zeros(len(predicted), bool), [[]] * len(predicted)
        done = sum(map(len, self._blocks))
        inside = slice(done, done + len(share))
        counted = np.ones(len(share), bool) if self._gated_out is None else ~self._gated_out[inside]
        shown = np.where(counted, share, np.inf)
        self.most.look(outcome.cells, outcome.images, predicted, shown)
        self._blocks.append(1 - share)
        unknown = is_novel(1 - share, self.threshold) & self.withholds
        return unknown, [[f"{value:.6g}"] for value in (1 - share).tolist()]

    @property
    def novel(self) -> np.ndarray | None:
        """Which cells are above the threshold; None where novelty is not measured."""
        if self.reference is None:
            return None
        return is_novel(np.concatenate(self._blocks), self.threshold)

    @property
    def unknown(self) -> np.ndarray | None:
        """Which cells are labelled unknown; None where none may be."""
        return self.novel if self.withholds else None

    def tally(self) -> NoveltyTally | None:
        """Count the novel cells among those that are not gated out."""
        novel, reference = self.novel, self.reference
        if novel is None or reference is None:
            return None
        if self._gated_out is not None:
            novel = novel[~self._gated_out]
        counts = (int(novel.sum()), len(novel), len(reference.ordinary))
        return NoveltyTally(*counts, self.threshold, self.withholds)

"""The gates that a model learnt under, applied to cells of image files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepometry.cells.dataset import Dataset
from deepometry.cells.file_cells import CellFiles
from deepometry.cells.gates.apply import GatedOut
from deepometry.cells.gates.gate import Gate, Limit
from deepometry.cells.model_description import Description
from deepometry.classical.cleaning.measure import Meter, place_of
from deepometry.core.channel_names import own_name
from deepometry.inference.model_gates import learnt_inside


class FileGates:
    """Measures the features of a model's gates while cells are read from files.

    Features of IDEAS cannot be measured, nor those of channels that the files lack, or that have
    another name there.

    Parameters
    ----------
    description : Description
        Of the model.
    files : CellFiles
    """

    def __init__(self, description: Description, files: CellFiles) -> None:
        numbers = files.framing.channels
        same = [n for n in numbers if _same_channel(n, description, files)]
        self._gates = description.learnt_gates
        limits = [limit for gate in self._gates for limit in gate.limits]
        self._places = {
            limit.feature: place for limit in limits if (place := place_of(limit.feature, same))
        }
        self.lacking = [limit for limit in limits if limit.feature not in self._places]
        channels = sorted({channel for channel, _ in self._places.values()})
        self._rank = {channel: rank for rank, channel in enumerate(channels)}
        self._meter = Meter([numbers.index(same[channel]) for channel in channels])

    @property
    def measures(self) -> bool:
        """Whether there is anything to measure."""
        return bool(self._places)

    def watch(self, images: np.ndarray) -> None:
        """Measure the next cells, if there is anything to measure."""
        if self.measures:
            self._meter.add(images)

    def apply(self, dataset: Dataset) -> Dataset:
        """Return the cells that were measured with the gates, as far as these can be applied."""
        out = np.zeros(len(dataset), bool)
        gates = [gate for gate in map(self._measurable, self._gates) if gate.limits]
        values = self._meter.features(dataset.dtype) if gates else None
        for limit in (limit for gate in gates for limit in gate.limits):
            channel, kind = self._places[limit.feature]
            assert values is not None
            out |= limit.leaves_out(values[:, self._rank[channel], kind])
        return dataset.gated(GatedOut(tuple(gates), out))

    def _measurable(self, gate: Gate) -> Gate:
        return replace(gate, limits=tuple(x for x in gate.limits if x.feature in self._places))

    @property
    def sentence(self) -> str:
        """Say which limits cannot be applied; empty where all can."""
        return _not_applied(self.lacking) if self.lacking else ""


def _not_applied(limits: Sequence[Limit]) -> str:
    return (
        f"{learnt_inside(limits)}; that cannot be measured in these files, so no cell was gated "
        "out by it. Parse them, import the analysis of IDEAS or measure with the gate step, gate "
        "them like the model (--like), and predict."
    )


def _same_channel(number: int, description: Description, files: CellFiles) -> bool:
    """Return whether a channel has no other name in the files than in the model."""
    one = own_name(number, [description.channel_names.get(str(number), "")]).casefold()
    other = own_name(number, [files.names.get(number, "")]).casefold()
    return not one or not other or one == other

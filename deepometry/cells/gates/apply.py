"""Which parsed cells their gates leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.gates.gate import Gate, gate_path, gates_of, named
from deepometry.cells.identity import UNCERTAIN
from deepometry.cells.imported_features import ImportedFeatures, open_imported_features
from deepometry.core.errors import DeepometryError
from deepometry.core.text import counted

Places = Callable[[np.ndarray], np.ndarray]
"""Finds the cells of a dataset among keys: int64, shape (cells,), -1 for none."""


@dataclass(frozen=True)
class GatedOut:
    """The cells that gates leave out.

    Attributes
    ----------
    gates : tuple of Gate
        That were applied.
    cells : ndarray of bool, shape (cells,)
        Which cells are left out.
    """

    gates: tuple[Gate, ...]
    cells: np.ndarray

    @cached_property
    def count(self) -> int:
        """Number of cells that are left out."""
        return int(np.count_nonzero(self.cells))

    @property
    def sentence(self) -> str:
        """Say how many cells are left out, without an end; empty where none is."""
        if not self.count:
            return ""
        verb = "is" if self.count == 1 else "are"
        cells = counted(len(self.cells), "cell")
        return f"{self.count:,} of {cells} {verb} gated out ({named(self.gates)})"

    @property
    def inside(self) -> np.ndarray:
        """Which cells are not left out, bool (cells,)."""
        return ~self.cells

    @property
    def marks(self) -> np.ndarray | None:
        """Which cells are left out, bool (cells,); None where there are no gates."""
        return self.cells if self.gates else None

    @property
    def told(self) -> int | None:
        """The number of cells that are left out; None where there are no gates."""
        return self.count if self.gates else None

    def facts(self) -> dict[str, Any]:
        """Return what a record says of it; nothing where there are no gates."""
        gates = [gate.plain() for gate in self.gates]
        none = f"No cell is gated out ({named(self.gates)})"
        told = {"cells": self.count, "gates": gates, "message": f"{self.sentence or none}."}
        return {"gated_out": told} if self.gates else {}


def gated_out(home: Path, cells: int, places_among: Places) -> GatedOut:
    """Apply the gates of parsed cells.

    Parameters
    ----------
    home : Path
        Folder that Parse wrote.
    cells : int
        Number of cells of the dataset.
    places_among : callable
        Finds them among the keys of the features.

    Raises
    ------
    DeepometryError
        A gate is damaged, or a feature that it is about is not known of all cells.
    """
    gates = gates_of(home)
    out = np.zeros(cells, bool)
    features = open_imported_features(home) if gates else None
    places = None if features is None else places_among(features.keys)
    for gate in gates:
        out |= leaves_out(gate, _known(features, places, gate, home), places)
    return GatedOut(tuple(gates), out)


def _known(
    features: ImportedFeatures | None, places: np.ndarray | None, gate: Gate, home: Path
) -> ImportedFeatures:
    """Check that the features of a gate are known of all cells."""
    wrong = ""
    if features is None or places is None:
        wrong = "no features"
    elif missing := [each.feature for each in gate.limits if each.feature not in features.names]:
        wrong = f"none called {missing[0]}"
    elif unsure := int(np.count_nonzero(places == UNCERTAIN)):
        raise DeepometryError(
            f"Gate {gate.name}: expected each cell of {home} once, found {counted(unsure, 'cell')} "
            "here with the file and object number of others in it, whose features cannot be told "
            "apart; open the whole folder, or parse the images again, each in a folder of its own."
        )
    elif without := int(np.count_nonzero(places < 0)):
        wrong = f"none of {counted(without, 'cell')}"
    if wrong or features is None:
        raise DeepometryError(
            f"Gate {gate.name}: expected its features of all parsed cells in {home}, found "
            f"{wrong}; run the gate step again, or delete {gate_path(home, gate.name)}."
        )
    return features


def leaves_out(gate: Gate, features: ImportedFeatures, places: np.ndarray | None) -> np.ndarray:
    """Return which cells a gate leaves out, bool; `places` are theirs among the features."""
    columns: Sequence[np.ndarray] = [
        limit.leaves_out(features.column(limit.feature)) for limit in gate.limits
    ]
    out: np.ndarray = np.any([np.zeros(len(features.keys), bool), *columns], 0)
    return out if places is None else np.asarray(out[places])

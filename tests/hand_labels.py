"""A set of labels given by hand, for tests."""

from __future__ import annotations

from pathlib import Path

from deepometry.cells.hand_labels import open_hand_labels
from deepometry.cells.identity import cell_key
from deepometry.cells.labels.hands import HandLabels
from tests.parsed import write_classes

CELLS = [("a.cif", str(number)) for number in range(8)]


def write_labels(place: Path) -> HandLabels:
    """Write parsed cells, and labels beside them that have two classes."""
    parsed = write_classes(place / "parsed", {"Train/Class A": 4, "Hold-out/Class A": 4})
    labels = open_hand_labels(parsed, "Phase", make=True)
    labels.add_class("Mitosis")
    labels.add_class("Rest")
    return labels


def counting(labels: HandLabels) -> dict[str, str]:
    """Return the label that counts of each labelled cell, by its object."""
    keys, codes = labels.read()
    names = {cell_key(*cell): cell[1] for cell in CELLS}
    pairs = zip(keys.tolist(), codes.tolist(), strict=True)
    return {names[key]: labels.classes[code] for key, code in pairs}

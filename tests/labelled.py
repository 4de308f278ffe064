"""Labels beside parsed cells, for tests, as `deepometry label` writes them."""

from __future__ import annotations

from pathlib import Path

from deepometry.cells.labels.label_table import write_label_table
from deepometry.core.folder_names import CLASSES
from deepometry.core.options.parse import TargetsOptions


def write_labels(
    home: Path, name: str, rows, classes=(), kind=CLASSES, origin="a test", **more
) -> Path:
    """Write labels, rows of (source, object, label), to parsed cells."""
    classes = list(classes or dict.fromkeys(label for _, _, label in rows)) * (kind == CLASSES)
    facts = {"kind": kind, "origin": origin, "classes": classes, **more}
    return write_label_table(home, name, rows, facts, TargetsOptions(input=home))

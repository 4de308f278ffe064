"""The label sources of parsed cells: the folder `labels` beside their parse.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.core.errors import DeepometryError
from deepometry.core.exchange import settle
from deepometry.core.result_files import LABELS_FOLDER, PARSE_RECORD
from deepometry.core.run_records import read_json
from deepometry.core.step import load

if TYPE_CHECKING:
    from deepometry.cells.labels.source import LabelSource

_KINDS = {
    ".csv": "deepometry.cells.labels.label_table:open_label_table",
    ".sqlite": "deepometry.cells.labels.hands:HandLabels",
}
"""Endings of label sources, and what opens one; that returns None for a file of somebody else."""


def parsed_home(folder: Path) -> Path:
    """Find the folder that Parse wrote, from itself or a folder in it, such as `Hold-out`.

    The nearest one upwards with a parse.json; the folder itself where there is none.
    """
    above = (folder, *folder.absolute().parents)
    return next((place for place in above if (place / PARSE_RECORD).is_file()), folder)


def has_labels(home: Path) -> bool:
    """Return whether parsed cells have labels beside their folder names, without reading them."""
    place = home / LABELS_FOLDER
    return place.is_dir() and any(path.suffix in _KINDS for path in place.iterdir())


def label_files(home: Path) -> dict[str, Path]:
    """List the label sources of parsed cells, damaged ones too: their file by their name."""
    place = home / LABELS_FOLDER
    if not place.is_dir():
        return {}
    settle(place)
    files = [path for path in sorted(place.iterdir()) if path.suffix in _KINDS]
    records = {path: path.with_suffix(".json") for path in files}
    return {
        _name_in(record) or path.stem: path
        for path, record in records.items()
        if path.suffix != ".csv" or record.is_file()
    }


def _name_in(record: Path) -> str:
    try:
        return str(read_json(record).get("name", "")) if record.is_file() else ""
    except DeepometryError:  # damaged
        return ""


def label_sources(home: Path) -> list[LabelSource]:
    """Open all label sources of a folder of parsed cells, by name.

    Raises
    ------
    DeepometryError
        One is damaged.
    """
    place = home / LABELS_FOLDER
    if not place.is_dir():
        return []
    settle(place)
    found = (
        load(_KINDS[path.suffix])(path)
        for path in sorted(place.iterdir())
        if path.suffix in _KINDS and not path.name.startswith(".")
    )
    return sorted((source for source in found if source), key=lambda each: each.name.casefold())

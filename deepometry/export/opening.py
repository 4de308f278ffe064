"""Finding the tables of a folder, and the parsed cells that they are about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.errors import DeepometryError
from deepometry.export.files import (
    COMMA,
    TABS,
    CellFile,
    FeatureTable,
    ParsedCells,
    TextTable,
    numbered,
)
from deepometry.export.table import CellTable, digest_of, places_of
from deepometry.files import existing_folder, own_record
from deepometry.names import CROSS_VALIDATION
from deepometry.progress import Progress

if TYPE_CHECKING:
    from deepometry.dataset import Dataset

STEPS, _CROSSED = ("predict", "extract", "embed", "baseline"), "cross_validation"
_TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "metadata": ("metadata.tsv", TABS),
    "predicted": ("predicted.csv", COMMA),
    "coordinates": ("coordinates.csv", COMMA),
    "baseline": ("baseline_features.csv", COMMA),
}
_FEATURES = "features_extracted_by_{}.txt"


def open_table(
    folder: Path,
    layer: str | None = None,
    progress: Progress | None = None,
    also: Path | None = None,
) -> CellTable:
    """Open all that a folder says of its cells.

    Parameters
    ----------
    folder : Path
        What predict, extract, embed or baseline wrote, or a folder of parsed cells. Where embed
        tells which features it drew, the tables beside these belong to it.
    layer : str, optional
        Whose features, where those of several layers are there; by default of the one that a map
        was drawn of, else of the last one.
    progress : Progress, optional
        Told about it; may cancel.
    also : Path, optional
        Another folder of results of the same cells.

    Raises
    ------
    DeepometryError
        There is nothing of the kind, or the tables are damaged, or of different cells.
    """
    folder = existing_folder(Path(folder), "Input location")
    progress = progress or Progress()
    progress.report(0, 0, "Reading the tables")
    found: dict[str, CellFile] = {}
    records: dict[str, dict[str, Any]] = {}
    for place in _places(folder, also, progress):
        records = _records(place) | records
        drawn = records.get("embed", {}).get("layer")
        found = _tables(place, layer, _records(place), drawn) | found
    if layer is not None and "features" not in found:
        raise DeepometryError(f"{folder}: expected features of the layer {layer}, found none.")
    if not found:
        return CellTable(folder, (ParsedCells(_parsed(folder)),), records)
    files = [found[kind] for kind in (*_TABLES, "features") if kind in found]
    first = max((f for f in files if not isinstance(f, FeatureTable)), key=lambda f: len(f.keys))
    return CellTable(folder, (first, *(f for f in files if f is not first)), records)


def _places(folder: Path, also: Path | None, progress: Progress) -> list[Path]:
    """Give all folders whose tables belong together: of a map, that of its features too."""
    given = [folder, *([existing_folder(also, "Together with")] if also else [])]
    found = []
    for place in given:
        told = own_record(place / "embed.json", "embed").get("options", {}).get("input")
        found += [place, *([Path(told)] if told and Path(told).is_dir() else [])]
        if told and not Path(told).is_dir():
            progress.say(f"{told}, whose features {place} shows, is not there any more.")
    return list(dict.fromkeys(found))


def _records(folder: Path) -> dict[str, dict[str, Any]]:
    told = {step: own_record(folder / f"{step}.json", step) for step in STEPS}
    told[_CROSSED] = own_record(folder / CROSS_VALIDATION, "cross-validation")
    return {step: record for step, record in told.items() if record}


def _tables(
    folder: Path, layer: str | None, records: dict[str, dict[str, Any]], drawn: str | None
) -> dict[str, CellFile]:
    found: dict[str, CellFile] = {}
    for kind, (name, style) in _TABLES.items():
        if (folder / name).is_file():
            found[kind] = TextTable(folder / name, style, kind)
    _check_rows(found.get("predicted"), records.get("predict", {}).get("cells"))
    cells = found.get("metadata")
    if isinstance(cells, TextTable):
        record = own_record(folder / "extract.json", "extract")
        _check_unchanged(cells.path, record)
        if chosen := _layer(folder, layer, record, drawn):
            path = folder / _FEATURES.format(chosen)
            found["features"] = FeatureTable(path, chosen, cells)
    return found


def _check_rows(table: CellFile | None, told: object) -> None:
    """Check that a table has as many rows as its record says.

    Raises
    ------
    DeepometryError
        It was cut, or rows were added.
    """
    if table is not None and isinstance(told, int) and told != len(table.keys):
        raise DeepometryError(
            f"{table.path}: expected {told:,} rows, as predict.json says, found "
            f"{len(table.keys):,}; predict the cells anew."
        )


def _check_unchanged(metadata: Path, record: dict[str, Any]) -> None:
    """Check that the rows are those that the features were written for.

    Raises
    ------
    DeepometryError
        The table was changed since.
    """
    if record.get("metadata") and record["metadata"] != digest_of(metadata):
        raise DeepometryError(
            f"{metadata} was changed after the features beside it were written, so that nothing "
            "says any more which row is which cell; extract the features anew."
        )


def _layer(
    folder: Path, layer: str | None, record: dict[str, Any], drawn: str | None
) -> str | None:
    """Choose a table of features; None where there is none.

    Raises
    ------
    DeepometryError
        There are some, but none of the layer that was asked for.
    """
    begin, end = _FEATURES.split("{}")
    known = sorted(p.name[len(begin) : -len(end)] for p in folder.glob(_FEATURES.format("*")))
    if layer is not None and known and layer not in known:
        raise DeepometryError(
            f"{folder}: expected features of the layer {layer}, found {', '.join(known)}; choose "
            "among these."
        )
    if not known:
        return None
    last = record.get("options", {}).get("layer")
    return layer or next((name for name in (drawn, last) if name in known), known[0])


def _parsed(folder: Path) -> Dataset:
    from deepometry.dataset import open_dataset

    try:
        return open_dataset(folder)
    except DeepometryError as error:
        if not any(folder.rglob("*.npy")):
            names = ", ".join(name for name, _ in _TABLES.values())
            raise DeepometryError(
                f"Input location {folder}: expected what Predict, Extract or Embed wrote "
                f"({names}), or parsed cells, found neither; give the output folder of one of "
                "these steps."
            ) from error
        raise


class Images:
    """The parsed cells that a table is about.

    Parameters
    ----------
    table : CellTable
    folder : Path, optional
        Where they are, if not where the run that wrote the table found them.

    Attributes
    ----------
    dataset : Dataset
    rows : ndarray of int64, shape (cells,)
        Where each cell of the table is in `dataset`.

    Raises
    ------
    DeepometryError
        They are not there any more, or are others.
    """

    def __init__(self, table: CellTable, folder: Path | None = None) -> None:
        from deepometry.dataset import open_dataset

        first = table.files[0]
        if isinstance(first, ParsedCells) and folder is None:
            self.dataset, keys = first.dataset, first.keys
        else:
            place = folder or images_folder(table)
            self.dataset = open_dataset(place)
            keys = ParsedCells(self.dataset).keys
        self.rows = places_of(table.keys, numbered(keys))
        if len(missing := np.flatnonzero(self.rows < 0)):
            raise DeepometryError(
                f"{self.dataset.root}: expected the images of all {len(table):,} cells of "
                f"{first.path}, found no image of {len(missing):,} of them; name the folder of "
                "parsed cells that the results are about (--images)."
            )


def images_folder(table: CellTable) -> Path:
    """Give the folder of the parsed cells that results are about.

    Raises
    ------
    DeepometryError
        It is not told, or not there any more.
    """
    told = (record.get("options", {}).get("input") for record in _of_images(table))
    for place in filter(None, told):
        if Path(place).is_dir():
            return Path(place)
        raise DeepometryError(
            f"{place}, whose cells these results are about, does not exist any more; name the "
            "folder of parsed cells (--images)."
        )
    raise DeepometryError(
        f"{table.folder} does not say which parsed cells it is about; name their folder (--images)."
    )


def _of_images(table: CellTable) -> list[dict[str, Any]]:
    """Give the records whose input is parsed cells."""
    steps = (step for step in (*STEPS, _CROSSED) if step != "embed")
    return [table.records[step] for step in steps if step in table.records]

"""Finding the tables of a folder, and the parsed cells they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepometry.cells.dataset import Dataset, open_dataset
from deepometry.cells.feature_tables import find_features
from deepometry.cells.identity import distinct_keys, find_keys
from deepometry.cells.imported_features import open_imported_features
from deepometry.cells.reopened_files import is_classified, open_classified
from deepometry.core.errors import DeepometryError
from deepometry.core.files import existing_folder, file_digest
from deepometry.core.progress import Progress
from deepometry.core.result_files import (
    COORDINATES_TABLE,
    CROSS_VALIDATION_RECORD,
    EMBED_RECORD,
    EXTRACT_RECORD,
    FEATURES_TABLE,
    METADATA_TABLE,
    PREDICTED_TABLE,
)
from deepometry.core.run_records import own_record
from deepometry.core.steps import WITH_TABLES
from deepometry.exports.cell_table import CellTable
from deepometry.exports.result_tables import (
    CellFile,
    CellsLike,
    FeatureTable,
    ImportedTable,
    ParsedCells,
)
from deepometry.exports.text_table import COMMA, TABS, TextTable

_CROSSED = "cross_validation"
_TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "metadata": (METADATA_TABLE, TABS),
    "predicted": (PREDICTED_TABLE, COMMA),
    "coordinates": (COORDINATES_TABLE, COMMA),
    "baseline": (FEATURES_TABLE, COMMA),
}


def open_table(
    folder: Path,
    layer: str | None = None,
    progress: Progress | None = None,
    also: Path | None = None,
) -> CellTable:
    """Open all tables of a folder, joined by the identity of the cells.

    Parameters
    ----------
    folder : Path
        Output of predict, extract, embed or baseline, or a folder of parsed cells. A map is
        joined with the tables in the folder of its features.
    layer : str, optional
        Layer of the features, where there are several; by default the one that the map was made
        of, else the last one extracted.
    progress : Progress, optional
        Receives messages; may cancel.
    also : Path, optional
        Another folder of results of the same cells; or their parsed cells, for the folder levels,
        labels and features of IDEAS that these have.

    Raises
    ------
    DeepometryError
        There are no such tables, or they are damaged, or of different cells.
    """
    folder = existing_folder(Path(folder), "Input location")
    progress = progress or Progress()
    progress.report(0, 0, "Reading the tables")
    tables: dict[str, CellFile] = {}
    records: dict[str, dict[str, Any]] = {}
    for place in _folders(folder, also, progress):
        records = _records(place) | records
        drawn = records.get("embed", {}).get("layer")
        tables = _tables(place, layer, _records(place), drawn) | tables
    if layer is not None and "features" not in tables:
        raise DeepometryError(f"{folder}: expected features of the layer {layer}, found none.")
    if not tables:
        cells = ParsedCells(_parsed(folder), gates=True)
        return CellTable(folder, (cells, *_imported(folder, [cells])), records)
    files = [tables[kind] for kind in (*_TABLES, "features") if kind in tables]
    first = max((f for f in files if not isinstance(f, FeatureTable)), key=lambda f: len(f.keys))
    files = [first, *(file for file in files if file is not first)]
    if also and not _tables(also, None, {}, None):
        files += _of_parsed(also, files)
    return CellTable(folder, tuple(files), records)


def _of_parsed(folder: Path, files: Sequence[CellFile]) -> list[CellFile]:
    """Return folder levels, labels and features of IDEAS that parsed cells have."""
    taken = {name for file in files for name in (*file.texts, *file.numbers, *file.features)}
    cells = CellsLike(ParsedCells(_parsed(folder)), files[0], taken)
    return [*([cells] if cells.texts else []), *_imported(folder, [*files, cells])]


def _imported(folder: Path, files: Sequence[CellFile]) -> list[CellFile]:
    """Return the features of IDEAS that parsed cells have, for the cells of the first table."""
    features = open_imported_features(folder)
    taken = {name for file in files for name in (*file.texts, *file.numbers, *file.features)}
    return [ImportedTable(features, files[0], taken)] if features else []


def _folders(folder: Path, also: Path | None, progress: Progress) -> list[Path]:
    """List all folders whose tables belong together: of a map, that of its features too."""
    folders = []
    for place in [folder, *([existing_folder(also, "Together with")] if also else [])]:
        features = own_record(place / EMBED_RECORD, "embed").get("options", {}).get("input")
        folders.append(place)
        if features and Path(features).is_dir():
            folders.append(Path(features))
        elif features:
            progress.say(f"{features}, whose features {place} shows, is not there any more.")
    return list(dict.fromkeys(folders))


def _records(folder: Path) -> dict[str, dict[str, Any]]:
    records = {step.name: own_record(folder / step.record, step.name) for step in WITH_TABLES}
    records[_CROSSED] = own_record(folder / CROSS_VALIDATION_RECORD, "cross-validation")
    return {step: record for step, record in records.items() if record}


def _tables(
    folder: Path, layer: str | None, records: dict[str, dict[str, Any]], drawn: str | None
) -> dict[str, CellFile]:
    tables: dict[str, CellFile] = {
        kind: TextTable(folder / name, style, kind)
        for kind, (name, style) in _TABLES.items()
        if (folder / name).is_file()
    }
    _check_rows(tables.get("predicted"), records)
    cells = tables.get("metadata")
    if isinstance(cells, TextTable):
        record = own_record(folder / EXTRACT_RECORD, "extract")
        _check_unchanged(cells.path, record)
        if path := find_features(folder, layer, drawn):
            tables["features"] = FeatureTable(path, cells)
    return tables


def _check_rows(table: CellFile | None, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that a table of predictions has as many rows as its record says."""
    made = [step for step in WITH_TABLES if step.writes == "predictions" and step.name in records]
    cells = records[made[0].name].get("cells") if made else None
    if table is not None and isinstance(cells, int) and cells != len(table.keys):
        raise DeepometryError(
            f"{table.path}: expected {cells:,} rows, as {made[0].record} says, found "
            f"{len(table.keys):,}; {made[0].name} the cells again."
        )


def _check_unchanged(metadata: Path, record: dict[str, Any]) -> None:
    """Check that the rows are those that the features were written for."""
    if record.get("metadata") and record["metadata"] != file_digest(metadata):
        raise DeepometryError(
            f"{metadata} was changed after the features beside it were written: which row is which "
            "cell is no longer certain; extract the features again."
        )


def _parsed(folder: Path) -> Dataset:
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
    """The images of the cells of a table; `folder` is for parsed cells that have been moved.

    Attributes
    ----------
    dataset : Dataset
    rows : ndarray of int64, shape (cells,)
        Where each cell of the table is in `dataset`.

    Raises
    ------
    DeepometryError
        They do not exist any more, or are other cells.
    """

    def __init__(self, table: CellTable, folder: Path | None = None) -> None:
        first = table.files[0]
        if isinstance(first, ParsedCells) and folder is None:
            self.dataset, keys = first.dataset, first.keys
        else:
            self.dataset = open_dataset(folder) if folder else open_images(table)
            keys = ParsedCells(self.dataset).keys
        self.rows = find_keys(table.keys, distinct_keys(keys))
        if len(missing := np.flatnonzero(self.rows < 0)):
            raise DeepometryError(
                f"{self.dataset.root}: expected the images of all {len(table):,} cells of "
                f"{first.path}, found no image of {len(missing):,} of them; name the folder of "
                "parsed cells of these results (--images)."
            )


def open_images(table: CellTable, progress: Progress | None = None) -> Dataset:
    """Open the cells of a table: parsed ones, or those of the files that were classified.

    Raises `DeepometryError` if they are not known, or not there any more.
    """
    if is_classified(table.folder):
        return open_classified(table.folder, progress)
    return open_dataset(images_folder(table), progress)


def images_folder(table: CellTable) -> Path:
    """Return the folder of the parsed cells of a table; raise `DeepometryError` if unknown."""
    steps = (*(step.name for step in WITH_TABLES if "parsed" in step.reads), _CROSSED)
    inputs = (table.records.get(step, {}).get("options", {}).get("input") for step in steps)
    for place in filter(None, inputs):
        if Path(place).is_dir():
            return Path(place)
        raise DeepometryError(
            f"{place}, whose cells these results are about, does not exist any more; name the "
            "folder of parsed cells (--images)."
        )
    raise DeepometryError(
        f"{table.folder} does not say which parsed cells it is about; name their folder (--images)."
    )

"""The numbers of cells that a map is coloured by and plotted against, whatever table has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.cells.labels.label_folder import parsed_home
from deepometry.core.errors import DeepometryError
from deepometry.core.result_files import METADATA_TABLE, PREDICTED_TABLE
from deepometry.core.task_names import (
    EXPECTED_VALUE,
    LOWER,
    NOVELTY,
    PREDICTED_VALUE,
    TRUE_VALUE,
    UPPER,
)
from deepometry.web.cells.cell_rows import CellRows
from deepometry.web.cells.choose import parsed_column, parsed_columns
from deepometry.web.explorer.map_data import intensities
from deepometry.web.results.output import Gone, Output, Unknown
from deepometry.web.results.shared import cached

if TYPE_CHECKING:
    import numpy as np

    from deepometry.cells.imported_features import ImportedFeatures
    from deepometry.maps.feature_source import FeatureSource

_PROBABILITY = "probability_"
_TITLES = {
    PREDICTED_VALUE: "predicted number",
    TRUE_VALUE: "true number",
    LOWER: "lower end of its interval",
    UPPER: "upper end of its interval",
    EXPECTED_VALUE: "expected number",
    NOVELTY: "novelty",
}
_BLOCK = 65_536  # rows


@dataclass(frozen=True)
class ColumnGroup:
    """Numbers that come from one place.

    Attributes
    ----------
    key, title : str
        As the address and as the page name them.
    names : list of str
        Of the columns.
    read : callable
        Reads the column of a number: shape (cells,).
    missing : str
        Why there are none.
    """

    key: str
    title: str
    names: list[str]
    read: Callable[[int], np.ndarray]
    missing: str = ""


def column_groups(output: Output, rows: CellRows) -> list[ColumnGroup]:
    """List all numbers that there are of the cells of a map."""
    makers = {
        "probability": ("Predictions", _predictions),
        "intensity": ("Mean intensities", _intensities),
        "measured": ("Sizes, and values of the instrument", _measured),
        "cleaning": ("Features measured by Cleaning", _cleaned),
        "imported": ("Features of IDEAS", _imported),
        "gates": ("Cleaning", _gates),
        "feature": ("Features", _features),
    }
    groups = []
    for key, (title, maker) in makers.items():
        try:
            names, read = maker(output, rows)
        except DeepometryError as error:
            groups.append(ColumnGroup(key, title, [], lambda number: _none(), str(error)))
        else:
            groups.append(ColumnGroup(key, title, names, read))
    return [group for group in groups if group.names or group.missing]


def _none() -> np.ndarray:
    raise Unknown("There are no such numbers.")


def read_numbers(output: Output, rows: CellRows, key: str, number: int) -> np.ndarray:
    """Read a column: shape (cells,), NaN where a cell has no value.

    Raises
    ------
    Unknown
        There is no such column.
    DeepometryError
        Its table is not there any more, or is about other cells.
    """
    group = next((each for each in column_groups(output, rows) if each.key == key), None)
    if group is None or (number >= len(group.names) and not group.missing):
        raise Unknown(f"There is no column {number} of {key}.")
    if group.missing:
        raise Gone(group.missing)
    values: np.ndarray = group.read(number)
    if len(values) != len(rows):
        raise DeepometryError(
            f"{group.title}: expected {len(rows):,} cells, found {len(values):,}: they were "
            "changed after the map was drawn; draw it again."
        )
    return values


_Found = tuple[list[str], Callable[[int], "np.ndarray"]]


# --- features of the network --------------------------------------------------------------------


def _features(output: Output, rows: CellRows) -> _Found:
    from deepometry.maps.feature_source import find_source

    source = find_source(Path(str(output.option("input"))), output.record.get("layer"))
    names = [f"{source.layer}_{n + 1}" for n in range(source.width)]
    return names, partial(_feature, source)


def _feature(source: FeatureSource, number: int) -> np.ndarray:
    import numpy as np

    from deepometry.cells.feature_tables import read_features

    blocks = [block[:, 0] for block in read_features(source.table, _BLOCK, [number])]
    return np.concatenate([np.empty(0, np.float32), *blocks])


# --- predictions --------------------------------------------------------------------------------


def _predictions(output: Output, rows: CellRows) -> _Found:
    """Find the predictions that the map was drawn with, or else those beside its features."""
    from deepometry.cells.table_columns import read_header

    place = Path(str(output.option("predictions") or output.option("input")))
    path = place / PREDICTED_TABLE if place.is_dir() else place
    if not path.is_file():  # the features have the number that their network predicts
        path = Path(str(output.option("input"))) / METADATA_TABLE
    if not path.is_file():
        return [], lambda number: _none()
    tabs = path.name == METADATA_TABLE
    header = read_header(path, tabs)
    names = [name for name in header if name.startswith(_PROBABILITY) or name in _TITLES]
    titles = [_TITLES.get(n, f"probability of {n.removeprefix(_PROBABILITY)}") for n in names]
    return titles, lambda number: _matched(path, header.index(names[number]), rows, tabs)


def _matched(path: Path, column: int, rows: CellRows, tabs: bool = False) -> np.ndarray:
    """Read a column of a table that has the cells in another order, or only some of them."""
    import numpy as np

    from deepometry.cells.identity import cell_keys, distinct_keys, find_keys
    from deepometry.cells.table_columns import plain_texts, read_columns, read_numbers

    keys = [
        cell_keys(*(plain_texts(block[place]) for place in (0, 1)))
        for block in read_columns(path, texts=(0, 1), tabs=tabs)
    ]
    known = distinct_keys(np.concatenate([np.empty(0, np.uint64), *keys]))
    values = np.append(read_numbers(path, column, tabs), np.nan)
    return values[find_keys(rows.keys, known)]  # -1, of cells that it does not have, is the last


# --- of the parsed cells ------------------------------------------------------------------------


def _intensities(output: Output, rows: CellRows) -> _Found:
    cells = rows.cells
    if isinstance(cells, str):
        raise Gone(cells)

    def read(number: int) -> np.ndarray:
        means = cached(output, f"intensities {cells.stamp}", lambda: intensities(cells))
        return means[number]

    return [f"mean intensity of {channel}" for channel in cells.channels], read


def _measured(output: Output, rows: CellRows) -> _Found:
    import numpy as np

    if isinstance(rows.cells, str):
        return [], lambda number: _none()  # as is told of the intensities
    cells, names = rows.cells, parsed_columns(rows.cells)
    return names, lambda number: np.concatenate([*parsed_column(cells, names[number])])


def _cleaned(output: Output, rows: CellRows) -> _Found:
    """Find the features that the step of gates measured."""
    known, own = _beside(rows)
    if known is None:
        return [], lambda number: _none()  # as is told of the intensities
    if not own:
        raise DeepometryError("Cleaning, below Preprocessing, measures them, also as a preview")
    return own, lambda number: known(own[number])


def _imported(output: Output, rows: CellRows) -> _Found:
    known, own = _beside(rows)
    if known is None:
        return [], lambda number: _none()
    names = [name for name in known.names if name not in own]
    return names, lambda number: known(names[number])


class _Beside:
    """Features in the file beside the parsed cells, read for the cells of a map."""

    def __init__(self, rows: CellRows, features: ImportedFeatures | None) -> None:
        self._rows, self._features = rows, features
        self.names = features.names if features else []

    def __call__(self, name: str) -> np.ndarray:
        return self._features.of(self._rows.keys, name) if self._features else _none()


def _beside(rows: CellRows) -> tuple[_Beside | None, list[str]]:
    """Return the features beside the parsed cells, and names of those measured in their images.

    None where there are no parsed cells.
    """
    from deepometry.cells.imported_features import open_imported_features

    if isinstance(rows.cells, str):
        return None, []
    dataset = rows.cells.dataset
    features = open_imported_features(dataset.root)
    if features is None or not features.made_of:
        return _Beside(rows, features), []
    from deepometry.classical.cleaning.measure import feature_names, is_measured

    own = feature_names(dataset) if is_measured(features, dataset) else []
    return _Beside(rows, features), own


def _gates(output: Output, rows: CellRows) -> _Found:
    """Find which cells the gates leave out: 1, or 0."""
    from deepometry.cells.gates.gate import gates_of

    known, _ = _beside(rows)
    if known is None or isinstance(rows.cells, str):
        return [], lambda number: _none()
    gates = gates_of(parsed_home(rows.cells.dataset.root))
    limits = [limit for gate in gates for limit in gate.limits if limit.feature in known.names]

    def read(number: int) -> np.ndarray:
        import numpy as np

        out = [limit.leaves_out(known(limit.feature)) for limit in limits]
        return np.any(out, 0).astype(np.float32)

    return ["gated out by the present gates"] if limits else [], read

"""The cells of a dataset as a table: which cell each is, what its folders say, where it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry.cells.dataset_parts import Part
from deepometry.cells.labels.source import CellLabels
from deepometry.core.folder_names import (
    NUMBER,
    Levels,
    find_targets,
    label_of,
    level_columns,
    level_value,
    natural_key,
)

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 8192


def cell_table(
    root: Path,
    parts: Sequence[Part],
    folders: Mapping[Levels, int],
    labels: Mapping[str, CellLabels],
    gated_out: np.ndarray | None = None,
) -> pd.DataFrame:
    """Make the table of all cells, in their order; `stack` is relative to the input folder.

    Returns
    -------
    DataFrame
        `source`, `object`, a column for each folder level and each further target, those of
        `labels`, `gated_out` where it is given, `split` (missing where there is none), `stack` and
        `row`.
    """
    import pandas as pd

    columns: dict[str, Any] = {"source": [], "object": []}
    for part in parts:
        for some in part.stored.identities(_AT_ONCE, root):
            columns["source"] += [source for source, _ in some]
            columns["object"] += [name for _, name in some]
    columns["source"] = _category(columns["source"])
    sizes = [len(part.stored) for part in parts]
    for name, values in _folder_columns(parts, folders).items():
        columns.setdefault(name, _category(np.repeat(np.array(values, object), sizes)))
    for name, given in labels.items():
        columns[name] = given.values if given.kind == NUMBER else _category(_or_none(given))
    if gated_out is not None:
        columns["gated_out"] = gated_out
    columns["split"] = _category(np.repeat(np.array([part.side for part in parts], object), sizes))
    files, rows = zip(*(place for part in parts for place in part.stored.places()), strict=True)
    columns["stack"] = _category([path.relative_to(root).as_posix() for path in files])
    columns["row"] = np.array(rows, np.int64)
    return pd.DataFrame(columns)


def _folder_columns(
    parts: Sequence[Part], folders: Mapping[Levels, int]
) -> dict[str, list[str | None]]:
    """Return a value for each part: of every folder level, then of the other targets."""
    levels = level_columns(folders)
    columns: dict[str, list[str | None]] = {
        name: [level_value(part.levels, depth, name) or None for part in parts]
        for name, depth in levels.items()
    }
    shown = {name.casefold() for name in levels}
    for target in find_targets(folders):
        if target.name.casefold() not in shown:
            columns[target.name] = [label_of(part.levels, target.name) for part in parts]
    return columns


def _or_none(labels: CellLabels) -> list[str | None]:
    return [text or None for text in labels.texts()]


def _category(values: Any) -> pd.Categorical:
    import pandas as pd

    seen = dict.fromkeys(values)
    return pd.Categorical(values, sorted((v for v in seen if v is not None), key=natural_key))

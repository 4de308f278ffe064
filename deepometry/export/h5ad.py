"""AnnData (.h5ad), for scanpy and its kin, written piece by piece.

Virshup I, Rybakov S, Theis FJ, Angerer P, Wolf FA. anndata: Access and store annotated data
matrices. Journal of Open Source Software 9, 4371 (2024). The layout is the one of
https://anndata.readthedocs.io/en/stable/fileformat-prose.html; `anndata` itself would need all
cells in memory to write it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry import __version__
from deepometry.export.select import Selection
from deepometry.export.table import CellTable, Piece
from deepometry.progress import Progress
from deepometry.stacks import unique_name

if TYPE_CHECKING:
    import pandas as pd

_GROUPS = ("obsm", "varm", "layers", "obsp", "varp")
_CHUNK = 4096  # rows


def write_h5ad(path: Path, table: CellTable, features: Selection, progress: Progress) -> list[str]:
    """Write an .h5ad file.

    Parameters
    ----------
    path : Path
    table : CellTable
    features : Selection
        The columns of X.
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know; nothing.

    Notes
    -----
    X: features, float32. obs: identity, folder levels, labels, probabilities. obsm: coordinates,
    `X_umap` and so on. var: names of the features. uns: classes, versions, and the records of
    the steps.
    """
    import h5py

    with h5py.File(path, "w") as file:
        _mark(file, "anndata", "0.1.0")
        for name in _GROUPS:
            _mark(file.create_group(name), "dict", "0.1.0")
        _write_var(file, features.names)
        _write_uns(file, table)
        rows = _Rows(file, table, features)
        with table.pieces(progress, "Writing cells", features=bool(features)) as pieces:
            for piece in pieces:
                rows.write(piece)
    return []


def _mark(place: Any, kind: str, version: str) -> Any:
    place.attrs["encoding-type"] = kind
    place.attrs["encoding-version"] = version
    return place


def _strings(group: Any, name: str, values: Sequence[str]) -> None:
    import h5py

    text = h5py.string_dtype()
    made = group.create_dataset(name, data=np.array(values, object), dtype=text)
    _mark(made, "string-array", "0.2.0")


def _frame(file: Any, name: str, columns: Sequence[str]) -> Any:
    import h5py

    group = _mark(file.create_group(name), "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", np.array(columns, object), dtype=h5py.string_dtype())
    return group


def _write_var(file: Any, names: Sequence[str]) -> None:
    _strings(_frame(file, "var", []), "_index", names)


def _write_uns(file: Any, table: CellTable) -> None:
    group = _mark(file.create_group("uns"), "dict", "0.1.0")
    _strings(group, "classes", table.classes)
    told = {"deepometry_version": __version__, "folder": str(table.folder.absolute())}
    told |= {f"{step}_json": json.dumps(each) for step, each in table.records.items()}
    for name, value in told.items():
        _mark(group.create_dataset(name, data=value), "string", "0.2.0")


class _Rows:
    """What has a row a cell, to be filled."""

    def __init__(self, file: Any, table: CellTable, features: Selection) -> None:
        import h5py

        self._features, cells = features, len(table)
        self._in_map = {n: m for m, names in table.embeddings.items() for n in names}
        self._numbers = [name for name in table.numbers if name not in self._in_map]
        safe = _safe_names(["source", "object", *table.texts, *self._numbers])
        self._safe = safe
        obs = _frame(file, "obs", list(safe.values()))
        self._texts = {n: _Coded(obs, safe[n], table.values(n)) for n in ("source", *table.texts)}
        for coded in self._texts.values():
            coded.make(cells)
        self._obs, self._maps = obs, file["obsm"]
        for name in ("_index", safe["object"]):
            _mark(_made(obs, name, (cells,), h5py.string_dtype()), "string-array", "0.2.0")
        for name in self._numbers:
            _mark(_made(obs, safe[name], (cells,), np.float64), "array", "0.2.0")
        for method, names in table.embeddings.items():
            shape = (cells, len(names))
            _mark(_made(self._maps, f"X_{method}", shape, np.float32), "array", "0.2.0")
        self._x = _made(file, "X", (cells, len(features.names)), np.float32)
        _mark(self._x, "array", "0.2.0")
        self._embeddings, self._repeats = table.embeddings, table.repeats

    def write(self, piece: Piece) -> None:
        """Write some cells."""
        cells, here = piece.cells, slice(piece.first, piece.first + len(piece.cells))
        objects = cells["object"].to_numpy(object)
        self._obs["_index"][here] = _row_names(cells, self._repeats[here])
        self._obs[self._safe["object"]][here] = objects
        for name, coded in self._texts.items():
            coded.write(here, cells[name])
        for name in self._numbers:
            self._obs[self._safe[name]][here] = cells[name].to_numpy(np.float64)
        for method, names in self._embeddings.items():
            self._maps[f"X_{method}"][here] = cells[names].to_numpy(np.float32)
        if self._features:
            self._x[here] = self._features.of(piece.features)


def _safe_names(names: Sequence[str]) -> dict[str, str]:
    """Give names that HDF5 takes, where `/` makes a group."""
    used = {"_index"}
    return {name: unique_name(name.replace("/", "_"), used) for name in names}


def _made(group: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    if not shape[0] or 0 in shape:
        return group.create_dataset(name, shape, dtype)
    chunks = (min(_CHUNK, shape[0]), *shape[1:])
    return group.create_dataset(name, shape, dtype, chunks=chunks)


class _Coded:
    """A column of words: their list, and a number a cell."""

    def __init__(self, group: Any, name: str, values: Sequence[str]) -> None:
        self._group = _mark(group.create_group(name), "categorical", "0.2.0")
        self._group.attrs["ordered"] = False
        known = [value for value in values if value]  # blank is missing
        _strings(self._group, "categories", known)
        self._codes = {value: code for code, value in enumerate(known)}

    def make(self, cells: int) -> None:
        """Make room for the numbers."""
        _mark(_made(self._group, "codes", (cells,), np.int32), "array", "0.2.0")

    def write(self, here: slice, values: Any) -> None:
        """Write some of them."""
        self._group["codes"][here] = [self._codes.get(value, -1) for value in values]


def _row_names(cells: pd.DataFrame, repeats: np.ndarray) -> list[str]:
    """Name each cell as no other: by file and object, numbered where these are repeated."""
    rows = zip(cells["source"], cells["object"], repeats.tolist(), strict=True)
    return [f"{source} #{name}" + f" ({n + 1})" * (n > 0) for source, name, n in rows]

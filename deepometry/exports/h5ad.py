"""AnnData (.h5ad), for scanpy and its kin, written piece by piece.

Virshup I, Rybakov S, Theis FJ, Angerer P, Wolf FA. anndata: Access and store annotated data
matrices. Journal of Open Source Software 9, 4371 (2024). `anndata` itself writes every part of the
file, with no cells in it; then the rows of the cells are filled in, so that memory does not grow
with their number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepometry import __version__
from deepometry.cells.identity import cell_names
from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.safe_names import unique_name
from deepometry.exports.cell_table import CellTable, Piece
from deepometry.exports.job import ExportJob

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_BYTES, _CHUNK_ROWS = 1 << 20, 4096  # of arrays in the file, at most


def write_h5ad(job: ExportJob, path: Path) -> list[str]:
    """Write an .h5ad file.

    Notes
    -----
    X: features, float32; missing where there are none. obs: identity, folder levels, labels,
    probabilities. obsm: coordinates, `X_umap` and so on. var: names of the features. uns: classes,
    versions, and the records of the steps.
    """
    import h5py

    with h5py.File(path, "w") as file:
        parts = _Parts(job)
        _write_empty(file, parts, job)
        with job.pieces("Writing cells") as pieces:
            for piece in pieces:
                _fill(file, parts, piece, slice(piece.first, piece.first + len(piece.cells)))
    return []


class _Parts:
    """Turns pieces of the table into parts of an AnnData."""

    def __init__(self, job: ExportJob) -> None:
        table = job.table
        self.features, self.maps, self._repeats = job.features, table.embeddings, table.repeats
        drawn = {name for names in self.maps.values() for name in names}
        self._numbers = [name for name in table.numbers if name not in drawn]
        # blank text is missing
        self._values = {n: list(filter(None, table.values(n))) for n in ("source", *table.texts)}
        self._names = _safe_names(["source", "object", *table.texts, *self._numbers])

    def obs(self, piece: Piece) -> pd.DataFrame:
        """Make obs; its columns have the same categories in every piece."""
        import pandas as pd

        columns: dict[str, Any] = {}
        for name, safe in self._names.items():
            column = piece.cells[name].to_numpy() if name in piece.cells else np.empty(0)
            if name in self._values:
                columns[safe] = pd.Categorical(column, self._values[name])
            else:
                columns[safe] = column.astype(object if name == "object" else np.float64)
        counts = self._repeats[piece.first : piece.first + len(piece.cells)]
        source, name = (piece.cells[n] if len(piece.cells) else [] for n in IDENTITY)
        index = pd.Index(cell_names(source, name, counts), dtype=object)
        return pd.DataFrame(columns, index=index)

    def arrays(self, piece: Piece) -> dict[str, np.ndarray]:
        """Make the arrays, by their names in the file, of float32."""
        arrays = {"X": self.features.of(piece.features)} if self.features else {}
        for method, names in self.maps.items():
            places = piece.cells.reindex(columns=names).to_numpy(np.float32)
            arrays[f"obsm/X_{method}"] = places
        return arrays


def _write_empty(file: Any, parts: _Parts, job: ExportJob) -> None:
    """Write the whole file as `anndata` encodes it, with room for the cells."""
    import pandas as pd
    from anndata import AnnData
    from anndata.io import write_elem

    no_cells = pd.DataFrame(index=pd.Index([], dtype=object))
    var = pd.DataFrame(index=pd.Index(job.features.names, dtype=object))
    write_elem(file, "/", AnnData(obs=no_cells, var=var, uns=_uns(job.table)))
    nothing = Piece(0, pd.DataFrame(), np.empty((0, len(job.table.features)), np.float32))
    most = min(_CHUNK_ROWS, max(1, len(job.table)))
    write_elem(file, "obs", parts.obs(nothing), dataset_kwargs=_growing(most))
    for name, array in parts.arrays(nothing).items():
        width = array.shape[1]
        rows = max(1, min(most, _CHUNK_BYTES // (4 * width)))
        write_elem(file, name, array, dataset_kwargs=_growing(rows, width))


def _growing(rows: int, *width: int) -> dict[str, Any]:
    return {"maxshape": (None, *width), "chunks": (rows, *width)}


def _fill(file: Any, parts: _Parts, piece: Piece, here: slice) -> None:
    """Write some cells."""
    for name, array in parts.arrays(piece).items():
        _put(file[name], here, array)
    obs = parts.obs(piece)
    _put(file["obs"][file["obs"].attrs["_index"]], here, obs.index.to_numpy())
    for name, column in obs.items():
        if column.dtype == "category":
            _put(file["obs"][name]["codes"], here, column.cat.codes.to_numpy())
        else:
            _put(file["obs"][name], here, column.to_numpy())


def _put(dataset: Any, here: slice, values: np.ndarray) -> None:
    dataset.resize(here.stop, axis=0)
    dataset[here] = values


def _uns(table: CellTable) -> dict[str, Any]:
    uns = {"deepometry_version": __version__, "folder": str(table.folder.absolute())}
    records = {f"{step}_json": json.dumps(record) for step, record in table.records.items()}
    return uns | records | {"classes": np.array(table.classes, object)}


def _safe_names(names: Sequence[str]) -> dict[str, str]:
    """Give every column a name that HDF5 takes, where `/` makes a group."""
    used = {"_index"}
    return {name: unique_name(name.replace("/", "_"), used) for name in names}

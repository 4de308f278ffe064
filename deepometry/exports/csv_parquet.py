"""Plain tables, one row a cell, with all columns: .csv and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.cells.stack_reader import IDENTITY
from deepometry.core.spreadsheet import SafeWriter, table_file, write_frame
from deepometry.exports.cell_table import Piece
from deepometry.exports.feature_selection import Selection
from deepometry.exports.job import ExportJob

if TYPE_CHECKING:
    import pandas as pd


def write_csv(job: ExportJob, path: Path) -> list[str]:
    """Write a .csv in UTF-8, features behind all other columns; numbers as exactly as read."""
    columns = [*IDENTITY, *job.table.texts, *job.table.numbers, *job.features.names]
    with table_file(path) as file:
        SafeWriter(file, lineterminator="\n").writerow(columns)
        with job.pieces("Writing rows") as pieces:
            for piece in pieces:
                write_frame(file, _joined(piece, job.features), header=False)
    return []


def write_parquet(job: ExportJob, path: Path) -> list[str]:
    """Write a Parquet file; features as float32. Otherwise as `write_csv`."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [(name, pa.string()) for name in (*IDENTITY, *job.table.texts)]
        + [(name, pa.float64()) for name in job.table.numbers]
        + [(name, pa.float32()) for name in job.features.names]
    )
    with parquet.ParquetWriter(path, schema) as writer, job.pieces("Writing rows") as pieces:
        for piece in pieces:
            rows = _joined(piece, job.features)
            arrays = [
                pa.array(rows[field.name].to_numpy(), field.type, from_pandas=True)
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return []


def _joined(piece: Piece, features: Selection) -> pd.DataFrame:
    import pandas as pd

    beside = pd.DataFrame(features.of(piece.features), columns=features.names)
    return pd.concat([piece.cells, beside], axis=1)

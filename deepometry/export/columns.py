"""Plain tables: .csv and Parquet, a row a cell, with everything that is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepometry.export.select import Selection
from deepometry.export.table import CellTable, Piece
from deepometry.progress import Progress
from deepometry.stored import IDENTITY

if TYPE_CHECKING:
    import pandas as pd


def write_csv(path: Path, table: CellTable, features: Selection, progress: Progress) -> list[str]:
    """Write a .csv in UTF-8; numbers as exactly as they were read.

    Parameters
    ----------
    path : Path
    table : CellTable
    features : Selection
        Columns behind all others.
    progress : Progress
        Told about the cells; may cancel.

    Returns
    -------
    list of str
        What users should know; nothing.
    """
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(_columns(table, features))
        with table.pieces(progress, "Writing rows", features=bool(features)) as pieces:
            for piece in pieces:
                _joined(piece, features).to_csv(
                    file, index=False, header=False, lineterminator="\n"
                )
    return []


def write_parquet(
    path: Path, table: CellTable, features: Selection, progress: Progress
) -> list[str]:
    """Write a Parquet file; features as float32, words as text. As `write_csv`."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [(name, pa.string()) for name in (*IDENTITY, *table.texts)]
        + [(name, pa.float64()) for name in table.numbers]
        + [(name, pa.float32()) for name in features.names]
    )
    with (
        parquet.ParquetWriter(path, schema) as writer,
        table.pieces(progress, "Writing rows", features=bool(features)) as pieces,
    ):
        for piece in pieces:
            found = _joined(piece, features)
            arrays = [
                pa.array(found[field.name].to_numpy(), field.type, from_pandas=True)
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return []


def _columns(table: CellTable, features: Selection) -> list[str]:
    return [*IDENTITY, *table.texts, *table.numbers, *features.names]


def _joined(piece: Piece, features: Selection) -> pd.DataFrame:
    import pandas as pd

    beside = pd.DataFrame(features.of(piece.features), columns=features.names)
    return pd.concat([piece.cells, beside], axis=1)

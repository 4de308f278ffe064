"""What the writers of all formats work with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

from deepometry.core.export_formats import ExportFormat
from deepometry.core.options.export import ExportOptions
from deepometry.core.progress import Progress
from deepometry.exports.cell_table import CellTable, Piece
from deepometry.exports.feature_selection import Selection, select_features
from deepometry.exports.open_results import Images
from deepometry.exports.result_tables import ParsedCells


@dataclass(frozen=True)
class ExportJob:
    """One export: the cells, and how to write them.

    Attributes
    ----------
    table : CellTable
        The cells to write.
    format : ExportFormat
    options : ExportOptions
    progress : Progress
        Receives the number of cells done; may cancel.
    """

    table: CellTable
    format: ExportFormat
    options: ExportOptions
    progress: Progress

    @cached_property
    def features(self) -> Selection:
        """The features to write; finding principal components reads the table once."""
        wanted = self.options.features
        wanted = self.format.features if wanted == "auto" else wanted
        return select_features(self.table, wanted, self.progress)

    @cached_property
    def images(self) -> Images:
        """The images of the cells; raises `DeepometryError` if gone, or of other cells."""
        return Images(self.table, self.options.images)

    @property
    def images_wanted(self) -> bool:
        """Whether a format that may have images should: of parsed cells, or if asked for."""
        return self.options.images is not None or isinstance(self.table.files[0], ParsedCells)

    def pieces(self, text: str, features: bool = True) -> AbstractContextManager[Iterator[Piece]]:
        """Read all cells piece by piece, with the features where any are to be written."""
        return self.table.pieces(self.progress, text, features and bool(self.features))
